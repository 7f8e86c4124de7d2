package canvas

import (
	"image/color"
	"math"
	"slices"
)

// Curve is one line of a chart.
type Curve struct {
	Name   string
	Values []Value
}

// Value is one point of a curve.
type Value struct {
	X, Y   float64
	Lo, Hi float64 // over the repeats; both 0 where there are none
	Thin   bool    // rests on fewer than ten samples: dotted
	Hollow bool    // is not valid
	Gap    bool    // a value is missing between this one and the last: no line
}

// Last is the last value; there must be one.
func (v Curve) Last() Value { return v.Values[len(v.Values)-1] }

// Stroke is how a curve is drawn.
type Stroke struct {
	Pen
	Radius float64 // of the markers; 0: only of values that are hollow or stand alone
	Shift  float64 // of the bars of the repeats, so that those of several curves are seen
	Shape  Shape   // of the markers; nil: round
	Step   bool    // each value holds up to the next
	// Under is by how much the line is wider at each value, so that curves drawn
	// later at the same place leave its edges to be seen; nil: nowhere.
	Under []float64
}

// Chart is two axes and the panel that they span.
type Chart struct {
	Rect
	X, Y Axis
}

// At is the place of a value, which may lie outside of the panel.
func (p Chart) At(x, y float64) Point {
	at := Point{p.X.Scale(p.X0, p.X1).beyond(x), p.Y1}
	if !math.IsInf(y, 1) { // what is infinite leaves through the top
		at.Y = p.Y.Scale(p.Y0, p.Y1).beyond(y)
	}
	return at
}

// shows is false for a value that has no place in the panel.
func (p Chart) shows(k Value) bool { return p.X.Shows(k.X) && (p.Y.Shows(k.Y) || math.IsInf(k.Y, 1)) }

// End is where the line leaves the panel on the right, or its last value that the axes show,
// moved to the edge where it lies above or below. It is false where there is none.
func (p Chart) End(v Curve) (Point, bool) {
	var next Point // right of the panel
	beyond := false
	for _, k := range slices.Backward(v.Values) {
		if !p.shows(k) {
			continue
		}
		at := p.At(k.X, k.Y)
		if at.X > p.X1 {
			next, beyond = at, true
			continue
		}
		if beyond { // the line leaves the panel between the two
			at = Point{p.X1, at.Y + (next.Y-at.Y)*(p.X1-at.X)/(next.X-at.X)}
		}
		return Point{min(max(at.X, p.X0), p.X1), min(max(at.Y, p.Y0), p.Y1)}, true
	}
	return Point{p.X1, min(max(next.Y, p.Y0), p.Y1)}, beyond
}

// Curve draws v within the panel of p: the bars of the repeats, the line, and the
// markers on top.
func (c *Canvas) Curve(p Chart, v Curve, s Stroke) {
	for _, k := range v.Values {
		if k.Hi > k.Lo {
			x, lo, hi := p.At(k.X, k.Y).X+s.Shift, p.At(k.X, k.Lo).Y, p.At(k.X, k.Hi).Y
			bar := Pen{Color: s.Color, Width: ThinWidth}
			c.Segment(bar, x, lo, x, hi)
			c.Segment(bar, x-1, lo, x+1, lo)
			c.Segment(bar, x-1, hi, x+1, hi)
		}
	}
	c.underlay(p, v, s)
	in := c.within(p.Rect)
	alone := map[Point]bool{}
	for _, piece := range p.pieces(v, s.Step) {
		pen := s.Pen
		if piece.thin {
			pen.Dashes, pen.Width = Dotted, pen.Width*0.8
		}
		if len(piece.points) == 1 {
			alone[piece.points[0]] = true
			continue
		}
		in.StrokeLines(pen.style(), in.ClipLinesXY(places(piece.points))...)
	}
	for i, k := range v.Values {
		at := p.At(k.X, k.Y)
		r := s.Radius
		if r == 0 && (k.Hollow || alone[at]) {
			r = 1.4 * s.Width
		}
		if math.IsInf(k.Y, 1) && p.X.Shows(k.X) {
			c.Mark(ArrowUp, Point{at.X, at.Y - 2}, 2.6, s.Color, k.Hollow)
			continue
		}
		if r == 0 || !p.shows(k) || at.X < p.X0-1 || at.X > p.X1+1 || at.Y < p.Y0-1 || at.Y > p.Y1+1 {
			continue
		}
		if k.Thin {
			r *= 0.7
		}
		if s.Under != nil {
			r += s.Under[i] / 2
		}
		if s.Shape != nil {
			c.Mark(s.Shape, at, r, s.Color, k.Hollow)
			continue
		}
		c.Dot(at, r, s.Color, k.Hollow)
	}
}

// piece is a part of a curve that is drawn as one, as dashes would begin again at each
// value.
type piece struct {
	points []Point
	thin   bool
}

// pieces splits a curve at its gaps, and where it becomes thin.
func (p Chart) pieces(v Curve, step bool) []piece {
	var out []piece
	var last *Value
	for i := range v.Values {
		k := &v.Values[i]
		if !p.shows(*k) {
			last = nil
			continue
		}
		at := p.At(k.X, k.Y)
		if last == nil || k.Gap {
			out, last = append(out, piece{points: []Point{at}}), k
			continue
		}
		thin := last.Thin || k.Thin
		now := &out[len(out)-1]
		if before := now.points[len(now.points)-1]; len(now.points) == 1 {
			now.thin = thin
		} else if now.thin != thin {
			out = append(out, piece{[]Point{before}, thin})
			now = &out[len(out)-1]
		}
		if step {
			now.points = append(now.points, Point{at.X, now.points[len(now.points)-1].Y})
		}
		now.points, last = append(now.points, at), k
	}
	return out
}

