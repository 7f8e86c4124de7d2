package series

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	Confidence  = 0.95 // of an interval
	minBatches  = 10
	mostBatches = 30
	minBeyond   = 10 // independent samples beyond a percentile, below which it has no interval
)

// Interval is a percentile of latency and an interval that holds the true one with the
// confidence [Confidence]: of what this run would have shown had it gone on for ever.
// Runs differ by more than that.
type Interval struct {
	At, Low, High time.Duration
	Inflation     float64 // how many times the variance is that of independent requests
	TooShort      string  // why there is no interval; "" where there is one
}

// Percentile is the quantile q of latency with its interval, by rank: n·q ± t·√(v·n·q·(1−q)).
// Requests near one another are alike, so the variance is v times that of independent
// ones. v is that of the indicator "above the percentile", from batches of slices. Near
// saturation no short run can know v: there one interval in eight is wrong, and most are
// too short.
func Percentile(s *result.Stage, q float64) Interval { return percentile(s, q, Confidence) }

// Difference is by how much the quantile q of latency is longer in a stage than in
// another one, with an interval that holds the true difference with the confidence
// [Confidence]: of what these two runs would have shown had they gone on for ever. Each
// of the two percentiles has half of the error that this allows, so it holds whatever
// the two have in common. Base and Other are their intervals of that confidence, 97.5 %.
type Difference struct {
	Interval
	Base, Other Interval
}

// Differ is the difference of the quantile q of latency between two stages.
func Differ(base, other *result.Stage, q float64) Difference {
	const each = 1 - (1-Confidence)/2
	d := Difference{Base: percentile(base, q, each), Other: percentile(other, q, each)}
	d.At, d.TooShort = d.Other.At-d.Base.At, cmp.Or(d.Base.TooShort, d.Other.TooShort)
	if d.TooShort == "" {
		d.Low, d.High = d.Other.Low-d.Base.High, d.Other.High-d.Base.Low
	}
	return d
}

// Proven reports whether the interval holds no zero.
func (d Difference) Proven() bool { return d.TooShort == "" && (d.Low > 0 || d.High < 0) }

func percentile(s *result.Stage, q, confidence float64) Interval {
	shown := s.Shown().Latency
	n := float64(shown.N())
	beyond := n * min(q, 1-q)
	i := Interval{At: shown.Quantile(q)}
	slices := undisturbed(s)
	switch {
	case len(slices) < minBatches:
		i.TooShort = fmt.Sprintf("%s are too few: it takes %d", units.Plural(len(slices), "slice"), minBatches)
	case beyond < minBeyond-1e-9:
		i.TooShort = fmt.Sprintf("%d requests are too few: it takes %s", shown.N(), units.Int(Requests(q)))
	}
	if i.TooShort != "" {
		return i
	}
	batches := Group(slices, mostBatches)
	var degrees float64
	// Where many are equal, what is above does not show the clusters of those at it.
	for _, above := range []time.Duration{i.At, i.At - i.At/500 - time.Microsecond} {
		if v, worth := inflation(batches, above); v >= i.Inflation {
			i.Inflation, degrees = v, float64(len(batches))*worth-1
		}
	}
	half := theory.Student(confidence, max(3, int(degrees))) * math.Sqrt(i.Inflation*n*q*(1-q))
	low, high := math.Floor(n*q-half), math.Ceil(n*q+half)+1
	if beyond/i.Inflation < minBeyond || low < 1 || high > n {
		i.TooShort = fmt.Sprintf("slow requests come in clusters, and %.0f of %d are worth %.1f: it takes %d", beyond, shown.N(), beyond/i.Inflation, minBeyond)
		return i
	}
	i.Low, i.High = shown.Quantile(low/n), shown.Quantile(high/n)
	return i
}

// Intervals are those of the usual percentiles, for the record of a stage.
func Intervals(s *result.Stage) (out []result.Interval) {
	if !s.Valid() {
		return nil
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		if i := Percentile(s, q); i.TooShort == "" {
			out = append(out, result.Interval{Metric: units.Percentile(q), At: i.At, Low: i.Low, High: i.High, Confidence: Confidence})
		}
	}
	return out
}

// inflation is how many times the variance of the share of requests above d is that of
// independent ones, at least 1, and which share of the batches are independent of one
// another.
func inflation(batches []result.Slice, d time.Duration) (v, worth float64) {
	var all, above, squares, lagged, last float64
	for _, b := range batches {
		all += float64(b.Latency.N())
		above += float64(b.Latency.Above(d))
	}
	for _, b := range batches {
		off := float64(b.Latency.Above(d)) - above/all*float64(b.Latency.N())
		squares, lagged, last = squares+off*off, lagged+off*last, off
	}
	if squares == 0 {
		return 1, 1
	}
	// Batches that are alike are worth fewer: as many as of an autoregression with the
	// correlation r of neighbours, of which the estimate is too low by about (1+4r)/m.
	m := float64(len(batches))
	alike := min(max(0, (lagged/squares+1/m)/(1-4/m)), 0.9)
	worth = (1 - alike) / (1 + alike)
	return max(1, m/(m-1)*squares/(above*(1-above/all))/worth), worth
}

// Requests is how many requests a stage needs at least for an interval of the quantile q.
func Requests(q float64) int64 { return int64(math.Ceil(minBeyond/min(q, 1-q) - 1e-6)) }

// String is the interval as text: 203–206 ms, or "too short".
func (i Interval) String() string {
	if i.TooShort != "" {
		return "too short"
	}
	low, high := units.Duration(i.Low), units.Duration(i.High)
	if n, unit, _ := strings.Cut(low, " "); strings.HasSuffix(high, " "+unit) {
		low = n
	}
	return low + "–" + high
}
