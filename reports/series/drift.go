package series

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	// Soak is the least length of a stage that is tested for drift.
	Soak = time.Minute

	// DriftError is the error rate of all tests of a stage together: how often a
	// server that does not drift is said to.
	DriftError = 0.05

	blocks = 40 // that a soak is cut into
)

// Trend is what one figure of a soak did from its beginning to its end.
type Trend struct {
	Name     string // p99, memory
	Unit     units.Unit
	From, To float64 // of a straight line through the medians of all pairs (Theil and Sen)
	Drifts   bool
}

// String says it in words: p99 rises from 20.1 ms to 25 ms.
func (t Trend) String() string {
	verb := "rises"
	if t.To < t.From {
		verb = "falls"
	}
	return fmt.Sprintf("%s %s from %s to %s", t.Name, verb, t.Unit.Text(t.From), t.Unit.Text(t.To))
}

// tracked are the figures that are tested, read from a block of slices; NaN where it
// has no value.
var tracked = []struct {
	name string
	unit units.Unit
	read func(result.Slice) float64
}{
	{"p50", units.Time, latency(0.5)},
	{"p99", units.Time, latency(0.99)},
	{"ok/s", units.Rate, func(s result.Slice) float64 { return float64(s.Counts[result.OK]) / s.Length.Seconds() }},
	{"rejected", units.Share, func(s result.Slice) float64 { return float64(s.Counts[result.Rejected]) / float64(s.Counts.Planned()) }},
	{"CPU per request", units.Time, func(s result.Slice) float64 { return float64(s.Target.CPU) / float64(s.Counts[result.OK]) }},
	{"memory", units.Bytes, func(s result.Slice) float64 { return float64(s.Target.RSS) }},
}

func latency(q float64) func(result.Slice) float64 {
	return func(s result.Slice) float64 {
		if float64(s.Latency.N())*(1-q) < 1 {
			return math.NaN()
		}
		return float64(s.Latency.Quantile(q))
	}
}

// Drift tests each figure of a soak for a trend, those that are constant left out. It is
// nil where the stage is no soak: too short, or under a load that rises.
func Drift(s *result.Stage) (trends []Trend) {
	kept := undisturbed(s)
	if s.Length < Soak || len(kept) < blocks || s.Load() == "ramp" {
		return nil
	}
	cut := Group(kept, blocks)
	for _, f := range tracked {
		y := make([]float64, 0, blocks)
		for _, b := range cut {
			if v := f.read(b); !math.IsNaN(v) && !math.IsInf(v, 0) {
				y = append(y, v)
			}
		}
		if len(y) < blocks || slices.Min(y) == slices.Max(y) {
			continue
		}
		from, to := theilSen(y)
		trends = append(trends, Trend{f.name, f.unit, from, to, trendStatistic(ranks(y)) > criticalTrend})
	}
	return trends
}

// criticalTrend is what the statistic exceeds with the probability DriftError ÷ the
// number of figures, where there is no trend. It comes from simulation; a test repeats
// that.
const criticalTrend = 300

// trendStatistic is the square of the slope of y over its own partial sums: the test of
// Kiefer, Vogelsang and Bunzel (Econometrica 68, 2000), which needs no estimate of how
// alike neighbours are. Both grow with that in the same way, so the law of their ratio
// does not depend on it.
func trendStatistic(y []float64) float64 {
	n := float64(len(y))
	var mean, xy, xx float64
	for i, v := range y {
		x := float64(i) - (n-1)/2
		mean, xy, xx = mean+v/n, xy+x*v, xx+x*x
	}
	var sum, squares float64
	for i, v := range y {
		x := float64(i) - (n-1)/2
		sum += x * (v - mean - xy/xx*x)
		squares += sum * sum
	}
	return xy * xy / (squares / n)
}

// ranks are the ranks of values, the mean rank of those that are equal: one stall then
// counts as one block, however long it was.
func ranks(y []float64) []float64 {
	sorted := slices.Sorted(slices.Values(y))
	out := make([]float64, len(y))
	for i, v := range y {
		first, _ := slices.BinarySearch(sorted, v)
		last := first
		for last+1 < len(sorted) && sorted[last+1] == v {
			last++
		}
		out[i] = float64(first+last) / 2
	}
	return out
}

// theilSen is the line of the median slope at its two ends.
func theilSen(y []float64) (from, to float64) {
	var slopes, rests []float64
	for i := range y {
		for j := range i {
			slopes = append(slopes, (y[i]-y[j])/float64(i-j))
		}
	}
	slope := median(slopes)
	for i, v := range y {
		rests = append(rests, v-slope*float64(i))
	}
	from = median(rests)
	return max(0, from), max(0, from+slope*float64(len(y)-1))
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
