package render

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/units"
)

// Of a summary, which is read on one screen: with these it stays below 60
// lines.
const (
	mostFindings     = 36
	mostCompareNotes = 9
)

// StepSummary is a comparison as Markdown for the page of a continuous
// integration job: the verdict, one table with the worst first, and what must
// be known to trust it, in at most 60 lines.
func StepSummary(r *compare.Report, options ...Option) string {
	return newComparison(r, options).markdown()
}

func comparisonSummaryFiles(c *comparison) ([]sweep.File, error) {
	return []sweep.File{{Name: "summary.md", Data: []byte(c.markdown())}}, nil
}

func (c *comparison) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n", escape.Markdown(upperFirst(c.headline())))
	if c.Advisory {
		line("**%s.**\n", upperFirst(advice))
	}
	line("%s.\n", escape.Markdown(upperFirst(c.sides())))
	if len(c.Findings) > 0 {
		c.markdownTable(line)
		line("")
	}
	said := c.notes()
	for i, n := range said {
		// The last one explains the columns.
		if i == mostCompareNotes-2 && len(said) > mostCompareNotes {
			line("- and %d more, which %s has", len(said)-i-1, VerdictFile)
			line("- %s", escape.Markdown(said[len(said)-1]))
			break
		}
		line("- %s", escape.Markdown(n))
	}
	if len(said) > 0 {
		line("")
	}
	line("%s", escape.Markdown(c.caption()))
	return b.String()
}

func (c *comparison) markdownTable(line func(string, ...any)) {
	head, rule := "| scenario |", "|:--|"
	for _, col := range findingColumns {
		head += " " + col.name + " |"
		if col.left {
			rule += ":--|"
		} else {
			rule += "--:|"
		}
	}
	line("%s\n%s", head, rule)
	all := ranked(c.Findings)
	shown := all
	if len(all) > mostFindings {
		shown = all[:mostFindings-1]
	}
	for _, f := range shown {
		row := []string{escape.Markdown(shorten(escape.Line(f.Scenario), mostScenario))}
		for _, col := range findingColumns {
			row = append(row, escape.Markdown(col.cell(f)))
		}
		last := len(row) - 1
		switch {
		case !f.Gated:
			row[last] = "(" + row[last] + ")"
		case ofFinding(f) != compare.Equal:
			row[last] = "**" + row[last] + "**"
		}
		line("| %s |", strings.Join(row, " | "))
	}
	if rest := all[len(shown):]; len(rest) > 0 {
		line("| and %d more: %s |%s", len(rest), tally(rest), strings.Repeat(" |", len(findingColumns)))
	}
}

// tally counts findings by their verdict, those that inform apart.
func tally(findings []compare.Finding) string {
	var parts []string
	informs := 0
	for _, v := range bySeverity {
		n := 0
		for _, f := range findings {
			if f.Gated && ofFinding(f) == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	for _, f := range findings {
		if !f.Gated {
			informs++
		}
	}
	if informs > 0 {
		parts = append(parts, fmt.Sprintf("%d that only inform", informs))
	}
	return strings.Join(parts, ", ")
}

// caption says in one line what was compared and how: a picture or a table
// may end up anywhere, and must still say what it is.
func (c *comparison) caption() string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, escape.Line(s))
		}
	}
	if c.ID != "" {
		add("run " + c.ID)
	}
	add(c.sides())
	add(c.extent())
	add(c.Scenario)
	add(c.Environment)
	if c.Seed != 0 {
		add(fmt.Sprintf("seed %d", c.Seed))
	}
	if c.Took > 0 && isNumber(c.Took) {
		add("took " + units.Time.Text(c.Took*1e9))
	}
	return strings.Join(parts, " · ")
}
