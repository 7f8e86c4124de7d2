package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// The percentile figure: the complete distribution of latency at a few levels, the tail
// with as much room as the body, and below it the share of requests that are not in it.
const (
	percentilesW, percentilesH = 1600, 1000
	levelLabels                = 36 // points at the right of each column
	mostTails                  = 5
)

// percentilesModel is all that the percentile figure draws.
type percentilesModel struct {
	unit    string // of the levels
	nines   canvas.Axis
	latency canvas.Axis
	some    bool // there is a latency to draw
	columns []percentilesColumn
}

type percentilesColumn struct {
	hue   color.RGBA
	tails []tail // by rising level
}

// tail is the latencies of one stage, from the quickest to the slowest: x in nines,
// −log10(1−q).
type tail struct {
	level       int
	latency     canvas.Curve
	uncorrected canvas.Curve
	completion  canvas.Curve // empty where there is none
	rejected    float64      // share of arrivals
	failed      float64      // share of arrivals that failed in any other way
	valid       bool
}

func newPercentilesModel(sweeps []sweep.Sweep) *percentilesModel {
	m := &percentilesModel{
		nines:   canvas.Axis{Label: "% of ok requests this quick or quicker", Hi: 1},
		latency: canvas.Axis{Unit: units.Time, Log: true},
		unit:    result.LevelUnit(loadOf(sweeps), 2),
	}
	var times []float64
	for i := range sweeps {
		c := percentilesColumn{hue: canvas.HueOf(sweeps[i].Target(), i)}
		for _, p := range chosenLevels(sweeps[i].Points) {
			t := newTail(p)
			for _, v := range slices.Concat(t.latency.Values, t.uncorrected.Values, t.completion.Values) {
				times = append(times, v.Y)
				m.nines.Hi = max(m.nines.Hi, v.X)
			}
			c.tails = append(c.tails, t)
		}
		m.columns = append(m.columns, c)
	}
	m.latency.Lo, m.latency.Hi, m.some = canvas.LogRange(times, canvas.HalfDecade)
	return m
}

