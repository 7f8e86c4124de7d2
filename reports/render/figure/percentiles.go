package figure

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// The percentile figure: the complete distribution of latency at a few levels, the tail
// with as much room as the body, and below it the share of requests that are not in it.
const (
	percentilesW, percentilesH = 1600, 1000
	mostTails                  = 5
	doneLabel                  = " done" // behind the level of a completion latency
)

type percentilesModel struct {
	unit    string // of the levels
	nines   canvas.Axis
	latency canvas.Axis
	some    bool          // there is a latency to draw
	wait    time.Duration // known of every request, and not in the curves: it would press them flat; 0 for none
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
	m.wait = waitOf(sweeps)
	var times []float64
	for i := range sweeps {
		c := percentilesColumn{hue: canvas.HueOf(sweeps[i].Target(), i)}
		for _, p := range chosenLevels(sweeps[i].Points) {
			t := newTail(p, m.wait)
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

// waitOf is how long every request of all sweeps waited at least; 0 where they differ.
func waitOf(sweeps []sweep.Sweep) (wait time.Duration) {
	for i, w := range sweeps {
		of := Wait(w.Points)
		if i > 0 && of != wait {
			return 0
		}
		wait = of
	}
	return wait
}

// Wait is how long every request at all points waited at least, whatever the target did;
// 0 where that is not known, or where a target replies before.
func Wait(points []sweep.Point) (wait time.Duration) {
	for _, p := range points {
		of, known := p.Stage.Wait()
		if !known || p.HasCompletion() || wait > 0 && of != wait {
			return 0
		}
		wait = of
	}
	return wait
}

func newTail(p sweep.Point, wait time.Duration) tail {
	t := tail{
		level:       p.Level,
		latency:     tailOf(p.Stage.Shown().Latency),
		uncorrected: tailOf(p.Stage.Shown().Uncorrected),
		rejected:    p.Stage.RejectedShare(),
		failed:      max(p.Unserved()-p.Stage.RejectedShare(), 0),
		valid:       p.Valid(),
	}
	if p.HasCompletion() {
		t.completion = sampled(p.Stage.Completion.Accepted, p.Stage.Completion.Quantile)
	}
	for _, c := range []canvas.Curve{t.latency, t.uncorrected} {
		for i := range c.Values {
			c.Values[i].Y -= float64(wait)
		}
	}
	return t
}

// tailOf is thin from where fewer than ten samples lie beyond.
func tailOf(h *result.Hist) canvas.Curve {
	c := sampled(h.N(), func(q float64) (time.Duration, bool) { return h.Quantile(q), true })
	sure := math.Log10(max(float64(h.N())/10, 1))
	for i := range c.Values {
		c.Values[i].Thin = c.Values[i].X > sure
	}
	return c
}

// ninesOf is the place of a quantile, −log10(1−q).
func ninesOf(q float64) float64 { return -math.Log10(1 - q) }

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

func (m *percentilesModel) marks() string {
	completion := false
	var curves []canvas.Curve
	for _, c := range m.columns {
		for _, t := range c.tails {
			curves = append(curves, t.latency, t.uncorrected)
			completion = completion || len(t.completion.Values) > 0
		}
	}
	return words.Join(" · ",
		"thick: latency, from the planned instant",
		"thin: uncorrected latency, from the actual send",
		words.If(drawnOf(curves...).thin, thinMark),
		"a curve ends where the samples end",
		words.If(m.wait > 0, "steps: latencies have three digits"),
		words.If(completion, "dashed, done: completion latency, from the planned instant; thick and thin are until a request was accepted"),
	)
}

func (m *percentilesModel) draw(c *canvas.Canvas, body canvas.Rect, headings []canvas.Heading) {
	const (
		naming = 16 // room for the name of a panel
		row    = 11.5
	)
	rows, room := 1, 0.0 // at the right of each column, for labels
	for _, col := range m.columns {
		rows = max(rows, len(col.tails))
		for _, t := range col.tails {
			label := units.Int(t.level) + words.If(len(t.completion.Values) > 0, doneLabel)
			room = max(room, 7+canvas.Width(canvas.Style{Size: canvas.TickSize, Bold: true}, label), 7+canvas.Width(canvas.Style{Size: canvas.NoteSize}, m.unit))
		}
	}
	columns := c.Columns(headings, body.Y1-5, axisLabels, room)
	strip := canvas.Rect{Y0: body.Y0, Y1: body.Y0 + float64(rows)*row}
	curves := canvas.Rect{Y0: strip.Y1 + naming + canvas.AxisHeight, Y1: body.Y1 - naming - 8}
	name := "Latency of those served: percentiles of ok, log scale"
	if m.wait > 0 {
		name = fmt.Sprintf("Latency beyond the wait of %s: percentiles of ok, log scale", units.Duration(m.wait))
	}
	c.PanelName(body.X0, curves.Y1+4, body.W(), name)
	c.PanelName(body.X0, strip.Y1+4, body.W(), "Not in the curves: share of requests that were rejected, or failed")

	for i, x := range columns {
		p := newPanel(c, canvas.Rect{X0: x.X0, Y0: curves.Y0, X1: x.X1, Y1: curves.Y1}, m.nines, m.latency, i == 0)
		drawNines(p, m.nines, room, true)
		m.drawTails(p, m.columns[i])
		m.drawLeftOut(c, canvas.Rect{X0: x.X0, Y0: strip.Y0, X1: x.X1 + room, Y1: strip.Y1}, m.columns[i], row)
	}
}

// drawNines labels the shares of requests: each further nine has the same room. Only the
// lowest of the panels above one another has the axis.
func drawNines(p *panel, nines canvas.Axis, room float64, lowest bool) {
	at := []float64{0}
	for n := 1.0; n <= nines.Hi; n++ {
		at = append(at, n)
	}
	ticks := canvas.Ticks(append(at, ninesOf(0.5)), func(v float64) string {
		return strconv.FormatFloat(100*(1-math.Pow(10, -v)), 'f', max(0, int(v)-2), 64)
	})
	x := nines.Scale(p.X0, p.X1)
	p.GridDown(p.Rect, x, ticks)
	if lowest {
		p.XAxis(p.Rect, x, ticks, nines.Name(), p.X0-axisLabels, p.X1+room)
	}
}

func (m *percentilesModel) drawTails(p *panel, col percentilesColumn) {
	for k, t := range col.tails {
		hue := canvas.Shade(col.hue, k, len(col.tails))
		dark := canvas.Mix(hue, canvas.Black, 0.15)
		level := units.Int(t.level)
		p.Curve(p.Chart, t.latency, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth * 1.35}})
		p.Curve(p.Chart, t.uncorrected, canvas.Stroke{Pen: canvas.Pen{Color: canvas.Mix(hue, canvas.Black, 0.45), Width: canvas.ThinWidth}})
		p.add(t.completion, canvas.Stroke{Pen: canvas.Pen{Color: hue, Width: canvas.LineWidth, Dashes: canvas.Dashed}}, canvas.Label{Text: level + doneLabel, Color: dark})
		p.label(t.latency, canvas.Label{Text: level, Color: dark, Bold: true})
		if end, ok := p.End(t.latency); ok {
			p.Dot(end, 1.8, hue, !t.valid)
		}
	}
	if len(p.labels) == 0 {
		p.Text((p.X0+p.X1)/2, (p.Y0+p.Y1)/2, canvas.Style{Size: canvas.LabelSize, Color: canvas.Vermilion, Align: canvas.Center}, "no success")
		return
	}
	top := p.writeLabels(canvas.TickSize, 14)
	p.Text(top.X, top.Y+canvas.TickSize*0.65, canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}, m.unit)
}

