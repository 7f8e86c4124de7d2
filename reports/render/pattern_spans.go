package render

import (
	"cmp"
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/units"
)

// lane is one row of a timeline, or several, as no two of its bars touch.
type lane struct {
	name string
	hue  color.RGBA
	bars []laneBar
	rows int
	end  float64 // of its last bar
}

type laneBar struct {
	Span
	row int
	hue color.RGBA
}

const (
	stairs   = 6  // up to so many bars of a lane have a row each
	mostRows = 90 // of a timeline
)

func lanesOf(spans []Span, book hueBook) []lane {
	var out []lane
	for _, s := range spans {
		if s.To < s.From || !drawable(float64(s.From)) || !drawable(float64(s.To)) {
			continue
		}
		i := slices.IndexFunc(out, func(l lane) bool { return l.name == s.Lane })
		if i < 0 {
			i = len(out)
			out = append(out, lane{name: s.Lane})
		}
		out[i].bars = append(out[i].bars, laneBar{Span: s, hue: book.hue(s.Style, s.Lane)})
	}
	for i := range out {
		out[i].pack()
	}
	return out
}

// pack gives each bar a row: its own where there are few, so that what comes
// one after another is a flight of stairs, else the first that is free.
func (l *lane) pack() {
	slices.SortStableFunc(l.bars, func(a, b laneBar) int { return cmp.Compare(a.From, b.From) })
	var hues []color.RGBA
	var free []int64 // when each row is
	for i := range l.bars {
		b := &l.bars[i]
		hues = append(hues, b.hue)
		l.end = max(l.end, float64(b.To))
		row := slices.IndexFunc(free, func(at int64) bool { return at <= int64(b.From) })
		if len(l.bars) <= stairs || row < 0 {
			row = len(free)
			free = append(free, 0)
		}
		free[row] = int64(b.To)
		b.row = row
	}
	l.rows, l.hue = len(free), sameHue(hues)
}

// alignLanes gives timelines one scale, and those with the same lanes the same
// heights.
func (m *patternModel) alignLanes(panels []Panel) {
	var times []float64
	names := func(c cell) []string {
		var out []string
		for _, l := range c.lanes {
			out = append(out, l.name)
		}
		return out
	}
	for _, c := range m.cells {
		for _, l := range c.lanes {
			for _, b := range l.bars {
				times = append(times, float64(b.From), float64(b.To))
			}
		}
	}
	for i := range m.cells {
		c := &m.cells[i]
		if c.kind != spanKind {
			continue
		}
		label := panels[i].X.Label
		if label == "" {
			label = "time"
		}
		c.x = newAxis(Axis{Label: label, Unit: units.Time}, append(times, 0), true)
		c.laneNames = true
		for k := range m.cells {
			if k == i || !slices.Equal(names(*c), names(m.cells[k])) {
				continue
			}
			for j := range c.lanes {
				c.lanes[j].rows = max(c.lanes[j].rows, m.cells[k].lanes[j].rows)
			}
			if k == i-1 && i%m.columns() > 0 {
				c.laneNames = false
			}
		}
	}
}

func (c cell) spanMargins(share vg.Length) margins {
	m := margins{left: 6, right: 14}
	for _, l := range c.lanes {
		m.right = max(m.right, width(style{size: nameSize, bold: true}, asTime(l.end))+8)
		if c.laneNames {
			m.left = max(m.left, width(style{size: nameSize, bold: true}, l.name)+8)
		}
	}
	m.left = min(m.left, 0.35*share)
	return m
}

func (p *paper) spanCell(c cell, r, outer rect) {
	at := c.x.on(r.x0, r.x1)
	ticks := c.x.ticks(7)
	for _, t := range ticks {
		p.segment(pen{color: gridGrey, width: hairWidth * 1.6}, at(t.at), r.y0, at(t.at), r.y1)
	}
	p.segment(pen{color: grey, width: 0.7}, r.x0, r.y0, r.x1, r.y0)
	p.xTicks(c.x, ticks, r, outer)

	lanes, rows := c.lanes, 0
	for i, l := range lanes {
		if rows += l.rows; rows > mostRows {
			rows -= l.rows
			lanes = lanes[:i]
			break
		}
	}
	if left := len(c.lanes) - len(lanes); left > 0 {
		p.text(r.x1, r.y1+1, style{size: noteSize, color: soft, hx: -1}, count(int64(left))+" more lanes are left out")
	}
	if rows == 0 {
		return
	}
	const between = 0.55 // two lanes, in rows
	h := min(24, (r.y1-r.y0-2)/(vg.Length(rows)+between*vg.Length(len(lanes))))
	y := r.y1 - h*between/2
	var middles []float64
	for _, l := range lanes {
		top := y
		p.laneBars(l, at, top, h, outer.x1)
		y -= h * vg.Length(l.rows)
		middles = append(middles, float64(top+y)/2)
		y -= h * between
	}
	if !c.laneNames {
		return
	}
	size := min(nameSize, max(noteSize, h*vg.Length(rows)/vg.Length(len(lanes))))
	kept := fitting(middles, func(v float64) (vg.Length, vg.Length) { return vg.Length(v), size * 1.1 })
	for i, l := range lanes {
		if slices.Contains(kept, middles[i]) {
			st := style{size: size, bold: true, color: l.hue, hx: -1}
			name := fitted(&st, l.name, r.x0-6-outer.x0)
			p.text(r.x0-6, vg.Length(middles[i])-middle(st.size), st, name)
		}
	}
}

// laneBars draws the bars of a lane from top down, and when the last one ends.
func (p *paper) laneBars(l lane, at func(float64) vg.Length, top, h, right vg.Length) {
	last := -1
	for i, b := range l.bars {
		x0, x1 := at(float64(b.From)), at(float64(b.To))
		x1 = max(x1, x0+0.75)
		y1 := top - h*vg.Length(b.row) - h*0.08
		y0 := y1 - h*0.84
		fill, word := b.hue, color.Color(white)
		if b.Wait {
			fill, word = mix(b.hue, white, 0.72), mix(b.hue, black, 0.3)
		}
		box := rect{x0, y0, x1, y1}
		p.fill(fill, box)
		if b.Wait && h > 5 {
			p.frame(pen{color: b.hue, width: thinWidth}, box)
		}
		st := style{size: min(labelSize, h*0.62), color: word, hx: -0.5}
		if st.size >= 6 && b.Label != "" && width(st, b.Label) < x1-x0-4 {
			p.text((x0+x1)/2, (y0+y1)/2-middle(st.size), st, b.Label)
		}
		if last < 0 || b.To >= l.bars[last].To {
			last = i
		}
	}
	if last < 0 || h < 6 {
		return
	}
	b := l.bars[last]
	st := style{size: min(nameSize, h*0.75), bold: true, color: b.hue}
	x := at(float64(b.To)) + 4
	p.text(x, top-h*(vg.Length(b.row)+0.5)-middle(st.size), st, fitted(&st, asTime(float64(b.To)), right-x))
}
