package render

import (
	"math"
	"time"

	"gonum.org/v1/plot/vg"
)

// scale maps values to places on the paper. The transform is ours, because a
// logarithmic axis of the plot library panics at zero and on an empty range.
type scale struct {
	log    bool
	lo, hi float64 // values at the two ends; above 0 where log
	a, b   vg.Length
}

func (s scale) at(v float64) vg.Length {
	lo, hi := s.lo, s.hi
	if s.log {
		v, lo, hi = math.Log10(max(v, math.SmallestNonzeroFloat64)), math.Log10(lo), math.Log10(hi)
	}
	t := (v - lo) / (hi - lo)
	return s.a + vg.Length(min(max(t, 0), 1))*(s.b-s.a)
}

// logRange returns limits around values that have room at both ends and span
// at least the factor least, so that noise does not fill a panel. It is false
// where no value is above 0; the limits can be drawn all the same.
func logRange(values []float64, least float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), 0
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi == 0 {
		return 1, least, false
	}
	if hi/lo < least {
		grow := math.Sqrt(least / (hi / lo))
		lo, hi = lo/grow, hi*grow
	}
	room := math.Pow(hi/lo, 0.06)
	return lo / room, hi * room, true
}

type tick struct {
	at    float64
	label string // "" for a mark without a label
}

// logTicks returns ticks at 1, 2 and 5 times powers of ten, at most labels of
// them labelled. Where the range is so narrow that it holds fewer than three
// of these, it takes more steps to the decade.
func logTicks(lo, hi float64, labels int, text func(float64) string) []tick {
	if !(lo > 0 && hi > lo) {
		return nil
	}
	for _, steps := range [][]float64{{1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}} {
		at := logSteps(lo, hi, steps)
		if len(at) < 3 {
			continue
		}
		if len(at) <= labels {
			return labelled(at, text, func(float64) bool { return true })
		}
		for every := 1; ; every++ {
			decades := 0
			keep := func(v float64) bool {
				e := math.Log10(v)
				return math.Abs(e-math.Round(e)) < 1e-9 && int(math.Round(e))%every == 0
			}
			for _, v := range at {
				if keep(v) {
					decades++
				}
			}
			if decades <= labels && decades > 1 {
				return labelled(at, text, keep)
			}
			if decades <= 1 {
				break
			}
		}
		// Too many for all, too narrow for decades: every other one.
		skip := (len(at) + labels - 1) / labels
		n := -1
		return labelled(at, text, func(float64) bool { n++; return n%skip == 0 })
	}
	return labelled([]float64{math.Sqrt(lo * hi)}, text, func(float64) bool { return true })
}

func logSteps(lo, hi float64, steps []float64) []float64 {
	var at []float64
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				at = append(at, v)
			}
		}
	}
	return at
}

func labelled(at []float64, text func(float64) string, keep func(float64) bool) []tick {
	var ticks []tick
	for _, v := range at {
		t := tick{at: v}
		if keep(v) {
			t.label = text(v)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// linearTicks returns ticks from 0 to hi at a step of 1, 2 or 5 times a power
// of ten, at most most of them.
func linearTicks(hi float64, most int, text func(float64) string) []tick {
	if hi <= 0 {
		return []tick{{0, text(0)}}
	}
	for e := math.Floor(math.Log10(hi)) - 1; ; e++ {
		for _, m := range []float64{1, 2, 5} {
			step := m * math.Pow(10, e)
			if hi/step > float64(most-1) {
				continue
			}
			var ticks []tick
			for i := 0; float64(i)*step <= hi*(1+1e-9); i++ {
				v := float64(i) * step
				ticks = append(ticks, tick{v, text(v)})
			}
			return ticks
		}
	}
}

// asTime labels an axis in nanoseconds.
func asTime(ns float64) string { return duration(time.Duration(math.Round(ns))) }

// asNumber labels an axis that counts.
func asNumber(v float64) string { return number(v) }
