package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// The figure of steps: how long each step of a session takes, one row for each, and which
// share of a session's time it is. It answers which step is slow.
const (
	stepsW      = 1600
	stepRow     = 20 // points
	stepsNaming = 30 // of each level
	aroundSteps = 116
	mostSteps   = 20 // that are drawn: the slowest
	mostPanels  = 3
)

// stepQuantiles are drawn of each step.
var stepQuantiles = []struct {
	q     float64
	shape canvas.Shape
	name  string
}{{0.5, canvas.Circle, "circle"}, {0.9, canvas.Square, "square"}, {0.99, canvas.Diamond, "diamond"}}

// Steps draws the steps of each scenario, one file for each scenario.
func Steps(r *sweep.Report) (out []sweep.File, err error) {
	for i, sc := range sweep.Scenarios(r.Sweeps) {
		if i == MaxSheets {
			r.Missing = append(r.Missing, fmt.Sprintf("Figures of steps are of the first %d scenarios.", MaxSheets))
			break
		}
		f := stepsFigure(sc)
		if f == nil {
			continue
		}
		made, err := files(r, f, SheetName("steps", i), []sweep.Sweep{sc.Steps[0]})
		if err != nil {
			return out, err
		}
		out = append(out, made...)
	}
	return out, nil
}

// stepPanel is a scenario at one level.
type stepPanel struct {
	name string
	rows []stepRowOf
}

type stepRowOf struct {
	name    string
	hue     color.RGBA
	bold    bool
	times   []canvas.Value // X: the latency at each of stepQuantiles that is resolved
	marks   []int          // which of stepQuantiles each of them is
	share   float64        // NaN: none
	left    string         // what was not ok
	between bool           // the time between steps
	whole   bool           // complete sessions
}

func stepsFigure(sc *sweep.Scenario) *canvas.Figure {
	x := canvas.Axis{Label: "latency of ok, from the planned instant", Unit: units.Time, Log: true}
	var panels []stepPanel
	var times []float64
	rows := 0
	for _, level := range stepLevels(sc) {
		p := stepPanelOf(sc, level)
		for _, r := range p.rows {
			for _, v := range r.times {
				times = append(times, v.X)
			}
		}
		rows += len(p.rows)
		panels = append(panels, p)
	}
	some := false
	if x.Lo, x.Hi, some = canvas.LogRange(times, 4); !some {
		return nil
	}
	best := sc.Best()
	title := words.UpperFirst(finding.Slowest(sc, best))
	second := finding.SessionAt(sc, best)
	if title == "" {
		title, second = second, ""
	}
	if title == "" {
		title = "Which step of " + sc.Name + " is the slowest?"
	}
	return &canvas.Figure{
		W: stepsW, H: canvas.Pixels(float64(rows*stepRow + len(panels)*stepsNaming + aroundSteps)), Title: title, Second: second,
		Alt:    words.Sentence("Latency (log scale) of each step of a session, and its share of the session's time: " + title),
		Footer: footerOf(stepMarks(panels)),
		Draw:   func(c *canvas.Canvas, body canvas.Rect) { drawSteps(c, body, x, panels) },
	}
}

// stepMarks explains the marks of panels.
func stepMarks(panels []stepPanel) string {
	used := make([]bool, len(stepQuantiles))
	hollow, shares := false, false
	for _, p := range panels {
		for _, r := range p.rows {
			for i, at := range r.marks {
				used[at] = true
				hollow = hollow || r.times[i].Thin
			}
			shares = shares || !math.IsNaN(r.share)
		}
	}
	var marks []string
	for i, s := range stepQuantiles {
		marks = append(marks, words.If(used[i], s.name+": "+units.Percentile(s.q)))
	}
	return words.Join(" · ", append(marks, words.If(hollow, "hollow: fewer than ten samples lie beyond"), words.If(shares, "shares are of the time of ok sessions"))...)
}

// stepLevels are at most three: the lowest, the one that says most, and the highest.
func stepLevels(sc *sweep.Scenario) []int {
	all := sc.Levels()
	some := []int{all[0], sc.Best(), all[len(all)-1]}
	slices.Sort(some)
	some = slices.Compact(some)
	return some[:min(len(some), mostPanels)]
}

func stepPanelOf(sc *sweep.Scenario, level int) stepPanel {
	at := sc.At(level)
	p := stepPanel{name: sweep.AtLevel(sc.Steps[0].Load, level)}
	if at.Sessions != nil && !at.Sessions.Valid() {
		p.name += " (not valid)"
	}
	shown := make([]int, len(at.Steps))
	for i := range shown {
		shown[i] = i
	}
	if len(shown) > mostSteps {
		slices.SortStableFunc(shown, func(a, b int) int {
			slow := func(i int) int64 { return int64(at.Steps[i].Stage.Shown().Latency.Quantile(max(at.Quantile, 0.5))) }
			return int(min(1, max(-1, slow(b)-slow(a))))
		})
		p.name += fmt.Sprintf(": the %d slowest of %d steps", mostSteps, len(shown))
		shown = shown[:mostSteps]
		slices.Sort(shown)
	}
	for _, i := range shown {
		k := at.Steps[i]
		r := stepRowFor(k.Name, k.Point)
		r.share = k.Share
		if i == at.Slowest {
			r.hue, r.bold = canvas.Blue, true
		}
		p.rows = append(p.rows, r)
	}
	if !math.IsNaN(at.Between) {
		p.rows = append(p.rows, stepRowOf{name: "between steps", hue: canvas.Pale, share: at.Between, between: true})
	}
	if at.Sessions != nil {
		r := stepRowFor("complete session", *at.Sessions)
		r.hue, r.whole = canvas.Ink, true
		p.rows = append(p.rows, r)
	}
	return p
}

