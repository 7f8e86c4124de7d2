package canvas

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/a628bb15/onhold/reports/result"
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

// Shapes are the markers of what is compared, in the order of Hues: without colours, they
// tell it apart.
var Shapes = []Shape{Circle, Square, Diamond, ArrowUp}

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

// ArrowUp points upwards.
func ArrowUp(at Point, r float64) []Point {
	return []Point{{at.X, at.Y + 1.2*r}, {at.X + 1.1*r, at.Y - 0.8*r}, {at.X - 1.1*r, at.Y - 0.8*r}}
}

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

// The colours are those of Okabe and Ito, which most colour-blind readers can tell
// from each other: the cool ones are for targets, the warm ones for what went wrong.
var (
	Blue      = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	Green     = color.RGBA{0x00, 0x9E, 0x73, 0xFF}
	Purple    = color.RGBA{0xA8, 0x4F, 0x83, 0xFF} // darkened: labels are written in it
	Sky       = color.RGBA{0x2A, 0x8C, 0xCB, 0xFF} // likewise
	Orange    = color.RGBA{0xE6, 0x9F, 0x00, 0xFF}
	Vermilion = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}

	Black = color.RGBA{0x00, 0x00, 0x00, 0xFF}
	Ink   = color.RGBA{0x22, 0x22, 0x22, 0xFF}
	Soft  = color.RGBA{0x66, 0x66, 0x66, 0xFF}
	Grey  = color.RGBA{0x8A, 0x8A, 0x8A, 0xFF}
	Pale  = color.RGBA{0xD9, 0xD9, 0xD9, 0xFF}
	Faint = color.RGBA{0xE4, 0xE4, 0xE4, 0xFF}
	White = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	grid  = color.RGBA{0xB8, 0xB8, 0xB8, 0xFF} // of the thinnest lines
)

// Hues are the colours of what is compared.
var Hues = []color.RGBA{Blue, Green, Purple, Sky}

// named are the targets that have the same hue in every figure.
var named = []string{"blocking", "goroutine", "eventloop", "queue"}

// Named reports whether a target has the same hue in every figure.
func Named(target string) bool { return slices.Contains(named, target) }

// HueOf is the colour of a target: its own, or that of its place among others.
func HueOf(target string, place int) color.RGBA { return Hues[placeOf(target, place)] }

// ShapeOf is the marker of a target.
func ShapeOf(target string, place int) Shape { return Shapes[placeOf(target, place)] }

func placeOf(target string, place int) int {
	if i := slices.Index(named, target); i >= 0 {
		place = i
	}
	return place % len(Hues)
}

// Band is outcomes that are drawn as one.
type Band struct {
	Name     string
	Outcomes []result.Outcome
	Fill     color.RGBA
	Label    color.RGBA // readable on white
	Dotted   bool       // has an edge: it never reached the server, or never ended
}

// Bands are all outcomes, the better ones first.
var Bands = []Band{
	{Name: "ok", Outcomes: []result.Outcome{result.OK}, Fill: Pale, Label: Soft},
	{Name: "rejected", Outcomes: []result.Outcome{result.Rejected}, Fill: Orange, Label: Mix(Orange, Black, 0.3)},
	{Name: "timeout", Outcomes: []result.Outcome{result.Timeout}, Fill: Vermilion, Label: Vermilion},
	{Name: "error", Outcomes: []result.Outcome{result.Refused, result.Reset, result.Error}, Fill: Black, Label: Black},
	{Name: "not sent", Outcomes: []result.Outcome{result.Unsent}, Fill: White, Label: Soft, Dotted: true},
	{Name: "unfinished", Outcomes: []result.Outcome{result.Unfinished, result.Unknown}, Fill: White, Label: Soft, Dotted: true},
}

// Band fills r as a band of outcomes looks: the rejected are hatched, so that they are
// seen without colours too.
func (c *Canvas) Band(b Band, r Rect) {
	c.Fill(b.Fill, r)
	if b.Name == result.Rejected.String() {
		c.Hatch(r, Mix(b.Fill, Black, 0.5), 2.6, 0.4)
	}
	if b.Dotted {
		c.Frame(Pen{Color: Grey, Width: ThinWidth, Dashes: Dotted}, r)
	}
}

// BandOf is the band of an outcome.
func BandOf(o result.Outcome) Band {
	return Bands[slices.IndexFunc(Bands, func(b Band) bool { return slices.Contains(b.Outcomes, o) })]
}

// Mix is a with the share t of b.
func Mix(a, b color.RGBA, t float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t + 0.5) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 0xFF}
}

// Shade is the i-th of n steps of one hue from light to dark, for what is ordered,
// such as percentiles or levels.
func Shade(hue color.RGBA, i, n int) color.RGBA {
	const lightest, darkest = -0.2, 0.7
	t := darkest
	if n > 1 {
		t = lightest + (darkest-lightest)*float64(i)/float64(n-1)
	}
	if t < 0 {
		return Mix(hue, White, -t)
	}
	return Mix(hue, Black, t)
}

// Variant is the i-th of the colours that are seen to be of one hue.
func Variant(hue color.RGBA, i int) color.RGBA {
	switch i % 3 {
	case 1:
		return Mix(hue, Black, 0.5)
	case 2:
		return Mix(hue, White, 0.35)
	}
	return hue
}
