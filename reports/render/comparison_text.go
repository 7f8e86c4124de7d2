package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/units"
)

// CompareText writes the verdict in a sentence, a row for each finding, and
// what a reader must know to trust them to w: aligned, without colours, in at
// most 120 columns. It fails where w does.
func CompareText(w io.Writer, r *compare.Report) error {
	c := newComparison(r, nil)
	var b strings.Builder
	paragraph(&b, c.headline(), "")
	if c.Advisory {
		paragraph(&b, advice+".", "")
	}
	paragraph(&b, c.sides()+": "+c.extent(), "")
	c.table(&b)
	said := c.notes()
	if len(said) > 0 {
		b.WriteByte('\n')
	}
	for _, n := range said {
		paragraph(&b, n, "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// findingColumn is a column of the tables of findings.
type findingColumn struct {
	name string
	left bool // aligned; numbers stand at the right
	cell func(compare.Finding) string
}

// findingColumns are those behind the scenario, for text and Markdown alike.
var findingColumns = []findingColumn{
	{"metric", true, func(f compare.Finding) string { return shorten(escape.Line(f.Metric), 20) }},
	{"base", false, func(f compare.Finding) string { return typical(f, f.BaseValue) }},
	{"candidate", false, func(f compare.Finding) string { return typical(f, f.CandidateValue) }},
	{"change", false, changed},
	{"interval", true, interval},
	{"tolerance", false, func(f compare.Finding) string { return allowed(f.Scale, f.Tolerance) }},
	{"noise", false, noise},
	{"pairs", false, func(f compare.Finding) string { return count(int64(f.Pairs)) }},
	{"outliers", false, outliers},
	{"verdict", true, func(f compare.Finding) string { return verdictWord(f.Verdict) }},
}

// dispensable are the columns that a table does without where it would be too
// wide, the first of them first. Never the verdict.
var dispensable = []string{"noise", "tolerance", "outliers", "pairs", "base", "candidate"}

// typical is a value of a finding; one that was never measured has none.
func typical(f compare.Finding, v compare.Bound) string {
	if f.Pairs == 0 && v == 0 {
		return units.None
	}
	return valueOf(float64(v), f.Unit)
}

// outliers are how many of the candidate's launches were far worse than the
// typical one.
func outliers(f compare.Finding) string {
	if f.Outliers == nil {
		return units.None
	}
	return count(int64(f.Outliers.Candidate.Outliers)) + " of " + count(int64(f.Outliers.Candidate.N))
}

// table writes the findings, scenario by scenario, those that decide above
// those that inform.
func (c *comparison) table(b *strings.Builder) {
	if len(c.Findings) == 0 {
		return
	}
	columns := slices.Clone(findingColumns)
	for _, without := range append(slices.Clone(dispensable), "") {
		var text strings.Builder
		if c.tableOf(&text, columns) == len(columns) || without == "" {
			b.WriteString(text.String())
			return
		}
		columns = slices.DeleteFunc(columns, func(c findingColumn) bool { return c.name == without })
	}
}

// tableOf writes the columns that fit, and returns how many these are.
func (c *comparison) tableOf(b *strings.Builder, columns []findingColumn) int {
	var head []string
	var left []int
	for i, col := range columns {
		head = append(head, col.name)
		if col.left {
			left = append(left, i)
		}
	}
	head[0] = "  " + head[0]
	rows := [][]string{make([]string, len(head)), head} // an empty line first
	of := map[string][]compare.Finding{}
	for _, f := range c.Findings {
		of[f.Scenario] = append(of[f.Scenario], f)
	}
	for _, scenario := range scenariosOf(c.Findings) {
		if scenario != "" {
			rows = append(rows, []string{shorten(escape.Line(scenario), textWidth)})
		}
		for _, gated := range []bool{true, false} {
			for _, f := range of[scenario] {
				if f.Gated != gated {
					continue
				}
				var row []string
				for _, col := range columns {
					row = append(row, col.cell(f))
				}
				row[0] = "  " + row[0]
				if !gated {
					row[len(row)-1] = "(" + row[len(row)-1] + ")"
				}
				rows = append(rows, row)
			}
		}
	}
	return align(b, rows, left...)
}

// scenariosOf are the scenarios in the order in which they come.
func scenariosOf(findings []compare.Finding) []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.Scenario] {
			seen[f.Scenario] = true
			out = append(out, f.Scenario)
		}
	}
	return out
}

// notes are what stands below a table of findings: what could not be told and
// what it would take, what else must be known, and how to read the columns.
func (c *comparison) notes() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, escape.Line(fmt.Sprintf(format, args...))) }
	for i, reason := range c.Reasons {
		if i > 0 || c.overall() != compare.Invalid { // else the headline has said it
			add("%s", sentence(reason))
		}
	}
	for _, f := range ranked(c.Findings) {
		switch v := ofFinding(f); v {
		case compare.Unstable:
			add("%s: unstable%s.", findingName(f), because(f.Reason))
		case compare.Inconclusive:
			add("%s: inconclusive%s. %s", findingName(f), because(f.Reason), c.reach(f))
		case compare.Invalid:
			add("%s: not valid%s.", findingName(f), because(f.Reason))
		}
	}
	if s := c.covered(); s != "" {
		add("%s", s)
	}
	for _, f := range c.Findings {
		if s := shifts(f); s != "" {
			add("%s", s)
		}
	}
	if s := c.controlled(); s != "" {
		add("%s", s)
	}
	if s := c.calibrated(); s != "" {
		add("%s", s)
	}
	if len(c.Findings) > 0 {
		add("%s", c.howToRead())
	}
	return out
}

