package verdict

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// Bounds of a summary, which is read on one screen: with these it has at most 60 lines.
const (
	mostFindings = 34
	mostNotes    = 9
)

//go:embed *.tmpl
var texts embed.FS

var templates = words.Templates(texts, nil)

// Text writes the verdict in a sentence, what to do, a row for each finding, and what a
// reader must know to trust them to w: aligned, without colours, in at most words.Width
// columns. It fails where w does.
func Text(w io.Writer, r *compare.Report) error {
	c := newComparison(r, nil)
	_, err := io.WriteString(w, c.fill("terminal.txt.tmpl", c.table(), c.notes()))
	return err
}

// StepSummary is a comparison as Markdown for the page of a continuous integration job:
// the verdict, what to do, one table with the worst first, and what must be known to
// trust it, in at most 60 lines.
func StepSummary(r *compare.Report, options ...Option) string {
	return newComparison(r, options).summary()
}

func (c *comparison) summary() string {
	notes := c.notes()
	if over := len(notes) - mostNotes; over > 0 { // the last one explains the columns
		notes = append(notes[:mostNotes-2:mostNotes-2], fmt.Sprintf("and %d more, which %s has", over+1, File), notes[len(notes)-1])
	}
	return c.fill("summary.md.tmpl", c.markdownTable(), notes)
}

func (c *comparison) fill(template, table string, notes []string) string {
	return words.Fill(templates, template, map[string]any{
		"Headline": c.headline(), "Advisory": c.Advisory, "Advice": advice, "Next": c.next(), "Sides": c.sides(), "Extent": c.extent(),
		"Table": table, "Notes": notes, "Caption": c.caption(),
	})
}

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

func newTable(first ...table.Column) *table.Table {
	for _, c := range columns {
		first = append(first, c.Column)
	}
	return table.New(first...)
}

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
	of := byScenario(c.Findings)
	for _, scenario := range of.Keys {
		if scenario != "" {
			t.Line(scenarioWords(scenario))
		}
		for _, gated := range []bool{true, false} {
			for _, f := range of.Of[scenario] {
				if f.Gated == gated {
					t.Row(cells(f)...)
				}
			}
		}
	}
	return t.String()
}

func byScenario(findings []compare.Finding) (g words.Groups[string, compare.Finding]) {
	for _, f := range findings {
		g.Add(f.Scenario, f)
	}
	return g
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

func (c *comparison) markdownTable() string {
	t := newTable(table.Column{Head: "scenario", Left: true})
	all := ranked(c.Findings)
	shown := all
	if len(all) > mostFindings {
		shown = all[:mostFindings-1]
	}
	for _, f := range shown {
		t.Row(cells(f, words.Shorten(scenarioWords(f.Scenario), mostScenario))...)
		if f.Gated && ofFinding(f) != compare.Equal {
			t.Strong(len(columns))
		}
	}
	if rest := all[len(shown):]; len(rest) > 0 {
		t.Row(fmt.Sprintf("and %d more: %s", len(rest), tally(rest)))
	}
	return t.Markdown()
}

// caption describes in one line what was compared and how: a picture or a table may be
// pasted anywhere, and must still say what it is.
func (c *comparison) caption() string {
	return escape.Line(words.Join(" · ", words.If(c.ID != "", "run "+c.ID), c.sides(), c.extent(), c.Scenario, c.Environment,
		words.If(c.Seed != 0, fmt.Sprintf("seed %d", c.Seed)), words.If(c.Took > 0, "took "+units.Time.Text(c.Took*1e9))))
}
