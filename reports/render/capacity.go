package render

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/result"
)

// The capacity figure: latency, outcomes and goodput over one axis of load,
// one column a target. It answers where a target breaks, and how.
const (
	capacityW, capacityH = 1600, 1300
	axisLabels           = 42 // points at the left of the first column
)

// roomForLabels is how many points each of n columns has at its right.
func roomForLabels(n int) vg.Length {
	if n < columnsASheet {
		return 70
	}
	return 44
}

func (p *paper) capacity(s sheet, m capacityModel) {
	top, bottom := p.head(s)-10, p.foot(s)
	room := roomForLabels(len(m.columns))
	columns := p.columnsAt(s, top, axisLabels, room)

	const (
		nameHeight = 22 // between two rows of panels, for the name of the lower one
		headHeight = 27 // between the headings and the first row: its name, and those of the rules
		axisHeight = 27 // of the ticks and the name of the load axis
	)
	bottom += axisHeight
	height := top - headHeight - bottom - 2*nameHeight
	c := rect{y0: bottom, y1: bottom + height*0.25}
	b := rect{y0: c.y1 + nameHeight, y1: c.y1 + nameHeight + height*0.25}
	a := rect{y0: b.y1 + nameHeight, y1: b.y1 + nameHeight + height*0.5}

	p.panelName(edge, top-14, "Latency of those served: percentiles of ok, log scale")
	p.panelName(edge, b.y1+6, "How requests ended: share of all that arrived")
	p.panelName(edge, c.y1+6, "Goodput: ok per second, "+scaleName(m.log))

	for i, x := range columns {
		col := m.columns[i]
		load := scale{m.log, m.levels.lo, m.levels.hi, x.x0, x.x1}
		at := func(r rect) rect { return rect{x.x0, r.y0, x.x1, r.y1} }
		p.rules(col.rules, load, []rect{at(a), at(b), at(c)}, x.x1+room)
		p.latencyPanel(at(a), load, m, col, i)
		p.sharesPanel(at(b), load, col, i == 0, room)
		p.goodputPanel(at(c), load, m, col, i)
		p.loadAxis(load, m, col, at(c), []rect{at(a), at(b)})
	}
}

func scaleName(log bool) string {
	if log {
		return "log scale"
	}
	return "linear scale"
}

func (p *paper) latencyPanel(r rect, load scale, m capacityModel, col capacityColumn, i int) {
	y := scale{true, m.latency.lo, m.latency.hi, r.y0, r.y1}
	p.grid(r, y, logTicks(m.latency.lo, m.latency.hi, 9, asTime), i == 0)
	var ls []label
	if k := len(col.turned.marks); k > 0 {
		l := label{text: "turned away", color: soft}
		last := col.turned.marks[k-1]
		if col.off {
			// Off the scale: told in words where the line would have left.
			edgeY, arrow := r.y0+7, "↓"
			if last.y > m.latency.hi {
				edgeY, arrow = r.y1-7, "↑"
			}
			note := fmt.Sprintf("%s turned away in %s", arrow, asTime(last.y))
			st := style{size: tickSize, color: soft, hx: -1}
			p.fill(white, rect{r.x1 - width(st, note) - 2, edgeY - 5, r.x1, edgeY + 5})
			p.text(r.x1, edgeY-middle(tickSize), st, note)
		} else {
			p.curve(col.turned, load, y, pen{grey, 1, dashed}, 1.4, 0)
			l.from = vg.Point{X: load.at(last.x), Y: y.at(last.y)}
			ls = append(ls, l)
		}
	}
	for k, q := range col.quantiles {
		c := shade(col.hue, k, len(col.quantiles))
		p.curve(q, load, y, pen{c, lineWidth, nil}, 2, (vg.Length(k)-1.5)*1.7)
		if n := len(q.marks); n > 0 {
			end := q.marks[n-1]
			ls = append(ls, label{vg.Point{X: load.at(end.x), Y: y.at(end.y)}, q.name, mix(c, black, 0.15), false})
		}
	}
	for k, q := range col.processed {
		c := shade(col.hue, 2*k+1, 4)
		p.curve(q, load, y, pen{c, lineWidth, dashed}, 2, 0)
		if n := len(q.marks); n > 0 {
			end := q.marks[n-1]
			ls = append(ls, label{vg.Point{X: load.at(end.x), Y: y.at(end.y)}, q.name, mix(c, black, 0.15), true})
		}
	}
	for _, q := range col.theory.latency {
		ls = p.theory(ls, q.within(m.latency.lo, m.latency.hi), load, y, col.theory.alone)
	}
	p.labels(ls, r.x1+4, r.y0+4, r.y1-4, labelSize)
	for k, l := range col.nobody {
		x := load.at(l)
		p.cross(x, r.y0+4, 2.6, vermilion)
		if k == len(col.nobody)-1 {
			p.text(min(x+4, r.x1), r.y0+10, style{size: tickSize, color: vermilion, hx: -1}, "no success")
		}
	}
}

