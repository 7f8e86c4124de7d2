package figure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// The capacity figure: latency, outcomes and goodput over one axis of load, one column
// for each target. It answers where a target breaks, and how.
const (
	capacityW, capacityH = 1600, 1300
	axisLabels           = 44 // points at the left of the first column
)

func (m *capacityModel) draw(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading) {
	const (
		between = 23 // two rows of panels, for the name of the lower one
		naming  = 30 // of the first row: its name, and those of the rules
	)
	room, measured, theory := m.room()
	columns := c.Columns(headings, body.Y1-5, axisLabels, room)
	bottom := body.Y0 + canvas.AxisHeight
	height := body.Y1 - 5 - naming - bottom - 2*between
	goodput := canvas.Rect{Y0: bottom, Y1: bottom + height*0.25}
	shares := canvas.Rect{Y0: goodput.Y1 + between, Y1: goodput.Y1 + between + height*0.25}
	latency := canvas.Rect{Y0: shares.Y1 + between, Y1: shares.Y1 + between + height*0.5}

	scale := "linear scale"
	if m.levels.Log {
		scale = "log scale"
	}
	c.PanelName(body.X0, body.Y1-20, body.W(), "Latency of those served: percentiles of ok, log scale"+words.If(theory, "; thin dashes: theory"))
	c.PanelName(body.X0, goodput.Y1+6, body.W(), "Goodput: ok per second, "+scale+words.If(measured, "; grey dashes: offered"))
	used := m.writeBands(c, body.X1, shares.Y1+6)
	c.PanelName(body.X0, shares.Y1+6, body.W()-used, "How requests ended: share of all that arrived")

	for i, x := range columns {
		col := &m.columns[i]
		at := func(r canvas.Rect) canvas.Rect { return canvas.Rect{X0: x.X0, Y0: r.Y0, X1: x.X1, Y1: r.Y1} }
		panels := []canvas.Rect{at(latency), at(shares), at(goodput)}
		m.drawRules(c, col, panels, x.X1+room)
		m.drawLatency(newPanel(c, panels[0], m.levels, m.latency, i == 0), col)
		m.drawShares(newPanel(c, panels[1], m.levels, canvas.Axis{Unit: units.Share, Hi: 1}, i == 0), col)
		m.drawGoodput(newPanel(c, panels[2], m.levels, m.rate, i == 0), col)
		m.drawLevels(c, col, panels)
	}
}

// room is what the labels at the right of a column need. It also reports whether
// something was measured, and whether there is a theory beside it.
func (m *capacityModel) room() (points float64, measured, theory bool) {
	s := canvas.Style{Size: canvas.TickSize, Bold: true}
	for _, c := range m.columns {
		names := []string{"p99.9"}
		if v := c.goodput.Values; len(v) > 0 {
			names, measured = append(names, units.Number(c.goodput.Last().Y)), true
		}
		if len(c.completion) > 0 {
			names = append(names, c.completion[0].Name)
		}
		if len(c.rejected.Values) > 0 && !c.off {
			names = append(names, c.rejected.Name)
		}
		if c.theory.alone {
			names = append(names, "99.9 %"+rejectedTheory)
		}
		for _, n := range names {
			points = max(points, canvas.Width(s, n)+7)
		}
		theory = theory || len(c.theory.points) > 0 && !c.theory.alone
	}
	return points, measured, theory
}

// writeBands says at the left of x how the outcomes that there are look, and returns
// the room that it took.
func (m *capacityModel) writeBands(c *canvas.Canvas, x, y float64) float64 {
	s, right := canvas.Style{Size: canvas.TickSize, Color: canvas.Soft, Align: canvas.Right}, x
	for k, b := range slices.Backward(canvas.Bands) {
		if slices.ContainsFunc(m.columns, func(c capacityColumn) bool {
			return slices.ContainsFunc(c.shares, func(s shares) bool { return len(s.of) > k && s.of[k] > 0 })
		}) {
			c.Text(x, y, s, b.Name)
			x -= canvas.Width(s, b.Name) + 4
			c.Band(b, canvas.Rect{X0: x - 9, Y0: y - 1, X1: x, Y1: y + 8})
			x -= 9 + 12
		}
	}
	return right - x
}

