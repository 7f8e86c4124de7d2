package figure

import (
	"image/color"
	"math"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/units"
)

// The regression figure answers whether anything got worse: a dot and its interval for
// each metric, worse to the right, against a band of what is allowed.
const (
	regressionW = 1600

	rowHeight     = 24 // points, where there are few rows
	leastRow      = 18.5
	aroundPanels  = 96 // title and footer
	aroundPanel   = 46 // name and axis of a panel
	panelHead     = 27 // the upper part of it
	verdictLabels = 150
	mostNames     = 175
)

// RowsPerSheet is how many changes fit on one sheet before they become too small to
// read.
const RowsPerSheet = 24

// Regression is one sheet of the regression figure.
type Regression struct {
	Common  string // what all scenarios have in common
	Named   bool   // scenarios differ, and each row has its own
	Invalid bool   // the comparison is not valid
	Changes []Change
}

// Change is one row of the regression figure: how much worse a metric got. Numbers are
// shares, or the difference between two shares where Points is set.
type Change struct {
	Metric, Scenario string
	Values           string // base and candidate
	Verdict          compare.Verdict
	Word             string // the verdict in words
	Gated            bool
	Points           bool
	Drawn            bool    // there is a change to draw
	Estimate         float64 // positive: worse
	Lower, Upper     float64 // not a number: there is no bound
	Tolerance        float64
	Margin           float64
	Change, Interval string // in words; "": nothing to write
	Reason           string // why there is nothing to draw
}

// regressionPanel is the rows that share an axis, which reaches from -extent to extent.
type regressionPanel struct {
	points bool
	extent float64
	rows   []Change
}

// looks are how verdicts are drawn: colour and shape differ for each.
var looks = map[compare.Verdict]look{
	compare.Regressed:    {canvas.Vermilion, canvas.ArrowRight},
	compare.Unstable:     {canvas.Vermilion, canvas.Diamond},
	compare.Minor:        {canvas.Mix(canvas.Orange, canvas.Black, 0.25), canvas.ArrowRight},
	compare.Improved:     {canvas.Green, canvas.ArrowLeft},
	compare.Equal:        {canvas.Blue, canvas.Circle},
	compare.Inconclusive: {canvas.Mix(canvas.Grey, canvas.Black, 0.2), canvas.Square},
	compare.Invalid:      {canvas.Black, canvas.Cross},
}

type look struct {
	hue   color.RGBA
	shape canvas.Shape
}

// Figure is the sheet as a figure without a title.
func (g Regression) Figure() *canvas.Figure {
	panels := g.panels()
	each := float64(rowHeight)
	if n := len(g.Changes); n > 10 { // rows shrink a little before the sheet grows
		each = max(leastRow, rowHeight-0.45*float64(n-10))
	}
	return &canvas.Figure{
		W: regressionW, H: canvas.Pixels(aroundPanels + aroundPanel*float64(len(panels)) + each*float64(len(g.Changes))),
		Draw: func(c *canvas.Canvas, body canvas.Rect) { g.draw(c, body, panels) },
	}
}

// Marks says how to read the marks that the figure has; confidence is that of each end
// of an interval, "" where it is not known.
func (g Regression) Marks(confidence string) []string {
	if confidence != "" {
		confidence = ", " + confidence + " for each side"
	}
	var open, ungated bool
	for _, p := range g.panels() {
		for _, r := range p.rows {
			open = open || r.Drawn && (p.place(r.lower()) < -p.extent || p.place(r.upper()) > p.extent)
			ungated = ungated || !r.Gated
		}
	}
	return chosen(
		mark{true, "grey band: what is allowed (tolerance), and in it, between white lines, what is too small to matter (margin)"},
		mark{true, "line: where the change lies" + confidence},
		mark{open, "arrow: no bound, or beyond the axis"},
		mark{ungated, "hollow: informs, and decides nothing"},
	)
}

func (g Regression) panels() []regressionPanel {
	var out []regressionPanel
	for _, points := range []bool{false, true} {
		p := regressionPanel{points: points}
		for _, r := range g.Changes {
			if r.Points == points {
				p.rows = append(p.rows, r)
			}
		}
		if len(p.rows) > 0 {
			p.extent = p.reach()
			out = append(out, p)
		}
	}
	return out
}

func (r Change) lower() float64 { return bound(r.Lower, -1) }
func (r Change) upper() float64 { return bound(r.Upper, 1) }

