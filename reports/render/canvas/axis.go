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
	for _, t := range ticks {
		if t.Label == "" {
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
	c.Segment(Pen{Color: grid, Width: HairWidth * 1.6}, x0, y0, x1, y1)
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
const AxisHeight = 27

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
	c.Text(min(max((r.X0+r.X1)/2, left+half), right-half), r.Y0-15, s, name)
}