// drawLeftOut shows for each curve the share of requests that are not in it.
func (m *percentilesModel) drawLeftOut(c *canvas.Canvas, r canvas.Rect, col percentilesColumn, row float64) {
	room := 120.0 // for the text behind the bar
	if len(m.columns) == columnsPerSheet {
		room = 80
	}
	if !slices.ContainsFunc(col.tails, func(t tail) bool { return t.rejected > 0 || t.failed > 1e-12 || !t.valid }) {
		c.TextBeside(r.X0, r.Y1-0.5*row, canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, "none was rejected, none failed")
		return
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
		c.Band(canvas.BandOf(result.Rejected), box(0, t.rejected))
		c.Fill(canvas.Vermilion, box(t.rejected, t.rejected+t.failed))
		s, text := canvas.Fit(canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}, t.leftOut(), room-2)
		c.TextBeside(x.To+4, y, s, text)
	}
}

func (t tail) leftOut() string {
	failed := t.failed > 1e-12
	verb := "rejected"
	if failed || !t.valid {
		verb = "rej." // two of them have no room
	}
	text := words.Join(" ", words.If(t.rejected > 0, units.Percent(t.rejected)+" "+verb), words.If(failed, units.Percent(t.failed)+" failed"))
	return cmp.Or(text, "none") + words.If(!t.valid, ", not valid")
}

// percentilesAlt is the percentile figure in words: its title has the numbers.
func percentilesAlt(title string, sweeps []sweep.Sweep) string {
	return fmt.Sprintf("Latency (log scale) over the share of requests that were this quick, at up to five levels of %s: %s", result.LevelUnit(loadOf(sweeps), 2), words.Sentence(title))
}
