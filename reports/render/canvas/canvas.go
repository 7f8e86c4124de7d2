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
	"regexp"
	"strings"
	"sync"

	stdfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/a628bb15/onhold/reports/render/words"
)

// DPI is the resolution at which the sizes in points come out as the pixel sizes of
// the figures.
const DPI = 192

// Type sizes in points. A figure that a page shows at half its width still has
// readable ticks.
const (
	TitleSize = 13
	NameSize  = 11
	LabelSize = 10.5
	TickSize  = 9.5
	NoteSize  = 8
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

// Align says which part of a text lies at its place.
type Align float64

// The alignments.
const (
	Left   Align = 0
	Center Align = -0.5
	Right  Align = -1
)

// Style is how text looks. It stands on its place, or hangs below it.
type Style struct {
	Size  float64
	Bold  bool
	Color color.RGBA
	Align Align
	Hang  bool
}

var fonts = sync.OnceValue(func() *font.Cache { return font.NewCache(liberation.Collection()) })

func (s Style) font() font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(s.Size)}
	if s.Bold {
		f.Weight = stdfont.WeightBold
	}
	return f
}

// longest is how many characters of a text are drawn or measured: more than a figure
// is wide, and few enough for a name of a megabyte to cost nothing.
const longest = 1000

// Text writes txt.
func (c *Canvas) Text(x, y float64, s Style, txt string) {
	txt = printable(s, words.Shorten(txt, longest))
	if strings.TrimSpace(txt) == "" {
		return
	}
	full := text.Style{Color: s.Color, Font: s.font(), XAlign: text.XAlignment(s.Align), Handler: text.Plain{Fonts: fonts()}}
	if s.Hang {
		full.YAlign = text.YTop
	}
	parts := []string{txt}
	if !c.isSVG() && strings.Contains(txt, "11") { // there, a style says it
		x += float64(s.Align) * Width(s, txt)
		parts, full.XAlign = unkerned(txt), text.XLeft
	}
	for _, part := range parts {
		c.draw.FillText(full, vg.Point{X: vg.Length(x), Y: vg.Length(y)}, part)
		x += Width(s, part)
	}
}

// unkerned splits a text between two ones: the font sets them so near to each other that
// 11 looks like one digit.
func unkerned(txt string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(txt, "11", "1\x001"), "11", "1\x001"), "\x00")
}

// TextBeside writes txt so that the middle of its letters lies at height y.
func (c *Canvas) TextBeside(x, y float64, s Style, txt string) {
	const middle = 0.35 // of letters without descenders, above their baseline
	c.Text(x, y-middle*s.Size, s, txt)
}

// NoGlyph stands in place of a character that the font lacks.
const NoGlyph = '□'

func printable(s Style, txt string) string {
	face := fonts().Lookup(s.font(), vg.Length(s.Size)).Face
	var buf sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if i, err := face.GlyphIndex(&buf, r); err != nil || i == 0 {
			return NoGlyph
		}
		return r
	}, txt)
}

// Width is how wide txt is.
func Width(s Style, txt string) (w float64) {
	face := fonts().Lookup(s.font(), vg.Length(s.Size))
	for _, part := range unkerned(words.Shorten(txt, longest)) {
		w += face.Width(part).Points()
	}
	return w
}

// Fit makes the letters smaller, down to the size of notes, and then leaves out the
// end of txt, until it is no wider than w.
func Fit(s Style, txt string, w float64) (Style, string) {
	for s.Size > NoteSize && Width(s, txt) > w {
		s.Size -= 0.5
	}
	return s, cut(s, txt, w)
}

// cut leaves out the end of txt where it is wider than w.
func cut(s Style, txt string, w float64) string {
	if Width(s, txt) <= w {
		return txt
	}
	r := []rune(words.Shorten(txt, longest))
	for len(r) > 0 && Width(s, string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	if len(r) == 0 {
		return ""
	}
	return strings.TrimRight(string(r), " ,:…") + "…"
}

// CutMiddle leaves out the middle of txt where it is wider than w.
func CutMiddle(s Style, txt string, w float64) string {
	for most := len([]rune(txt)) - 1; most > 3 && Width(s, txt) > w; most -= 2 {
		txt = words.Shorten(txt, most)
	}
	return txt
}

// amount is a number and its unit, which stay on one line.
var amount = regexp.MustCompile(`(\d) ((?:ns|µs|ms|s|pp|clients?|arrivals?/s|targets)\b|%)`)

// Wrap breaks txt into at most most lines no wider than w. Where it does not fit, a
// mark stands in place of what is left out.
func Wrap(s Style, txt string, w float64, most int) (lines []string, fits bool) {
	rest := strings.Split(amount.ReplaceAllString(words.Shorten(txt, longest), "$1\u00a0$2"), " ")
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && Width(s, strings.Join(rest[:n+1], " ")) <= w {
			n++
		}
		if len(lines) == most {
			lines[most-1] = cut(s, lines[most-1]+" "+rest[0]+"…", w)
			return lines, false
		}
		lines, rest = append(lines, strings.Join(rest[:n], " ")), rest[n:]
	}
	fits = true
	for i, l := range lines {
		if lines[i] = cut(s, l, w); lines[i] != l {
			fits = false
		}
	}
	return lines, fits
}
