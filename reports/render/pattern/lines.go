package pattern

import (
	"cmp"
	"image/color"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/units"
)

type lines struct {
	x, y    canvas.Axis
	yShared bool // the panel to the left has the same y axis, with its labels
	curves  []lineCurve
	own     Panel // with the axes as they were given
}

type lineCurve struct {
	canvas.Curve
	hue                color.RGBA
	shape              canvas.Shape
	dashed, step, fill bool
}

func newLines(p Panel, book hueBook) *lines {
	out := &lines{own: p}
	seen := map[color.RGBA]int{}
	for i, l := range p.Lines {
		c := lineCurve{shape: canvas.ShapeOf(cmp.Or(l.Style, l.Name), i), dashed: l.Dashed, step: l.Step, fill: l.Fill}
		c.Name = l.Name
		for i := range min(len(l.X), len(l.Y)) {
			c.Values = append(c.Values, canvas.Value{X: float64(l.X[i]), Y: float64(l.Y[i]), Hollow: i < len(l.Hollow) && l.Hollow[i]})
		}
		hue := book.hue(l.Style, l.Name)
		if c.dashed {
			c.hue = canvas.Mix(canvas.Ink, canvas.White, 0.15)
		} else {
			c.hue = canvas.Variant(hue, seen[hue])
			seen[hue]++
		}
		out.curves = append(out.curves, c)
	}
	return out
}

// alignLines gives panels with equal axes one scale.
func (m model) alignLines() {
	all := contents[*lines](m)
	scaled := func(own *lines, of func(*lines) Axis, value func(canvas.Value) float64, isX bool) canvas.Axis {
		a := of(own)
		var values []float64
		for _, l := range all {
			if l != own && (a.Label == "" || of(l) != a) {
				continue
			}
			for _, c := range l.curves {
				for _, v := range c.Values {
					values = append(values, value(v))
				}
			}
		}
		return canvas.NewAxis(canvas.Axis{Label: a.Label, Unit: a.Unit, Log: a.Log, Hi: float64(a.Max)}, values, isX)
	}
	for _, l := range all {
		l.y = scaled(l, func(l *lines) Axis { return l.own.Y }, func(v canvas.Value) float64 { return v.Y }, false)
		if !l.y.Log && l.y.Unit != units.Share {
			l.own.X.Log = false // or a straight line would have an elbow
		}
	}
	for i, l := range all {
		l.x = scaled(l, func(l *lines) Axis { return l.own.X }, func(v canvas.Value) float64 { return v.X }, true)
		left := all[i-1]
		l.yShared = m.besideLast(i) && l.y.Label != "" && left != nil && left.y == l.y
	}
}

// fewPoints is up to how many points of a line are ticks of the axis; up to half as many
// have markers.
const fewPoints = 40

func (l lineCurve) marked() bool { return len(l.Values) <= fewPoints/2 && !l.dashed && !l.step }

// behind is how far behind the end of a line its name stands, where that is not beside
// the panel.
const behind = 12

func (l *lines) margins(width float64) margins {
	m := margins{left: 6, right: 8}
	if !l.yShared {
		for _, t := range l.y.Ticks(7) {
			m.left = max(m.left, canvas.Width(canvas.Style{Size: canvas.TickSize}, t.Label)+6)
		}
	}
	// Names that stand behind a line which ends early need no room of their own.
	data := width - m.left - m.right
	unit := canvas.Chart{Rect: canvas.Rect{X1: 1, Y1: 1}, X: l.x, Y: l.y}
	last, room := 0.0, 0.0
	for _, c := range l.curves {
		room = max(room, canvas.Width(canvas.Style{Size: canvas.LabelSize}, c.Name))
		if at, ok := unit.End(c.Curve); ok {
			last = max(last, at.X)
		}
	}
	room = min(room, 0.3*width)
	if last*data+behind+room > data {
		m.right += room + 4
	}
	m.right = max(m.right, 14) // for half of the last tick's label
	return m
}

func (l *lines) axes() (above, below float64) {
	if l.y.Name() != "" {
		above = 13
	}
	return above, canvas.AxisHeight
}

