package canvas

import "math"

// Scale maps values to places between From and To. The transform is our own, because
// a logarithmic axis of the plot library panics at zero and on an empty range.
type Scale struct {
	Log      bool
	Lo, Hi   float64 // values at both ends; above 0 where Log
	From, To float64
}

// At is the place of v, or the end of the scale that is nearest to it.
func (s Scale) At(v float64) float64 { return s.place(v, 0, 1) }

// beyond is the place of v also outside of the scale. What lies far outside stays near
// enough for the rasteriser, which takes very long over a polygon of that size.
func (s Scale) beyond(v float64) float64 { return s.place(v, -10, 11) }

func (s Scale) place(v, least, most float64) float64 {
	lo, hi := s.Lo, s.Hi
	if s.Log {
		v, lo, hi = math.Log10(max(v, math.SmallestNonzeroFloat64)), math.Log10(lo), math.Log10(hi)
	}
	return s.From + min(max((v-lo)/(hi-lo), least), most)*(s.To-s.From)
}

// HalfDecade is the factor √10.
const HalfDecade = 3.1622776601683795

// LogRange returns limits around values that have room at both ends and span at least
// the factor least, so that noise does not fill a panel. It is false where no value is
// above 0; the limits can be drawn all the same.
func LogRange(values []float64, least float64) (lo, hi float64, ok bool) {
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

// Tick is a mark of an axis; its label may be "".
type Tick struct {
	At    float64
	Label string
}

// Ticks labels all of values.
func Ticks(values []float64, text func(float64) string) []Tick {
	return labelled(values, text, func(int, float64) bool { return true })
}

func labelled(values []float64, text func(float64) string, keep func(int, float64) bool) []Tick {
	var ticks []Tick
	for i, v := range values {
		t := Tick{At: v}
		if keep(i, v) {
			t.Label = text(v)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// logTicks returns ticks at 1, 2 and 5 times powers of ten, at most most of them
// labelled. Where the range holds fewer than three of these, it takes finer steps.
func logTicks(lo, hi float64, most int, text func(float64) string) []Tick {
	if !(lo > 0 && hi > lo) {
		return nil
	}
	for _, steps := range [][]float64{{1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}} {
		at := logSteps(lo, hi, steps)
		if len(at) < 3 {
			continue
		}
		if len(at) <= most {
			return Ticks(at, text)
		}
		// Too many for all: every decade, or every second, or third.
		for every := 1; ; every++ {
			decades := 0
			keep := func(_ int, v float64) bool {
				e := math.Round(math.Log10(v))
				return math.Abs(math.Log10(v)-e) < 1e-9 && int(e)%every == 0
			}
			for _, v := range at {
				if keep(0, v) {
					decades++
				}
			}
			if decades <= 1 {
				break
			}
			if decades <= most {
				return labelled(at, text, keep)
			}
		}
		skip := (len(at) + most - 1) / most // too narrow for decades
		return labelled(at, text, func(i int, _ float64) bool { return i%skip == 0 })
	}
	return Ticks([]float64{math.Sqrt(lo * hi)}, text)
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

// linearTicks returns at most most ticks from lo to hi at a step of 1, 2 or 5 times a
// power of ten.
func linearTicks(lo, hi float64, most int, text func(float64) string) []Tick {
	span := hi - lo
	if !(span > 0) {
		return Ticks([]float64{lo}, text)
	}
	for e := math.Floor(math.Log10(span)) - 1; ; e++ {
		for _, m := range []float64{1, 2, 5} {
			step := m * math.Pow(10, e)
			if span/step > float64(most-1) {
				continue
			}
			var at []float64
			first := math.Ceil(lo/step - 1e-9)
			for i := 0; i <= most && (first+float64(i))*step <= hi+1e-9*span; i++ {
				at = append(at, (first+float64(i))*step)
			}
			return Ticks(at, text)
		}
	}
}

// Fitting chooses the values whose labels do not touch: the last, the first, and then
// from the last down. place gives the middle and the width of a label.
func Fitting(values []float64, place func(float64) (x, w float64)) []float64 {
	var kept []float64
	try := func(v float64) {
		x, w := place(v)
		for _, k := range kept {
			kx, kw := place(k)
			if math.Abs(x-kx) < (w+kw)/2 {
				return
			}
		}
		kept = append(kept, v)
	}
	n := len(values)
	for i := range n {
		try(values[n-1-i])
		if i == 0 {
			try(values[0])
		}
	}
	return kept
}
