package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/result"
)

// textWidth is how many columns the text uses at most: what a terminal beside
// an editor has.
const textWidth = 120

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
		r.sweeps[i].text(&b)
	}
	if len(r.sweeps) > 0 {
		b.WriteByte('\n')
		paragraph(&b, legend(b.String()), "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (w *sweep) text(b *strings.Builder) {
	head := w.name
	if w.load != "" {
		head += fmt.Sprintf(", %s load", w.load)
	}
	if setup := setupOf(w); setup != "" {
		head += ", " + setup
	}
	repeats := 1
	for _, p := range w.points {
		repeats = max(repeats, p.all)
	}
	if repeats > 1 {
		head += fmt.Sprintf(", %d repeats merged", repeats)
	}
	paragraph(b, head, "")

	columns := columnsOf(w.points)
	rows := [][]string{{""}, {result.LevelUnit(w.load, 2)}}
	for _, c := range columns {
		rows[0], rows[1] = append(rows[0], c.head[0]), append(rows[1], c.head[1])
	}
	for _, p := range w.points {
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

// paragraph writes text in lines of at most textWidth, those behind the first
// indented by two more.
func paragraph(b *strings.Builder, text, indent string) {
	line := indent
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textWidth {
			b.WriteString(line + "\n")
			line, empty = indent+"  ", true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
}
