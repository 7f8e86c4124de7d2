package render

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curveLine is a Line that is ready to be drawn: as many x as y.
type curveLine struct {
	name               string
	hue                color.RGBA
	xs, ys             []float64
	hollow             []bool // of the same length, or nil
	dashed, step, fill bool
}

func curveLines(lines []Line, book hueBook) []curveLine {
	var out []curveLine
	seen := map[color.RGBA]int{}
	for _, l := range lines {
		n := min(len(l.X), len(l.Y))
		c := curveLine{name: l.Name, xs: l.X[:n], ys: l.Y[:n], dashed: l.Dashed, step: l.Step, fill: l.Fill}
		if len(l.Hollow) > 0 {
			c.hollow = slices.Concat(l.Hollow, make([]bool, n))[:n]
		}
		hue := book.hue(l.Style, l.Name)
		if c.dashed {
			c.hue = mix(ink, white, 0.15)
		} else {
			c.hue = variant(hue, seen[hue])
			seen[hue]++
		}
		out = append(out, c)
	}
	return out
}

// fewPoints is up to how many points a line has markers.
const fewPoints = 40

func (c cell) lineMargins(share vg.Length) margins {
	m := margins{left: 6, right: 8}
	if !c.yShared {
		st := style{size: tickSize}
		for _, t := range c.y.ticks(7) {
			m.left = max(m.left, width(st, t.label)+6)
		}
	}
	// Names that stand behind a line which ends early need no room of their own.
	last, room := 0.0, c.nameRoom(share)
	data := share - m.left - m.right
	for _, l := range c.lines {
		if at, ok := l.end(c, c.x.on(0, 1), c.y.on(0, 1)); ok {
			last = max(last, min(float64(at.X), 1))
		}
	}
	if vg.Length(last)*data+behind+room > data {
		m.right += room + 4
	}
	m.right = max(m.right, 14) // for half of the last tick's label
	return m
}

// nameRoom is the width that the names of lines have.
func (c cell) nameRoom(share vg.Length) vg.Length {
	st := style{size: labelSize}
	w := vg.Length(0)
	for _, l := range c.lines {
		w = max(w, width(st, l.name))
	}
	return min(w, 0.3*share)
}

func (p *paper) lineCell(c cell, r, outer rect) {
	x, y := c.x.on(r.x0, r.x1), c.y.on(r.y0, r.y1)
	if name := c.y.name(); name != "" {
		st := style{size: tickSize, color: soft}
		p.text(outer.x0, r.y1+9, st, fitted(&st, name, outer.x1-outer.x0))
	}
	ticks := c.y.ticks(max(3, min(7, int((r.y1-r.y0)/18))))
	p.grid(r, scale{c.y.Log, c.y.lo, c.y.hi, r.y0, r.y1}, ticks, !c.yShared)
	p.xTicks(c.x, c.levels(), r, outer)

	in := draw.Canvas{Canvas: p.c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: r.x0 - 0.01, Y: r.y0 - 0.01}, Max: vg.Point{X: r.x1 + 0.01, Y: r.y1 + 0.01}}}
	places := make([][][]vg.Point, len(c.lines))
	for i, l := range c.lines {
		places[i] = l.pieces(c, x, y)
		if !l.fill {
			continue
		}
		tint := color.NRGBA{l.hue.R, l.hue.G, l.hue.B, 0x2C}
		for _, piece := range places[i] {
			base := min(max(y(max(c.y.lo, min(c.y.hi, 0))), r.y0), r.y1)
			if c.y.Log {
				base = r.y0
			}
			area := append(slices.Clone(piece), vg.Point{X: piece[len(piece)-1].X, Y: base}, vg.Point{X: piece[0].X, Y: base})
			if area = in.ClipPolygonXY(area); len(area) > 2 {
				p.c.FillPolygon(tint, area)
			}
		}
	}
	extra := c.coincident(x, y)
	for _, theory := range []bool{false, true} { // on top: it is thin
		for i, l := range c.lines {
			if l.dashed != theory {
				continue
			}
			s := draw.LineStyle{Color: l.hue, Width: lineWidth}
			l.underlay(c, x, y, extra[i], in)
			if theory {
				s.Width, s.Dashes = 1, dashed
			}
			for _, piece := range places[i] {
				in.StrokeLines(s, in.ClipLinesXY(piece)...)
			}
			p.markers(l, c, x, y, r, extra[i], places[i])
		}
	}
	p.lineNames(c, x, y, r, outer)
}

// pieces are the parts of a line between its gaps.
func (l curveLine) pieces(c cell, x, y func(float64) vg.Length) [][]vg.Point {
	var out [][]vg.Point
	var piece []vg.Point
	for i := range l.xs {
		if !c.x.shows(l.xs[i]) || !c.y.shows(l.ys[i]) {
			if len(piece) > 0 {
				out, piece = append(out, piece), nil
			}
			continue
		}
		at := vg.Point{X: x(l.xs[i]), Y: y(l.ys[i])}
		if n := len(piece); l.step && n > 0 {
			piece = append(piece, vg.Point{X: at.X, Y: piece[n-1].Y})
		}
		piece = append(piece, at)
	}
	if len(piece) > 0 {
		out = append(out, piece)
	}
	return out
}