// bound is infinite where there is none.
func bound(x float64, side int) float64 {
	if math.IsNaN(x) {
		return math.Inf(side)
	}
	return x
}

// place is where on the axis a change is drawn: of ratios the log2 of how many times
// worse. Something that became infinitely better has no place there.
func (p regressionPanel) place(x float64) float64 {
	switch {
	case p.points || math.IsNaN(x):
		return x
	case x <= -1:
		return math.Inf(-1)
	}
	return math.Log2(1 + x)
}

// The least that an axis reaches, and the most: 4 % to 16 times, and 0.2 to 100
// percentage points.
var (
	leastExtent = map[bool]float64{false: math.Log2(1.04), true: 0.002}
	mostExtent  = map[bool]float64{false: 4, true: 1}
)

// reach is how far the axis of a panel reaches: to show each tolerance and each
// estimate, and the ends of intervals unless one that is very wide would squeeze all
// others.
func (p regressionPanel) reach() float64 {
	need, ends := leastExtent[p.points], 0.0
	grow := func(most *float64, v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			*most = max(*most, v)
		}
	}
	for _, r := range p.rows {
		grow(&need, 1.5*p.place(r.Tolerance))
		if r.Drawn {
			grow(&need, 1.1*math.Abs(p.place(r.Estimate)))
			grow(&ends, 1.06*math.Abs(p.place(r.Lower)))
			grow(&ends, 1.06*math.Abs(p.place(r.Upper)))
		}
	}
	return min(max(need, min(ends, 2.5*need)), mostExtent[p.points])
}

// ticks are the marks of the axis: none, and one or two to either side, as far as the
// axis reaches.
func (p regressionPanel) ticks() []canvas.Tick {
	step := 0.001
	for _, s := range []float64{0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3, 7, 15} {
		if p.place(s) <= 0.5*p.extent {
			step = s
		}
	}
	changes := []float64{step, 2 * step, -step, -2 * step}
	switch {
	case p.points || step < 1:
	case step == 1: // far out, steps are factors: twice as bad is as far as half
		changes = []float64{1, 3, -0.5, -0.75}
	default:
		changes = []float64{step, 1/(1+step) - 1}
	}
	out := []canvas.Tick{{At: 0, Label: "same"}}
	for _, x := range changes {
		word := " worse"
		if x < 0 {
			word = " better"
		}
		if at := p.place(x); math.Abs(at) <= p.extent {
			out = append(out, canvas.Tick{At: at, Label: units.Limit(math.Abs(x), p.points) + word})
		}
	}
	return out
}

func (g Regression) draw(c *canvas.Canvas, body canvas.Rect, panels []regressionPanel) {
	each := (body.H() - aroundPanel*float64(len(panels))) / float64(max(len(g.Changes), 1))
	names := g.nameWidth()
	x0, x1 := body.X0+names+10, body.X1-verdictLabels
	top := body.Y1
	for i, p := range panels {
		name := "How much worse: log scale"
		if p.points {
			name = "How much worse: in percentage points, not a ratio"
		}
		if i == 0 && g.Common != "" {
			name += ", " + g.Common
		}
		c.PanelName(body.X0, top-canvas.NameSize, body.W(), name)
		r := canvas.Rect{X0: x0, Y0: top - panelHead - each*float64(len(p.rows)), X1: x1, Y1: top - panelHead}
		g.drawPanel(c, r, p, each, names)
		top = r.Y0 - (aroundPanel - panelHead)
	}
}

// nameWidth is the room for what rows are called.
func (g Regression) nameWidth() float64 {
	note := canvas.Style{Size: canvas.NoteSize}
	w := 60.0
	for _, r := range g.Changes {
		w = max(w, canvas.Width(canvas.Style{Size: canvas.LabelSize, Bold: true}, r.Metric)+5+canvas.Width(note, r.Values))
		if g.Named {
			w = max(w, canvas.Width(note, r.Scenario))
		}
	}
	return min(w, mostNames)
}

