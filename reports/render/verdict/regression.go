package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// The regression figure answers whether anything got worse: a dot and its interval for
// each metric, worse to the right, against a band of what is allowed.
const (
	regressionW = 1600

	rowHeight     = 27 // points, where there are few rows
	leastRow      = 20.5
	aroundPanels  = 106 // title and footer
	aroundPanel   = 50  // name and axis of a panel
	panelHead     = 29  // the upper part of it
	verdictLabels = 172
	mostNames     = 175
)

// rowsPerSheet is how many changes fit on one sheet before they become too small to
// read.
const rowsPerSheet = 24

type sheet struct {
	common  string // what all scenarios have in common
	named   bool   // scenarios differ, and each row has its own
	invalid bool   // the comparison is not valid
	rows    []row
}

// row is a finding as a sheet shows it.
type row struct {
	compare.Finding
	scenario string // the part that rows do not have in common
}

// drawn reports whether there is a change that has a place.
func (r row) drawn() bool { return r.Pairs > 0 && !r.Estimate.None() && !r.FromZero() }

// regressionPanel is the rows that share an axis, which reaches from -extent to extent.
type regressionPanel struct {
	points bool
	extent float64
	rows   []row
}

// looks are how verdicts are drawn: colour and shape differ for each.
var looks = map[compare.Verdict]figure.Look{
	compare.Regressed:    {Hue: canvas.Vermilion, Shape: canvas.ArrowRight},
	compare.Unstable:     {Hue: canvas.Vermilion, Shape: canvas.Diamond},
	compare.Minor:        {Hue: canvas.Mix(canvas.Orange, canvas.Black, 0.25), Shape: canvas.ArrowRight},
	compare.Improved:     {Hue: canvas.Green, Shape: canvas.ArrowLeft},
	compare.Equal:        {Hue: canvas.Blue, Shape: canvas.Circle},
	compare.Inconclusive: {Hue: canvas.Mix(canvas.Grey, canvas.Black, 0.2), Shape: canvas.Square},
	compare.Invalid:      {Hue: canvas.Grey, Shape: canvas.Cross},
}

func (s sheet) figure() *canvas.Figure {
	panels := s.panels()
	each := float64(rowHeight)
	if n := len(s.rows); n > 10 { // rows shrink a little before the sheet grows
		each = max(leastRow, rowHeight-0.45*float64(n-10))
	}
	return &canvas.Figure{
		W: regressionW, H: canvas.Pixels(aroundPanels + aroundPanel*float64(len(panels)) + each*float64(len(s.rows))),
		Draw: func(c *canvas.Canvas, body canvas.Rect) { s.draw(c, body, panels) },
	}
}

// marks says how to read the marks that the figure has; confidence is that of each end
// of an interval, "" where it is not known.
func (s sheet) marks(confidence string) string {
	var open, ungated bool
	for _, p := range s.panels() {
		for _, r := range p.rows {
			lower, upper := p.ends(r)
			open = open || r.drawn() && (lower < -p.extent || upper > p.extent)
			ungated = ungated || !r.Gated
		}
	}
	return words.Join(" · ",
		"grey band: what is allowed (tolerance), and in it, between white lines, what is too small to matter (margin)",
		"line: where the change lies"+words.If(confidence != "", ", "+confidence+" for each side"),
		words.If(open, "arrow: no bound, or beyond the axis"),
		words.If(ungated, "hollow: informs, and decides nothing"),
	)
}