// markers draws the points of a line that has few, and of any line those that
// are not valid or stand alone.
func (p *paper) markers(l curveLine, c cell, x, y func(float64) vg.Length, r rect, extra []vg.Length, pieces [][]vg.Point) {
	few := len(l.xs) <= fewPoints && !l.dashed && !l.step
	alone := map[vg.Point]bool{}
	for _, piece := range pieces {
		if len(piece) == 1 {
			alone[piece[0]] = true
		}
	}
	for i := range l.xs {
		hollow := l.hollow != nil && l.hollow[i]
		if !c.x.shows(l.xs[i]) || !c.y.shows(l.ys[i]) {
			continue
		}
		at := vg.Point{X: x(l.xs[i]), Y: y(l.ys[i])}
		if !few && !hollow && !alone[at] {
			continue
		}
		if at.X >= r.x0-1 && at.X <= r.x1+1 && at.Y >= r.y0-1 && at.Y <= r.y1+1 {
			p.dot(at.X, at.Y, 2+extra[i]/2, l.hue, hollow)
		}
	}
}

// coincident tells by how much each point of each line is to be wider, so that
// lines which lie on it there, and are drawn later, leave its edges to be seen.
func (c cell) coincident(x, y func(float64) vg.Length) [][]vg.Length {
	extra := make([][]vg.Length, len(c.lines))
	at := make([]map[float64]float64, len(c.lines))
	for i, l := range c.lines {
		extra[i] = make([]vg.Length, len(l.xs))
		if l.dashed || l.step || len(l.xs) > fewPoints || len(c.lines) > 8 {
			continue
		}
		at[i] = map[float64]float64{}
		for k := range l.xs {
			if c.x.shows(l.xs[k]) && c.y.shows(l.ys[k]) {
				at[i][l.xs[k]] = l.ys[k]
			}
		}
	}
	for i, l := range c.lines {
		for k := range l.xs {
			a, ok := l.ys[k], at[i] != nil && c.x.shows(l.xs[k]) && c.y.shows(l.ys[k])
			for j := i + 1; ok && j < len(c.lines); j++ {
				if b, ok := at[j][l.xs[k]]; ok && math.Abs(float64(y(a)-y(b))) < 1 {
					extra[i][k] += 2.2
				}
			}
		}
	}
	return extra
}

// underlay draws the wider parts of a line: from point to point where both lie
// below others.
func (l curveLine) underlay(c cell, x, y func(float64) vg.Length, extra []vg.Length, in draw.Canvas) {
	for k := 1; k < len(l.xs); k++ {
		more := min(extra[k-1], extra[k])
		if more == 0 || !c.x.shows(l.xs[k-1]) || !c.x.shows(l.xs[k]) {
			continue
		}
		in.StrokeLines(draw.LineStyle{Color: l.hue, Width: lineWidth + more}, in.ClipLinesXY([]vg.Point{
			{X: x(l.xs[k-1]), Y: y(l.ys[k-1])}, {X: x(l.xs[k]), Y: y(l.ys[k])}})...)
	}
}

// levels are the ticks of the x axis: what was driven, where that is a few
// levels on a log axis.
func (c cell) levels() []tick {
	if c.x.Log {
		var at []float64
		for _, l := range c.lines {
			for _, v := range l.xs {
				if !l.dashed && c.x.shows(v) && v >= c.x.lo && v <= c.x.hi && len(at) <= fewPoints && !slices.Contains(at, v) {
					at = append(at, v)
				}
			}
		}
		if len(at) > 0 && len(at) <= fewPoints {
			slices.Sort(at)
			return labelled(at, c.x.Unit.Short, func(float64) bool { return true })
		}
	}
	return c.x.ticks(6)
}

// behind is how far behind the end of a line its name stands, where that is
// not beside the panel.
const behind = 12

// end is the place of the last point of a line.
func (l curveLine) end(c cell, x, y func(float64) vg.Length) (at vg.Point, ok bool) {
	for k := len(l.xs) - 1; k >= 0; k-- {
		if c.x.shows(l.xs[k]) && c.y.shows(l.ys[k]) {
			return vg.Point{X: x(l.xs[k]), Y: y(l.ys[k])}, true
		}
	}
	return at, false
}

// lineNames labels the lines at their right ends.
func (p *paper) lineNames(c cell, x, y func(float64) vg.Length, r, outer rect) {
	size := vg.Length(labelSize)
	type end struct {
		at vg.Point
		l  curveLine
	}
	var ends []end
	start := r.x0
	for _, l := range c.lines {
		if at, ok := l.end(c, x, y); ok && l.name != "" {
			at = vg.Point{X: min(max(at.X, r.x0), r.x1), Y: min(max(at.Y, r.y0), r.y1)}
			ends = append(ends, end{at, l})
			start = max(start, at.X+behind)
		}
	}
	start = min(start, r.x1+5)
	room := outer.x1 - start
	// Names in two lines where there is room for all, else in one; and with
	// too many even so, as many as there is room for.
	for _, most := range []int{2, 1} {
		var ls []label
		for _, e := range ends {
			lines := broken(style{size: size}, e.l.name, room, most)
			for _, t := range slices.Backward(lines) {
				ls = append(ls, label{e.at, t, e.l.hue, false})
			}
		}
		fit := int((r.y1-r.y0)/(size*1.08)) + 1
		if len(ls) > fit && most > 1 {
			continue
		}
		if len(ls) > fit {
			ls = append(ls[:fit-1], label{vg.Point{X: r.x1, Y: r.y0}, "and more", soft, false})
		}
		p.labels(ls, start, r.y0+2, r.y1-2, size)
		return
	}
}
