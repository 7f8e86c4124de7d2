package render

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// The stall figure explains coordinated omission: the same stall under
// callers who come by the clock and under clients who politely wait.
const (
	stallW, stallH = 1600, 900
)

// stallFiles draws the stall figure where a backend was made to stall.
func stallFiles(r *sweep.Report) ([]sweep.File, error) {
	m := newStallModel(r.Sweeps)
	if len(m.columns) == 0 || m.requests == 0 {
		return nil, nil // not what the run was for, so nothing is missing
	}
	s := sheetOf(r, m.finding(), r.Sweeps,
		"a request is late where it took longer than the backend's usual wait and a hundredth of the stall",
		"dashed: what a constant rate must show, rate × stall requests, evenly late")
	s.columns = nil
	for _, c := range m.columns {
		s.columns = append(s.columns, heading{name: c.name, hue: c.hue})
	}
	f := figure{w: stallW, h: stallH, sheet: s, alt: m.alt(), draw: func(p *paper, s sheet) { p.stall(s, m) }}
	data, err := f.paper(r.DPI).encode(pngAbout{Title: s.title, Description: f.alt, Run: r.Run.ID, DPI: r.DPI})
	if err != nil {
		return nil, err
	}
	return []sweep.File{{Name: sheetName("stall", 0), Data: data, Title: s.title, Alt: f.alt}}, nil
}

func (p *paper) stall(s sheet, m stallModel) {
	top, bottom := p.head(s)-10, p.foot(s)
	columns := p.columnsAt(s, top, axisLabels, 10)
	const axisHeight = 30
	y0, y1 := bottom+axisHeight, top-24
	p.panelName(edge, y1+5, "Latency: of ok requests, the slowest at the left")
	for i, x := range columns {
		p.stallColumn(rect{x.x0, y0, x.x1, y1}, m, m.columns[i], i == 0)
	}
}

func (p *paper) stallColumn(r rect, m stallModel, c stallColumn, first bool) {
	x := scale{lo: 0, hi: m.requests, a: r.x0, b: r.x1}
	y := scale{lo: 0, hi: m.latency, a: r.y0, b: r.y1}
	p.grid(r, y, linearTicks(m.latency, 7, asTime), first)
	pts := []vg.Point{{X: r.x0, Y: r.y0}}
	for _, s := range c.curve {
		pts = append(pts, vg.Point{X: x.at(s.x), Y: y.at(s.y)})
	}
	p.c.FillPolygon(mix(c.hue, white, 0.82), append(pts, vg.Point{X: pts[len(pts)-1].X, Y: r.y0}))
	p.line(pen{color: c.hue, width: lineWidth * 1.3}, pts[1:]...)
	if c.expect != nil {
		p.segment(pen{color: ink, width: 0.9, dashes: dashed}, x.at(c.expect[0].x), y.at(c.expect[0].y), x.at(c.expect[1].x), y.at(c.expect[1].y))
	}
	st := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	for _, t := range linearTicks(m.requests, 5, asNumber) {
		p.segment(pen{color: grey, width: 0.7}, x.at(t.at), r.y0, x.at(t.at), r.y0-3)
		p.text(x.at(t.at), r.y0-4, st, t.label)
	}
	p.text((r.x0+r.x1)/2, r.y0-16, st, "requests that were slower")

	at := vg.Point{X: x.at(float64(c.late)), Y: y.at(float64(c.wait))}
	big := style{size: titleSize, bold: true, color: mix(c.hue, black, 0.2)}
	label := count(c.late) + " late"
	left := min(max(x.at(float64(c.late)*0.55)+10, r.x0+30), r.x1-width(big, label)-4)
	middle := y.at(float64(c.wait) + float64(c.stall)*0.62)
	p.text(left, middle, big, label)
	p.text(left, middle-13, style{size: tickSize, color: soft}, "of "+count(c.served)+" served")
	if c.late > 0 {
		p.segment(pen{color: grey, width: thinWidth, dashes: dotted}, at.X, r.y0, at.X, at.Y+10)
	}
	if !c.valid {
		p.text(r.x0+8, r.y1-12, style{size: labelSize, bold: true, color: vermilion}, "not valid")
	}
}

// alt is the figure in words.
func (m stallModel) alt() string {
	var keys []string
	for _, c := range m.columns {
		shape := "one a client, a block at the left, and then the usual wait"
		if result.OpenLoad(c.load) {
			shape = fmt.Sprintf("a straight line from %s down to %s", duration(c.stall+c.wait), duration(c.wait))
		}
		keys = append(keys, fmt.Sprintf("%s: %s late, %s", c.name, count(c.late), shape))
	}
	return fmt.Sprintf("Line charts of latency over the number of requests that were slower, one column a load, while the backend stalled for %s. %s.",
		duration(m.columns[0].stall), strings.Join(keys, "; "))
}
