// Package table lays out rows below headings, aligned for a terminal or a log, as
// Markdown, HTML and comma-separated values. Fill a table with [New] and [Table.Row],
// then write it with [Table.String] or another of its forms. Cells may hold text from
// outside: every form escapes it.
package table

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/words"
)

// Column is a column of a table.
type Column struct {
	Head string // the heading; a line end in it keeps a column narrow in text
	Left bool   // aligned to the left, as words are; numbers are aligned to the right
	// Spare columns are left out of text that would be wider than words.Width: the
	// highest first, of equal ones the last. A column of 0 always stays.
	Spare int
}

// Table is rows of cells. Make one with New.
type Table struct {
	columns []Column
	rows    []row
}

type row struct {
	cells  []string
	strong int // the cell that is bold in Markdown; -1: none
	line   string
}

// Numbers are columns with these headings, all but the first aligned to the right.
func Numbers(heads ...string) []Column {
	columns := make([]Column, len(heads))
	for i, h := range heads {
		columns[i] = Column{Head: h, Left: i == 0}
	}
	return columns
}

// New returns a table without rows.
func New(columns ...Column) *Table { return &Table{columns: columns} }

// Row adds a row. Cells that are missing at its end are empty.
func (t *Table) Row(cells ...string) {
	t.rows = append(t.rows, row{cells: append(cells, make([]string, max(0, len(t.columns)-len(cells)))...), strong: -1})
}

// Strong prints a cell of the last row in bold in Markdown.
func (t *Table) Strong(cell int) { t.rows[len(t.rows)-1].strong = cell }

// Line adds a line of its own, the name of the rows that follow it, which text
// indents.
func (t *Table) Line(text string) { t.rows = append(t.rows, row{line: text}) }

// String is the table as aligned text; "" without rows.
func (t *Table) String() string {
	text, _ := t.Text()
	return text
}

// Text is the table as aligned text, and the headings of the columns that were
// left out because there was no room.
func (t *Table) Text() (text string, out []string) {
	if len(t.rows) == 0 {
		return "", nil
	}
	shown := make([]int, len(t.columns))
	for i := range shown {
		shown[i] = i
	}
	widths := t.widths()
	for {
		for between := 2; between > 0; between-- {
			total := -between
			for _, c := range shown {
				total += widths[c] + between
			}
			if total <= words.Width {
				return t.write(shown, widths, between), out
			}
		}
		drop, spare := -1, 1
		for i, c := range shown {
			if t.columns[c].Spare >= spare {
				drop, spare = i, t.columns[c].Spare
			}
		}
		if drop < 0 {
			return t.write(shown, widths, 1), out
		}
		out = append(out, oneLine(t.columns[shown[drop]].Head))
		shown = slices.Delete(shown, drop, drop+1)
	}
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.columns))
	grow := func(i int, s string) { widths[i] = max(widths[i], utf8.RuneCountInString(s)) }
	for i, c := range t.columns {
		for part := range strings.SplitSeq(c.Head, "\n") {
			grow(i, part)
		}
	}
	for _, r := range t.rows {
		for i := range r.cells {
			r.cells[i] = escape.Line(r.cells[i])
			grow(i, r.cells[i])
		}
	}
	if len(widths) > 0 {
		widths[0] += len(t.indent())
	}
	return widths
}

// indent is in front of each row where lines name groups of them.
func (t *Table) indent() string {
	if slices.ContainsFunc(t.rows, func(r row) bool { return r.line != "" }) {
		return "  "
	}
	return ""
}

func (t *Table) write(shown, widths []int, between int) string {
	var b strings.Builder
	indent := t.indent()
	line := func(cell func(i int) string) {
		var s strings.Builder
		for n, i := range shown {
			text := cell(i)
			if i == 0 {
				text = indent + text
			}
			if n > 0 {
				s.WriteString(strings.Repeat(" ", between))
			}
			room := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(text)))
			if t.columns[i].Left {
				s.WriteString(text + room)
			} else {
				s.WriteString(room + text)
			}
		}
		b.WriteString(strings.TrimRight(s.String(), " ") + "\n")
	}
	lines := 0 // of headings; the last line of each stands right above the cells
	for _, c := range t.columns {
		if c.Head != "" {
			lines = max(lines, 1+strings.Count(c.Head, "\n"))
		}
	}
	for n := lines; n > 0; n-- {
		line(func(i int) string {
			parts := strings.Split(t.columns[i].Head, "\n")
			if n > len(parts) {
				return ""
			}
			return parts[len(parts)-n]
		})
	}
	for _, r := range t.rows {
		if r.line != "" {
			b.WriteString(words.Shorten(escape.Line(r.line), words.Width) + "\n")
			continue
		}
		line(func(i int) string { return r.cells[i] })
	}
	return b.String()
}

// Markdown is the table as a Markdown table, with all of its columns; "" without rows.
func (t *Table) Markdown() string {
	if t == nil || len(t.rows) == 0 { // nil: of no stage
		return ""
	}
	var b strings.Builder
	head, rule := "|", "|"
	for _, c := range t.columns {
		head += " " + escape.Markdown(oneLine(c.Head)) + " |"
		if c.Left {
			rule += ":--|"
		} else {
			rule += "--:|"
		}
	}
	b.WriteString(head + "\n" + rule + "\n")
	for _, r := range t.rows {
		cells, strong := r.cells, r.strong
		if r.line != "" {
			cells, strong = append([]string{r.line}, make([]string, len(t.columns)-1)...), 0
		}
		for i, cell := range cells {
			text := escape.Markdown(cell)
			if i == strong {
				text = "**" + text + "**"
			}
			b.WriteString("| " + text + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// HTML is the table as an HTML table with all of its columns. Cells of a line of its own
// span the table.
func (t *Table) HTML() template.HTML {
	var b strings.Builder
	b.WriteString("<table><thead><tr>")
	class := func(i int) string {
		if t.columns[i].Left {
			return " class=left"
		}
		return ""
	}
	for i, c := range t.columns {
		fmt.Fprintf(&b, "<th scope=col%s>%s</th>", class(i), escape.HTML(oneLine(c.Head)))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for _, r := range t.rows {
		b.WriteString("<tr>")
		if r.line != "" {
			fmt.Fprintf(&b, "<th colspan=%d>%s</th>", len(t.columns), escape.HTML(r.line))
		}
		for i, cell := range r.cells {
			element := "td"
			if i == 0 {
				element = "th scope=row"
			}
			fmt.Fprintf(&b, "<%s%s>%s</%.2s>", element, class(i), escape.HTML(cell), element)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>")
	return template.HTML(b.String())
}

// CSV is the table as comma-separated values. What a spreadsheet would take for a
// formula begins with an apostrophe.
func (t *Table) CSV() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	write := func(cells []string) {
		safe := slices.Clone(cells)
		for i, c := range safe {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				safe[i] = "'" + c
			}
		}
		_ = w.Write(safe) // into memory
	}
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = oneLine(c.Head)
	}
	write(heads)
	for _, r := range t.rows {
		if r.line == "" {
			write(r.cells)
		}
	}
	w.Flush()
	return b.String()
}

func oneLine(head string) string { return strings.TrimSpace(strings.ReplaceAll(head, "\n", " ")) }