// covered says what a comparison that passes does not cover: of the metrics that
// decide, the one of which most launches may be outliers.
func (c *comparison) covered() string {
	var worst *compare.Finding
	for i, f := range c.Findings {
		switch ofFinding(f) {
		case compare.Equal, compare.Minor, compare.Improved:
			if f.Gated && f.Outliers != nil && (worst == nil || f.Outliers.Upper > worst.Outliers.Upper) {
				worst = &c.Findings[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("A pass is about the typical launch. Of %s %s; %s.", findingName(*worst), worst.Outliers.Summary(), found95(worst.Outliers))
}

// found95 tells the power of the test for outliers.
func found95(o *compare.Outliers) string {
	if !(o.Found > 0) {
		return "so few pairs can prove no excess over the base"
	}
	return fmt.Sprintf("an excess of %s over the base would be proven in 95 %% of comparisons", percent(o.Found))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", " + strings.TrimSuffix(reason, ".")
}

// reach says what an inconclusive finding could have found, and what it
// would take to tell.
func (c *comparison) reach(f compare.Finding) string {
	if !(f.MDE > 0) || !isNumber(f.MDE) {
		return "What could be found is not known."
	}
	at := ""
	if looks := c.Design.Looks; len(looks) > 0 {
		at = " at " + counted(looks[len(looks)-1], "pair")
	}
	s := fmt.Sprintf("At this noise %s would be found in 95 %% of cases%s", directed(f.Scale, f.MDE), at)
	if f.Needed > 0 {
		s += fmt.Sprintf("; the tolerance of %s takes %s", allowed(f.Scale, f.Tolerance), counted(f.Needed, "pair"))
	}
	return s + "."
}

// shifts says where in the distribution of latency a change sits: whether all
// callers wait longer, or a few.
func shifts(f compare.Finding) string {
	var parts []string
	for _, s := range f.Shift {
		part := percentile(s.Quantile) + " " + directed(compare.Ratio, s.Estimate)
		if !s.Lower.None() && !s.Upper.None() && float64(s.Lower) <= 0 && float64(s.Upper) >= 0 {
			part = percentile(s.Quantile) + " unproven"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Latency of %s by percentile, each with 95 %% confidence: %s.", shorten(f.Scenario, mostScenario), strings.Join(parts, ", "))
}

// differing are those of the control that are not as they should be.
func (c *comparison) differing() []compare.Finding {
	var out []compare.Finding
	for _, f := range ranked(c.Control) {
		switch ofFinding(f) {
		case compare.Equal, compare.Inconclusive:
		default:
			out = append(out, f)
		}
	}
	return out
}

// controlled says how the base compares with itself.
func (c *comparison) controlled() string {
	if len(c.Control) == 0 {
		return ""
	}
	odd := c.differing()
	if len(odd) == 0 {
		return fmt.Sprintf("Control, the base against itself: no difference is proven in %s.", counted(len(c.Control), "metric"))
	}
	var names []string
	for _, f := range odd {
		if len(names) == 3 && len(odd) > 4 {
			names = append(names, fmt.Sprintf("%d more", len(odd)-3))
			break
		}
		if ofFinding(f) == compare.Invalid {
			names = append(names, findingName(f)+" is not valid"+because(f.Reason))
			continue
		}
		names = append(names, c.change(f))
	}
	return fmt.Sprintf("Control failed: the base differs from itself, so the machine or the method does. %s.", and(names))
}

// calibrated says how often this version of the gate was wrong, where that was
// measured.
func (c *comparison) calibrated() string {
	var said []string
	told := func(p *compare.Rate, what func(int) string, of string) {
		if p != nil && p.Runs > 0 {
			said = append(said, fmt.Sprintf("%s in %s %s (below %s, 95 %% confidence)",
				what(p.Count), counted(p.Runs, "run"), of, allowed("", p.Upper)))
		}
	}
	told(c.FalseAlarms, func(n int) string { return counted(n, "false alarm") }, "without a change")
	told(c.Misses, func(n int) string { return counted(n, "regression") + " missed" }, "with one injected")
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf("Measured of this gate, version %d: %s.", c.Version, and(said))
}

// howToRead explains the columns.
func (c *comparison) howToRead() string {
	s := "Interval: where the change lies"
	if sure := c.sureness("%s"); sure != "" {
		s += ", with " + sure + " for each side and all that decides at once"
	}
	s += ". Noise: standard deviation of a pair's change."
	if len(c.informing()) > 0 {
		s += " In brackets: informs, and decides nothing."
	}
	return s
}
