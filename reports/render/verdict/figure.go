package verdict

import (
	"cmp"
	"fmt"
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

// regressionFiles draws the changes of a comparison, the worst on the first sheet.
func regressionFiles(c *comparison) ([]sweep.File, error) {
	var files []sweep.File
	all := slices.Collect(slices.Chunk(ranked(c.Findings), figure.RowsPerSheet))
	left := 0
	for len(all) > figure.MaxSheets {
		left += len(all[len(all)-1])
		all = all[:len(all)-1]
	}
	for i, part := range all {
		f := c.regressionFigure(part)
		if len(all) > 1 {
			more := ""
			if left > 0 {
				more = fmt.Sprintf(", %d more are only in %s", left, File)
			}
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

// regressionFigure is the sheet of some findings.
func (c *comparison) regressionFigure(findings []compare.Finding) *canvas.Figure {
	common, rest := splitScenarios(scenariosOf(c.Findings)) // of all sheets, so that rows are named alike on each
	g := figure.Regression{Common: common, Named: len(rest) > 1, Invalid: c.overall() == compare.Invalid}
	for _, finding := range findings {
		g.Changes = append(g.Changes, changeOf(finding, rest[finding.Scenario]))
	}
	f := g.Figure()
	f.Run, f.Title = c.ID, words.UpperFirst(c.headline())
	f.Alt = c.regressionAlt(findings, f.Title)
	f.Footer = []string{c.caption(), strings.Join(g.Marks(c.confidence("%s")), " · ")}
	switch {
	case g.Invalid:
		f.Stamp = "NOT VALID"
	case c.Advisory:
		f.Stamp = "ADVISORY"
	}
	return f
}

func changeOf(f compare.Finding, scenario string) figure.Change {
	v := ofFinding(f)
	r := figure.Change{
		Metric: words.Shorten(escape.Line(f.Metric), 22), Scenario: escape.Line(scenario),
		Verdict: v, Word: v.String(), Gated: f.Gated, Points: f.Scale == compare.Points,
		Drawn:    f.Pairs > 0 && !f.Estimate.None() && !f.FromZero(),
		Estimate: float64(f.Estimate), Lower: float64(f.Lower), Upper: float64(f.Upper),
		Tolerance: f.Tolerance, Margin: f.Margin,
		Interval: interval(f),
		Reason:   cmp.Or(escape.Line(f.Reason), "nothing was measured"),
	}
	switch {
	case exactly(f):
		r.Interval = ""
	case unbounded(f):
		r.Interval = "no bounds"
	}
	if measured(f) {
		r.Change = changed(f)
		r.Values = typical(f, f.BaseValue)
		if candidate := typical(f, f.CandidateValue); candidate != r.Values {
			r.Values += " → " + candidate
		}
	}
	if f.FromZero() {
		r.Reason = "from zero there is no percentage"
	}
	return r
}

// splitScenarios splits scenarios of settings into what all have in common and, by
// scenario, the rest. Names that are not made of settings stay as they are.
func splitScenarios(scenarios []string) (common string, rest map[string]string) {
	rest = map[string]string{}
	for _, s := range scenarios {
		rest[s] = s
	}
	if len(scenarios) < 2 {
		return strings.Join(scenarios, ""), rest
	}
	shared := strings.Split(scenarios[0], "/")
	for _, s := range scenarios {
		parts := strings.Split(s, "/")
		if slices.ContainsFunc(parts, func(p string) bool { return strings.IndexByte(p, '=') < 1 }) {
			return "", rest
		}
		shared = slices.DeleteFunc(shared, func(p string) bool { return !slices.Contains(parts, p) })
	}
	for s := range rest {
		parts := slices.DeleteFunc(strings.Split(s, "/"), func(p string) bool { return slices.Contains(shared, p) })
		rest[s] = strings.Join(parts, " ")
	}
	return strings.Join(shared, " "), rest
}

// regressionAlt is a sheet of the figure in words.
func (c *comparison) regressionAlt(findings []compare.Finding, title string) string {
	return escape.Line(fmt.Sprintf("Dot and whisker chart of how much worse the candidate is than the base, log scale, worse to the right, one row for each of %s, against a band of what is allowed. %s. %s",
		units.Plural(len(findings), "metric"), strings.Join(c.named(findings), "; "), words.Sentence(title)))
}
