package render

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/theory"
)

// The figure of a verification: a dot and its interval for each quantity, as a
// ratio to what is expected; beside it the replay of each trace; below, the two
// findings.
const (
	verifyW       = 1600
	verifyRow     = 15.5 // points
	verifyAround  = 118
	verifyFinding = 100
)

// answerLook is how an answer is drawn.
var answerLook = map[string]struct {
	hue   color.RGBA
	shape func(vg.Point, vg.Length) []vg.Point
}{
	theory.Confirmed.String():    {hues[0], ring},
	theory.Contradicted.String(): {vermilion, arrowhead(1)},
	theory.CannotTell.String():   {mix(grey, black, 0.2), square},
	conformance.NotValid:         {black, cross},
}

func verifyFile(r *conformance.Report, resolution int) (sweep.File, error) {
	title := verifyTitle(r)
	s := sheet{title: title, footer: []string{verifyCaption(r),
		"dot: measured over expected · line: its interval · grey band: what counts as confirmed · replay: share of the requests whose fate is another in the exact queue, dotted rule: the aim of 0.1 % · hollow: none differs"}}
	if !r.Whole() {
		s.stamp = "PARTIAL"
	}
	rows := 0
	for _, c := range r.Cells {
		rows += len(c.Judgements)
	}
	points := verifyAround + verifyRow*vg.Length(max(rows, 4))
	if len(r.Insensitive()) > 0 || len(r.Starts) > 0 {
		points += verifyFinding
	}
	f := figure{w: verifyW, h: int(points.Points() / 72 * dpi), sheet: s, alt: verifyAlt(r), draw: func(p *paper, s sheet) { p.verify(s, r, rows) }}
	data, err := f.paper(resolution).encode(pngAbout{Title: title, Description: f.alt, Run: r.ID, DPI: resolution})
	return sweep.File{Name: "verify.png", Data: data, Title: title, Alt: f.alt}, err
}

func verifyCaption(r *conformance.Report) string {
	parts := []string{"run " + r.ID, r.Target + " target", fmt.Sprintf("seed %d", r.Seed)}
	if len(r.Cells) > 0 {
		least := r.Cells[0]
		for _, c := range r.Cells {
			if c.Requests < least.Requests {
				least = c
			}
		}
		parts = append(parts, fmt.Sprintf("at least %s requests a cell", count(int64(least.Requests))))
	}
	if h := r.Environment.Host; h != "" {
		parts = append(parts, "on "+h)
	}
	if c := r.Environment.Commit; c != "" {
		parts = append(parts, "commit "+shorten(c, 13))
	}
	return strings.Join(parts, " · ")
}

func verifyAlt(r *conformance.Report) string {
	said := []string{fmt.Sprintf("Measured over expected, a dot and an interval for each quantity of %d cells. %s.", len(r.Cells), verifyTitle(r))}
	worst, name := 0.0, ""
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			if d := math.Abs(j.Measured/j.Expected - 1); d > worst && j.Answer != conformance.NotValid {
				worst, name = d, c.Spec.Name+", "+quantityName(j.Quantity)
			}
		}
	}
	if name != "" {
		said = append(said, fmt.Sprintf("The furthest off is %s, by %.1f %%.", name, 100*worst))
	}
	said = append(said, fatesSentence(r.Fates())+".")
	for _, st := range r.Starts {
		said = append(said, fmt.Sprintf("Workers that began %s, not judged: mean wait %.2f services, %s from that with phases kept.", st.Name, st.Waited(), offText(st.Off())))
	}
	return strings.Join(said, " ")
}

func (p *paper) verify(s sheet, r *conformance.Report, rows int) {
	top, bottom := p.head(s)-6, p.foot(s)+4
	x0, x1 := vg.Length(edge+158), p.w*0.47
	y1 := top - 24
	y0 := y1 - verifyRow*vg.Length(max(rows, 4))
	main := rect{x0, y0, x1, y1}
	p.panelName(edge, top-nameSize, "Against theory: measured over expected")
	left := p.w * 0.69
	p.panelName(left, top-nameSize, "Replay: share of fates that differ, log scale")
	p.ratios(main, r, rect{left, y0, p.w - edge - 72, y1})
	if y0-bottom > 60 {
		p.losses(rect{edge + 84, bottom + 10, p.w*0.45 - 40, y0 - 50}, r)
		p.startsPanel(rect{p.w*0.5 + 96, bottom + 10, p.w - edge - 110, y0 - 50}, r)
	}
}

// ratios draws the rows, and the replay of each cell beside.
func (p *paper) ratios(r rect, report *conformance.Report, replay rect) {
	extent := report.Precision * 1.5
	for _, c := range report.Cells {
		for _, j := range c.Judgements {
			for _, v := range []float64{j.Low, j.High} {
				if d := math.Abs(j.Ratio(v) - 1); j.Answer != conformance.NotValid && d < 5*report.Precision {
					extent = max(extent, d*1.1)
				}
			}
		}
	}
	x := scale{lo: 1 - extent, hi: 1 + extent, a: r.x0, b: r.x1}
	p.fill(bandGrey, rect{x.at(1 - report.Precision), r.y0, x.at(1 + report.Precision), r.y1})
	p.segment(pen{color: ink, width: 0.8}, x.at(1), r.y0-3, x.at(1), r.y1+3)
	p.segment(pen{color: grey, width: 0.7}, r.x0, r.y0, r.x1, r.y0)
	tick := style{size: tickSize, color: soft, hx: -0.5, hy: -1}
	for _, v := range []float64{1 - report.Precision, 1, 1 + report.Precision} {
		p.text(x.at(v), r.y0-4, tick, fmt.Sprintf("%.2f", v))
	}
	share := scale{log: true, lo: 1e-5, hi: 1e-1, a: replay.x0, b: replay.x1}
	p.segment(pen{color: grey, width: 0.7}, replay.x0, replay.y0, replay.x1, replay.y0)
	p.segment(pen{soft, thinWidth, dotted}, share.at(1-conformance.FatesAim), replay.y0, share.at(1-conformance.FatesAim), replay.y1)
	for _, v := range []float64{1e-3, 1e-1} {
		p.text(share.at(v), replay.y0-4, tick, percent(v))
	}
	i := 0
	for _, c := range report.Cells {
		if i > 0 {
			p.segment(pen{color: gridGrey, width: hairWidth}, edge, r.y1-verifyRow*vg.Length(i), p.w-edge, r.y1-verifyRow*vg.Length(i))
		}
		for k, j := range c.Judgements {
			y := r.y1 - verifyRow*(vg.Length(i)+0.5)
			i++
			p.ratio(r, x, c, j, y, k == 0)
		}
		p.replayed(replay, share, c, r.y1-verifyRow*(vg.Length(i-len(c.Judgements))+0.5))
	}
}