func (s sheet) panels() []regressionPanel {
	var out []regressionPanel
	for _, points := range []bool{false, true} {
		p := regressionPanel{points: points}
		for _, r := range s.rows {
			if (r.Scale == compare.Points) == points {
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

// ends are the places of the bounds of a row, infinite where there is none.
func (p regressionPanel) ends(r row) (lower, upper float64) {
	bound := func(b compare.Bound, side int) float64 {
		if math.IsNaN(float64(b)) {
			return math.Inf(side)
		}
		return float64(b)
	}
	return p.place(bound(r.Lower, -1)), p.place(bound(r.Upper, 1))
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
		if r.drawn() {
			grow(&need, 1.1*math.Abs(p.place(float64(r.Estimate))))
			grow(&ends, 1.06*math.Abs(p.place(float64(r.Lower))))
			grow(&ends, 1.06*math.Abs(p.place(float64(r.Upper))))
		}
	}
	return min(max(need, min(ends, 2.5*need)), mostExtent[p.points])
}

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
		sign := "+"
		if x < 0 {
			sign = "−"
		}
		if at := p.place(x); math.Abs(at) <= p.extent {
			out = append(out, canvas.Tick{At: at, Label: sign + units.Limit(math.Abs(x), p.points)})
		}
	}
	return out
}

func (s sheet) draw(c *canvas.Canvas, body canvas.Rect, panels []regressionPanel) {
	each := (body.H() - aroundPanel*float64(len(panels))) / float64(max(len(s.rows), 1))
	names := s.nameWidth()
	x0, x1 := body.X0+names+10, body.X1-verdictLabels
	top := body.Y1
	for i, p := range panels {
		name := "How much worse: log scale"
		if p.points {
			name = "How much worse: in percentage points, not a ratio"
		}
		if i == 0 && s.common != "" {
			name += ", " + scenarioWords(s.common)
		}
		c.PanelName(body.X0, top-canvas.NameSize, body.W(), name)
		r := canvas.Rect{X0: x0, Y0: top - panelHead - each*float64(len(p.rows)), X1: x1, Y1: top - panelHead}
		s.drawPanel(c, r, p, each, names)
		top = r.Y0 - (aroundPanel - panelHead)
	}
}

func (s sheet) nameWidth() float64 {
	note := canvas.Style{Size: canvas.NoteSize}
	w := 60.0
	for _, r := range s.rows {
		w = max(w, canvas.Width(canvas.Style{Size: canvas.LabelSize, Bold: true}, r.metric())+5+canvas.Width(note, r.values()))
		if s.named {
			w = max(w, canvas.Width(note, r.scenario))
		}
	}
	return min(w, mostNames)
}

func (r row) metric() string { return words.Shorten(escape.Line(r.Metric), 22) }

func (r row) values() string {
	if !measured(r.Finding) {
		return ""
	}
	base, candidate := typical(r.Finding, r.BaseValue), typical(r.Finding, r.CandidateValue)
	return base + words.If(candidate != base, " → "+candidate)
}

func (s sheet) drawPanel(c *canvas.Canvas, r canvas.Rect, p regressionPanel, each, names float64) {
	x := canvas.Scale{Lo: -p.extent, Hi: p.extent, From: r.X0, To: r.X1}
	band := func(i int, share float64) canvas.Rect {
		y1 := r.Y1 - float64(i)*each
		return canvas.Rect{X0: x.At(p.place(-share)), Y0: y1 - each, X1: x.At(p.place(share)), Y1: y1}
	}
	for i, row := range p.rows {
		b := band(i, row.Tolerance)
		if v := ofFinding(row.Finding); (v == compare.Regressed || v == compare.Unstable) && row.Gated && !s.invalid {
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
		s.drawRow(c, r, x, p, row, r.Y1-(float64(i)+0.5)*each, each, names)
	}
}

func (p regressionPanel) drawAxis(c *canvas.Canvas, r canvas.Rect, x canvas.Scale) {
	c.Segment(canvas.Pen{Color: canvas.Ink, Width: 0.8}, x.At(0), r.Y0-3, x.At(0), r.Y1+3)
	c.Baseline(r)
	c.XAxis(r, x, p.ticks(), "", r.X0, r.X1)
	side := canvas.Style{Size: canvas.TickSize, Bold: true, Color: canvas.Green}
	c.Text(r.X0, r.Y1+4, side, "← better")
	side.Color, side.Align = canvas.Vermilion, canvas.Right
	c.Text(r.X1, r.Y1+4, side, "worse →")
}

func (s sheet) drawRow(c *canvas.Canvas, r canvas.Rect, x canvas.Scale, p regressionPanel, row row, y, each, names float64) {
	verdict := ofFinding(row.Finding)
	look, word, change := looks[verdict], verdict.String(), ""
	name := canvas.Style{Size: canvas.LabelSize, Bold: row.Gated, Color: canvas.Ink}
	says := canvas.Style{Size: canvas.LabelSize, Bold: row.Gated, Color: canvas.Mix(look.Hue, canvas.Black, 0.1)}
	if s.invalid {
		look.Hue, says.Color = canvas.Grey, canvas.Soft
	}
	if !row.Gated {
		look.Hue, name.Color, says.Color, word = canvas.Mix(look.Hue, canvas.White, 0.4), canvas.Soft, canvas.Soft, "informs: "+word
	}
	if measured(row.Finding) {
		change = changed(row.Finding)
	}
	bounds := words.If(!exactly(row.Finding), cmp.Or(words.If(unbounded(row.Finding), "no bounds"), interval(row.Finding)))
	note := canvas.Style{Size: canvas.NoteSize, Color: canvas.Soft}
	// Two lines of text share a row; one alone stands in its middle.
	upper, lower := y+min(5, each/5), y-min(6.5, each/3.4)
	up := func(two bool) float64 {
		if two {
			return upper
		}
		return y
	}

	c.TextBeside(canvas.Edge, up(s.named), name, row.metric())
	if left := canvas.Edge + canvas.Width(name, row.metric()) + 5; left+canvas.Width(note, row.values()) < r.X0-4 {
		c.TextBeside(left, up(s.named), note, row.values())
	}
	if s.named {
		c.TextBeside(canvas.Edge, lower, note, canvas.CutMiddle(note, scenarioWords(row.scenario), names))
	}

	left := r.X1 + 12
	at := up(bounds != "" && row.drawn())
	c.TextBeside(left, at, says, word)
	c.TextBeside(left+canvas.Width(says, word)+5, at, canvas.Style{Size: canvas.LabelSize, Color: canvas.Ink}, change)
	if !row.drawn() {
		why := cmp.Or(words.If(row.FromZero(), "from zero there is no percentage"), escape.Line(row.Reason), "nothing was measured")
		style := canvas.Style{Size: canvas.TickSize, Color: canvas.Soft}
		c.TextBeside(x.At(0)+6, y, style, canvas.CutMiddle(style, why, r.X1-x.At(0)-6))
		return
	}
	c.TextBeside(left, lower, note, bounds)
	low, high := p.ends(row)
	c.Interval(x, low, high, y, look.Hue)
	c.Mark(look.Shape, canvas.Point{X: x.At(p.place(float64(row.Estimate))), Y: y}, 4.2, look.Hue, !row.Gated)
}

// regressionFiles draws the changes of a comparison, the worst on the first sheet.
func regressionFiles(c *comparison) ([]sweep.File, error) {
	var files []sweep.File
	all := slices.Collect(slices.Chunk(ranked(c.Findings), rowsPerSheet))
	left := 0
	for len(all) > figure.MaxSheets {
		left += len(all[len(all)-1])
		all = all[:len(all)-1]
	}
	for i, part := range all {
		f := c.regressionFigure(part)
		if len(all) > 1 {
			more := words.If(left > 0, fmt.Sprintf(", %d more are only in %s", left, File))
			f.Footer[0] = fmt.Sprintf("sheet %d of %d, the worst on the first%s · %s", i+1, len(all), more, f.Footer[0])
		}
		made, err := figure.Files(f, figure.SheetName("regression", i), c.resolution)
		if err != nil {
			return files, err
		}
		files = append(files, made...)
	}
	return files, nil
}

func (c *comparison) regressionFigure(findings []compare.Finding) *canvas.Figure {
	common, rest := splitScenarios(byScenario(c.Findings).Keys) // of all sheets, so that rows are named alike on each
	s := sheet{common: common, named: len(rest) > 1, invalid: c.overall() == compare.Invalid}
	for _, f := range findings {
		s.rows = append(s.rows, row{f, escape.Line(rest[f.Scenario])})
	}
	f := s.figure()
	f.Run, f.Title = c.ID, words.UpperFirst(c.headline())
	f.Alt = c.regressionAlt(findings, f.Title)
	f.Footer = []string{c.caption(), s.marks(c.confidence("%s"))}
	f.Stamp = cmp.Or(words.If(s.invalid, "NOT VALID"), words.If(c.Advisory, "ADVISORY"))
	return f
}

// splitScenarios splits scenarios of settings into what all have in common and, by
// scenario, the rest. Names that are not made of settings stay as they are.
func splitScenarios(scenarios []string) (common string, rest map[string]string) {
	rest = map[string]string{}
	var all [][]string
	var shared []string
	for i, s := range scenarios {
		parts := settingsIn(s)
		if all, rest[s] = append(all, parts), s; i == 0 {
			shared = slices.Clone(parts)
		}
		shared = slices.DeleteFunc(shared, func(p string) bool { return !slices.Contains(parts, p) })
	}
	if len(scenarios) < 2 {
		return strings.Join(scenarios, ""), rest
	}
	if slices.ContainsFunc(all, func(parts []string) bool { return len(parts) == 0 }) {
		return "", rest
	}
	for i, s := range scenarios {
		rest[s] = strings.Join(slices.DeleteFunc(all[i], func(p string) bool { return slices.Contains(shared, p) }), " ")
	}
	return strings.Join(shared, " "), rest
}

func (c *comparison) regressionAlt(findings []compare.Finding, title string) string {
	return escape.Line(words.Sentence(fmt.Sprintf("How much worse the candidate is than the base, a dot and an interval for each of %s: %s", units.Plural(len(findings), "metric"), title)))
}