// chosenLevels are at most five: the lowest, half of the highest load that is still
// served, that load, the first that is not, and the highest of all.
func chosenLevels(points []sweep.Point) []sweep.Point {
	var some []sweep.Point
	for _, p := range points {
		if p.Stage.Counts.Planned() > 0 {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return nil
	}
	keep := map[int]bool{0: true, len(some) - 1: true}
	good := len(some) - 1
	if bad := slices.IndexFunc(some, func(p sweep.Point) bool { return !p.Served() }); bad >= 0 {
		good = bad - 1
		keep[bad] = true
	}
	if good >= 0 {
		half := 0
		distance := func(i int) float64 {
			return math.Abs(math.Log(float64(some[i].Level) / (float64(some[good].Level) / 2)))
		}
		for i := range good {
			if distance(i) < distance(half) {
				half = i
			}
		}
		keep[good], keep[half] = true, true
	}
	var out []sweep.Point
	for i, p := range some {
		if keep[i] && len(out) < mostTails {
			out = append(out, p)
		}
	}
	return out
}

func newTail(p sweep.Point) tail {
	t := tail{
		level:       p.Level,
		latency:     tailOf(p.Stage.Latency),
		uncorrected: tailOf(p.Stage.Uncorrected),
		rejected:    p.Stage.RejectedShare(),
		failed:      max(p.Unserved()-p.Stage.RejectedShare(), 0),
		valid:       p.Valid(),
	}
	if p.HasCompletion() {
		t.completion = sampled(p.Stage.Completion.Accepted, p.Stage.Completion.Quantile)
	}
	// Dotted from where fewer than ten samples lie beyond.
	sure := math.Log10(max(float64(p.Stage.Latency.N())/10, 1))
	for _, c := range []canvas.Curve{t.latency, t.uncorrected} {
		for i := range c.Values {
			c.Values[i].Thin = c.Values[i].X > sure
		}
	}
	return t
}

func tailOf(h *result.Hist) canvas.Curve {
	return sampled(h.N(), func(q float64) (time.Duration, bool) { return h.Quantile(q), true })
}

// sampled takes the quantiles of n values evenly in nines, up to where one of them lies
// beyond, or where a quantile is infinite: the curve ends where the samples do.
func sampled(n int64, quantile func(q float64) (time.Duration, bool)) canvas.Curve {
	var c canvas.Curve
	if n == 0 {
		return c
	}
	const perNine = 36
	end := math.Log10(float64(n))
	for i := 0; ; i++ {
		x := min(float64(i)/perNine, end)
		d, finite := quantile(1 - math.Pow(10, -x))
		if finite {
			c.Values = append(c.Values, canvas.Value{X: x, Y: float64(d)})
		}
		if x >= end || !finite {
			return c
		}
	}
}

// marks says how to read the marks that the figure has.
func (m *percentilesModel) marks() []string {
	completion := slices.ContainsFunc(m.columns, func(c percentilesColumn) bool {
		return slices.ContainsFunc(c.tails, func(t tail) bool { return len(t.completion.Values) > 0 })
	})
	return chosen(
		mark{true, "thick: latency, from the planned instant"},
		mark{true, "thin: uncorrected latency, from the actual send"},
		mark{true, "dotted: fewer than ten samples lie beyond"},
		mark{true, "a curve ends where the samples end"},
		mark{completion, "dashed, done: completion latency, from the planned instant; thick and thin are until a request was accepted"},
	)
}

func (m *percentilesModel) draw(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading) {
	const (
		naming = 15 // room for the name of a panel
		row    = 10.5
	)
	columns := c.Columns(headings, body.Y1-5, axisLabels, levelLabels)
	rows := 1
	for _, col := range m.columns {
		rows = max(rows, len(col.tails))
	}
	strip := canvas.Rect{Y0: body.Y0, Y1: body.Y0 + float64(rows)*row}
	curves := canvas.Rect{Y0: strip.Y1 + naming + canvas.AxisHeight, Y1: body.Y1 - naming - 8}
	c.PanelName(body.X0, curves.Y1+4, body.W(), "Latency of those served: percentiles of ok, log scale")
	c.PanelName(body.X0, strip.Y1+4, body.W(), "Not in the curves: share of requests that were rejected, or failed")

	for i, x := range columns {
		p := newPanel(c, canvas.Rect{X0: x.X0, Y0: curves.Y0, X1: x.X1, Y1: curves.Y1}, m.nines, m.latency, i == 0)
		m.drawNines(p)
		m.drawTails(p, m.columns[i])
		m.drawLeftOut(c, canvas.Rect{X0: x.X0, Y0: strip.Y0, X1: x.X1 + levelLabels, Y1: strip.Y1}, m.columns[i], row)
	}
}

// drawNines labels the shares of requests: each further nine has the same room.
func (m *percentilesModel) drawNines(p *panel) {
	at := []float64{0}
	for n := 1.0; n <= m.nines.Hi; n++ {
		at = append(at, n)
	}
	ticks := canvas.Ticks(append(at, math.Log10(2)), func(v float64) string {
		return strconv.FormatFloat(100*(1-math.Pow(10, -v)), 'f', max(0, int(v)-2), 64)
	})
	x := m.nines.Scale(p.X0, p.X1)
	p.GridDown(p.Rect, x, ticks)
	p.XAxis(p.Rect, x, ticks, m.nines.Name(), p.X0-axisLabels, p.X1+levelLabels)
}

func (m *percentilesModel) drawTails(p *panel, col percentilesColumn) {
	for k, t := range col.tails {
		hue := canvas.Shade(col.hue, k, len(col.tails))
		dark := canvas.Mix(hue, canvas.Black, 0.15)
		level := units.Int(t.level)
		p.Curve(p.Chart, t.latency, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth * 1.35}})
		p.Curve(p.Chart, t.uncorrected, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Mix(hue, canvas.Black, 0.45), Width: canvas.ThinWidth}})
		p.add(t.completion, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth, Dashes: canvas.Dashed}}, canvas.Label{Text: level + " done", Color: dark})
		p.label(t.latency, canvas.Label{Text: level, Color: dark, Bold: true})
		if end, ok := p.End(t.latency); ok {
			p.Dot(end, 1.8, hue, !t.valid)
		}
	}
	if len(p.labels) == 0 {
		p.Text((p.X0+p.X1)/2, (p.Y0+p.Y1)/2, canvas.Style{Size: canvas.LabelSize, Color: canvas.Vermilion, Align: canvas.Center}, "no success")
		return
	}
	top := p.writeLabels(canvas.LabelSize, 14)
	p.Text(top.X, top.Y+canvas.LabelSize*0.65, canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}, m.unit)
}

// drawLeftOut shows for each curve the share of requests that are not in it.
func (m *percentilesModel) drawLeftOut(c *canvas.Canvas, r canvas.Rect, col percentilesColumn, row float64) {
	room := 120.0 // for the text behind the bar
	if len(m.columns) == columnsPerSheet {
		room = 80
	}
	x := canvas.Scale{Hi: 1, From: r.X0 + 29, To: r.X1 - room}
	for k, t := range col.tails {
		y := r.Y1 - (float64(k)+0.5)*row
		hue := canvas.Mix(canvas.Shade(col.hue, k, len(col.tails)), canvas.Black, 0.15)
		c.TextBeside(r.X0+24, y, canvas.Style{Size: canvas.TickSize, Bold: true, Color: hue, Align: canvas.Right}, units.Int(t.level))
		box := func(from, to float64) canvas.Rect {
			return canvas.Rect{X0: x.At(from), Y0: y - row*0.32, X1: x.At(to), Y1: y + row*0.32}
		}
		c.Frame(canvas.Pen{Color: canvas.Pale, Width: 0.5}, box(0, 1))
		c.Fill(canvas.Orange, box(0, t.rejected))
		c.Fill(canvas.Vermilion, box(t.rejected, t.rejected+t.failed))
		s, text := canvas.Fit(canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, t.leftOut(), room-2)
		c.TextBeside(x.To+4, y, s, text)
	}
}

// leftOut is the share of requests that are not in the curve, in words.
func (t tail) leftOut() string {
	text := "none"
	switch rejected, failed := units.Percent(t.rejected), units.Percent(t.failed); {
	case t.rejected > 0 && t.failed > 1e-12:
		text = fmt.Sprintf("%s rej. %s failed", rejected, failed)
	case t.failed > 1e-12:
		text = failed + " failed"
	case t.rejected > 0 && !t.valid:
		text = rejected + " rej."
	case t.rejected > 0:
		text = rejected + " rejected"
	}
	if !t.valid {
		text += ", not valid"
	}
	return text
}
