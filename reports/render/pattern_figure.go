package render

import (
	"strings"

	"gonum.org/v1/plot/vg"
)

const (
	cellGap    = 16 // between panels side by side
	rowGap     = 12 // between two rows of panels
	titleLine  = 12.5
	axisLine   = 13 // the name of a y axis, above it
	noteLine   = noteSize * 1.2
	xAxisSpace = 27 // ticks and the name of an x axis
)

// margins are the free points at both sides of a panel's data.
type margins struct{ left, right vg.Length }

// pattern draws the panels: data rectangles of one size, so that what has one
// scale can be compared by eye.
func (p *paper) pattern(s sheet, m patternModel) {
	top, bottom := p.head(s)-4, p.foot(s)+1
	n := len(m.cells)
	if n == 0 {
		return
	}
	cols := m.columns()
	rows := (n + cols - 1) / cols
	share := (p.w - 2*edge - vg.Length(cols-1)*cellGap) / vg.Length(cols)
	room := make([]margins, cols)
	used := vg.Length(0)
	for i, c := range m.cells {
		of := p.margins(c, share)
		r := &room[i%cols]
		r.left, r.right = max(r.left, of.left), max(r.right, of.right)
	}
	for _, r := range room {
		used += r.left + r.right
	}
	w := share - used/vg.Length(cols)
	height := (top - bottom - vg.Length(rows-1)*rowGap) / vg.Length(rows)
	for row := range rows {
		cells := m.cells[row*cols : min(n, (row+1)*cols)]
		y1 := top - vg.Length(row)*(height+rowGap)
		y0 := y1 - height
		var outer []rect
		x := vg.Length(edge)
		for i := range cells {
			full := room[i].left + w + room[i].right
			outer = append(outer, rect{x, y0, x + full, y1})
			x += full + cellGap
		}
		above, below := vg.Length(0), vg.Length(0)
		for i, c := range cells {
			above = max(above, c.headHeight(outer[i]))
			below = max(below, c.footHeight(outer[i]))
		}
		for i, c := range cells {
			o := outer[i]
			data := rect{o.x0 + room[i].left, y0 + below, o.x1 - room[i].right, y1 - above}
			p.cellTitle(c, o)
			p.cellNote(c, o)
			p.cell(c, data, o)
		}
	}
}

// margins are what a cell needs, given the width that it has with them.
func (p *paper) margins(c cell, share vg.Length) margins {
	switch c.kind {
	case lineKind:
		return c.lineMargins(share)
	case barKind:
		return c.barMargins(share)
	case spanKind:
		return c.spanMargins(share)
	}
	return margins{}
}

func (p *paper) cell(c cell, r, outer rect) {
	switch c.kind {
	case lineKind:
		p.lineCell(c, r, outer)
	case barKind:
		p.barCell(c, rect{r.x0, outer.y0 + c.noteHeight(outer) + 4, r.x1, r.y1}, outer)
	case spanKind:
		p.spanCell(c, r, outer)
	case dotKind:
		p.dotCell(c, r)
	default:
		p.text((r.x0+r.x1)/2, (r.y0+r.y1)/2, style{size: labelSize, color: soft, hx: -0.5}, "no data")
	}
}

// titleOf splits a title into its bold part and the plain rest, which goes
// into a line of its own where one is not enough for both.
func (c cell) titleOf(w vg.Length) (bold, plain string, apart bool) {
	bold, plain, _ = strings.Cut(c.title, ":")
	plain = strings.TrimSpace(plain)
	both := width(style{size: nameSize - 1, bold: true}, bold) + 4 + width(style{size: tickSize}, plain)
	return bold, plain, plain != "" && both > w
}

func (c cell) headHeight(o rect) vg.Length {
	h := vg.Length(3)
	if c.title != "" {
		h += titleLine
		if _, _, apart := c.titleOf(o.x1 - o.x0); apart {
			h += titleLine - 1
		}
	}
	if c.kind == lineKind && c.y.name() != "" {
		h += axisLine
	}
	return h + 4
}

func (p *paper) cellTitle(c cell, o rect) {
	bold, plain, apart := c.titleOf(o.x1 - o.x0)
	y := o.y1 - titleLine + 3
	st := style{size: nameSize - 1, bold: true, color: ink}
	p.text(o.x0, y, st, fitted(&st, bold, o.x1-o.x0))
	x := o.x0 + width(st, bold) + 4
	if apart {
		x, y = o.x0, y-titleLine+1
	}
	st = style{size: tickSize, color: soft}
	p.text(x, y, st, fitted(&st, plain, o.x1-x))
}

// fitted makes the letters of s smaller, down to seven points, and then cuts
// txt, until it is no wider than w.
func fitted(s *style, txt string, w vg.Length) string {
	for s.size > noteSize && width(*s, txt) > w {
		s.size -= 0.5
	}
	return cut(*s, txt, w)
}

// cut leaves out the end of txt where it is wider than w.
func cut(s style, txt string, w vg.Length) string {
	if width(s, txt) <= w {
		return txt
	}
	r := []rune(txt)
	for len(r) > 0 && width(s, string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	if len(r) == 0 {
		return ""
	}
	return strings.TrimRight(string(r), " ,:…") + "…"
}

// broken is wrap, with a mark where something is left out.
func broken(s style, txt string, w vg.Length, most int) []string {
	lines, fits := wrap(s, txt, w, most)
	if n := len(lines); !fits && n > 0 && !strings.HasSuffix(lines[n-1], "…") {
		lines[n-1] = cut(s, lines[n-1]+" …", w)
	}
	return lines
}

func (c cell) noteLines(o rect) []string {
	if c.note == "" {
		return nil
	}
	return broken(style{size: noteSize}, c.note, o.x1-o.x0, 2)
}

func (c cell) noteHeight(o rect) vg.Length { return noteLine * vg.Length(len(c.noteLines(o))) }

func (c cell) footHeight(o rect) vg.Length {
	h := c.noteHeight(o)
	switch c.kind {
	case lineKind, spanKind:
		h += xAxisSpace
	case dotKind:
		h += tallyHeight
	}
	return h
}

func (p *paper) cellNote(c cell, o rect) {
	lines := c.noteLines(o)
	for i, l := range lines {
		p.text(o.x0, o.y0+1+noteLine*vg.Length(len(lines)-1-i), style{size: noteSize, color: soft}, l)
	}
}

// xTicks draws the ticks of a linear or log x axis below r, and its name.
func (p *paper) xTicks(a axis, ticks []tick, r rect, outer rect) {
	at := a.on(r.x0, r.x1)
	st := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	names := map[float64]string{}
	var places []float64
	for _, t := range ticks {
		p.segment(pen{color: grey, width: 0.7}, at(t.at), r.y0, at(t.at), r.y0-3)
		if t.label != "" {
			names[t.at] = t.label
			places = append(places, t.at)
		}
	}
	for _, v := range fitting(places, func(v float64) (vg.Length, vg.Length) { return at(v), width(st, names[v]) + 5 }) {
		p.text(at(v), r.y0-4, st, names[v])
	}
	name := fitted(&st, a.name(), outer.x1-outer.x0)
	half := width(st, name) / 2
	x := min(max((r.x0+r.x1)/2, outer.x0+half), outer.x1-half)
	p.text(x, r.y0-15, st, name)
}