func (m *capacityModel) drawLatency(p *panel, col *capacityColumn) {
	if len(col.rejected.Values) > 0 && !col.off {
		p.add(col.rejected, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Grey, Width: 1, Dashes: canvas.Dashed}, Radius: 1.4},
			canvas.Label{Text: "rejected", Color: canvas.Soft})
	}
	if v := col.adjusted; len(v.Values) > 0 {
		p.Curve(p.Chart, v, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Mix(col.hue, canvas.Black, 0.3), Width: 1, Dashes: canvas.Dashed}})
		for _, line := range []string{"of all", "p99"} { // the upper one last
			p.label(v, canvas.Label{Text: line, Color: canvas.Soft})
		}
	}
	for k, q := range col.quantiles {
		hue := canvas.Shade(col.hue, k, len(col.quantiles))
		p.add(q, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth}, Radius: 2, Shape: col.shape, Shift: (float64(k) - 1.5) * 1.7},
			canvas.Label{Text: q.Name, Color: canvas.Mix(hue, canvas.Black, 0.15)})
	}
	for k, q := range col.completion {
		hue := canvas.Shade(col.hue, 2*k+1, 4)
		p.add(q, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth, Dashes: canvas.Dashed}, Radius: 2},
			canvas.Label{Text: q.Name, Color: canvas.Mix(hue, canvas.Black, 0.15), Bold: true})
	}
	for _, q := range col.theory.latency {
		p.theory(q, words.If(col.theory.alone, q.Name))
	}
	p.writeLabels(canvas.TickSize, 4)
	if len(col.rejected.Values) > 0 && col.off {
		p.writeOffScale(col.rejected.Last().Y)
	}
	for k, level := range col.unserved {
		at := p.At(level, p.Y.Lo)
		p.Mark(canvas.Cross, canvas.Point{X: at.X, Y: p.Y0 + 4}, 3.2, canvas.Vermilion, false)
		if k == len(col.unserved)-1 {
			p.Text(min(at.X+4, p.X1), p.Y0+10, canvas.Style{Size: canvas.TickSize, Color: canvas.Vermilion, Align: canvas.Right}, "no success")
		}
	}
}

// writeOffScale says how long a rejection took where that is beyond the axis.
func (p *panel) writeOffScale(latency float64) {
	y, arrow := p.Y0+7, "↓"
	if latency > p.Y.Hi {
		y, arrow = p.Y1-7, "↑"
	}
	note := fmt.Sprintf("%s rejected in %s", arrow, units.Time.Text(latency))
	s := canvas.Style{Size: canvas.TickSize, Color: canvas.Soft, Align: canvas.Right}
	p.Fill(canvas.White, canvas.Rect{X0: p.X1 - canvas.Width(s, note) - 2, Y0: y - 5, X1: p.X1, Y1: y + 5})
	p.TextBeside(p.X1, y, s, note)
}

// rejectedTheory is behind the share that theory alone expects.
const rejectedTheory = " rejected"

// leastBand is how thin a share of rejected may be drawn and still be seen.
const leastBand = 0.75

func (m *capacityModel) drawShares(p *panel, col *capacityColumn) {
	half := barWidth(p, col.shares) / 2
	for i, s := range col.shares {
		x, from := p.At(s.level, 0).X, 0.0
		for k, share := range s.of {
			if share <= 0 {
				continue
			}
			band := canvas.Bands[k]
			box := canvas.Rect{X0: x - half, Y0: p.At(0, from).Y, X1: x + half, Y1: p.At(0, from+share).Y}
			if band.Name == "rejected" {
				box.Y0 = min(box.Y0, box.Y1-leastBand)
			}
			p.Band(band, box)
			if i == len(col.shares)-1 && (share >= 0.005 || band.Name == "rejected") { // every rejection is shown
				text := units.Percent(share)
				if share < 0.01 {
					text = "<1 %"
				}
				p.labels = append(p.labels, canvas.Label{From: canvas.Point{X: x + half, Y: (box.Y0 + box.Y1) / 2}, Text: text, Color: band.Label, Bold: band.Name == "rejected"})
			}
			from += share
		}
		if len(s.of) == 0 {
			continue // nothing was measured
		}
		outline := canvas.Pen{Color: canvas.Mix(canvas.Grey, canvas.White, 0.4), Width: canvas.HairWidth}
		if s.hollow {
			outline = canvas.Pen{Color: canvas.Ink, Width: 0.9, Dashes: []float64{2, 1.4}}
		}
		p.Frame(outline, canvas.Rect{X0: x - half, Y0: p.Y0, X1: x + half, Y1: p.At(0, from).Y})
	}
	m.drawKept(p, col.theory)
	p.writeLabels(canvas.TickSize, 4)
}

