package page

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
)

// mostNotes bounds the notes of a summary, which is read on one screen.
const mostNotes = 8

// Summary is summary.md: the finding, the pictures, one table, what must be known to
// trust it, and how to repeat the run.
func Summary(r *sweep.Report) ([]sweep.File, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	title, _ := finding.Of(r.Sweeps)
	line("# %s\n", escape.Markdown(title))
	if stamp := sweep.Stamp(r.Run, len(r.Stages)); stamp != "" {
		line("**%s**\n", stamp)
	}
	for _, f := range r.Made {
		if f.Alt != "" {
			line("![%s](%s)\n", escape.Markdown(f.Alt), f.Name)
		}
	}
	if len(r.Sweeps) > 0 {
		line("%s\n%s\n", tableOfAll(r.Sweeps), escape.Markdown(legend(pointsOf(r.Sweeps))))
	} else {
		line("No stage was completed.\n")
	}
	notes := append([]string(nil), r.Missing...)
	for i := range r.Sweeps {
		for _, n := range finding.Notes(&r.Sweeps[i]) {
			notes = append(notes, fmt.Sprintf("%s: %s", r.Sweeps[i].ShortName(40), n))
		}
	}
	for i, n := range notes {
		if i == mostNotes && len(notes) > mostNotes+1 {
			line("- and %d more", len(notes)-i)
			break
		}
		line("- %s", escape.Markdown(n))
	}
	if len(notes) > 0 {
		line("")
	}
	b.WriteString(sweep.WhatWasRun(r.Run, r.Sweeps))
	return []sweep.File{{Name: "summary.md", Data: []byte(b.String())}}, nil
}

// tableOfAll is one table of all targets: one for each would fill the screen with
// headings.
func tableOfAll(sweeps []sweep.Sweep) string {
	loads := map[string]bool{}
	for _, w := range sweeps {
		loads[result.LevelUnit(w.Load, 2)] = true
	}
	levels := "load"
	if len(loads) == 1 {
		levels = result.LevelUnit(sweeps[0].Load, 2)
	}
	t, columns := tableOf(pointsOf(sweeps), table.Column{Head: "target", Left: true}, table.Column{Head: levels})
	for i := range sweeps {
		w := &sweeps[i]
		for _, p := range w.Points {
			row := []string{w.ShortName(40), level(p)}
			if len(loads) > 1 {
				row[1] += " " + result.LevelUnit(w.Load, p.Level)
			}
			for _, c := range columns {
				row = append(row, c.cell(p))
			}
			t.Row(row...)
		}
	}
	return t.Markdown()
}
