package result

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The one geometry of all histograms, so that any two can be merged: 147 KB
// each, so a few per stage and never one per connection.
const (
	HistLowest  = time.Microsecond // below this, values are told apart no further
	HistHighest = time.Minute      // above this, values are only counted
	histDigits  = 3                // significant decimal digits between the two
)

// Hist counts durations. Quantiles are those of the recorded values to three
// digits; the mean is exact. What lies above HistHighest is counted apart and
// takes part in every rank, so nothing is lost. It is not safe for concurrent
// use.
type Hist struct {
	h    *hdrhistogram.Histogram
	sum  time.Duration
	over int64
}

// NewHist returns an empty histogram.
func NewHist() *Hist {
	return &Hist{h: hdrhistogram.New(int64(HistLowest), int64(HistHighest), histDigits)}
}

// Record counts one duration. A negative one counts as zero.
func (h *Hist) Record(d time.Duration) {
	d = max(d, 0)
	h.sum += d
	if d > HistHighest || h.h.RecordValue(int64(d)) != nil {
		h.over++
	}
}

// Merge adds everything that o counted.
func (h *Hist) Merge(o *Hist) {
	h.sum += o.sum
	h.over += o.over + h.h.Merge(o.h)
}

// N is the number of recorded durations, those above the highest included.
func (h *Hist) N() int64 { return h.h.TotalCount() + h.over }

// Over is the number of recorded durations above HistHighest.
func (h *Hist) Over() int64 { return h.over }

// Sum is the exact sum of the recorded durations.
func (h *Hist) Sum() time.Duration { return h.sum }

// Mean is the exact mean of the recorded durations, 0 where there are none.
func (h *Hist) Mean() time.Duration {
	if n := h.N(); n > 0 {
		return h.sum / time.Duration(n)
	}
	return 0
}

// Quantile returns the value below or at which the share q of the recorded
// durations lies, by nearest rank: the ⌈q·n⌉-th smallest, never a value
// between two samples. q is clamped to 0..1. It returns 0 where nothing was
// recorded, and HistHighest where the rank falls among the values above it.
func (h *Hist) Quantile(q float64) time.Duration {
	return h.atRank(rank(q, h.N()))
}

// rank is the 1-based nearest rank of the quantile q among n values.
func rank(q float64, n int64) int64 {
	// The small term undoes what binary fractions add: 0.99 × 100 must be rank
	// 99, not 100.
	k := int64(math.Ceil(q*float64(n) - 1e-9))
	return min(max(k, 1), n)
}

func (h *Hist) atRank(k int64) time.Duration {
	n := h.h.TotalCount()
	switch {
	case k < 1:
		return 0
	case k > n:
		return HistHighest
	}
	// The library rounds q·n to the nearest integer where the nearest rank is
	// the ceiling; asking for exactly k/n leaves it nothing to round.
	return time.Duration(h.h.ValueAtPercentile(100 * float64(k) / float64(n)))
}

// Max is the largest recorded duration to three digits, HistHighest where one
// lay above that, and 0 where nothing was recorded.
func (h *Hist) Max() time.Duration { return h.Quantile(1) }

// CountBetween returns how many recorded durations lie in [from, to), to
// three digits.
func (h *Hist) CountBetween(from, to time.Duration) int64 {
	var n int64
	for _, bar := range h.h.Distribution() {
		if bar.Count > 0 && bar.From >= int64(from) && bar.From < int64(to) {
			n += bar.Count
		}
	}
	if to > HistHighest {
		n += h.over
	}
	return n
}

// All yields the recorded durations in rising order, to three digits, and how
// many there are of each; the last are those above HistHighest, where there are
// any.
func (h *Hist) All() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for _, bar := range h.h.Distribution() {
			// The middle: what is made of all values is then too high as often as too low.
			if bar.Count > 0 && !yield(time.Duration(bar.From/2+bar.To/2), bar.Count) {
				return
			}
		}
		if h.over > 0 {
			yield(HistHighest+1, h.over)
		}
	}
}

// meanBounds are the least and the largest mean that values in these buckets can
// have, in nanoseconds; nothing bounds it above where some are beyond the highest.
func (h *Hist) meanBounds() (low, high float64) {
	for _, bar := range h.h.Distribution() {
		low += float64(bar.From) * float64(bar.Count)
		high += float64(bar.To+1) * float64(bar.Count)
	}
	n := float64(h.N())
	if h.over > 0 {
		return (low + float64(h.over)*float64(HistHighest)) / n, math.Inf(1)
	}
	return low / n, high / n
}

// Thin reports whether fewer than ten recorded durations lie beyond the
// quantile q: such a percentile says little and is marked where it is shown.
func (h *Hist) Thin(q float64) bool { return beyond(q, h.N()) < 10 }

// beyond is the number of n values expected beyond the quantile q.
func beyond(q float64, n int64) float64 { return float64(n)*(1-q) + 1e-9 }

// Resolved reports whether at least one recorded duration is expected beyond
// the quantile q. Where it is not, the quantile is the maximum by another
// name and is not drawn.
func (h *Hist) Resolved(q float64) bool { return beyond(q, h.N()) >= 1 }

// text is the HDR V2 compressed form in base64. It holds neither the exact
// sum nor the values above the highest: those stand in the Summary.
func (h *Hist) text() (string, error) {
	b, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(b), err
}

// maxHistText bounds what histFromText decodes: a full histogram of this
// geometry is below 200 KB of counters before compression.
const maxHistText = 1 << 20

func histFromText(text string, s Summary) (*Hist, error) {
	if len(text) > maxHistText {
		return nil, fmt.Errorf("histogram of %d characters, at most %d are allowed", len(text), maxHistText)
	}
	if err := checkGeometry(text); err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	decoded, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	h := NewHist()
	if dropped := h.h.Merge(decoded); dropped > 0 {
		return nil, fmt.Errorf("histogram: %d values lie outside of %v to %v", dropped, HistLowest, HistHighest)
	}
	if s.Over < 0 || s.N != h.h.TotalCount()+s.Over {
		return nil, fmt.Errorf("histogram holds %d values and %d above its highest, but the summary says n=%d",
			h.h.TotalCount(), s.Over, s.N)
	}
	if s.Mean < 0 || s.N > 0 && s.Mean > math.MaxInt64/s.N {
		return nil, errors.New("histogram: the mean is out of range")
	}
	h.over = s.Over
	h.sum = time.Duration(s.Mean) * time.Duration(s.N)
	return h, nil
}

// Summary is what a Stage line says of a histogram in plain numbers: all but
// N and Over in nanoseconds.
type Summary struct {
	N    int64 `json:"n"`
	Mean int64 `json:"mean"`
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
	Over int64 `json:"over,omitempty"` // how many lie above HistHighest
}

// Summary sums up the histogram.
func (h *Hist) Summary() Summary {
	return Summary{
		N:    h.N(),
		Mean: int64(h.Mean()),
		P50:  int64(h.Quantile(0.5)),
		P90:  int64(h.Quantile(0.9)),
		P99:  int64(h.Quantile(0.99)),
		P999: int64(h.Quantile(0.999)),
		Max:  int64(h.Max()),
		Over: h.over,
	}
}
