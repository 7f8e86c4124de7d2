package render

import (
	"image"
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
	"gonum.org/v1/plot/vg/vgimg"
)

// dpi is the resolution at which the sizes in points below come out as the
// pixel sizes of the figures.
const dpi = 192

// Type sizes in points. A figure that a page shows at half its width still
// has readable ticks.
const (
	titleSize = 13
	nameSize  = 10.5
	labelSize = 9
	tickSize  = 8.5
	noteSize  = 7
)

// Line widths in points.
const (
	lineWidth = 1.5
	thinWidth = 0.6
	hairWidth = 0.3
)

var (
	dotted = []vg.Length{0.9, 2.1}
	dashed = []vg.Length{4, 2.5}
)

var fonts = sync.OnceValue(func() *font.Cache { return font.NewCache(liberation.Collection()) })

// paper is a picture that is being drawn. Places are in points from the lower
// left corner. Nothing that is drawn can fail.
type paper struct {
	c       draw.Canvas
	img     *vgimg.Canvas
	w, h    vg.Length
	strange map[rune]bool // runes that the fonts lack, drawn as a question mark
}

// newPaper makes white paper of w×h pixels at the standard resolution. Other
// resolutions give the same picture with more or fewer pixels.
func newPaper(w, h, resolution int) *paper {
	pw, ph := vg.Length(w)/dpi*vg.Inch, vg.Length(h)/dpi*vg.Inch
	img := vgimg.NewWith(vgimg.UseWH(pw, ph), vgimg.UseDPI(resolution))
	return &paper{c: draw.New(img), img: img, w: pw, h: ph, strange: map[rune]bool{}}
}

func (p *paper) image() image.Image { return p.img.Image() }

type rect struct{ x0, y0, x1, y1 vg.Length }

// style is how text looks: hx and hy tell which part of it lies at its place.
type style struct {
	size   vg.Length
	bold   bool
	color  color.Color
	hx     text.XAlignment
	hy     text.YAlignment
	upward bool // read from the bottom up
}

func (s style) font() font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: s.size}
	if s.bold {
		f.Weight = stdfont.WeightBold
	}
	return f
}

func (s style) full() text.Style {
	t := text.Style{Color: s.color, Font: s.font(), XAlign: s.hx, YAlign: s.hy, Handler: text.Plain{Fonts: fonts()}}
	if s.upward {
		t.Rotation = 1.5707963267948966
	}
	return t
}

// mostDrawn is how many characters of a text are drawn or measured: more than a
// figure is wide, and few enough for a name of a megabyte to cost nothing.
const mostDrawn = 1000

func (p *paper) text(x, y vg.Length, s style, txt string) {
	txt = p.drawable(s, shorten(txt, mostDrawn))
	if strings.TrimSpace(txt) == "" {
		return
	}
	p.c.FillText(s.full(), vg.Point{X: x, Y: y}, txt)
}

func width(s style, txt string) vg.Length {
	face := fonts().Lookup(s.font(), s.size)
	return face.Width(shorten(txt, mostDrawn))
}

// drawable replaces what the font has no glyph for, and remembers it: the
// library would leave a box without a word.
func (p *paper) drawable(s style, txt string) string {
	face := fonts().Lookup(s.font(), s.size).Face
	var buf sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if i, err := face.GlyphIndex(&buf, r); err != nil || i == 0 {
			p.strange[r] = true
			return '?'
		}
		return r
	}, txt)
}

type pen struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
}

func (p *paper) line(s pen, pts ...vg.Point) {
	p.c.StrokeLines(draw.LineStyle{Color: s.color, Width: s.width, Dashes: s.dashes}, pts)
}

func (p *paper) segment(s pen, x0, y0, x1, y1 vg.Length) {
	p.line(s, vg.Point{X: x0, Y: y0}, vg.Point{X: x1, Y: y1})
}

func (p *paper) fill(c color.Color, r rect) {
	p.c.FillPolygon(c, []vg.Point{{X: r.x0, Y: r.y0}, {X: r.x1, Y: r.y0}, {X: r.x1, Y: r.y1}, {X: r.x0, Y: r.y1}})
}

func (p *paper) frame(s pen, r rect) {
	p.line(s, vg.Point{X: r.x0, Y: r.y0}, vg.Point{X: r.x1, Y: r.y0}, vg.Point{X: r.x1, Y: r.y1},
		vg.Point{X: r.x0, Y: r.y1}, vg.Point{X: r.x0, Y: r.y0})
}

// dot is a marker; a hollow one stands for a stage that is not valid.
func (p *paper) dot(x, y, radius vg.Length, c color.Color, hollow bool) {
	at := vg.Point{X: x, Y: y}
	if !hollow {
		p.c.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}, at)
		return
	}
	p.c.DrawGlyphNoClip(draw.GlyphStyle{Color: white, Radius: radius, Shape: draw.CircleGlyph{}}, at)
	const corners = 16
	var ring []vg.Point
	for i := range corners + 1 {
		ring = append(ring, onCircle(at, radius, float64(i)/corners))
	}
	p.line(pen{color: c, width: 0.9}, ring...)
}

// amount is a number and its unit, between which no line is broken.
var amount = regexp.MustCompile(`(\d) ((?:ns|µs|ms|s|pp|clients?|arrivals?/s|targets)\b|%)`)

// wrap breaks txt into at most most lines no wider than w. Where it does not
// fit, the rest is cut off.
func wrap(s style, txt string, w vg.Length, most int) (lines []string, fits bool) {
	txt = shorten(txt, mostDrawn)
	words := strings.Split(amount.ReplaceAllString(txt, "$1\u00a0$2"), " ")
	fits = true
	for len(words) > 0 {
		n := 1
		for n < len(words) && width(s, strings.Join(words[:n+1], " ")) <= w {
			n++
		}
		line := strings.Join(words[:n], " ")
		if width(s, line) > w {
			fits = false
			for r := []rune(line); len(r) > 1 && width(s, line) > w; {
				r = r[:len(r)-1]
				line = string(r) + "…"
			}
		}
		if len(lines) == most {
			return lines, false
		}
		lines, words = append(lines, line), words[n:]
	}
	return lines, fits
}
