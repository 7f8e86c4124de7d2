package http2

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// Request is a request as it is sent.
type Request struct {
	Body []byte
	Head bool // the reply has no body, whatever its header says

	fields []field
}

// field is one of a request.
type field struct {
	static  uint8  // where the static table has it
	place   int16  // among the fields of its Requests that a connection's table holds, else none
	indexed []byte // as it is sent first, to be put into the table
	plain   []byte // as it is sent without the table
}

const none = -1

// Requests is the requests of a stage, made for HTTP/2.
//
// What is the same in each stands in the header table of each connection, once it was
// sent there: a request that is always the same takes a byte or two for each field, as
// one of a browser does. The table holds all of these fields or none, so that nothing is
// ever evicted.
type Requests struct {
	scheme string
	all    []Request
	table  []tableField
	size   int // of the fields in the table, in bytes
}

type tableField struct{ name, value string }

// NewRequests makes requests of those of HTTP/1.1: complete, and with bodies of a known
// length.
func NewRequests(raw [][]byte, scheme string) *Requests {
	r := &Requests{scheme: scheme}
	for _, one := range raw {
		var made Request
		made.Body = split(one, []byte(scheme), nil, func(name, value []byte) { made.fields = append(made.fields, r.field(string(name), string(value))) })
		made.Head = bytes.HasPrefix(one, []byte("HEAD "))
		r.all = append(r.all, made)
	}
	return r
}

// Request is number i of them.
func (r *Requests) Request(i int) *Request { return &r.all[i] }

func (r *Requests) field(name, value string) field {
	x := indexOf([]byte(name), []byte(value))
	if x.field > 0 {
		return field{static: x.field, place: none}
	}
	f := field{place: none, plain: appendLiteral(nil, x.name, 0, 4, name, value)}
	of := tableField{name, value}
	at := slices.Index(r.table, of)
	if size := len(name) + len(value) + 32; at < 0 && r.size+size <= defaultTable {
		r.size += size
		at, r.table = len(r.table), append(r.table, of)
	}
	if at >= 0 {
		f.place, f.indexed = int16(at), appendLiteral(nil, x.name, 0x40, 6, name, value)
	}
	return f
}

// appendLiteral adds a field, its name by the static table where that has it.
func appendLiteral(b []byte, static, first byte, prefix int, name, value string) []byte {
	b = appendInteger(b, first, prefix, int(static))
	if static == 0 {
		b = appendText(b, name)
	}
	return appendText(b, value)
}

// appendText adds a text, coded where that is shorter.
func appendText(b []byte, s string) []byte {
	if n := int(hpack.HuffmanEncodeLength(s)); n < len(s) {
		return hpack.AppendHuffmanString(appendInteger(b, 0x80, 7, n), s)
	}
	return append(appendInteger(b, 0, 7, len(s)), s...)
}

// split takes a request of HTTP/1.1 to pieces: it calls field for each field, the
// pseudo-headers first, and returns the body. What only HTTP/1.1 has is left out. It makes
// names of lower case in lower.
func split(raw []byte, scheme, lower []byte, field func(name, value []byte)) (body []byte) {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	first, lines, _ := bytes.Cut(header, []byte("\r\n"))
	method, rest, _ := bytes.Cut(first, []byte(" "))
	target := rest[:max(0, bytes.LastIndexByte(rest, ' '))]
	each := func(do func(name, value []byte)) {
		for rest := lines; len(rest) > 0; {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
			name, value, _ := bytes.Cut(line, []byte(":"))
			do(name, bytes.Trim(value, " \t"))
		}
	}
	var host []byte
	each(func(name, value []byte) {
		if len(name) == len("host") && strings.EqualFold(string(name), "host") {
			host = value
		}
	})
	field(pseudo.method, method)
	field(pseudo.scheme, scheme)
	if host != nil {
		field(pseudo.authority, host)
	}
	field(pseudo.path, target)
	each(func(name, value []byte) {
		lower = lower[:0]
		for _, c := range name {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower = append(lower, c)
		}
		if string(lower) != "host" && !ofHTTP1(lower, value) {
			field(lower, value)
		}
	})
	return body
}

// OfHTTP1 reports whether a header line is one that HTTP/2 does not have (RFC 9113,
// 8.2.2). The name is in lower case.
func OfHTTP1(name, value string) bool { return ofHTTP1([]byte(name), []byte(value)) }

func ofHTTP1(name, value []byte) bool {
	return meaningOf(name) == ofConnections || string(name) == "te" && !bytes.EqualFold(value, trailers)
}

// Texts that are made once: a request of data must not allocate.
var (
	trailers = []byte("trailers")
	pseudo   = struct{ method, scheme, authority, path []byte }{[]byte(":method"), []byte(":scheme"), []byte(":authority"), []byte(":path")}
)

// Maker makes requests that differ from one to the next. Of these nothing stands in the
// table of a connection, and no text is coded: that would cost more than it saves. It is
// not safe for concurrent use.
type Maker struct {
	scheme []byte
	block  []byte
	lower  [64]byte // room for a name
	made   Request
}

// Maker returns one for requests of the same scheme.
func (r *Requests) Maker() *Maker { return &Maker{scheme: []byte(r.scheme)} }

// Make makes a request of one of HTTP/1.1. It is valid until the next one is made.
func (m *Maker) Make(raw []byte, head bool) *Request {
	m.block = m.block[:0]
	body := split(raw, m.scheme, m.lower[:0], func(name, value []byte) {
		x := indexOf(name, value)
		if x.field > 0 {
			m.block = append(m.block, 0x80|x.field)
			return
		}
		m.block = appendInteger(m.block, 0, 4, int(x.name))
		if x.name == 0 {
			m.block = append(appendInteger(m.block, 0, 7, len(name)), name...)
		}
		m.block = append(appendInteger(m.block, 0, 7, len(value)), value...)
	})
	m.made = Request{Body: body, Head: head, fields: append(m.made.fields[:0], field{place: none, plain: m.block})}
	return &m.made
}

// encoder is a connection's header table for requests.
type encoder struct {
	at      []uint32 // of each field of the Requests that may stand in it: which one was put in, from 1; 0: none
	put     uint32   // how many were
	use     bool     // the peer has room for all of them
	changed bool     // the peer has changed the size: the next header says what is used
	size    int      // the peer's
}

func (e *encoder) start(r *Requests) {
	e.size = defaultTable
	e.reset(r)
}

func (e *encoder) reset(r *Requests) {
	if e.at == nil && len(r.table) > 0 {
		e.at = make([]uint32, len(r.table))
	}
	clear(e.at)
	e.put, e.use = 0, r.size <= e.size
}

// resize takes note that the peer keeps a table of another size.
func (e *encoder) resize(r *Requests, size int) {
	size = min(size, defaultTable)
	if size == e.size {
		return
	}
	e.size, e.changed = size, true
	e.reset(r)
}

// header adds the header block of a request.
func (e *encoder) header(b []byte, q *Request) []byte {
	if e.changed { // to nothing first: that is at most the smallest there was in between
		b = appendInteger(append(b, 0x20), 0x20, 5, e.size)
		e.changed = false
	}
	for i := range q.fields {
		f := &q.fields[i]
		switch {
		case f.static > 0:
			b = append(b, 0x80|f.static)
		case f.place == none || !e.use:
			b = append(b, f.plain...)
		case e.at[f.place] > 0:
			b = appendInteger(b, 0x80, 7, staticFields+1+int(e.put-e.at[f.place]))
		default:
			e.put++
			e.at[f.place] = e.put
			b = append(b, f.indexed...)
		}
	}
	return b
}
