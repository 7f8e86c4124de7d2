package pattern

import (
	"image/color"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

type bars struct {
	rows  []barRow
	scale canvas.Scale // of the lengths
}

type barRow struct {
	Bar
	heading string
	value   float64
	text    string
	hue     color.RGBA
	band    *canvas.Band // of the outcome that it is named after
	length  float64      // of its unit's longest, -1..1, and so are low and high
	low     float64
	high    float64
	known   bool // has a value that can be drawn
}

func newBars(given []Bar, book hueBook) *bars {
	var of words.Groups[string, barRow]
	for _, b := range given {
		r := barRow{Bar: b, value: float64(b.Value), text: b.Text, hue: book.hue(b.Style, b.Label, b.Group), known: canvas.Drawable(float64(b.Value))}
		if r.text == "" {
			r.text = r.Unit.Short(r.value)
			if r.Unit == units.Rate {
				r.text += "/s"
			}
		}
		if i := slices.IndexFunc(canvas.Bands[1:], func(o canvas.Band) bool { return o.Name == b.Label }); i >= 0 {
			r.band = &canvas.Bands[1+i]
		}
		of.Add(b.Group, r)
	}
	out := &bars{}
	for _, g := range of.Keys {
		if g != "" {
			out.rows = append(out.rows, barRow{heading: g})
		}
		out.rows = append(out.rows, of.Of[g]...)
	}
	return out
}

// alignBars gives bars of one unit one scale, in all panels.
func (m model) alignBars() {
	all := contents[*bars](m)
	most := map[units.Unit]float64{}
	for _, b := range all {
		for _, r := range b.rows {
			if r.known {
				most[r.Unit] = max(most[r.Unit], math.Abs(r.value), float64(r.High))
			}
		}
	}
	var scale canvas.Scale
	for _, b := range all {
		for i := range b.rows {
			if r := &b.rows[i]; r.known && most[r.Unit] > 1e-12 {
				r.length, r.low, r.high = r.value/most[r.Unit], float64(r.Low)/most[r.Unit], float64(r.High)/most[r.Unit]
				scale.Lo, scale.Hi = min(scale.Lo, r.length), max(scale.Hi, r.length, r.high)
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
	tallestBar   = 28
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
	h := min(tallestBar, r.H()/max(b.shares(), 1))
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
			if row.value != 0 { // little is not nothing
				box.X1 = max(box.X1, box.X0+0.75)
			}
			if row.band != nil {
				c.Band(*row.band, box)
			} else {
				c.Fill(row.hue, box)
			}
			if row.High > row.Low {
				c.Interval(x, row.low, row.high, mid, canvas.Ink)
			}
		}
		label, text := canvas.Fit(canvas.Style{Size: min(canvas.LabelSize, h*0.72), Color: canvas.Ink, Align: canvas.Right}, row.Label, r.X0-5-outer.X0)
		c.TextBeside(r.X0-5, mid, label, text)
		value := canvas.Style{Size: min(canvas.NameSize, h*0.75), Bold: true, Color: canvas.Ink}
		from := max(end, x.At(0), x.At(row.high)) + 6
		value, text = canvas.Fit(value, row.text, outer.X1-from)
		c.TextBeside(from, mid, value, text)
	}
	c.Segment(canvas.Pen{Color: canvas.Grey, Width: 0.7}, x.At(0), r.Y1, x.At(0), y)
}

func (b *bars) shares() (total float64) {
	for _, row := range b.rows {
		total += row.share()
	}
	return total
}

func (r barRow) share() float64 {
	if r.heading != "" {
		return headingShare
	}
	return 1
}

func (b *bars) marks() []string { return nil }

func (b *bars) words() string { return "bars" }

// barRows is how many rows the panel with the most bars has; 0 where a panel shows
// anything else.
func (m model) barRows() (most float64) {
	all := contents[*bars](m)
	if len(all) < len(m.cells) {
		return 0
	}
	for _, b := range all {
		most = max(most, b.shares())
	}
	return most
}