func (g Regression) drawPanel(c *canvas.Canvas, r canvas.Rect, p regressionPanel, each, names float64) {
	x := canvas.Scale{Lo: -p.extent, Hi: p.extent, From: r.X0, To: r.X1}
	band := func(i int, share float64) canvas.Rect {
		y1 := r.Y1 - float64(i)*each
		return canvas.Rect{X0: x.At(p.place(-share)), Y0: y1 - each, X1: x.At(p.place(share)), Y1: y1}
	}
	for i, row := range p.rows {
		b := band(i, row.Tolerance)
		if (row.Verdict == compare.Regressed || row.Verdict == compare.Unstable) && row.Gated && !g.Invalid {
			c.Fill(canvas.Mix(canvas.Vermilion, canvas.White, 0.88), canvas.Rect{X0: canvas.Edge - 4, Y0: b.Y0, X1: c.W - canvas.Edge + 4, Y1: b.Y1})
		}
		if row.Tolerance > 0 {
			c.Fill(canvas.Faint, b)
		}
	}
	for i, row := range p.rows {
		if b := band(i, row.Margin); row.Margin > 0 {
			for _, at := range []float64{b.X0, b.X1} {
				c.Segment(canvas.Pen{Color: canvas.White, Width: 0.9}, at, b.Y0, at, b.Y1)
			}
		}
		if i > 0 {
			c.RowRule(r.Y1 - float64(i)*each)
		}
	}
	p.drawAxis(c, r, x)
	for i, row := range p.rows {
		g.drawRow(c, r, x, p, row, r.Y1-(float64(i)+0.5)*each, each, names)
	}
}

func (p regressionPanel) drawAxis(c *canvas.Canvas, r canvas.Rect, x canvas.Scale) {
	c.Segment(canvas.Pen{Color: canvas.Ink, Width: 0.8}, x.At(0), r.Y0-3, x.At(0), r.Y1+3)
	c.Baseline(r)
	ticks := p.ticks()
	s := canvas.Style{Size: canvas.TickSize}
	var at []float64
	labels := map[float64]string{}
	for _, t := range ticks {
		at, labels[t.At] = append(at, t.At), t.Label
	}
	if len(canvas.Fitting(at, func(v float64) (float64, float64) { return x.At(v), canvas.Width(s, labels[v]) + 5 })) < len(at) {
		for i := range ticks { // the arrows say which side is worse
			ticks[i].Label = strings.TrimSuffix(strings.TrimSuffix(ticks[i].Label, " better"), " worse")
		}
	}
	c.XAxis(r, x, ticks, "", r.X0, r.X1)
	side := canvas.Style{Size: canvas.TickSize, Bold: true, Color: canvas.Green}
	c.Text(r.X0, r.Y1+4, side, "← better")
	side.Color, side.Align = canvas.Vermilion, canvas.Right
	c.Text(r.X1, r.Y1+4, side, "worse →")
}

func (g Regression) drawRow(c *canvas.Canvas, r canvas.Rect, x canvas.Scale, p regressionPanel, row Change, y, each, names float64) {
	look := looks[row.Verdict]
	name := canvas.Style{Size: canvas.LabelSize, Bold: row.Gated, Color: canvas.Ink}
	word := canvas.Style{Size: canvas.LabelSize, Bold: row.Gated, Color: canvas.Mix(look.hue, canvas.Black, 0.1)}
	if !row.Gated {
		look.hue, name.Color, word.Color, row.Word = canvas.Mix(look.hue, canvas.White, 0.4), canvas.Soft, canvas.Soft, "informs: "+row.Word
	}
	note := canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}
	// Two lines of text share a row; one alone stands in its middle.
	upper, lower := y+min(4.6, each/5), y-min(6, each/3.4)
	up := func(two bool) float64 {
		if two {
			return upper
		}
		return y
	}

	c.TextBeside(canvas.Edge, up(g.Named), name, row.Metric)
	if left := canvas.Edge + canvas.Width(name, row.Metric) + 5; left+canvas.Width(note, row.Values) < r.X0-4 {
		c.TextBeside(left, up(g.Named), note, row.Values)
	}
	if g.Named {
		c.TextBeside(canvas.Edge, lower, note, canvas.CutMiddle(note, row.Scenario, names))
	}

	left := r.X1 + 12
	at := up(row.Interval != "" && row.Drawn)
	c.TextBeside(left, at, word, row.Word)
	c.TextBeside(left+canvas.Width(word, row.Word)+5, at, canvas.Style{Size: canvas.LabelSize, Color: canvas.Ink}, row.Change)
	if !row.Drawn {
		s := canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}
		c.TextBeside(x.At(0)+6, y, s, canvas.CutMiddle(s, row.Reason, r.X1-x.At(0)-6))
		return
	}
	c.TextBeside(left, lower, note, row.Interval)
	c.Interval(x, p.place(row.lower()), p.place(row.upper()), y, look.hue)
	c.Mark(look.shape, canvas.Point{X: x.At(p.place(row.Estimate)), Y: y}, 4.2, look.hue, !row.Gated)
}
