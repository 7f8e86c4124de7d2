package canvas

import (
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/units"
)

// Axis is one axis of a panel.
type Axis struct {
	Label  string
	Unit   units.Unit
	Log    bool
	Lo, Hi float64
}

// Drawable is false for what no axis can show: what is not a number, or so large that
// its label would fill the figure.
func Drawable(v float64) bool { return math.Abs(v) <= 1e18 } // false for NaN

// Shows is false for a value that has no place on the axis.
func (a Axis) Shows(v float64) bool { return Drawable(v) && (!a.Log || v > 1e-12) }

// NewAxis chooses limits for values. A linear axis begins at zero, except an x axis of
// values that lie far from it. An upper limit that a already has is kept where the axis
// can show it.
func NewAxis(a Axis, values []float64, isX bool) Axis {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !a.Shows(v) })
	if len(values) == 0 {
		a.Log = false // nothing is above zero
		values = []float64{0}
	}
	least, most := slices.Min(values), slices.Max(values)
	lo, hi := least, most
	switch {
	case a.Log && isX:
		room := max(math.Pow(hi/lo, 0.03), 1.05)
		lo, hi = lo/room, hi*room
	case a.Log:
		lo, hi, _ = LogRange(values, 4)
	case !isX:
		room := 0.06 * (max(hi, 0) - min(lo, 0))
		if lo, hi = min(lo, 0), max(hi, 0)+room; lo < 0 {
			lo -= room
		}
	case lo < 0.5*hi:
		lo = min(lo, 0)
	}
	if !a.Log && hi-lo <= resolution(hi, lo) { // all the same, or nothing but zeros
		lo, hi = min(least, 0), max(most, 0)+1
	}
	if a.Unit == units.Share && !a.Log && most <= 1 && most > 0.5 {
		hi = 1
	}
	if a.Shows(a.Hi) && a.Hi > resolution(a.Hi, 0) {
		hi = a.Hi
	}
	if lo >= hi { // the data lie above the limit
		lo = hi / 10
	}
	a.Lo, a.Hi = lo, hi
	return a
}

// resolution is the span below which limits are one value, for all that an axis can
// show.
func resolution(a, b float64) float64 { return 1e-9 * max(1e-3, math.Abs(a), math.Abs(b)) }

// Scale places the axis between two places.
func (a Axis) Scale(from, to float64) Scale { return Scale{a.Log, a.Lo, a.Hi, from, to} }

// Ticks returns at most about most ticks.
func (a Axis) Ticks(most int) []Tick {
	base := 1.0
	if a.Unit == units.Bytes {
		// Steps of 1, 2 and 5 MiB, not of a million bytes.
		of := max(math.Abs(a.Lo), math.Abs(a.Hi))
		if a.Log {
			of = a.Lo
		}
		for base < 1<<40 && of >= base*1024 {
			base *= 1024
		}
	}
	places := linearTicks
	if a.Log {
		places = logTicks
	}
	ticks := Ticks(places(a.Lo/base, a.Hi/base, most), func(v float64) string { return a.Unit.Short(v * base) })
	last := ""
	for i := range ticks {
		ticks[i].At *= base
		if ticks[i].Label == last {
			ticks[i].Label = "" // the range is narrower than what labels can show
			continue
		}
		last = ticks[i].Label
	}
	return ticks
}

// ToTick is a linear axis that ends where its last tick is.
func (a Axis) ToTick(most int) Axis {
	if t := a.Ticks(most); len(t) > 1 {
		a.Hi = t[0].At + math.Ceil((a.Hi-t[0].At)/(t[1].At-t[0].At)-1e-9)*(t[1].At-t[0].At)
	}
	return a
}

// Name is the axis in words.
func (a Axis) Name() string {
	switch {
	case !a.Log:
		return a.Label
	case a.Label == "":
		return "log scale"
	}
	return a.Label + ", log scale"
}

// Grid draws lines across a panel at the labelled ticks of its y axis, and where names
// is set the labels at its left.
func (c *Canvas) Grid(r Rect, y Scale, ticks []Tick, names bool) {
	var at []float64
	for _, t := range ticks {
		if t.Label != "" {
			at = append(at, t.At)
		}
	}
	at = Fitting(at, func(v float64) (float64, float64) { return y.At(v), TickSize * 1.05 })
	for _, t := range ticks {
		if !slices.Contains(at, t.At) || t.Label == "" {
			continue // a line that the reader cannot name is noise
		}
		c.gridLine(r.X0, y.At(t.At), r.X1, y.At(t.At))
		if names {
			c.TextBeside(r.X0-4, y.At(t.At), Style{Size: TickSize, Color: Soft, Align: Right}, t.Label)
		}
	}
	c.Baseline(r)
}

// GridDown draws lines down a panel at the ticks of its x axis.
func (c *Canvas) GridDown(r Rect, x Scale, ticks []Tick) {
	for _, t := range ticks {
		c.gridLine(x.At(t.At), r.Y0, x.At(t.At), r.Y1)
	}
}

func (c *Canvas) gridLine(x0, y0, x1, y1 float64) {
	c.Segment(Pen{Color: grid, Width: HairWidth}, x0, y0, x1, y1)
}

// Baseline draws the lower edge of a panel.
func (c *Canvas) Baseline(r Rect) {
	c.Segment(Pen{Color: Grey, Width: 0.7}, r.X0, r.Y0, r.X1, r.Y0)
}

// RowRule separates two rows of a table in a figure.
func (c *Canvas) RowRule(y float64) {
	c.Segment(Pen{Color: grid, Width: HairWidth}, Edge, y, c.W-Edge, y)
}

// AxisHeight is the room below a panel for the ticks and the name of its x axis.
const AxisHeight = 30

// XAxis draws ticks below r, labels as many as there is room for, the last and the
// first before others, and writes the name of the axis between left and right.
func (c *Canvas) XAxis(r Rect, x Scale, ticks []Tick, name string, left, right float64) {
	s := Style{Size: TickSize, Color: Soft, Align: Center, Hang: true}
	labels := map[float64]string{}
	var at []float64
	for _, t := range ticks {
		c.Segment(Pen{Color: Grey, Width: 0.7}, x.At(t.At), r.Y0, x.At(t.At), r.Y0-3)
		if t.Label != "" {
			labels[t.At] = t.Label
			at = append(at, t.At)
		}
	}
	for _, v := range Fitting(at, func(v float64) (float64, float64) { return x.At(v), Width(s, labels[v]) + 5 }) {
		c.Text(x.At(v), r.Y0-4, s, labels[v])
	}
	s, name = Fit(s, name, right-left)
	half := Width(s, name) / 2
	c.Text(min(max((r.X0+r.X1)/2, left+half), right-half), r.Y0-16.5, s, name)
}

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
