package finding

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	sliceTail  = 0.9 // the quantile of a slice: it has too few requests for a higher one
	fewSlices  = 8   // in fewer, nothing is a stall or a drift
	stalled    = 2   // times the median slice, from which a slice shows a stall
	rareStalls = 4   // at most one slice in so many: what is more often is no stall
	drifted    = 1.5 // times the first third of a stage is the last
	bandApart  = 1.5 // times the lower of two bands is the upper
	bandShare  = 0.1 // of the requests, at least in each band
	bandGap    = 0.1 // of the lower peak, at most between the two
	bandWidth  = 1.1 // of a bin in which requests are counted
)

// OverTime states in a sentence what stands out over time: a stall, a drift, two bands
// of latency; or that nothing does. Slices that the machine disturbed do not count.
func OverTime(sweeps []sweep.Sweep) string {
	kinds := make([]struct {
		size float64
		text string
	}, 3)
	slicesSeen, stages := 0, 0
	for i := range sweeps {
		w := &sweeps[i]
		for _, p := range w.Points {
			at := fmt.Sprintf("%s at %s", w.ShortName(40), sweep.AtLevel(w.Load, p.Level))
			if w.Load == "ramp" {
				at = w.ShortName(40) + " on a ramp"
			}
			stages++
			note := func(kind int, size float64, format string, args ...any) {
				if k := &kinds[kind]; size > k.size {
					k.size, k.text = size, fmt.Sprintf("%s "+format, append([]any{at}, args...)...)
				}
			}
			tails, each := tailsOf(p.Stage)
			if n := len(tails); n >= fewSlices {
				slicesSeen += n
				first, last := median(tails[:n/3]), median(tails[n-n/3:])
				usual, most := median(tails), slices.Max(tails)
				high := 0
				for _, t := range tails {
					if t >= stalled*usual {
						high++
					}
				}
				if high > 0 && high*rareStalls <= n && w.Load != "ramp" {
					note(0, float64(most)/float64(usual), "stalls: p90 rises from %s to %s, for %s in total", units.Duration(usual), sweep.OrMore(most), units.Duration(time.Duration(high)*each))
				}
				if ratio := float64(last) / float64(first); ratio >= drifted || ratio <= 1/drifted {
					note(1, math.Abs(math.Log(ratio)), "drifts: p90 goes from %s to %s", units.Duration(first), sweep.OrMore(last))
				}
			}
			if low, high := bands(p.Stage); high > 0 {
				note(2, float64(high)/float64(low), "has two bands of latency, at %s and %s", units.Duration(low), units.Duration(high))
			}
		}
	}
	var found []string
	for _, k := range kinds {
		if k.text != "" && len(found) < 2 {
			found = append(found, k.text)
		}
	}
	switch {
	case len(found) > 0:
		return strings.Join(found, "; ")
	case slicesSeen == 0:
		return "Latency over time: the stages have too few requests to show a stall or a drift"
	}
	return "Latency over time: no stall, drift or second band stands out in " + units.Plural(stages, "stage")
}

// tailsOf is the tail of latency in each slice of a stage that shows one, and how long a
// slice is.
func tailsOf(s *result.Stage) (tails []time.Duration, each time.Duration) {
	parts := s.Slices
	thin := func(k result.Slice) bool { return float64(k.Latency.N())*(1-sliceTail) < 1 }
	for len(parts) >= 2*fewSlices && slices.ContainsFunc(parts, thin) {
		parts = result.Halve(parts)
	}
	for _, k := range parts {
		if !thin(k) && k.Disturbed == 0 {
			tails, each = append(tails, k.Latency.Quantile(sliceTail)), k.Length
		}
	}
	return tails, each
}

func median(values []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// bands are the peaks of two bands of latency with next to nothing between them; 0 where
// there are not two.
func bands(s *result.Stage) (low, high time.Duration) {
	counts := map[int]int64{}
	var all int64
	first, last := math.MaxInt, math.MinInt
	for d, n := range s.Shown().Latency.All() {
		bin := int(math.Log(float64(max(d, 1))) / math.Log(bandWidth))
		counts[bin], all = counts[bin]+n, all+n
		first, last = min(first, bin), max(last, bin)
	}
	if all < fewArrivals {
		return 0, 0
	}
	place := func(bin int) time.Duration { return time.Duration(math.Pow(bandWidth, float64(bin)+0.5)) }
	peak := func(from, to int) (at int, n int64) {
		at = from
		for bin := from; bin <= to; bin++ {
			n += counts[bin]
			if counts[bin] > counts[at] {
				at = bin
			}
		}
		return at, n
	}
	best := math.Inf(1)
	for gap := first + 1; gap < last; gap++ {
		a, below := peak(first, gap-1)
		b, above := peak(gap+1, last)
		depth := float64(counts[gap]) / float64(min(counts[a], counts[b]))
		if float64(min(below, above)) >= bandShare*float64(all) && depth <= bandGap && depth < best && math.Pow(bandWidth, float64(b-a)) >= bandApart {
			best, low, high = depth, place(a), place(b)
		}
	}
	return low, high
}
