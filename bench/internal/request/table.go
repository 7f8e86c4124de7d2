package request

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxColumns is the most that a table may have.
const maxColumns = 1000

// Table is the rows of a CSV file.
type Table struct {
	store
	Columns []string
	control []int // of each column: the line of its first cell that no header line can hold, 0 where there is none
}

// ReadTable reads a CSV file (RFC 4180) whose first line names the columns.
func ReadTable(in io.Reader) (*Table, error) {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	first, err := r.Read()
	if err == io.EOF {
		return nil, &Wrong{"", "a first line with the names of the columns: the file is empty"}
	} else if err != nil {
		return nil, inTable(err)
	}
	t := &Table{Columns: slices.Clone(first)}
	t.Columns[0] = strings.TrimPrefix(t.Columns[0], "\ufeff")
	t.control = make([]int, len(first))
	for i, name := range t.Columns {
		switch {
		case strings.ContainsRune(name, '{') || placeholder.FindString("{"+name+"}") != "{"+name+"}":
			return nil, &Wrong{fmt.Sprintf("line 1, field %d", i+1), fmt.Sprintf("a name that begins with a letter, of letters, digits, blanks, dots, hyphens and underscores, not %q", name)}
		case slices.Contains(t.Columns[:i], name):
			return nil, &Wrong{fmt.Sprintf("line 1, field %d", i+1), fmt.Sprintf("each name once, and %q is there twice", name)}
		case i == maxColumns:
			return nil, wrong(1, "", "at most %d fields, not %d", maxColumns, len(first))
		}
	}
	var record []byte
	for {
		cells, err := r.Read()
		switch {
		case err == io.EOF && t.Len() == 0:
			return nil, &Wrong{"", "at least one row below the names of the columns"}
		case err == io.EOF:
			return t, nil
		case err != nil:
			return nil, inTable(err)
		}
		record = record[:0]
		for i, cell := range cells {
			if t.control[i] == 0 && strings.ContainsFunc(cell, control) {
				t.control[i], _ = r.FieldPos(i)
			}
			record = append(binary.AppendUvarint(record, uint64(len(cell))), cell...)
		}
		if err := t.add(record); err != nil {
			line, _ := r.FieldPos(0)
			return nil, wrong(line, "", "%v", err)
		}
	}
}

// inTable is what is wrong with a file, and where.
func inTable(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	at := fmt.Sprintf("line %d, character %d", parse.Line, parse.Column)
	switch {
	case errors.Is(parse.Err, csv.ErrFieldCount):
		return wrong(parse.Line, "", "as many fields as line 1 has")
	case errors.Is(parse.Err, csv.ErrBareQuote):
		return &Wrong{at, "a field with a quote in it to stand in quotes, and that quote doubled"}
	case errors.Is(parse.Err, csv.ErrQuote):
		return &Wrong{at, "a comma or the end of the line behind the closing quote, and a quote within a field doubled"}
	}
	return &Wrong{at, parse.Err.Error()}
}

func control(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// Cell is the value of a row in a column, both from 0.
func (t *Table) Cell(row, column int) string { return string(cellOf(t.record(row), column)) }

// cellOf is cell number i of a row.
func cellOf(row []byte, i int) []byte {
	for {
		n, w := uvarint(row)
		if i == 0 {
			return row[w : w+int(n)]
		}
		row, i = row[w+int(n):], i-1
	}
}

// InHeader is not nil where a header line uses a column that has a value which no header
// line can hold.
func (d *Data) InHeader(line string) *Wrong {
	if d.Table == nil {
		return nil
	}
	for i, name := range d.Table.Columns {
		if at := d.Table.control[i]; at > 0 && strings.Contains(line, "{"+name+"}") {
			return wrong(at, name, "no control character, as a header line holds none")
		}
	}
	return nil
}
