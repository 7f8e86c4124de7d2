package result

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The one geometry of all histograms but those of [NewLongHist], so that any two can be
// merged: 147 KB each, so a few per stage and never one per connection.
const (
	histLowest  = time.Microsecond // below this, values are not distinguished
	HistHighest = time.Minute      // above this, values are only counted
	histDigits  = 3                // significant decimal digits between the two
)

// The geometry of the lengths of streams, which may last for hours.
const (
	longLowest  = time.Millisecond
	LongHighest = 24 * time.Hour
)

// geometry is which durations a histogram can tell from one another.
type geometry struct {
	lowest, highest time.Duration
	unitBits        int32 // the width of the smallest buckets is 2^unitBits ns
}

var (
	usual = geometry{histLowest, HistHighest, unitBits}
	long  = geometry{longLowest, LongHighest, 19}
)

func (g geometry) new() *Hist {
	return &Hist{geometry: g, h: hdrhistogram.New(int64(g.lowest), int64(g.highest), histDigits)}
}

// Hist counts durations. Quantiles are those of the recorded values to three
// digits; the mean is exact. Values above the highest, HistHighest, are counted
// separately and take part in every rank. It is not safe for concurrent
// use.
type Hist struct {
	geometry
	h    *hdrhistogram.Histogram
	sum  time.Duration
	over int64
}

// NewHist returns an empty histogram.
func NewHist() *Hist { return usual.new() }

// NewLongHist returns an empty histogram whose lowest duration is 1 ms and whose highest
// is LongHighest. It merges with its like only.
func NewLongHist() *Hist { return long.new() }

// Record counts one duration. A negative one counts as zero.
func (h *Hist) Record(d time.Duration) {
	d = max(d, 0)
	h.sum += d
	if d > h.highest || h.h.RecordValue(int64(d)) != nil {
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

// Over is the number of recorded durations above the highest.
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
// recorded, and the highest duration where the rank falls among the values above it.
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
		return h.highest
	}
	// The library rounds q·n to the nearest integer where the nearest rank is
	// the ceiling; asking for exactly k/n leaves it nothing to round.
	return time.Duration(h.h.ValueAtPercentile(100 * float64(k) / float64(n)))
}

// Max is the largest recorded duration to three digits, the highest where one
// lay above that, and 0 where nothing was recorded.
func (h *Hist) Max() time.Duration { return h.Quantile(1) }

// CountBetween returns how many recorded durations lie in [from, to), to
// three digits.
func (h *Hist) CountBetween(from, to time.Duration) int64 {
	var n int64
	for b := range h.used() {
		if low, _ := b.bounds(h.unitBits); low >= from && low < to {
			n += b.n
		}
	}
	if to > h.highest {
		n += h.over
	}
	return n
}

// All yields the recorded durations in rising order, to three digits, and how
// many there are of each; the last are those above HistHighest, where there are
// any.
func (h *Hist) All() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for b := range h.used() {
			// The middle: what is made of all values is then too high as often as too low.
			if low, high := b.bounds(h.unitBits); !yield(low/2+high/2, b.n) {
				return
			}
		}
		if h.over > 0 {
			yield(h.highest+1, h.over)
		}
	}
}

// used are the buckets in use, in rising order. Those of the library are numbered as ours.
func (h *Hist) used() iter.Seq[bucket] {
	return func(yield func(bucket) bool) {
		for at, n := range h.h.Export().Counts {
			if n > 0 && !yield(bucket{int32(at), n}) {
				return
			}
		}
	}
}