func (p *paper) cross(x, y, r vg.Length, c color.Color) {
	p.segment(pen{color: c, width: 1.1}, x-r, y-r, x+r, y+r)
	p.segment(pen{color: c, width: 1.1}, x-r, y+r, x+r, y-r)
}

// curve draws the bars of the repeats, the line, dotted where thin, and the
// markers on top. The bars stand aside of the markers, so that those of
// several curves can be told apart.
func (p *paper) curve(c curve, x, y scale, s pen, radius, aside vg.Length) {
	at := func(m mark) vg.Point { return vg.Point{X: x.at(m.x), Y: y.at(m.y)} }
	for _, m := range c.marks {
		if m.hi > m.lo {
			px, lo, hi := x.at(m.x)+aside, y.at(m.lo), y.at(m.hi)
			bar := pen{color: s.color, width: thinWidth}
			p.segment(bar, px, lo, px, hi)
			p.segment(bar, px-1, lo, px+1, lo)
			p.segment(bar, px-1, hi, px+1, hi)
		}
	}
	// Neighbouring pieces of the same kind are stroked as one, or the dashes
	// would begin anew at each marker.
	for i := 1; i < len(c.marks); {
		if c.marks[i].apart {
			i++
			continue
		}
		thin := c.marks[i-1].thin || c.marks[i].thin
		piece := []vg.Point{at(c.marks[i-1])}
		for ; i < len(c.marks) && !c.marks[i].apart && (c.marks[i-1].thin || c.marks[i].thin) == thin; i++ {
			piece = append(piece, at(c.marks[i]))
		}
		stroke := s
		if thin {
			stroke.dashes, stroke.width = dotted, s.width*0.8
		}
		p.line(stroke, piece...)
	}
	for _, m := range c.marks {
		r := radius
		if m.thin {
			r *= 0.7
		}
		p.dot(x.at(m.x), y.at(m.y), r, s.color, m.hollow)
	}
}

// theory draws what theory expects, thin, so that a line that it lies on is still
// seen, and adds its label: the word, or of several lines the last one's name.
func (p *paper) theory(ls []label, c curve, x, y scale, alone bool) []label {
	s := pen{ink, 0.85, []vg.Length{2.2, 2.4}}
	var piece []vg.Point
	stroke := func() {
		if len(piece) == 1 {
			p.dot(piece[0].X, piece[0].Y, 0.8, s.color, false)
		} else if len(piece) > 1 {
			p.line(s, piece...)
		}
		piece = nil
	}
	for _, m := range c.marks {
		if m.apart {
			stroke()
		}
		piece = append(piece, vg.Point{X: x.at(m.x), Y: y.at(m.y)})
	}
	if len(piece) == 0 {
		return ls
	}
	l := label{from: piece[len(piece)-1], text: "theory", color: ink}
	stroke()
	if alone {
		l.text = c.name
	} else if n := len(ls); n > 0 && ls[n-1].text == l.text {
		ls = ls[:n-1] // one word for the p50 and the p99
	}
	return append(ls, l)
}

// leastBand is how thin a share of rejected may be drawn and still be seen.
const leastBand = 0.75

