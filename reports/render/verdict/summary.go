package verdict

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// Bounds of a summary, which is read on one screen: with these it has at most 60 lines.
const (
	mostFindings = 34
	mostNotes    = 9
)

// StepSummary is a comparison as Markdown for the page of a continuous integration job:
// the verdict, what to do, one table with the worst first, and what must be known to
// trust it, in at most 60 lines.
func StepSummary(r *compare.Report, options ...Option) string {
	return newComparison(r, options).markdown()
}

func summaryFiles(c *comparison) ([]sweep.File, error) {
	return []sweep.File{{Name: "summary.md", Data: []byte(c.markdown())}}, nil
}

func (c *comparison) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n", escape.Markdown(words.UpperFirst(c.headline())))
	if c.Advisory {
		line("**%s.**\n", words.UpperFirst(advice))
	}
	line("%s.", escape.Markdown(words.UpperFirst(c.sides())))
	if next := c.next(); next != "" {
		line("%s", next)
	}
	line("")
	if len(c.Findings) > 0 {
		line("%s", c.markdownTable())
	}
	notes := c.notes()
	if over := len(notes) - mostNotes; over > 0 { // the last one explains the columns
		notes = append(notes[:mostNotes-2:mostNotes-2], fmt.Sprintf("and %d more, which %s has", over+1, File), notes[len(notes)-1])
	}
	for _, n := range notes {
		line("- %s", escape.Markdown(n))
	}
	if len(notes) > 0 {
		line("")
	}
	line("%s", escape.Markdown(c.caption()))
	return b.String()
}

func (c *comparison) markdownTable() string {
	t := newTable(table.Column{Head: "scenario", Left: true})
	all := ranked(c.Findings)
	shown := all
	if len(all) > mostFindings {
		shown = all[:mostFindings-1]
	}
	for _, f := range shown {
		t.Row(cells(f, words.Shorten(f.Scenario, mostScenario))...)
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