func (p *paper) ratio(r rect, x scale, c *conformance.Cell, j conformance.Judgement, y vg.Length, first bool) {
	look := answerLook[j.Answer]
	name := style{size: labelSize, bold: true, color: ink}
	note := style{size: noteSize, color: soft}
	if first {
		p.text(edge, y-middle(labelSize), name, c.Spec.Name)
	}
	note.hx = -1
	p.text(r.x0-6, y-middle(noteSize), note, quantityName(j.Quantity))
	note.hx = 0
	said := style{size: labelSize, bold: true, color: mix(look.hue, black, 0.1)}
	p.text(r.x1+8, y-middle(labelSize), said, j.Answer)
	p.text(r.x1+12+width(said, "contradicted"), y-middle(noteSize), note, amountOf(j.Quantity, j.Measured))
	if j.Answer == conformance.NotValid {
		p.shape(cross(vg.Point{X: x.at(1), Y: y}, 4), look.hue, false)
		return
	}
	low, high := j.Ratio(j.Low), j.Ratio(j.High)
	p.whisker(x, regressionRow{lo: low, hi: high}, y, look.hue)
	p.shape(look.shape(vg.Point{X: x.at(j.Ratio(j.Measured)), Y: y}, 3.6), look.hue, false)
}

// replayed draws how many fates of a cell differ.
func (p *paper) replayed(r rect, x scale, c *conformance.Cell, y vg.Length) {
	if c.Fates == nil || c.Fates.Requests == 0 {
		return
	}
	share := 1 - c.Fates.EqualShare()
	hue := hues[1]
	if c.Fates.Unexplained() > 0 {
		hue = vermilion
	}
	at := vg.Point{X: x.at(max(share, x.lo)), Y: y}
	if share > 0 {
		p.segment(pen{color: mix(hue, white, 0.5), width: lineWidth}, r.x0, y, at.X, y)
	}
	p.shape(ring(at, 3.2), hue, share == 0)
	words := fmt.Sprintf("%d of %s", len(c.Fates.Replay), count(int64(c.Fates.Requests)))
	if n := c.Fates.Unexplained(); n > 0 {
		words = fmt.Sprintf("%d unexplained", n)
	}
	p.text(r.x1+6, y-middle(noteSize), style{size: noteSize, color: soft}, words)
}

// losses draws the same loss under each law of service.
func (p *paper) losses(r rect, report *conformance.Report) {
	cells := report.Insensitive()
	if len(cells) == 0 {
		return
	}
	p.panelName(edge, r.y1+6, "Insensitive: no queue, one loss for each law; tick: Erlang's B")
	each := (r.y1 - r.y0) / vg.Length(len(cells))
	x := scale{lo: 0, hi: 0.5, a: r.x0, b: r.x1}
	for i, c := range cells {
		for _, j := range c.Judgements {
			if j.Quantity == conformance.Rejected {
				p.bar(x, r.y1-each*(vg.Length(i)+0.5), c.Spec.Law, hues[i%len(hues)], j.Measured, j.Expected, amountOf(j.Quantity, j.Measured))
			}
		}
	}
}

// bar is a named bar from 0, with a tick where it was expected to end.
func (p *paper) bar(x scale, y vg.Length, name string, hue color.RGBA, v, expected float64, words string) {
	p.text(x.a-5, y-middle(labelSize), style{size: labelSize, color: ink, hx: -1}, name)
	p.fill(mix(hue, white, 0.35), rect{x.at(0), y - 4.5, x.at(v), y + 4.5})
	p.segment(pen{color: ink, width: lineWidth}, x.at(expected), y-7, x.at(expected), y+7)
	p.text(max(x.at(v), x.at(expected))+6, y-middle(tickSize), style{size: tickSize, color: ink}, words)
}

// startsPanel draws the wait of workers in step, and of workers that are not.
func (p *paper) startsPanel(r rect, report *conformance.Report) {
	if len(report.Starts) == 0 {
		return
	}
	p.panelName(p.w*0.5, r.y1+6, "Lock-step, not judged: mean wait, in services; tick: phases kept")
	each := (r.y1 - r.y0) / vg.Length(max(len(report.Starts), 2))
	x := scale{lo: 0, hi: 1.2, a: r.x0, b: r.x1}
	for i, s := range report.Starts {
		p.bar(x, r.y1-each*(vg.Length(i)+0.5), s.Name, hues[i%len(hues)], s.Waited(), s.WaitExpected,
			fmt.Sprintf("%.3f (%s), %s rejected", s.Waited(), offText(s.Off()), percent(s.Cell.Rejected)))
	}
}
