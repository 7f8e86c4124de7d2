package verdict

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// Text writes the verdict in a sentence, what to do, a row for each finding, and what a
// reader must know to trust them to w: aligned, without colours, in at most words.Width
// columns. It fails where w does.
func Text(w io.Writer, r *compare.Report) error {
	c := newComparison(r, nil)
	var b strings.Builder
	say := func(s string) {
		if s != "" {
			b.WriteString(words.Paragraph(s, ""))
		}
	}
	say(c.headline())
	if c.Advisory {
		say(advice + ".")
	}
	say(c.next())
	say(c.sides() + ": " + c.extent())
	if len(c.Findings) > 0 {
		b.WriteString("\n" + c.table())
	}
	notes := c.notes()
	if len(notes) > 0 {
		b.WriteByte('\n')
	}
	for _, n := range notes {
		say(n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// column is a column of the tables of findings.
type column struct {
	table.Column
	cell func(compare.Finding) string
}

// columns are those behind the scenario, for text and Markdown alike.
var columns = []column{
	{table.Column{Head: "metric", Left: true}, func(f compare.Finding) string { return words.Shorten(f.Metric, 20) }},
	{table.Column{Head: "base", Spare: 2}, func(f compare.Finding) string { return typical(f, f.BaseValue) }},
	{table.Column{Head: "candidate", Spare: 1}, func(f compare.Finding) string { return typical(f, f.CandidateValue) }},
	{table.Column{Head: "change"}, changed},
	{table.Column{Head: "interval", Left: true}, interval},
	{table.Column{Head: "tolerance", Spare: 5}, func(f compare.Finding) string { return limit(f.Scale, f.Tolerance) }},
	{table.Column{Head: "noise", Spare: 6}, noise},
	{table.Column{Head: "pairs", Spare: 3}, func(f compare.Finding) string { return units.Int(f.Pairs) }},
	{table.Column{Head: "outliers", Spare: 4}, outliers},
	{table.Column{Head: "verdict", Left: true}, func(f compare.Finding) string {
		if !f.Gated {
			return "(" + ofFinding(f).String() + ")"
		}
		return ofFinding(f).String()
	}},
}

// newTable is a table with the columns, behind those that are given.
func newTable(first ...table.Column) *table.Table {
	for _, c := range columns {
		first = append(first, c.Column)
	}
	return table.New(first...)
}

// cells are a row of such a table, behind the cells that are given.
func cells(f compare.Finding, first ...string) []string {
	for _, c := range columns {
		first = append(first, c.cell(f))
	}
	return first
}

// table has the findings scenario by scenario, those that decide above those that do
// not.
func (c *comparison) table() string {
	t := newTable()
	of := map[string][]compare.Finding{}
	for _, f := range c.Findings {
		of[f.Scenario] = append(of[f.Scenario], f)
	}
	for _, scenario := range scenariosOf(c.Findings) {
		if scenario != "" {
			t.Line(scenario)
		}
		for _, gated := range []bool{true, false} {
			for _, f := range of[scenario] {
				if f.Gated == gated {
					t.Row(cells(f)...)
				}
			}
		}
	}
	return t.String()
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

// tally counts findings by their verdict, those that do not decide separately.
func tally(findings []compare.Finding) string {
	var parts []string
	decide := 0
	for _, v := range bySeverity {
		n := len(slices.DeleteFunc(slices.Clone(findings), func(f compare.Finding) bool { return !f.Gated || ofFinding(f) != v }))
		if n > 0 {
			parts, decide = append(parts, fmt.Sprintf("%d %s", n, v)), decide+n
		}
	}
	if n := len(findings) - decide; n > 0 {
		parts = append(parts, fmt.Sprintf("%d that do not decide", n))
	}
	return strings.Join(parts, ", ")
}
