// Package page writes what people read of a run: a text for the terminal ([Text])
// and summary.md ([Summary]).
package page

import (
	"fmt"
	"io"
	"strings"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Text writes the finding and a table of each target to w, aligned, without
// colours, in at most words.Width columns. It fails where w does.
func Text(w io.Writer, run result.Run, stages []*result.Stage) error {
	var b strings.Builder
	sweeps := sweep.Of(stages)
	title, _ := finding.Of(sweeps)
	b.WriteString(words.Paragraph(title, ""))
	if stamp := sweep.Stamp(run, len(stages)); stamp != "" {
		b.WriteString(words.Paragraph(stamp, ""))
	}
	for i := range sweeps {
		b.WriteString("\n" + textOf(&sweeps[i]))
	}
	if len(sweeps) > 0 {
		b.WriteString("\n" + words.Paragraph(legend(pointsOf(sweeps)), ""))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func textOf(w *sweep.Sweep) string {
	head := w.Name
	if w.Load != "" {
		head += fmt.Sprintf(", %s load", w.Load)
	}
	if setup := w.Setup(); setup != "" {
		head += ", " + setup
	}
	repeats := 1
	for _, p := range w.Points {
		repeats = max(repeats, p.All)
	}
	if repeats > 1 {
		head += fmt.Sprintf(", %d repeats merged", repeats)
	}
	t, columns := tableOf(w.Points, table.Column{Head: result.LevelUnit(w.Load, 2)})
	for _, p := range w.Points {
		row := []string{level(p)}
		for _, c := range columns {
			row = append(row, c.cell(p))
		}
		t.Row(row...)
	}
	rows, out := t.Text()
	var text strings.Builder
	text.WriteString(words.Paragraph(head, "") + rows)
	if len(out) > 0 {
		text.WriteString(words.Paragraph(fmt.Sprintf("Not shown, as there is no room: %s. summary.md has all columns.", units.List(out)), "  "))
	}
	for _, n := range finding.Notes(w) {
		text.WriteString(words.Paragraph(n, "  "))
	}
	return text.String()
}

func pointsOf(sweeps []sweep.Sweep) []sweep.Point {
	var all []sweep.Point
	for _, w := range sweeps {
		all = append(all, w.Points...)
	}
	return all
}
