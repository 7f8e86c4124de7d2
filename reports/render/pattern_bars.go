package render

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/units"
)

// barRow is one line of a panel of bars: a bar, or the heading of a group.
type barRow struct {
	Bar
	heading string
	text    string
	hue     color.RGBA
	length  float64 // of its unit's longest, -1..1
	known   bool    // has a value that can be drawn
}

func barRows(bars []Bar, book hueBook) []barRow {
	var groups []string
	of := map[string][]barRow{}
	for _, b := range bars {
		if of[b.Group] == nil {
			groups = append(groups, b.Group)
		}
		r := barRow{Bar: b, text: b.Text, hue: book.hue(b.Style, b.Label, b.Group), known: drawable(b.Value)}
		if r.text == "" {
			r.text = b.Unit.Text(b.Value)
		}
		if b.Weak {
			r.hue = mix(r.hue, white, 0.6)
		}
		of[b.Group] = append(of[b.Group], r)
	}
	var out []barRow
	for _, g := range groups {
		if g != "" {
			out = append(out, barRow{heading: g})
		}
		out = append(out, of[g]...)
	}
	return out
}

// scaleBars gives bars of one unit one scale, in all panels.
func (m *patternModel) scaleBars() {
	most := map[units.Unit]float64{}
	each := func(f func(*cell, *barRow)) {
		for i := range m.cells {
			for k := range m.cells[i].bars {
				if r := &m.cells[i].bars[k]; r.known && r.heading == "" {
					f(&m.cells[i], r)
				}
			}
		}
	}
	each(func(_ *cell, r *barRow) { most[r.Unit] = max(most[r.Unit], math.Abs(r.Value)) })
	left, right := 0.0, 0.0
	each(func(_ *cell, r *barRow) {
		if most[r.Unit] > 1e-12 {
			r.length = r.Value / most[r.Unit]
		}
		left, right = min(left, r.length), max(right, r.length)
	})
	for i := range m.cells {
		m.cells[i].left, m.cells[i].right = left, right
	}
}

const (
	tallestBar   = 26
	shortestBar  = 9
	headingShare = 1.15 // of the height of a bar
)

func (c cell) barMargins(share vg.Length) margins {
	m := margins{left: 4, right: 12}
	for _, b := range c.bars {
		if b.heading == "" {
			m.left = max(m.left, width(style{size: labelSize}, b.Label)+8)
			m.right = max(m.right, width(style{size: nameSize, bold: true}, b.text)+8)
		}
	}
	return margins{min(m.left, 0.4*share), min(m.right, 0.35*share)}
}

func (p *paper) barCell(c cell, r, outer rect) {
	rows := c.bars
	if most := int((r.y1 - r.y0) / shortestBar); len(rows) > most {
		rows = rows[:max(0, most-1)]
		left := int64(0)
		for _, b := range c.bars[len(rows):] {
			if b.heading == "" {
				left++
			}
		}
		p.text(outer.x0, r.y0, style{size: noteSize, color: soft}, count(left)+" more are left out")
		r.y0 += shortestBar
	}
	total := vg.Length(0)
	for _, b := range rows {
		total += b.share()
	}
	h := min(tallestBar, (r.y1-r.y0)/max(total, 1))
	x := axis{lo: c.left, hi: c.right}
	if x.hi <= x.lo {
		x.hi = 1
	}
	at := x.on(r.x0, r.x1)
	y := r.y1
	for _, b := range rows {
		y -= h * b.share()
		if b.heading != "" {
			st := style{size: min(labelSize, h*0.7), bold: true, color: ink}
			p.text(outer.x0, y+h*0.28, st, fitted(&st, b.heading, outer.x1-outer.x0))
			continue
		}
		mid := y + h/2
		end := at(b.length)
		if b.known {
			box := rect{min(at(0), end), y + h*0.14, max(at(0), end), y + h*0.86}
			if box.x1-box.x0 < 0.75 && b.Value != 0 {
				box.x1 = box.x0 + 0.75 // little is not nothing
			}
			p.fill(b.hue, box)
		}
		st := style{size: min(labelSize, h*0.72), color: ink, hx: -1}
		p.text(r.x0-5, mid-middle(st.size), st, fitted(&st, b.Label, r.x0-5-outer.x0))
		st = style{size: min(nameSize, h*0.75), bold: !b.Weak, color: ink}
		if b.Weak {
			st.color = soft
		}
		from := max(end, at(0)) + 5
		p.text(from, mid-middle(st.size), st, fitted(&st, b.text, outer.x1-from))
	}
	p.segment(pen{color: grey, width: 0.7}, at(0), r.y1, at(0), y)
}

// share is the height of a row, in bars.
func (b barRow) share() vg.Length {
	if b.heading != "" {
		return headingShare
	}
	return 1
}