// Tint fills the area below v, so that what is behind it can still be seen.
func (c *Canvas) Tint(p Chart, v Curve, step bool, hue color.RGBA) {
	const opacity = 0.17
	part := func(v uint8) uint8 { return uint8(opacity * float64(v)) }
	in, fill := c.within(p.Rect), color.RGBA{part(hue.R), part(hue.G), part(hue.B), part(0xFF)}
	base := p.Y0
	if !p.Y.Log {
		base = p.Y.Scale(p.Y0, p.Y1).At(0)
	}
	for _, piece := range p.pieces(v, step) {
		n := len(piece.points)
		area := append(slices.Clone(piece.points), Point{piece.points[n-1].X, base}, Point{piece.points[0].X, base})
		if clipped := in.ClipPolygonXY(places(area)); len(clipped) > 2 {
			c.draw.FillPolygon(fill, clipped)
		}
	}
}

// underlay draws the wider parts of a curve: from value to value where both lie below
// others.
func (c *Canvas) underlay(p Chart, v Curve, s Stroke) {
	in := c.within(p.Rect)
	for k := 1; k < len(s.Under); k++ {
		a, b := v.Values[k-1], v.Values[k]
		if more := min(s.Under[k-1], s.Under[k]); more > 0 {
			pen := Pen{Color: s.Color, Width: s.Width + more}
			in.StrokeLines(pen.style(), in.ClipLinesXY(places([]Point{p.At(a.X, a.Y), p.At(b.X, b.Y)}))...)
		}
	}
}

// Coincident returns for each curve by how much it is to be wider at each value, so
// that curves drawn later which lie on it there leave its edges to be seen.
func (p Chart) Coincident(curves []Curve) [][]float64 {
	const wider = 2.2
	out := make([][]float64, len(curves))
	for i, v := range curves {
		out[i] = make([]float64, len(v.Values))
		for k, a := range v.Values {
			for _, above := range curves[i+1:] {
				j := slices.IndexFunc(above.Values, func(b Value) bool { return b.X == a.X })
				if j < 0 || !p.X.Shows(a.X) || !p.Y.Shows(a.Y) || !p.Y.Shows(above.Values[j].Y) {
					continue
				}
				if math.Abs(p.At(a.X, a.Y).Y-p.At(a.X, above.Values[j].Y).Y) < 1 {
					out[i][k] += wider
				}
			}
		}
	}
	return out
}

// Label is a word at the right end of a curve.
type Label struct {
	From  Point // the end of the curve
	Text  string
	Color color.RGBA
	Bold  bool
}

// Labels writes labels at x, or right behind the longest curve where that ends before,
// pushed apart between lo and hi, with a thin leader to each one's curve where it had
// to move or its curve ends early. It returns the place of the highest.
func (c *Canvas) Labels(ls []Label, x, lo, hi, size float64) (top Point) {
	end := 0.0
	for _, l := range ls {
		end = max(end, l.From.X)
	}
	x = min(x, end+12) // a leader across half of the panel would look like data
	// Ends that nearly coincide keep the order in which they were given, which is that
	// of the percentiles or levels.
	coarse := func(l Label) int { return int(math.Round(l.From.Y / 5)) }
	slices.SortStableFunc(ls, func(a, b Label) int { return coarse(a) - coarse(b) })
	want := make([]float64, len(ls))
	for i, l := range ls {
		want[i] = l.From.Y
	}
	heights := spread(want, size*1.08, lo, hi)
	for i, y := range heights {
		// Grid lines must not run through the letters.
		s := Style{Size: size, Bold: ls[i].Bold}
		c.Fill(White, Rect{x - 0.5, y - size*0.45, x + Width(s, ls[i].Text), y + size*0.45})
	}
	for i, y := range heights {
		l := ls[i]
		const elbow = 7 // points in front of the labels in which leaders change height
		if math.Abs(y-l.From.Y) > 1 || x-l.From.X > elbow+6 {
			leader := Pen{Color: Mix(Grey, White, 0.3), Width: HairWidth}
			c.Line(leader, Point{l.From.X + 2, l.From.Y}, Point{max(x-elbow, l.From.X+2), l.From.Y}, Point{x - 1, y})
		}
		c.TextBeside(x, y, Style{Size: size, Color: l.Color, Bold: l.Bold}, l.Text)
		top = Point{x, y}
	}
	return top
}

// spread returns where labels go that want to be at the given heights, from the lowest
// to the highest, none nearer to the next than gap, all between lo and hi, each as near
// to where it wants to be as the others allow. With too many for the room the gap
// shrinks.
//
// Taking i·gap from the i-th turns "at least gap apart" into "not falling", which
// averaging falling neighbours into blocks solves at the least cost.
func spread(want []float64, gap, lo, hi float64) []float64 {
	n := len(want)
	if n == 0 {
		return nil
	}
	if n > 1 {
		gap = min(gap, (hi-lo)/float64(n-1))
	}
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	mean := func(b block) float64 { return b.sum / float64(b.n) }
	for i, y := range want {
		b := block{y - float64(i)*gap, 1}
		for len(blocks) > 0 && mean(blocks[len(blocks)-1]) >= mean(b) {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			b = block{last.sum + b.sum, last.n + b.n}
		}
		blocks = append(blocks, b)
	}
	var out []float64
	for _, b := range blocks {
		for range b.n {
			y := min(max(mean(b), lo), hi-float64(n-1)*gap)
			out = append(out, y+float64(len(out))*gap)
		}
	}
	return out
}
