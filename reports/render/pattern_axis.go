package render

import (
	"math"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/units"
)

// drawable is false for what no axis can show: what is not a number, or so
// large that its label would fill the figure.
func drawable(v float64) bool { return math.Abs(v) <= 1e18 } // false for NaN

// axis is an Axis whose limits are known.
type axis struct {
	Axis
	lo, hi float64
}

// newAxis chooses limits for values. A linear axis begins at zero, but for an
// x axis of values that lie far from it.
func newAxis(a Axis, values []float64, isX bool) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	var kept []float64
	for _, v := range values {
		if drawable(v) && (!a.Log || v > 1e-12) {
			kept = append(kept, v)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if len(kept) == 0 && a.Log {
		a.Log = false // nothing above zero
		return newAxis(a, values, isX)
	}
	out := axis{Axis: a}
	switch {
	case len(kept) == 0:
		out.lo, out.hi = 0, 1
	case a.Log && isX:
		room := max(math.Pow(hi/lo, 0.03), 1.05)
		out.lo, out.hi = lo/room, hi*room
	case a.Log:
		out.lo, out.hi, _ = logRange(kept, 4)
	default:
		if lo > 0 && (!isX || lo < 0.5*hi) {
			lo = 0
		}
		if hi < 0 && !isX {
			hi = 0
		}
		room := 0.06 * (hi - lo)
		out.lo, out.hi = lo, hi
		if !isX {
			out.hi = hi + room
		}
		if lo < 0 && !isX {
			out.lo = lo - room
		}
		if out.hi-out.lo <= narrow(out.hi, out.lo) { // all the same, or nothing but zeros
			out.lo, out.hi = min(lo, 0), max(hi, 0)+1
		}
		if a.Unit == units.Share && hi <= 1 && hi > 0.5 {
			out.hi = 1
		}
	}
	if drawable(a.Min) && drawable(a.Max) && a.Max-a.Min > narrow(a.Max, a.Min) {
		if !a.Log || a.Max > 1e-12 { // below, a log axis shows nothing
			out.hi = a.Max
		}
		if !a.Log || a.Min > 1e-12 {
			out.lo = a.Min
		}
		if out.lo >= out.hi { // a log axis whose data lie above the limit
			out.lo = out.hi / 10
		}
	}
	return out
}

// narrow is the span below which limits are one value, for all that an axis can
// tell apart.
func narrow(a, b float64) float64 { return 1e-9 * max(1e-3, math.Abs(a), math.Abs(b)) }

// shows is false for a value that has no place on the axis.
func (a axis) shows(v float64) bool { return drawable(v) && (!a.Log || v > 1e-12) }

// on maps values to places, and beyond from and to for what lies outside of the
// limits. What lies far outside stays near enough for the rasteriser, which
// takes ages over a polygon that is light years wide.
func (a axis) on(from, to vg.Length) func(float64) vg.Length {
	t := func(v float64) float64 { return v }
	if a.Log {
		t = math.Log10
	}
	lo, hi := t(a.lo), t(a.hi)
	return func(v float64) vg.Length {
		return from + vg.Length(min(max((t(v)-lo)/(hi-lo), -10), 11))*(to-from)
	}
}

// ticks returns at most about most ticks.
func (a axis) ticks(most int) []tick {
	base := 1.0
	if a.Unit == units.Bytes {
		// Steps of 1, 2 and 5 MiB, not of a million bytes.
		of := max(math.Abs(a.lo), math.Abs(a.hi))
		if a.Log {
			of = a.lo
		}
		for _, size := range []float64{1 << 40, 1 << 30, 1 << 20, 1 << 10} {
			if base == 1 && of >= size {
				base = size
			}
		}
	}
	text := func(v float64) string { return a.Unit.Short(v * base) }
	var ticks []tick
	if a.Log {
		ticks = logTicks(a.lo/base, a.hi/base, most, text)
	} else {
		ticks = ticksBetween(a.lo/base, a.hi/base, most, text)
	}
	last := ""
	for i := range ticks {
		ticks[i].at *= base
		if ticks[i].label == last {
			ticks[i].label = "" // the range is narrower than what labels tell apart
		} else if ticks[i].label != "" {
			last = ticks[i].label
		}
	}
	return ticks
}

// ticksBetween returns ticks from lo to hi at a step of 1, 2 or 5 times a
// power of ten, at most most of them.
func ticksBetween(lo, hi float64, most int, text func(float64) string) []tick {
	if lo == 0 {
		return linearTicks(hi, most, text)
	}
	span := hi - lo
	if !(span > 0) {
		return []tick{{lo, text(lo)}}
	}
	for e := math.Floor(math.Log10(span)) - 1; ; e++ {
		for _, m := range []float64{1, 2, 5} {
			step := m * math.Pow(10, e)
			first := math.Ceil(lo/step - 1e-9)
			if span/step > float64(most-1) {
				continue
			}
			var ticks []tick
			for i := 0; i <= most && (first+float64(i))*step <= hi+1e-9*span; i++ {
				v := (first + float64(i)) * step
				ticks = append(ticks, tick{v, text(v)})
			}
			return ticks
		}
	}
}

// name is the axis in words.
func (a axis) name() string {
	if a.Log {
		return joinedBy(", ", a.Label, "log scale")
	}
	return a.Label
}

func joinedBy(between, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + between + b
}