func (l *lines) draw(c *canvas.Canvas, r, outer canvas.Rect) {
	s, name := canvas.Fit(canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, l.y.Name(), outer.W())
	c.Text(outer.X0, r.Y1+9, s, name)
	p := canvas.Chart{Rect: r, X: l.x, Y: l.y}
	c.Grid(r, l.y.Scale(r.Y0, r.Y1), l.y.Ticks(max(3, min(7, int(r.H()/18)))), !l.yShared)
	c.XAxis(r, l.x.Scale(r.X0, r.X1), l.levels(), l.x.Name(), outer.X0, outer.X1)

	// A curve that others hide is wider than they are.
	var solid []canvas.Curve
	for _, v := range l.curves {
		if v.fill {
			c.Tint(p, v.Curve, v.step, v.hue)
		}
		if v.marked() {
			solid = append(solid, v.Curve)
		}
	}
	var under [][]float64
	if len(l.curves) <= 8 {
		under = p.Coincident(solid)
	}
	for _, theory := range []bool{false, true} { // on top: it is thin
		for _, v := range l.curves {
			if v.dashed != theory {
				continue
			}
			stroke := canvas.Stroke{Pen: canvas.Pen{Color: v.hue, Width: canvas.LineWidth}, Step: v.step}
			if theory {
				stroke.Width, stroke.Dashes = 1, canvas.Dashed
			}
			if v.marked() {
				stroke.Radius, stroke.Shape = 2, v.shape
				if len(under) > 0 {
					stroke.Under, under = under[0], under[1:]
				}
			}
			c.Curve(p, v.Curve, stroke)
		}
	}
	for _, v := range l.curves {
		if v.fill && len(v.Values) > 0 {
			l.peak(c, p, v)
		}
	}
	l.names(c, p, outer)
}

// peak writes how high a curve is at most beside its highest point, where that is not
// its end.
func (l *lines) peak(c *canvas.Canvas, p canvas.Chart, v lineCurve) {
	top := slices.MaxFunc(v.Values, func(a, b canvas.Value) int { return cmp.Compare(a.Y, b.Y) })
	if !l.shows(top) || top.Y <= v.Last().Y {
		return
	}
	s, at := canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Mix(v.hue, canvas.Black, 0.15)}, p.At(top.X, top.Y)
	c.Text(min(at.X+4, p.X1-canvas.Width(s, l.y.Unit.Short(top.Y))), min(at.Y+3, p.Y1), s, l.y.Unit.Short(top.Y))
}

// levels are the ticks of the x axis: what was driven, where that is a few levels on a
// log axis.
func (l *lines) levels() []canvas.Tick {
	var at []float64
	for _, c := range l.curves {
		for _, v := range c.Values {
			if !c.dashed && l.x.Shows(v.X) && v.X >= l.x.Lo && v.X <= l.x.Hi && !slices.Contains(at, v.X) && len(at) <= fewPoints {
				at = append(at, v.X)
			}
		}
	}
	if !l.x.Log || len(at) == 0 || len(at) > fewPoints {
		return l.x.Ticks(6)
	}
	slices.Sort(at)
	return canvas.Ticks(at, l.x.Unit.Short)
}

// names labels the lines at their right ends, in two lines where there is room for all.
func (l *lines) names(c *canvas.Canvas, p canvas.Chart, outer canvas.Rect) {
	const size = canvas.LabelSize
	most := 2
	if float64(2*len(l.curves))*size*1.08 > p.H() {
		most = 1
	}
	start := p.X0
	for _, v := range l.curves {
		if at, ok := p.End(v.Curve); ok && v.Name != "" {
			start = max(start, at.X+behind)
		}
	}
	start = min(start, p.X1+5)
	var ls []canvas.Label
	for _, v := range l.curves {
		if at, ok := p.End(v.Curve); ok && v.Name != "" {
			lines, _ := canvas.Wrap(canvas.Style{Size: size}, v.Name, outer.X1-start, most)
			for _, t := range slices.Backward(lines) {
				ls = append(ls, canvas.Label{From: at, Text: t, Color: v.hue})
			}
		}
	}
	c.Labels(ls, start, p.Y0+2, p.Y1-2, size)
}

func (l *lines) marks() []string {
	var out []string
	for _, c := range l.curves {
		for _, v := range c.Values {
			if v.Hollow {
				out = append(out, "hollow: stage not valid")
			}
			if canvas.Drawable(v.X) && canvas.Drawable(v.Y) && !l.shows(v) {
				out = append(out, "a log scale has no zero: what is 0 is left out")
			}
		}
	}
	return out
}

func (l *lines) shows(v canvas.Value) bool { return l.x.Shows(v.X) && l.y.Shows(v.Y) }

func (l *lines) words() string { return "line chart" }
