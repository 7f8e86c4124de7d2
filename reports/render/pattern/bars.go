package pattern

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/units"
)

// bars is a panel of horizontal bars.
type bars struct {
	rows  []barRow
	scale canvas.Scale // of the lengths
}

// barRow is one line of a panel of bars: a bar, or the heading of a group.
type barRow struct {
	Bar
	heading string
	text    string
	hue     color.RGBA
	length  float64 // of its unit's longest, -1..1
	known   bool    // has a value that can be drawn
}

func newBars(given []Bar, book hueBook) *bars {
	var groups []string
	of := map[string][]barRow{}
	for _, b := range given {
		if of[b.Group] == nil {
			groups = append(groups, b.Group)
		}
		r := barRow{Bar: b, text: b.Text, hue: book.hue(b.Style, b.Label, b.Group), known: canvas.Drawable(b.Value)}
		if r.text == "" {
			r.text = barText(b)
		}
		if b.Weak {
			r.hue = canvas.Mix(r.hue, canvas.White, 0.6)
		}
		of[b.Group] = append(of[b.Group], r)
	}
	out := &bars{}
	for _, g := range groups {
		if g != "" {
			out.rows = append(out.rows, barRow{heading: g})
		}
		out.rows = append(out.rows, of[g]...)
	}
	return out
}

// barText is the value of a bar; a large count has a letter.
func barText(b Bar) string {
	if b.Unit == units.Rate {
		return b.Unit.Short(b.Value) + "/s"
	}
	return b.Unit.Short(b.Value)
}

// alignBars gives bars of one unit one scale, in all panels.
func (m model) alignBars() {
	all := contents[*bars](m)
	most := map[units.Unit]float64{}
	for _, b := range all {
		for _, r := range b.rows {
			if r.known {
				most[r.Unit] = max(most[r.Unit], math.Abs(r.Value))
			}
		}
	}
	var scale canvas.Scale
	for _, b := range all {
		for i := range b.rows {
			if r := &b.rows[i]; r.known && most[r.Unit] > 1e-12 {
				r.length = r.Value / most[r.Unit]
				scale.Lo, scale.Hi = min(scale.Lo, r.length), max(scale.Hi, r.length)
			}
		}
	}
	if scale.Hi <= scale.Lo {
		scale.Hi = 1
	}
	for _, b := range all {
		b.scale = scale
	}
}

const (
	tallestBar   = 26
	headingShare = 1.15 // of the height of a bar
)

func (b *bars) margins(width float64) margins {
	m := margins{left: 4, right: 12}
	for _, r := range b.rows {
		m.left = max(m.left, canvas.Width(canvas.Style{Size: canvas.LabelSize}, r.Label)+8)
		m.right = max(m.right, canvas.Width(canvas.Style{Size: canvas.NameSize, Bold: true}, r.text)+8)
	}
	return margins{min(m.left, 0.4*width), min(m.right, 0.35*width)}
}

func (b *bars) axes() (above, below float64) { return 0, 4 }

func (b *bars) draw(c *canvas.Canvas, r, outer canvas.Rect) {
	total := 0.0
	for _, row := range b.rows {
		total += row.share()
	}
	h := min(tallestBar, r.H()/max(total, 1))
	x := b.scale
	x.From, x.To = r.X0, r.X1
	y := r.Y1
	for _, row := range b.rows {
		y -= h * row.share()
		if row.heading != "" {
			s, text := canvas.Fit(canvas.Style{Size: min(canvas.LabelSize, h*0.7), Bold: true, Color: canvas.Ink}, row.heading, outer.W())
			c.Text(outer.X0, y+h*0.28, s, text)
			continue
		}
		mid := y + h/2
		end := x.At(row.length)
		if row.known {
			box := canvas.Rect{X0: min(x.At(0), end), Y0: y + h*0.14, X1: max(x.At(0), end), Y1: y + h*0.86}
			if row.Value != 0 { // little is not nothing
				box.X1 = max(box.X1, box.X0+0.75)
			}
			c.Fill(row.hue, box)
		}
		label, text := canvas.Fit(canvas.Style{Size: min(canvas.LabelSize, h*0.72), Color: canvas.Ink, Align: canvas.Right}, row.Label, r.X0-5-outer.X0)
		c.TextBeside(r.X0-5, mid, label, text)
		value := canvas.Style{Size: min(canvas.NameSize, h*0.75), Bold: !row.Weak, Color: canvas.Ink}
		if row.Weak {
			value.Color = canvas.Soft
		}
		from := max(end, x.At(0)) + 5
		value, text = canvas.Fit(value, row.text, outer.X1-from)
		c.TextBeside(from, mid, value, text)
	}
	c.Segment(canvas.Pen{Color: canvas.Grey, Width: 0.7}, x.At(0), r.Y1, x.At(0), y)
}

// share is the height of a row, in bars.
func (r barRow) share() float64 {
	if r.heading != "" {
		return headingShare
	}
	return 1
}

func (b *bars) marks() []string { return nil }

func (b *bars) words() (kind, axes string, keys []string) {
	group := ""
	for _, r := range b.rows {
		if r.heading != "" {
			group = r.heading
			continue
		}
		keys = append(keys, join(", ", group, strings.TrimSpace(fmt.Sprint(r.Label, " ", r.text))))
	}
	return "Bars", "", keys
}