func stepRowFor(name string, p sweep.Point) stepRowOf {
	r := stepRowOf{name: name, hue: canvas.Grey, share: math.NaN()}
	h := p.Stage.Shown().Latency
	for i, s := range stepQuantiles {
		if h.Resolved(s.q) {
			r.times = append(r.times, canvas.Value{X: float64(h.Quantile(s.q)), Thin: h.Thin(s.q)})
			r.marks = append(r.marks, i)
		}
	}
	if bad := p.Unserved(); bad > 1e-12 {
		r.left = units.Percent(bad) + " not ok"
	}
	return r
}

func drawSteps(c *canvas.Canvas, body canvas.Rect, x canvas.Axis, panels []stepPanel) {
	const (
		naming = 15
		label  = 74 // room behind the markers
	)
	split := c.W * 0.64
	times := canvas.Rect{X0: body.X0 + 118, X1: split - label}
	shares := canvas.Rect{X0: split + 14, X1: body.X1 - 98}
	c.PanelName(times.X0, body.Y1-canvas.NameSize, split-times.X0, "Latency of each step: p50, p90, p99 of ok")
	c.PanelName(shares.X0, body.Y1-canvas.NameSize, body.X1-shares.X0, "Share of a session's time")
	y := body.Y1 - naming - 6
	place, share := x.Scale(times.X0, times.X1), canvas.Scale{Hi: 1, From: shares.X0, To: shares.X1}
	for n, p := range panels {
		c.TextBeside(canvas.Edge, y-6, canvas.Style{Size: canvas.LabelSize, Bold: true, Color: canvas.Ink}, p.name)
		y -= naming
		times.Y0, times.Y1 = y-float64(len(p.rows))*stepRow, y
		shares.Y0, shares.Y1 = times.Y0, times.Y1
		c.GridDown(times, place, x.Ticks(8))
		c.GridDown(shares, share, canvas.Ticks([]float64{0, 0.5, 1}, units.Percent))
		for _, r := range p.rows {
			if r.whole {
				c.RowRule(y)
			}
			r.draw(c, y-stepRow/2, place, share, times, shares)
			y -= stepRow
		}
		c.Baseline(times)
		c.Baseline(shares)
		if n == len(panels)-1 {
			c.XAxis(times, place, x.Ticks(8), x.Name(), times.X0, times.X1)
			c.XAxis(shares, share, canvas.Ticks([]float64{0, 0.5, 1}, units.Percent), "linear scale", shares.X0, shares.X1)
		}
		y -= stepsNaming - naming
	}
}

func (r stepRowOf) draw(c *canvas.Canvas, y float64, place, share canvas.Scale, times, shares canvas.Rect) {
	text := r.hue
	if !r.bold {
		text = canvas.Ink
	}
	s, name := canvas.Fit(canvas.Style{Size: canvas.LabelSize, Bold: r.bold || r.whole, Color: text}, r.name, times.X0-canvas.Edge-8)
	c.TextBeside(canvas.Edge, y, s, name)
	if n := len(r.times); n > 0 {
		c.Segment(canvas.Pen{Color: r.hue, Width: canvas.LineWidth}, place.At(r.times[0].X), y, place.At(r.times[n-1].X), y)
		for i, v := range r.times {
			c.Mark(stepQuantiles[r.marks[i]].shape, canvas.Point{X: place.At(v.X), Y: y}, 3.4, canvas.Shade(r.hue, i, len(stepQuantiles)), v.Thin)
		}
		c.TextBeside(place.At(r.times[n-1].X)+8, y, canvas.Style{Size: canvas.TickSize, Bold: r.bold || r.whole, Color: text}, units.Percentile(stepQuantiles[n-1].q)+" "+units.Time.Text(r.times[n-1].X))
	}
	if r.left != "" {
		c.TextBeside(shares.X1+44, y, canvas.Style{Size: canvas.TickSize, Color: canvas.Vermilion}, r.left)
	}
	if math.IsNaN(r.share) {
		return
	}
	box := canvas.Rect{X0: shares.X0, Y0: y - 5, X1: share.At(r.share), Y1: y + 5}
	c.Fill(r.hue, box)
	if r.between {
		c.Hatch(box, canvas.Grey, 3.4, 0.4)
	}
	c.TextBeside(box.X1+4, y, canvas.Style{Size: canvas.TickSize, Bold: r.bold, Color: text}, units.Percent(r.share))
}
