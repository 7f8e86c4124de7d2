package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/result"
)

// The percentile figure: the whole distribution of latency at a few telling
// levels, the tail with as much room as the body, and right below it the
// share of callers that are not in it.
const (
	percentilesW, percentilesH = 1600, 1000
	levelLabels                = 36 // points at the right of each column
)

func (p *paper) percentiles(s sheet, m percentilesModel) {
	top, bottom := p.head(s)-10, p.foot(s)
	columns := p.columnsAt(s, top, axisLabels, levelLabels)
	const (
		nameHeight = 15
		rowHeight  = 10.5
		axisHeight = 27
	)
	rows := 1
	for _, c := range m.columns {
		rows = max(rows, len(c.tails))
	}
	strip := rect{y0: bottom, y1: bottom + vg.Length(rows)*rowHeight}
	curves := rect{y0: strip.y1 + nameHeight + axisHeight, y1: top - nameHeight - 3}
	p.panelName(edge, curves.y1+4, "Latency of those served: percentiles of ok, log scale")
	p.panelName(edge, strip.y1+4, "Not in the curves: share of requests that were turned away, or failed")

	for i, x := range columns {
		r := rect{x.x0, curves.y0, x.x1, curves.y1}
		p.ninesAxis(r, m)
		p.tails(r, m, i)
		p.left(rect{x.x0, strip.y0, x.x1 + levelLabels, strip.y1}, m, i, rowHeight)
	}
}

func (p *paper) tails(r rect, m percentilesModel, i int) {
	x := scale{lo: m.nines.lo, hi: m.nines.hi, a: r.x0, b: r.x1}
	y := scale{true, m.time.lo, m.time.hi, r.y0, r.y1}
	p.grid(r, y, logTicks(m.time.lo, m.time.hi, 9, asTime), i == 0)
	c := m.columns[i]
	var ls []label
	for k, t := range c.tails {
		color := shade(c.hue, k, len(c.tails))
		p.tail(t.latency, t.sure, x, y, pen{color, lineWidth * 1.35, nil})
		p.tail(t.service, t.sure, x, y, pen{mix(color, black, 0.45), thinWidth, nil})
		if n := len(t.done); n > 0 {
			var line []vg.Point
			for _, s := range t.done {
				line = append(line, vg.Point{X: x.at(s.x), Y: y.at(s.y)})
			}
			p.line(pen{color, lineWidth, dashed}, line...)
			ls = append(ls, label{line[n-1], count(int64(t.level)) + " done", mix(color, black, 0.15), false})
		}
		if n := len(t.latency); n > 0 {
			end := vg.Point{X: x.at(t.latency[n-1].x), Y: y.at(t.latency[n-1].y)}
			p.dot(end.X, end.Y, 1.8, color, !t.valid)
			ls = append(ls, label{end, count(int64(t.level)), mix(color, black, 0.15), true})
		}
	}
	if len(ls) == 0 {
		p.text((r.x0+r.x1)/2, (r.y0+r.y1)/2, style{size: labelSize, color: vermilion, hx: -0.5}, "no success")
		return
	}
	at := p.labels(ls, r.x1+4, r.y0+4, r.y1-14, labelSize)
	p.text(at.X, at.Y+labelSize*0.65, style{size: noteSize, color: soft}, result.LevelUnit(m.load, 2))
}

// tail draws a curve, dotted from where fewer than ten samples lie beyond.
func (p *paper) tail(steps []step, sure float64, x, y scale, s pen) {
	var solid, thin []vg.Point
	for i, t := range steps {
		at := vg.Point{X: x.at(t.x), Y: y.at(t.y)}
		if t.x <= sure {
			solid = append(solid, at)
			continue
		}
		if len(thin) == 0 && i > 0 {
			thin = append(thin, vg.Point{X: x.at(steps[i-1].x), Y: y.at(steps[i-1].y)})
		}
		thin = append(thin, at)
	}
	if len(solid) > 1 {
		p.line(s, solid...)
	}
	if len(thin) > 1 {
		s.dashes, s.width = dotted, s.width*0.8
		p.line(s, thin...)
	}
}

// ninesAxis labels the shares of callers: each further nine has the same room.
func (p *paper) ninesAxis(r rect, m percentilesModel) {
	x := scale{lo: m.nines.lo, hi: m.nines.hi, a: r.x0, b: r.x1}
	st := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	at := []float64{0}
	for n := 1.0; n <= m.nines.hi; n++ {
		at = append(at, n)
	}
	at = append(at, math.Log10(2))
	name := func(v float64) string {
		return strconv.FormatFloat(100*(1-math.Pow(10, -v)), 'f', max(0, int(v)-2), 64)
	}
	for _, v := range at {
		p.segment(pen{color: grey, width: 0.7}, x.at(v), r.y0, x.at(v), r.y0-3)
		p.segment(pen{color: gridGrey, width: hairWidth * 1.6}, x.at(v), r.y0, x.at(v), r.y1)
	}
	for _, v := range fitting(at, func(v float64) (vg.Length, vg.Length) { return x.at(v), width(st, name(v)) + 4 }) {
		p.text(x.at(v), r.y0-4, st, name(v))
	}
	p.text((r.x0+r.x1)/2, r.y0-15, st, "% of ok requests this quick or quicker")
}

// left shows for each curve the share of requests that are not in it.
func (p *paper) left(r rect, m percentilesModel, i int, row vg.Length) {
	c := m.columns[i]
	for k, t := range c.tails {
		y := r.y1 - (vg.Length(k)+0.5)*row
		color := mix(shade(c.hue, k, len(c.tails)), black, 0.15)
		p.text(r.x0+24, y-middle(tickSize), style{size: tickSize, bold: true, color: color, hx: -1}, count(int64(t.level)))
		room := vg.Length(80) // for the text behind the bar
		if len(m.columns) < columnsASheet {
			room = 120
		}
		bar := scale{lo: 0, hi: 1, a: r.x0 + 29, b: r.x1 - room}
		box := func(from, to float64) rect { return rect{bar.at(from), y - row*0.32, bar.at(to), y + row*0.32} }
		p.frame(pen{color: gridGrey, width: 0.5}, box(0, 1))
		text := "0"
		if t.rejected > 0 {
			p.fill(orange, box(0, t.rejected))
			text = percent(t.rejected) + " rejected"
		}
		if t.failed > 1e-12 {
			p.fill(vermilion, box(t.rejected, t.rejected+t.failed))
			text = percent(t.failed) + " failed"
			if t.rejected > 0 {
				text = fmt.Sprintf("%s rej. %s failed", percent(t.rejected), percent(t.failed))
			}
		}
		if !t.valid {
			text = strings.Replace(text, "rejected", "rej.", 1) + ", not valid"
		}
		st := style{size: tickSize, color: soft}
		for st.size > 5 && width(st, text) > room-2 {
			st.size -= 0.5
		}
		p.text(bar.b+4, y-middle(st.size), st, text)
	}
}
