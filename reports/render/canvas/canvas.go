// Package canvas draws. Every figure of every report is drawn with it, so that all
// have the same type sizes, colours, axes and labels.
//
// A [Figure] is the place to begin: it has a title, a footer and a function that
// draws what lies between them on a [Canvas]. The canvas has the parts that figures
// are made of: text that fits, an [Axis] and its [Scale], a [Curve], labels at the
// ends of curves, markers and intervals.
//
// Places are in points (1/72 inch) from the lower left corner. Drawing cannot fail.
package canvas

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// DPI is the resolution at which the sizes in points come out as the pixel sizes of
// the figures.
const DPI = 192

// Type sizes in points. A figure that a page shows at half its width still has
// readable ticks.
const (
	TitleSize = 13
	NameSize  = 10.5
	LabelSize = 9
	TickSize  = 8.5
	NoteSize  = 7
)

// Line widths in points.
const (
	LineWidth = 1.5
	ThinWidth = 0.6
	HairWidth = 0.3
)

// Dashes of a [Pen]: lengths of line and gap in points.
var (
	Dotted = []float64{0.9, 2.1}
	Dashed = []float64{4, 2.5}
)

// Point is a place on the canvas.
type Point struct{ X, Y float64 }

// Rect is an area of the canvas.
type Rect struct{ X0, Y0, X1, Y1 float64 }

// W is the width.
func (r Rect) W() float64 { return r.X1 - r.X0 }

// H is the height.
func (r Rect) H() float64 { return r.Y1 - r.Y0 }

// Canvas is a picture that is being drawn.
type Canvas struct {
	W, H float64
	draw draw.Canvas
}

func newCanvas(sized vg.CanvasSizer) *Canvas {
	w, h := sized.Size()
	return &Canvas{W: w.Points(), H: h.Points(), draw: draw.New(sized)}
}

// Pen is how a line looks.
type Pen struct {
	Color  color.RGBA
	Width  float64
	Dashes []float64 // nil: solid
}

func (p Pen) style() draw.LineStyle {
	s := draw.LineStyle{Color: p.Color, Width: vg.Length(p.Width)}
	for _, d := range p.Dashes {
		s.Dashes = append(s.Dashes, vg.Length(d))
	}
	return s
}

func places(points []Point) []vg.Point {
	out := make([]vg.Point, len(points))
	for i, p := range points {
		out[i] = vg.Point{X: vg.Length(p.X), Y: vg.Length(p.Y)}
	}
	return out
}

// Line draws a line through points.
func (c *Canvas) Line(p Pen, points ...Point) { c.draw.StrokeLines(p.style(), places(points)) }

// Segment draws a straight line.
func (c *Canvas) Segment(p Pen, x0, y0, x1, y1 float64) { c.Line(p, Point{x0, y0}, Point{x1, y1}) }

// Polygon fills the area within points.
func (c *Canvas) Polygon(fill color.RGBA, points ...Point) { c.draw.FillPolygon(fill, places(points)) }

// Fill fills a rectangle.
func (c *Canvas) Fill(fill color.RGBA, r Rect) { c.Polygon(fill, r.corners()...) }

// Frame draws the edge of a rectangle.
func (c *Canvas) Frame(p Pen, r Rect) { c.Line(p, append(r.corners(), Point{r.X0, r.Y0})...) }

func (r Rect) corners() []Point {
	return []Point{{r.X0, r.Y0}, {r.X1, r.Y0}, {r.X1, r.Y1}, {r.X0, r.Y1}}
}

// within is the canvas cut off at r, for what may reach beyond it.
func (c *Canvas) within(r Rect) draw.Canvas {
	const edge = 0.01 // a line on the edge is drawn
	corners := places([]Point{{r.X0 - edge, r.Y0 - edge}, {r.X1 + edge, r.Y1 + edge}})
	return draw.Canvas{Canvas: c.draw.Canvas, Rectangle: vg.Rectangle{Min: corners[0], Max: corners[1]}}
}
