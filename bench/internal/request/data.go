package request

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// MaxData is the most, in bytes, that is kept of a file of requests, and of a table.
const MaxData = 400 << 20

const (
	maxRows = 1 << 25
	chunk   = 1 << 20
)

// Data is what makes requests differ from arrival to arrival.
type Data struct {
	Rows  *Rows  // nil: the requests are the templates'
	Table *Table // nil: there are no columns
	Stop  bool   // when the rows of either have been sent once, nothing more is; else they are sent again
}

// Columns are those of the table.
func (d *Data) Columns() []string {
	if d.Table == nil {
		return nil
	}
	return d.Table.Columns
}

func (d *Data) most() uint64 {
	n := uint64(math.MaxUint64)
	if d.Stop && d.Table != nil {
		n = uint64(d.Table.Len())
	}
	if d.Stop && d.Rows != nil && d.Rows.weigh == nil {
		n = min(n, uint64(d.Rows.Len()))
	}
	return n
}

func (d *Data) longest() (n int) {
	const some = 4 // times that a row of a table may stand in one request
	if d.Table != nil {
		n += some * d.Table.longest
	}
	if d.Rows != nil {
		n += d.Rows.longest
	}
	return n
}

// Template is a request with placeholders.
type Template struct {
	Method string
	Target Code // path and query

	// Lines are the header lines, each with its end, without those that a row of its own
	// takes the place of: by the sum of the bits of Own.
	Lines [1 << len(Own)]Code
	Body  Code
}

// Own are the header lines that are made, and of which a row's take the place.
var Own = [...]string{"host", "user-agent", "authorization"}

// places are the records of Rows and of Table that arrival number n takes.
func (d *Data) places(seed, n uint64) (row, cells int) {
	if d.Rows != nil {
		row = d.Rows.index(seed, n)
	}
	if d.Table != nil {
		cells = int(n % uint64(d.Table.Len()))
	}
	return row, cells
}

// render makes the request of arrival number n, of the records at these places.
func (p *Picker) render(t *Template, n uint64, row, cells int) (raw []byte, head bool) {
	d, a := p.set.Data, &p.arrival
	*a = arrival{seed: p.set.Seed, n: n}
	if d.Table != nil {
		a.cells = d.Table.record(cells)
	}
	method, target, own, body := t.Method, t.Target, noCode, t.Body
	lines := t.Lines[0]
	if d.Rows != nil {
		r := d.Rows.row(row)
		lines = t.Lines[r.own]
		own = r.lines
		if r.method != "" {
			method = r.method
		}
		if r.target != nil {
			target = r.target
		}
		if r.body != nil {
			body = r.body
		}
	}
	out := append(p.out[:0], method...)
	out = append(out, ' ')
	out, _ = a.render(out, target, true)
	out = append(out, " HTTP/1.1\r\n"...)
	out, _ = a.render(out, lines, false)
	out, _ = a.render(out, own, false)
	text, _, plain := body.literal()
	if !plain {
		p.body, _ = a.render(p.body[:0], body, false)
		text = p.body
	}
	if len(text) > 0 || framed(method) {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(text)), 10)
		out = append(out, "\r\n"...)
	}
	out = append(out, "\r\n"...)
	p.out = append(out, text...)
	return p.out, method == "HEAD"
}

var noCode = Code{0, putEnd}

// store is records, one after another in large pieces of memory.
type store struct {
	chunks  [][]byte
	at      []uint64 // of each record: its piece and its place there
	bytes   int
	longest int
}

func (s *store) Len() int { return len(s.at) }

func (s *store) record(i int) []byte {
	at := s.at[i]
	return s.chunks[at>>32][uint32(at):]
}

func (s *store) add(record []byte) error {
	if s.bytes += len(record); s.bytes > MaxData || len(s.at) == maxRows {
		return fmt.Errorf("the file to end here: it may have at most %d MB and %d rows", MaxData>>20, maxRows)
	}
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last])+len(record) > cap(s.chunks[last]) {
		s.chunks = append(s.chunks, make([]byte, 0, max(chunk, len(record))))
		last++
	}
	s.at = append(s.at, uint64(last)<<32|uint64(len(s.chunks[last])))
	s.chunks[last] = append(s.chunks[last], record...)
	s.longest = max(s.longest, len(record))
	return nil
}

// Rows are requests that were read from a file.
type Rows struct {
	store
	Instants []time.Duration // when each was made, never decreasing, from the first on; nil where that is not known
	Skipped  Skipped
	weigh    weights // nil where each has the weight 1: then they come in their order
	methods  []string
}

// Skipped are lines of an access log that are no requests to be sent.
type Skipped struct {
	Unread int // lines that are not in the format
	First  int // the number of the first of them
	Bodies int // requests of a method that has a body, which a log does not hold
}

// row is one of them.
type row struct {
	own          int // which lines of Own are among its lines
	method       string
	target, body Code // nil: those of the template
	lines        Code
}

// Bits of the first byte of a record, above those of Own.
const (
	hasMethod = 1 << (len(Own) + iota)
	hasTarget
	hasBody
)

// index is which of them arrival number n takes.
func (r *Rows) index(seed, n uint64) int {
	if r.weigh != nil {
		return r.weigh.draw(seed^drawRow, n)
	}
	return int(n % uint64(r.Len()))
}

func (r *Rows) row(i int) (out row) {
	rest := Code(r.record(i))
	flags := int(rest[0])
	out.own = flags & (hasMethod - 1)
	rest = rest[1:]
	if flags&hasMethod != 0 {
		m, w := uvarint(rest)
		out.method, rest = r.methods[m], rest[w:]
	}
	if flags&hasTarget != 0 {
		out.target = rest
		rest = rest.after()
	}
	out.lines = rest
	if flags&hasBody != 0 {
		out.body = rest.after()
	}
	return out
}

// after is what follows a code.
func (c Code) after() Code {
	for {
		n, w := uvarint(c)
		c = c[w+int(n):]
		op, w := uvarint(c)
		switch c = c[w:]; op {
		case putEnd:
			return c
		case putRandom:
			_, w := binary.Varint(c)
			_, v := uvarint(c[w:])
			c = c[w+v:]
		}
	}
}

// order puts rows into the order of their instants, which then begin at 0.
func (r *Rows) order() {
	by := make([]int, len(r.Instants))
	for i := range by {
		by[i] = i
	}
	slices.SortStableFunc(by, func(a, b int) int { return int(min(1, max(-1, r.Instants[a]-r.Instants[b]))) })
	at, instants := make([]uint64, len(by)), make([]time.Duration, len(by))
	for i, from := range by {
		at[i], instants[i] = r.at[from], r.Instants[from]-r.Instants[by[0]]
	}
	r.at, r.Instants = at, instants
}
