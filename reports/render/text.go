package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// Text writes the finding and a table of each target to w, aligned, without
// colours, in at most 120 columns. It fails where w does.
func Text(w io.Writer, run result.Run, stages []*result.Stage) error {
	var b strings.Builder
	r := newReport(run, stages)
	title, _ := finding(r.sweeps)
	paragraph(&b, title, "")
	if stamp := stampOf(run, len(stages)); stamp != "" {
		paragraph(&b, stamp, "")
	}
	for i := range r.sweeps {
		b.WriteByte('\n')
		sweepText(&r.sweeps[i], &b)
	}
	if len(r.sweeps) > 0 {
		b.WriteByte('\n')
		paragraph(&b, legend(b.String()), "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sweepText(w *sweep.Sweep, b *strings.Builder) {
	head := w.Name
	if w.Load != "" {
		head += fmt.Sprintf(", %s load", w.Load)
	}
	if setup := setupOf(w); setup != "" {
		head += ", " + setup
	}
	repeats := 1
	for _, p := range w.Points {
		repeats = max(repeats, p.All)
	}
	if repeats > 1 {
		head += fmt.Sprintf(", %d repeats merged", repeats)
	}
	paragraph(b, head, "")

	columns := columnsOf(w.Points)
	rows := [][]string{{""}, {result.LevelUnit(w.Load, 2)}}
	for _, c := range columns {
		rows[0], rows[1] = append(rows[0], c.head[0]), append(rows[1], c.head[1])
	}
	for _, p := range w.Points {
		row := []string{level(p)}
		for _, c := range columns {
			row = append(row, c.cell(p))
		}
		rows = append(rows, row)
	}
	left := align(b, rows)
	if left < len(rows[0]) {
		var names []string
		for _, c := range columns[left-1:] {
			names = append(names, strings.TrimSpace(c.head[0]+" "+c.head[1]))
		}
		paragraph(b, "Left out for want of room: "+and(names)+".", "  ")
	}
	for _, n := range notes(w) {
		paragraph(b, n, "  ")
	}
}

// align writes rows with columns right-aligned, those of the indices in left
// left-aligned, two spaces apart, or one where that saves the width. Columns
// that do not fit even so are left out; it returns how many are written. A row
// of one cell is a line of its own, unless all are.
func align(b *strings.Builder, rows [][]string, left ...int) int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		if len(row) < len(widths) {
			continue
		}
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	n, between := len(widths), 2
	total := func() int {
		sum := -between
		for _, w := range widths[:n] {
			sum += w + between
		}
		return sum
	}
	if total() > textWidth {
		between = 1
	}
	for total() > textWidth && n > 1 {
		n--
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row[:min(n, len(row))] {
			if i > 0 {
				line.WriteString(strings.Repeat(" ", between))
			}
			room := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if slices.Contains(left, i) {
				line.WriteString(cell + room)
			} else {
				line.WriteString(room + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return n
}
