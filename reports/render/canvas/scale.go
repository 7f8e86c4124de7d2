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

// Tick is a mark of an axis. Its label is "" where it would be that of the last.
type Tick struct {
	At    float64
	Label string
}

// Ticks labels values.
func Ticks(values []float64, text func(float64) string) []Tick {
	var ticks []Tick
	for _, v := range values {
		ticks = append(ticks, Tick{v, text(v)})
	}
	return ticks
}

// logTicks returns at most most places for ticks: at 1, 2 and 5 times powers of ten; at
// finer steps where the range holds fewer than three of these; and where it holds too
// many, at every power of ten, or at every second or third.
func logTicks(lo, hi float64, most int) []float64 {
	if !(lo > 0 && hi > lo) {
		return nil
	}
	for _, steps := range [][]float64{{1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9}} {
		at := logSteps(lo, hi, steps, 1)
		if len(at) < 3 {
			continue
		}
		if len(at) <= most {
			return at
		}
		for every := 1; ; every++ {
			decades := logSteps(lo, hi, []float64{1}, every)
			if len(decades) <= 1 {
				break
			}
			if len(decades) <= most {
				return decades
			}
		}
		var some []float64 // of about one decade
		for i := 0; i < len(at); i += (len(at) + most - 1) / most {
			some = append(some, at[i])
		}
		return some
	}
	return []float64{math.Sqrt(lo * hi)}
}

// logSteps are the multiples of every so many powers of ten from lo to hi.
func logSteps(lo, hi float64, steps []float64, every int) []float64 {
	var at []float64
	for e := math.Floor(math.Log10(lo)/float64(every)) * float64(every); e <= math.Log10(hi); e += float64(every) {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				at = append(at, v)
			}
		}
	}
	return at
}

// linearTicks returns at most most places for ticks from lo to hi, at a step of 1, 2 or
// 5 times a power of ten.
func linearTicks(lo, hi float64, most int) []float64 {
	span := hi - lo
	if !(span > 0) {
		return []float64{lo}
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
			return at
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