// drawKept draws the edge between ok and rejected as theory expects it, and where
// nothing was measured the area of the rejected too.
func (m *capacityModel) drawKept(p *panel, t theoryLines) {
	if len(t.kept.Values) == 0 {
		return
	}
	last := t.kept.Last()
	name := ""
	if t.alone {
		var area []canvas.Point
		for _, v := range t.kept.Values {
			area = append(area, p.At(v.X, v.Y))
		}
		area = append(area, p.At(last.X, 1), p.At(t.kept.Values[0].X, 1))
		p.Polygon(canvas.Mix(canvas.Orange, canvas.White, 0.5), area...)
		name = units.Percent(1-last.Y) + rejectedTheory
	}
	p.theory(t.kept, name)
}

// barWidth is as wide as the nearest two levels allow.
func barWidth(p *panel, s []shares) float64 {
	w := 14.0
	for i := 1; i < len(s); i++ {
		w = min(w, 0.82*(p.At(s[i].level, 0).X-p.At(s[i-1].level, 0).X))
	}
	return max(w, 2)
}

func (m *capacityModel) drawGoodput(p *panel, col *capacityColumn) {
	dashed := canvas.Stroke{Pen: canvas.Pen{Color: canvas.Soft, Width: canvas.ThinWidth * 1.3, Dashes: canvas.Dashed}}
	solid := canvas.Stroke{Pen: canvas.Pen{Color: col.hue, Width: canvas.LineWidth}, Radius: 2, Shape: col.shape}
	p.Curve(p.Chart, col.offered, dashed)
	if len(col.goodput.Values) > 0 {
		p.add(col.goodput, solid, canvas.Label{Text: units.Number(col.goodput.Last().Y), Color: col.hue, Bold: true})
	}
	name := ""
	if t := col.theory; t.alone && len(t.goodput.Values) > 0 {
		name = units.Number(t.goodput.Last().Y)
	}
	p.theory(col.theory.goodput, name)
	p.writeLabels(canvas.TickSize, 3)
}

// drawRules draws where waiting and rejecting begin, through all panels, and names them
// above the first. A name without room is left out, and its rule with it.
func (m *capacityModel) drawRules(c *canvas.Canvas, col *capacityColumn, panels []canvas.Rect, right float64) {
	s := canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}
	first := panels[0]
	for i, l := range col.rules {
		if l.at < m.levels.Lo || l.at > m.levels.Hi {
			continue
		}
		x, w := m.levels.Scale(first.X0, first.X1).At(l.at), canvas.Width(s, l.name)
		switch leftward := i == 0 && len(col.rules) > 1; {
		case leftward && x+3-w > first.X0:
			s.Align = canvas.Right
			c.Text(x+1, first.Y1+2, s, l.name)
		case !leftward && x-1+w < right:
			s.Align = canvas.Left
			c.Text(x-1, first.Y1+2, s, l.name)
		default:
			continue
		}
		for _, r := range panels {
			c.Segment(canvas.Pen{Color: canvas.Soft, Width: canvas.ThinWidth, Dashes: []float64{3, 1.5}}, x, r.Y0, x, r.Y1)
		}
	}
}

func (m *capacityModel) drawLevels(c *canvas.Canvas, col *capacityColumn, panels []canvas.Rect) {
	var levels []float64
	lowest := panels[len(panels)-1]
	x := m.levels.Scale(lowest.X0, lowest.X1)
	for _, s := range col.shares {
		levels = append(levels, s.level)
		for _, r := range panels[:len(panels)-1] {
			c.Segment(canvas.Pen{Color: canvas.Grey, Width: 0.5}, x.At(s.level), r.Y0, x.At(s.level), r.Y0-2)
		}
	}
	c.XAxis(lowest, x, canvas.Ticks(levels, units.Number), m.levels.Name(), lowest.X0-axisLabels, lowest.X1+axisLabels)
}

// capacityAlt is the capacity figure in a sentence: its axis, the finding, and what each
// target serves at its highest level.
func capacityAlt(title string, sweeps []sweep.Sweep) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		last := w.Last()
		rejected := last.Stage.RejectedShare()
		keys = append(keys, fmt.Sprintf("%s serves %s/s", w.ShortName(40), units.Number(last.Goodput()))+
			words.If(rejected > 0, " and rejects "+units.Percent(rejected))+words.If(!last.Valid(), " (not valid)"))
	}
	return fmt.Sprintf("Latency, outcomes and goodput over %s: %s; at the highest load, %s.", levelsOf(sweeps), strings.TrimSuffix(title, "."), units.List(keys))
}
