package pattern

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// dotField is callers as dots, in the order in which they were given.
type dotField struct {
	bands []int // of each dot
	tally []ending
	like  int // dots of the largest field in the figure, for one size of dots
}

// ending is how many callers ended in a band, and how long they waited.
type ending struct {
	band           int
	n              int
	least, slowest time.Duration
	dots           []int // the first of them
}

// pointed is up to how many dots of a band are pointed at.
const pointed = 3

func newDotField(dots []Dot) *dotField {
	f := &dotField{}
	all := make([]ending, len(canvas.Bands))
	for i, d := range dots {
		b := bandOf(d.Outcome)
		f.bands = append(f.bands, b)
		e := &all[b]
		if e.n == 0 {
			e.band, e.least = b, d.Latency
		}
		e.n++
		e.least, e.slowest = min(e.least, d.Latency), max(e.slowest, d.Latency)
		if len(e.dots) < pointed {
			e.dots = append(e.dots, i)
		}
	}
	f.tally = slices.DeleteFunc(all, func(e ending) bool { return e.n == 0 })
	return f
}

func bandOf(o result.Outcome) int {
	return slices.IndexFunc(canvas.Bands, func(b canvas.Band) bool { return slices.Contains(b.Outcomes, o) })
}

// rare is whether each of so few dots is pointed at.
func (f *dotField) rare(e ending) bool {
	return e.band > 0 && e.n <= pointed && 4*e.n <= len(f.bands)
}

func (e ending) words() string {
	s := units.Int(e.n) + " " + canvas.Bands[e.band].Name
	least, slowest := units.Duration(e.least), units.Duration(e.slowest)
	switch {
	case e.slowest <= 0:
		return s
	case e.band == 0:
		return fmt.Sprintf("%s within %s", s, slowest)
	case least == slowest:
		return fmt.Sprintf("%s after %s", s, slowest)
	}
	return fmt.Sprintf("%s after %s to %s", s, least, slowest)
}

func (m model) alignDots() {
	all := contents[*dotField](m)
	most := 0
	for _, f := range all {
		most = max(most, len(f.bands))
	}
	for _, f := range all {
		f.like = most
	}
}

func (f *dotField) margins(float64) margins { return margins{} }

func (f *dotField) axes() (above, below float64) {
	const oneLine, pointedAt = 18, 16
	if slices.ContainsFunc(f.tally, f.rare) {
		return 0, oneLine + pointedAt
	}
	return 0, oneLine
}

func (f *dotField) draw(c *canvas.Canvas, r, _ canvas.Rect) {
	n := float64(max(f.like, 1))
	side, across := 0.0, 1
	for cols := 1.0; cols <= n; cols++ {
		if s := min(r.W()/cols, r.H()/math.Ceil(n/cols)); s > side {
			side, across = s, int(cols)
		}
	}
	side = min(side, 24)
	place := func(i int) canvas.Point {
		return canvas.Point{X: r.X0 + (float64(i%across)+0.5)*side, Y: r.Y1 - (float64(i/across)+0.5)*side}
	}
	for i, b := range f.bands {
		bandDot(c, place(i), side*0.4, b)
	}
	lowest := r.Y1 - math.Ceil(float64(len(f.bands))/float64(across))*side
	at, tally := r.X0, r.X0
	for _, e := range f.tally {
		if f.rare(e) {
			at = e.pointAt(c, place, side, lowest, canvas.Rect{X0: at, X1: r.X1})
			continue
		}
		s, words := canvas.Fit(canvas.Style{Size: canvas.LabelSize, Color: canvas.Bands[e.band].Label, Bold: e.band > 0}, e.words(), r.X1-tally-9)
		_, below := f.axes()
		bandDot(c, canvas.Point{X: tally + 3, Y: lowest - below + 8}, 3, e.band)
		c.TextBeside(tally+9, lowest-below+8, s, words)
		tally += 19 + canvas.Width(s, words)
	}
}

func bandDot(c *canvas.Canvas, at canvas.Point, radius float64, band int) {
	b := canvas.Bands[band]
	if band == 0 {
		b.Fill = canvas.Mix(b.Fill, canvas.Black, 0.1) // many small dots look paler than one bar
	}
	c.Dot(at, radius, b.Fill, false)
	if b.Dotted {
		c.Dot(at, radius, canvas.Grey, true)
	} else if band > 0 { // seen without colours too
		c.Dot(at, radius*0.45, canvas.Black, false)
	}
}

// pointAt rings the dots of a band, and writes below the field what they are, between
// the sides of room. It returns where the words end.
func (e ending) pointAt(c *canvas.Canvas, place func(int) canvas.Point, side, lowest float64, room canvas.Rect) float64 {
	band := canvas.Bands[e.band]
	s, words := canvas.Fit(canvas.Style{Size: canvas.LabelSize + 0.5, Bold: true, Color: band.Label}, e.words(), room.W())
	w := canvas.Width(s, words)
	x := max(room.X0, min(place(e.dots[0]).X-w/2, room.X1-w))
	for _, i := range e.dots {
		dot := place(i)
		radius := max(side*0.5, 2.2)
		ring := canvas.Circle(dot, radius+1.6)
		c.Dot(dot, radius, band.Fill, false)
		c.Line(canvas.Pen{Color: band.Label, Width: 1.1}, append(ring, ring[0])...)
		// Down between two columns of dots, so that none is struck out.
		gutter := dot.X + side/2
		if gutter > room.X1-1 {
			gutter -= side
		}
		c.Line(canvas.Pen{Color: band.Label, Width: 0.9}, canvas.Point{X: gutter, Y: dot.Y - radius}, canvas.Point{X: gutter, Y: lowest - 4},
			canvas.Point{X: min(max(gutter, x+3), x+w-3), Y: lowest - 7})
	}
	c.Text(x, lowest-17, s, words)
	return x + w + 10
}

func (f *dotField) marks() []string { return nil }

func (f *dotField) words() string { return "a dot per caller" }
