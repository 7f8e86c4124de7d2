package canvas

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Shape is the outline of a marker around its place.
type Shape func(at Point, radius float64) []Point

// Mark draws a marker; a hollow one stands for what is not valid or decides nothing.
func (c *Canvas) Mark(shape Shape, at Point, radius float64, hue color.RGBA, hollow bool) {
	outline := shape(at, radius)
	if !hollow {
		c.Polygon(hue, outline...)
		return
	}
	c.Polygon(White, outline...)
	c.Line(Pen{Color: hue, Width: 0.9}, append(outline, outline[0])...)
}

// Dot draws a round marker.
func (c *Canvas) Dot(at Point, radius float64, hue color.RGBA, hollow bool) {
	if hollow {
		c.Mark(Circle, at, radius, hue, true)
		return
	}
	round := draw.GlyphStyle{Color: hue, Radius: vg.Length(radius), Shape: draw.CircleGlyph{}}
	c.draw.DrawGlyphNoClip(round, places([]Point{at})[0])
}

// OnCircle is a place on a circle, turn times around it, counted from the right.
func OnCircle(at Point, radius, turn float64) Point {
	sin, cos := math.Sincos(2 * math.Pi * turn)
	return Point{at.X + radius*cos, at.Y + radius*sin}
}

// Circle is round.
func Circle(at Point, radius float64) []Point {
	const corners = 24
	var out []Point
	for i := range corners {
		out = append(out, OnCircle(at, radius, float64(i)/corners))
	}
	return out
}

// Square stands on its side.
func Square(at Point, r float64) []Point {
	return Rect{at.X - r, at.Y - r, at.X + r, at.Y + r}.corners()
}

// Diamond stands on its corner.
func Diamond(at Point, r float64) []Point {
	return []Point{{at.X - r, at.Y}, {at.X, at.Y - r}, {at.X + r, at.Y}, {at.X, at.Y + r}}
}

// ArrowRight points to the right.
func ArrowRight(at Point, r float64) []Point { return arrow(at, r, 1) }

// ArrowLeft points to the left.
func ArrowLeft(at Point, r float64) []Point { return arrow(at, r, -1) }

func arrow(at Point, r, side float64) []Point {
	return []Point{{at.X + side*1.2*r, at.Y}, {at.X - side*0.8*r, at.Y + 1.1*r}, {at.X - side*0.8*r, at.Y - 1.1*r}}
}

// Cross is two bars, crossed.
func Cross(at Point, r float64) []Point {
	var out []Point
	const thin = 0.28
	for quarter := range 4 {
		sin, cos := math.Sincos(math.Pi/4 + math.Pi/2*float64(quarter))
		for _, p := range []Point{{thin, -thin}, {1, -thin}, {1, thin}} {
			out = append(out, Point{at.X + r*(p.X*cos-p.Y*sin), at.Y + r*(p.X*sin+p.Y*cos)})
		}
	}
	return out
}

// Interval draws a line from lo to hi at height y. An end beyond the scale is an arrow.
func (c *Canvas) Interval(x Scale, lo, hi, y float64, hue color.RGBA) {
	line := Pen{Color: hue, Width: LineWidth * 1.1}
	c.Segment(line, x.At(lo), y, x.At(hi), y)
	for _, end := range []struct{ v, side float64 }{{lo, -1}, {hi, 1}} {
		at := x.At(end.v)
		switch {
		case end.v < x.Lo || end.v > x.Hi:
			c.Line(line, Point{at - end.side*5, y + 4}, Point{at, y}, Point{at - end.side*5, y - 4})
		case lo != hi:
			c.Segment(line, at, y-3, at, y+3)
		}
	}
}
