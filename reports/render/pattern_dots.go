package render

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/result"
)

// dotField is callers as dots, in the order in which they were given.
type dotField struct {
	of    []int // the band of each dot
	tally []ending
	per   int // callers to a dot
	like  int // dots of the largest field in the figure, for one size of dots
}

// ending is how many callers ended in a band, and what they waited.
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

// paleDot is the colour of those who were served: many small dots are paler
// than one bar.
var paleDot = mix(okGrey, black, 0.1)

// newDotField shows of several callers in one dot the one who fared worst: the
// last of the bands.
func newDotField(dots []Dot) dotField {
	f := dotField{per: (len(dots) + mostDots - 1) / mostDots}
	all := make([]ending, len(bands))
	for i, d := range dots {
		b := slices.IndexFunc(bands, func(b band) bool { return slices.Contains(b.outcomes, d.Outcome) })
		if b < 0 {
			b = slices.IndexFunc(bands, func(b band) bool { return slices.Contains(b.outcomes, result.Error) })
		}
		place := i / f.per
		if place == len(f.of) {
			f.of = append(f.of, b)
		}
		f.of[place] = max(f.of[place], b)
		t := &all[b]
		t.band = b
		if t.n == 0 {
			t.least = d.Latency
		}
		t.n++
		t.least, t.slowest = min(t.least, d.Latency), max(t.slowest, d.Latency)
		if b > 0 && t.n <= pointed {
			t.where = append(t.where, place)
		}
	}
	for _, t := range all {
		if t.n == 0 {
			continue
		}
		if t.n > pointed || int(t.n)*4 > len(dots) {
			t.where = nil
		}
		f.tally = append(f.tally, t)
	}
	return f
}

// words are what is told of a band: how many, and how long they waited.
func (t ending) words() string {
	s := count(t.n) + " " + bands[t.band].name
	switch {
	case t.slowest <= 0:
		return s
	case t.band != 0 && duration(t.least) == duration(t.slowest):
		return fmt.Sprintf("%s after %s", s, duration(t.slowest))
	case t.band != 0:
		return fmt.Sprintf("%s after %s to %s", s, duration(t.least), duration(t.slowest))
	}
	return fmt.Sprintf("%s within %s", s, duration(t.slowest))
}

func (f dotField) words() string {
	var out []string
	for _, t := range f.tally {
		out = append(out, t.words())
	}
	return strings.Join(out, ", ")
}

// sizeDots gives the dots of all panels one size.
func (m *patternModel) sizeDots() {
	most := 0
	for _, c := range m.cells {
		most = max(most, len(c.field.of))
	}
	for i := range m.cells {
		m.cells[i].field.like = most
	}
}

// tallyHeight is the strip below the dots: who is pointed at, and the tally.
const tallyHeight = 34

func (p *paper) dotCell(c cell, r rect) {
	f := c.field
	n := max(f.like, 1)
	w, h := float64(r.x1-r.x0), float64(r.y1-r.y0)
	side, across := 0.0, 1
	for cols := 1; cols <= n; cols++ {
		if s := min(w/float64(cols), h/math.Ceil(float64(n)/float64(cols))); s > side {
			side, across = s, cols
		}
	}
	side = min(side, 24)
	place := func(i int) (x, y vg.Length) {
		return r.x0 + vg.Length((float64(i%across)+0.5)*side), r.y1 - vg.Length((float64(i/across)+0.5)*side)
	}
	lowest := r.y1 - vg.Length(math.Ceil(float64(len(f.of))/float64(across))*side)
	radius := vg.Length(side) * 0.4
	for i, b := range f.of {
		x, y := place(i)
		c := bands[b].fill
		if b == 0 {
			c = paleDot
		}
		p.dot(x, y, radius, c, false)
		if bands[b].dotted {
			p.dot(x, y, radius, grey, true)
		}
	}
	strip := lowest - 4
	right := r.x0
	for _, t := range f.tally {
		if len(t.where) > 0 {
			right = p.pointAt(t, place, radius, vg.Length(side), strip, right, r)
		}
	}
	p.tallies(f, r, strip)
}

// pointAt rings the dots of a band, and writes below the field what they are,
// from left on. It returns where the words end.
func (p *paper) pointAt(t ending, place func(int) (x, y vg.Length), radius, side, strip, left vg.Length, r rect) vg.Length {
	dark := bands[t.band].label
	st := style{size: labelSize + 0.5, bold: true, color: dark}
	words := fitted(&st, t.words(), r.x1-left)
	w := width(st, words)
	first, _ := place(t.where[0])
	x := max(left, min(first-w/2, r.x1-w))
	y := strip - 13
	for _, i := range t.where {
		dx, dy := place(i)
		p.dot(dx, dy, max(radius*1.25, 2.2), bands[t.band].fill, false)
		// Down between two columns of dots, so that none is struck out.
		gutter := dx + side/2
		if gutter > r.x1-1 {
			gutter = dx - side/2
		}
		lead := pen{color: dark, width: 0.9}
		ring := max(radius*1.25, 2.2) + 1.6
		var circle []vg.Point
		for k := range 25 {
			circle = append(circle, onCircle(vg.Point{X: dx, Y: dy}, ring, float64(k)/24))
		}
		p.line(pen{color: dark, width: 1.1}, circle...)
		p.line(lead, onCircle(vg.Point{X: dx, Y: dy}, ring, -0.125), vg.Point{X: gutter, Y: dy - max(side/2, ring)},
			vg.Point{X: gutter, Y: strip}, vg.Point{X: min(max(gutter, x+3), x+w-3), Y: y + st.size*0.85 + 1.5})
	}
	p.text(x, y, st, words)
	return x + w + 10
}

// tallies writes how many callers ended how: in as much detail as there is room
// for, in two lines where nobody is pointed at in the first.
func (p *paper) tallies(f dotField, r rect, strip vg.Length) {
	var told []ending
	rows := 2
	for _, t := range f.tally {
		if len(t.where) == 0 {
			told = append(told, t)
		} else {
			rows = 1
		}
	}
	type place struct {
		x     vg.Length
		row   int
		words string
	}
	const mark, between = 9, 10
	lay := func(size vg.Length, words func(ending) string) (out []place, fits bool) {
		at := place{x: r.x0}
		for _, t := range told {
			at.words = words(t)
			w := mark + width(style{size: size, bold: t.band > 0}, at.words)
			if at.x > r.x0 && at.x+w > r.x1 {
				at.x, at.row = r.x0, at.row+1
			}
			if at.row >= rows || at.x+w > r.x1 {
				return out, false
			}
			out = append(out, at)
			at.x += w + between
		}
		return out, true
	}
	brief := func(t ending) string { return count(t.n) + " " + bands[t.band].name }
	size := vg.Length(labelSize)
	out, fits := lay(size, ending.words)
	if !fits {
		out, fits = lay(size, brief)
	}
	if !fits {
		size = noteSize
		out, _ = lay(size, brief)
	}
	used := 0
	for _, o := range out {
		used = max(used, o.row)
	}
	for i, o := range out {
		b := bands[told[i].band]
		y := strip - tallyHeight + 8 + vg.Length(used-o.row)*13
		fill := b.fill
		if told[i].band == 0 {
			fill = paleDot
		}
		p.dot(o.x+3, y+middle(size), 3, fill, false)
		if b.dotted {
			p.dot(o.x+3, y+middle(size), 3, grey, true)
		}
		p.text(o.x+mark, y, style{size: size, color: b.label, bold: told[i].band > 0}, o.words)
	}
}
