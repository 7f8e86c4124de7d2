package pattern

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// dotField is callers as dots, in the order in which they were given.
type dotField struct {
	of    []int // the band of each dot
	tally []ending
	per   int // callers in a dot
	like  int // dots of the largest field in the figure, for one size of dots
}

// ending is how many callers ended in a band, and how long they waited.
type ending struct {
	band           int
	n              int64
	least, slowest time.Duration
	where          []int // dots, where they are few
}

const (
	mostDots = 5000 // with more callers, each dot is several
	pointed  = 3    // up to how many dots of a band are pointed at
)

// newDotField shows of several callers in one dot the one who fared worst: the last of
// the bands.
func newDotField(dots []Dot) *dotField {
	f := &dotField{per: (len(dots) + mostDots - 1) / mostDots}
	all := make([]ending, len(canvas.Bands))
	for i, d := range dots {
		b := bandOf(d.Outcome)
		place := i / f.per
		if place == len(f.of) {
			f.of = append(f.of, b)
		}
		f.of[place] = max(f.of[place], b)
		e := &all[b]
		if e.n == 0 {
			e.band, e.least = b, d.Latency
		}
		e.n++
		e.least, e.slowest = min(e.least, d.Latency), max(e.slowest, d.Latency)
		if b > 0 && e.n <= pointed {
			e.where = append(e.where, place)
		}
	}
	for _, e := range all {
		if e.n > pointed || int(e.n)*4 > len(dots) {
			e.where = nil
		}
		if e.n > 0 {
			f.tally = append(f.tally, e)
		}
	}
	return f
}

// bandOf is the band of an outcome; one that does not exist is an error.
func bandOf(o result.Outcome) int {
	of := func(o result.Outcome) int {
		return slices.IndexFunc(canvas.Bands, func(b canvas.Band) bool { return slices.Contains(b.Outcomes, o) })
	}
	if b := of(o); b >= 0 {
		return b
	}
	return of(result.Error)
}

// brief is how many callers ended in a band.
func (e ending) brief() string { return units.Int(e.n) + " " + canvas.Bands[e.band].Name }

// words is brief, and how long they waited.
func (e ending) words() string {
	least, slowest := units.Duration(e.least), units.Duration(e.slowest)
	switch {
	case e.slowest <= 0:
		return e.brief()
	case e.band == 0:
		return fmt.Sprintf("%s within %s", e.brief(), slowest)
	case least == slowest:
		return fmt.Sprintf("%s after %s", e.brief(), slowest)
	}
	return fmt.Sprintf("%s after %s to %s", e.brief(), least, slowest)
}

// alignDots gives the dots of all panels one size.
func (m model) alignDots() {
	most := 0
	all := contents[*dotField](m)
	for _, f := range all {
		if f != nil {
			most = max(most, len(f.of))
		}
	}
	for _, f := range all {
		if f != nil {
			f.like = most
		}
	}
}

// tallyHeight is the strip below the dots: who is pointed at, and the tally.
const tallyHeight = 34

func (f *dotField) margins(float64) margins      { return margins{} }
func (f *dotField) axes() (above, below float64) { return 0, tallyHeight }

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
	for i, b := range f.of {
		bandDot(c, place(i), side*0.4, b)
	}
	strip := r.Y1 - math.Ceil(float64(len(f.of))/float64(across))*side - 4
	left := r.X0
	for _, e := range f.tally {
		if len(e.where) > 0 {
			left = e.pointAt(c, place, side, strip, left, r)
		}
	}
	f.tallies(c, r, strip)
}

// bandDot is a dot in the colour of a band.
func bandDot(c *canvas.Canvas, at canvas.Point, radius float64, band int) {
	b := canvas.Bands[band]
	if band == 0 {
		b.Fill = canvas.Mix(b.Fill, canvas.Black, 0.1) // many small dots look paler than one bar
	}
	c.Dot(at, radius, b.Fill, false)
	if b.Dotted {
		c.Dot(at, radius, canvas.Grey, true)
	}
}

// pointAt rings the dots of a band, and writes below the field what they are, from left
// on. It returns where the words end.
func (e ending) pointAt(c *canvas.Canvas, place func(int) canvas.Point, side, strip, left float64, r canvas.Rect) float64 {
	band := canvas.Bands[e.band]
	s, words := canvas.Fit(canvas.Style{Size: canvas.LabelSize + 0.5, Bold: true, Color: band.Label}, e.words(), r.X1-left)
	w := canvas.Width(s, words)
	x := max(left, min(place(e.where[0]).X-w/2, r.X1-w))
	y := strip - 13
	for _, i := range e.where {
		dot := place(i)
		radius := max(side*0.5, 2.2)
		c.Dot(dot, radius, band.Fill, false)
		// Down between two columns of dots, so that none is struck out.
		gutter := dot.X + side/2
		if gutter > r.X1-1 {
			gutter = dot.X - side/2
		}
		ring := radius + 1.6
		circle := canvas.Circle(dot, ring)
		c.Line(canvas.Pen{Color: band.Label, Width: 1.1}, append(circle, circle[0])...)
		c.Line(canvas.Pen{Color: band.Label, Width: 0.9}, canvas.OnCircle(dot, ring, -0.125), canvas.Point{X: gutter, Y: dot.Y - max(side/2, ring)},
			canvas.Point{X: gutter, Y: strip}, canvas.Point{X: min(max(gutter, x+3), x+w-3), Y: y + s.Size*0.85 + 1.5})
	}
	c.Text(x, y, s, words)
	return x + w + 10
}

// tallies writes how many callers ended how: in as much detail as there is room for, in
// two lines where nobody is pointed at in the first.
func (f *dotField) tallies(c *canvas.Canvas, r canvas.Rect, strip float64) {
	var rest []ending
	rows := 2
	for _, e := range f.tally {
		if len(e.where) == 0 {
			rest = append(rest, e)
		} else {
			rows = 1
		}
	}
	type place struct {
		x     float64
		row   int
		words string
		style canvas.Style
	}
	const mark, between = 9, 10
	layOut := func(size float64, words func(ending) string) (out []place, fits bool) {
		at := place{x: r.X0}
		for _, e := range rest {
			at.words = words(e)
			at.style = canvas.Style{Size: size, Color: canvas.Bands[e.band].Label, Bold: e.band > 0}
			w := mark + canvas.Width(at.style, at.words)
			if at.x > r.X0 && at.x+w > r.X1 {
				at.x, at.row = r.X0, at.row+1
			}
			if at.row >= rows || at.x+w > r.X1 {
				return out, false
			}
			out = append(out, at)
			at.x += w + between
		}
		return out, true
	}
	out, fits := layOut(canvas.LabelSize, ending.words)
	if !fits {
		out, fits = layOut(canvas.LabelSize, ending.brief)
	}
	if !fits {
		out, _ = layOut(canvas.NoteSize, ending.brief)
	}
	for i, o := range out {
		y := strip - tallyHeight + 11 + float64(out[len(out)-1].row-o.row)*13
		bandDot(c, canvas.Point{X: o.x + 3, Y: y}, 3, rest[i].band)
		c.TextBeside(o.x+mark, y, o.style, o.words)
	}
}

func (f *dotField) marks() []string {
	if f.per < 2 {
		return nil
	}
	return []string{fmt.Sprintf("a dot is %s callers, in the colour of the one who fared worst", units.Int(f.per))}
}

func (f *dotField) words() (kind, axes string, keys []string) {
	for _, e := range f.tally {
		keys = append(keys, e.words())
	}
	return "Field of dots, one a caller", "", []string{strings.Join(keys, ", ")}
}
