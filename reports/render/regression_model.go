package render

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/units"
)

// rowsASheet is how many findings fit on one sheet before they become too
// small to read.
const rowsASheet = 24

// regressionModel is all that one sheet of the regression figure draws.
type regressionModel struct {
	valid  bool   // the comparison is
	common string // what all scenarios have in common
	named  bool   // the rest tells rows apart
	panels []regressionPanel
	lonely bool // some row informs only
	openly bool // some interval has no end that could be drawn
}

// regressionPanel is the rows that share an axis. Places are on that axis: of
// ratios the log2 of how many times worse, of points the difference.
type regressionPanel struct {
	points bool
	extent float64 // the axis reaches from -extent to extent
	rows   []regressionRow
}

type regressionRow struct {
	metric, scenario string
	values           string // base and candidate
	verdict          compare.Verdict
	gated            bool
	drawn            bool    // there is a change to draw
	at, lo, hi       float64 // infinite where there is no bound
	tolerance        [2]float64
	margin           [2]float64
	change, interval string
	reason           string // why there is nothing to draw
}

// newRegressionModel takes the findings of one sheet in the order in which
// they are drawn; scenarios are those of all sheets, so that rows are named
// alike on each.
func newRegressionModel(findings []compare.Finding, scenarios []string) regressionModel {
	var m regressionModel
	common, rest := parted(scenarios)
	m.common, m.named = common, len(scenarios) > 1
	for _, points := range []bool{false, true} {
		p := regressionPanel{points: points}
		for _, f := range findings {
			if (f.Scale == compare.Points) != points {
				continue
			}
			r := newRegressionRow(f, points)
			r.scenario = escape.Line(rest[f.Scenario])
			m.lonely = m.lonely || !r.gated
			p.rows = append(p.rows, r)
		}
		if len(p.rows) == 0 {
			continue
		}
		p.extent = extentOf(p)
		for _, r := range p.rows {
			m.openly = m.openly || r.drawn && (r.lo < -p.extent || r.hi > p.extent)
		}
		m.panels = append(m.panels, p)
	}
	return m
}

func newRegressionRow(f compare.Finding, points bool) regressionRow {
	place := func(x float64) float64 { return placed(x, points) }
	r := regressionRow{
		metric: shorten(escape.Line(f.Metric), 22), verdict: ofFinding(f), gated: f.Gated,
		at: place(float64(f.Estimate)), lo: place(float64(f.Lower)), hi: place(float64(f.Upper)),
		tolerance: [2]float64{place(-f.Tolerance), place(f.Tolerance)},
		margin:    [2]float64{place(-f.Margin), place(f.Margin)},
		change:    changed(f), interval: interval(f),
		reason: cmp.Or(escape.Line(f.Reason), "nothing was measured"),
	}
	switch r.interval {
	case "exact":
		r.interval = ""
	case units.None:
		r.interval = "no bounds"
	}
	if base, candidate := typical(f, f.BaseValue), typical(f, f.CandidateValue); base != units.None || candidate != units.None {
		r.values = base + " → " + candidate
		if base == candidate {
			r.values = base
		}
	}
	if f.FromZero() {
		r.reason = "from zero there is no per cent"
	}
	if math.IsNaN(r.lo) {
		r.lo = math.Inf(-1)
	}
	if math.IsNaN(r.hi) {
		r.hi = math.Inf(1)
	}
	r.drawn = f.Pairs > 0 && !f.Estimate.None() && !f.FromZero()
	return r
}

// placed is where on its axis a change is drawn. Something that became
// infinitely better has no place on an axis of ratios: its end is open.
func placed(x float64, points bool) float64 {
	switch {
	case points || math.IsNaN(x):
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

// extentOf is how far the axis of a panel reaches: to show each tolerance and
// each estimate whole, and the ends of intervals unless one that is very wide
// would squeeze all others.
func extentOf(p regressionPanel) float64 {
	need, ends := leastExtent[p.points], 0.0
	for _, r := range p.rows {
		for _, v := range []float64{1.5 * r.tolerance[1], 1.1 * math.Abs(r.at)} {
			if isNumber(v) && (r.drawn || v == 1.5*r.tolerance[1]) {
				need = max(need, v)
			}
		}
		for _, v := range []float64{r.lo, r.hi} {
			if r.drawn && isNumber(v) {
				ends = max(ends, 1.06*math.Abs(v))
			}
		}
	}
	return min(max(need, min(ends, 2.5*need)), mostExtent[p.points])
}

// parted splits scenarios of settings into what all have in common and, by
// scenario, what is left. Names that are not made of settings are left whole.
func parted(scenarios []string) (common string, rest map[string]string) {
	rest = map[string]string{}
	for _, s := range scenarios {
		rest[s] = s
	}
	if len(scenarios) == 0 {
		return "", rest
	}
	if len(scenarios) == 1 {
		return scenarios[0], rest
	}
	var shared []string
	for i, s := range scenarios {
		parts := strings.Split(s, "/")
		if slices.ContainsFunc(parts, func(p string) bool { return strings.IndexByte(p, '=') < 1 }) {
			return "", rest
		}
		if i == 0 {
			shared = parts
		}
		shared = slices.DeleteFunc(slices.Clone(shared), func(p string) bool { return !slices.Contains(parts, p) })
	}
	for _, s := range scenarios {
		parts := slices.DeleteFunc(strings.Split(s, "/"), func(p string) bool { return slices.Contains(shared, p) })
		rest[s] = strings.Join(parts, " ")
	}
	return strings.Join(shared, " "), rest
}

// ticks are the marks of the axis: none, and one or two to either side, as far
// as the axis reaches.
func (p regressionPanel) ticks() []tick {
	steps := []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3, 7, 15}
	step := steps[0]
	for _, s := range steps {
		if at := placed(s, p.points); at <= 0.5*p.extent {
			step = s
		}
	}
	scale := compare.Ratio
	if p.points {
		scale = compare.Points
	}
	out := []tick{{0, "same"}}
	add := func(x float64) {
		if at := placed(x, p.points); math.Abs(at) <= p.extent {
			word := " worse"
			if x < 0 {
				word = " better"
			}
			out = append(out, tick{at, allowed(scale, math.Abs(x)) + word})
		}
	}
	add(step)
	if step < 1 || p.points {
		add(2 * step)
		add(-step)
		add(-2 * step)
		return out
	}
	// Far out, steps are factors: twice as bad is as far as half.
	add(1/(1+step) - 1)
	if step == 1 {
		add(3)
		add(-0.75)
	}
	return out
}