func (p *paper) sharesPanel(r rect, load scale, col capacityColumn, first bool, room vg.Length) {
	y := scale{lo: 0, hi: 1, a: r.y0, b: r.y1}
	var ticks []tick
	for _, v := range []float64{0, 0.5, 1} {
		ticks = append(ticks, tick{v, percent(v)})
	}
	p.grid(r, y, ticks, first)
	half := barWidth(col.shares, load) / 2
	type seen struct {
		share float64
		y     vg.Length
		at    float64 // the level where it was seen last
	}
	last := map[int]seen{}
	for _, s := range col.shares {
		x, from := load.at(s.level), 0.0
		for k, share := range s.of {
			if share <= 0 {
				continue
			}
			box := rect{x - half, y.at(from), x + half, y.at(from + share)}
			if bands[k].name == "rejected" && box.y1-box.y0 < leastBand {
				box.y0 = box.y1 - leastBand
			}
			p.fill(bands[k].fill, box)
			if bands[k].dotted {
				p.frame(pen{grey, thinWidth, dotted}, box)
			}
			if share >= 0.005 || bands[k].name == "rejected" { // nobody turned away goes unsaid
				last[k] = seen{share, (box.y0 + box.y1) / 2, s.level}
			}
			from += share
		}
		if len(s.of) == 0 {
			continue // nothing was measured
		}
		outline := pen{color: mix(grey, white, 0.4), width: hairWidth}
		if s.hollow {
			outline = pen{ink, 0.9, []vg.Length{2, 1.4}}
		}
		p.frame(outline, rect{x - half, r.y0, x + half, y.at(from)})
	}
	var ls []label
	for k, b := range bands {
		l, ok := last[k]
		end := ok && l.at == col.shares[len(col.shares)-1].level
		if !ok || k == 0 && !end {
			continue
		}
		from := vg.Point{X: load.at(l.at) + half, Y: l.y}
		bold := b.name == "rejected"
		// The share goes below its name, where the column is narrow, but only
		// where its part of the bar has room for two lines.
		text, share := b.name, percent(l.share)
		if one := share + " " + text; end && width(style{size: tickSize, bold: bold}, one) <= room-4 {
			text = one
		} else if end && l.share > 0.25 {
			ls = append(ls, label{from, share, b.label, bold})
		}
		ls = append(ls, label{from, text, b.label, bold})
	}
	ls = p.theoryShares(ls, r, load, y, col.theory)
	p.labels(ls, r.x1+4, r.y0+4, r.y1-4, tickSize)
}

// theoryShares draws the edge between ok and rejected, and where nothing was
// measured the area of the rejected too.
func (p *paper) theoryShares(ls []label, r rect, load, y scale, t theoryLines) []label {
	if t.alone && len(t.kept.marks) > 1 {
		area := []vg.Point{}
		for _, k := range t.kept.marks {
			area = append(area, vg.Point{X: load.at(k.x), Y: y.at(k.y)})
		}
		area = append(area, vg.Point{X: area[len(area)-1].X, Y: r.y1}, vg.Point{X: area[0].X, Y: r.y1})
		p.c.FillPolygon(mix(orange, white, 0.5), area)
	}
	n := len(ls)
	ls = p.theory(ls, t.kept, load, y, false)
	k := len(t.kept.marks)
	switch {
	case len(ls) == n:
	case t.alone:
		ls[n].text = percent(1-t.kept.marks[k-1].y) + " rejected"
	case t.kept.marks[k-1].y > 0.995: // the edge of the panel
		ls = ls[:n]
	}
	return ls
}

// barWidth is as wide as the nearest two levels allow.
func barWidth(s []shares, load scale) vg.Length {
	w := vg.Length(14)
	for i := 1; i < len(s); i++ {
		w = min(w, 0.82*(load.at(s[i].level)-load.at(s[i-1].level)))
	}
	return max(w, 2)
}

