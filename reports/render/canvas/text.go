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

	"github.com/a628bb15/onhold/reports/render/words"
)

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
	c.draw.FillText(full, vg.Point{X: vg.Length(x), Y: vg.Length(y)}, txt)
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
func Width(s Style, txt string) float64 {
	face := fonts().Lookup(s.font(), vg.Length(s.Size))
	return face.Width(words.Shorten(txt, longest)).Points()
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