// meanBounds are the least and the largest mean that values in these buckets can
// have, in nanoseconds; nothing bounds it above where some are beyond the highest.
func (h *Hist) meanBounds() (low, high float64) {
	for b := range h.used() {
		least, most := b.bounds(h.unitBits)
		low += float64(least) * float64(b.n)
		high += float64(most+1) * float64(b.n)
	}
	n := float64(h.N())
	if h.over > 0 {
		return (low + float64(h.over)*float64(h.highest)) / n, math.Inf(1)
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

// maxHistText bounds what is decoded: a full histogram of this geometry is below
// 200 KB of counters before compression.
const maxHistText = 1 << 20

// histJSON is a histogram in the file: figures to read, and the histogram itself in
// the HDR V2 compressed form in base64. That holds neither the exact sum nor the
// values above the highest: those follow from the figures.
type histJSON struct {
	Summary
	HDR string `json:"hdr"`
}

// MarshalJSON writes the histogram with its summary.
func (h *Hist) MarshalJSON() ([]byte, error) {
	text, err := h.Encode()
	if err != nil {
		return nil, err
	}
	return json.Marshal(histJSON{h.Summary(), text})
}

// Encode is the histogram in the compressed form V2 of HdrHistogram, in base64. Values
// above the highest are not in it.
func (h *Hist) Encode() (string, error) {
	text, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "", fmt.Errorf("histogram: %w", err)
	}
	return string(text), nil
}

// UnmarshalJSON reads what MarshalJSON writes. It fails where the summary is not that
// of the histogram. The geometry is that which h has, that of [NewHist] where it has none.
func (h *Hist) UnmarshalJSON(data []byte) error {
	var j histJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if len(j.HDR) > maxHistText {
		return fmt.Errorf("histogram of %d characters, want at most %d", len(j.HDR), maxHistText)
	}
	g := h.geometry
	if h.h == nil {
		g = usual
	}
	if err := g.check(j.HDR); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	decoded, err := hdrhistogram.Decode([]byte(j.HDR))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	got := g.new()
	if dropped := got.h.Merge(decoded); dropped > 0 {
		return fmt.Errorf("histogram: %d values lie outside of %v to %v", dropped, g.lowest, g.highest)
	}
	if j.Over < 0 || j.N != got.h.TotalCount()+j.Over {
		return fmt.Errorf("histogram holds %d values and %d above its highest, but the summary has n=%d", got.h.TotalCount(), j.Over, j.N)
	}
	if j.Mean < 0 || j.N > 0 && j.Mean > math.MaxInt64/j.N {
		return errors.New("histogram: the mean is out of range")
	}
	got.over = j.Over
	got.sum = time.Duration(j.Mean) * time.Duration(j.N)
	if err := j.Summary.agrees(got); err != nil {
		return err
	}
	*h = *got
	return nil
}

// check reads the head of an encoded histogram, and refuses one of another geometry: it
// could ask for any amount of memory.
func (g geometry) check(text string) error {
	const (
		prefix = 8 // cookie and length, before what is compressed
		head   = 40
	)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if len(raw) < prefix {
		return errors.New("it is cut short")
	}
	z, err := zlib.NewReader(bytes.NewReader(raw[prefix:]))
	if err != nil {
		return err
	}
	defer z.Close()
	var b [head]byte
	if _, err := io.ReadFull(z, b[:]); err != nil {
		return fmt.Errorf("its head is cut short: %w", err)
	}
	digits, lowest, highest := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	if digits != histDigits || lowest != uint64(g.lowest) || highest != uint64(g.highest) {
		return fmt.Errorf("it is of %d to %d with %d digits, want %d to %d with %d", lowest, highest, digits, int64(g.lowest), int64(g.highest), histDigits)
	}
	return nil
}

// Summary is a histogram in figures: all but N and Over in nanoseconds.
type Summary struct {
	N    int64 `json:"n"`
	Mean int64 `json:"mean"`
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
	Over int64 `json:"over,omitempty"` // how many lie above the highest
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

// agrees is an error where the summary is not that of the histogram. Quantiles may
// differ by the digits that a histogram has.
func (s Summary) agrees(h *Hist) error {
	const digits = 0.002
	is := h.Summary()
	if s.P50 > s.P90 || s.P90 > s.P99 || s.P99 > s.P999 || s.P999 > s.Max {
		return fmt.Errorf("the percentiles do not rise: p50=%d p90=%d p99=%d p999=%d max=%d", s.P50, s.P90, s.P99, s.P999, s.Max)
	}
	for _, q := range []struct {
		name     string
		says, is int64
	}{{"p50", s.P50, is.P50}, {"p90", s.P90, is.P90}, {"p99", s.P99, is.P99}, {"p999", s.P999, is.P999}, {"max", s.Max, is.Max}} {
		if math.Abs(float64(q.says)-float64(q.is)) > digits*float64(q.is)+float64(h.lowest) {
			return fmt.Errorf("%s is %d, but %d by the histogram", q.name, q.says, q.is)
		}
	}
	if low, high := h.meanBounds(); s.N > 0 && (float64(s.Mean) < low-1 || float64(s.Mean) > high+1) {
		return fmt.Errorf("mean is %d, but %.0f to %.0f by the histogram", s.Mean, low, high)
	}
	return nil
}