func (p *paper) goodputPanel(r rect, load scale, m capacityModel, col capacityColumn, i int) {
	y := scale{m.log, m.rate.lo, m.rate.hi, r.y0, r.y1}
	var ticks []tick
	if m.log {
		ticks = logTicks(m.rate.lo, m.rate.hi, 6, asNumber)
	} else {
		ticks = linearTicks(m.rate.hi, 5, asNumber)
	}
	p.grid(r, y, ticks, i == 0)
	p.curve(col.offered, load, y, pen{soft, thinWidth * 1.3, dashed}, 0.1, 0)
	p.curve(col.goodput, load, y, pen{col.hue, lineWidth, nil}, 2, 0)
	var ls []label
	if n := len(col.goodput.marks); n > 0 {
		end := col.goodput.marks[n-1]
		ls = append(ls, label{vg.Point{X: load.at(end.x), Y: y.at(end.y)}, number(end.y) + "/s", col.hue, true})
	}
	if n := len(col.offered.marks); n > 0 && differ(col.offered, col.goodput) {
		end := col.offered.marks[n-1]
		ls = append(ls, label{vg.Point{X: load.at(end.x), Y: y.at(end.y)}, "offered", soft, false})
	}
	ls = p.theory(ls, col.theory.goodput.within(m.rate.lo, m.rate.hi), load, y, false)
	if k := len(col.theory.goodput.marks); col.theory.alone && k > 0 && len(ls) > 0 {
		ls[len(ls)-1].text = number(col.theory.goodput.marks[k-1].y) + "/s"
	}
	p.labels(ls, r.x1+4, r.y0+4, r.y1-3, tickSize)
}

// differ reports whether two curves end apart.
func differ(a, b curve) bool {
	if len(b.marks) == 0 {
		return true
	}
	p, q := a.marks[len(a.marks)-1], b.marks[len(b.marks)-1]
	return p.x != q.x || math.Abs(p.y-q.y) > 0.02*p.y
}

// rules draws where waiting and turning away begin, through all panels, and
// names them above the first. A name without room is left out, and its rule
// with it.
func (p *paper) rules(rules []rule, load scale, panels []rect, right vg.Length) {
	st := style{size: noteSize, color: soft}
	y := panels[0].y1 + 2
	for i, l := range rules {
		if l.at < load.lo || l.at > load.hi {
			continue
		}
		x, w := load.at(l.at), width(st, l.name)
		switch leftward := i == 0 && len(rules) > 1; {
		case leftward && x+3-w > panels[0].x0:
			st.hx = -1
			p.text(x+1, y, st, l.name)
		case !leftward && x-1+w < right:
			st.hx = 0
			p.text(x-1, y, st, l.name)
		default:
			continue
		}
		for _, r := range panels {
			p.segment(pen{soft, thinWidth, []vg.Length{3, 1.5}}, x, r.y0, x, r.y1)
		}
	}
}

// loadAxis marks every level that was driven, and labels as many as there is
// room for: both ends first, then the rest from the highest down.
func (p *paper) loadAxis(load scale, m capacityModel, col capacityColumn, lowest rect, others []rect) {
	st := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	var levels []float64
	for _, s := range col.shares {
		levels = append(levels, s.level)
	}
	for _, l := range levels {
		x := load.at(l)
		p.segment(pen{color: grey, width: 0.7}, x, lowest.y0, x, lowest.y0-3)
		for _, r := range others {
			p.segment(pen{color: grey, width: 0.5}, x, r.y0, x, r.y0-2)
		}
	}
	for _, l := range fitting(levels, func(v float64) (vg.Length, vg.Length) { return load.at(v), width(st, number(v)) + 5 }) {
		p.text(load.at(l), lowest.y0-4, st, number(l))
	}
	name := result.LevelUnit(m.load, 2)
	if m.log {
		name += ", log scale"
	}
	p.text((lowest.x0+lowest.x1)/2, lowest.y0-15, st, name)
}

// fitting chooses the values whose labels do not touch: the first, the last,
// and then from the highest down. place tells the middle and the width of one.
func fitting(values []float64, place func(float64) (x, w vg.Length)) []float64 {
	var kept []float64
	try := func(v float64) {
		x, w := place(v)
		for _, k := range kept {
			kx, kw := place(k)
			if math.Abs(float64(x-kx)) < float64(w+kw)/2 {
				return
			}
		}
		kept = append(kept, v)
	}
	if n := len(values); n > 0 {
		try(values[n-1])
		try(values[0])
	}
	for _, v := range slices.Backward(values) {
		try(v)
	}
	return kept
}
