package http2

import (
	"bytes"
	"errors"
)

// MaxHeader bounds a header, and a trailer, in bytes: as it comes, and as RFC 9113,
// 6.5.2, counts its fields.
const MaxHeader = 64 << 10

// maxString bounds a name and a value: neither can be longer than a header.
const maxString = MaxHeader

// meaning is what a field of a reply means to who counts replies.
type meaning uint8

const (
	nothing       meaning = iota
	isStatus              // :status
	isLength              // content-length
	isMedia               // content-type
	isCoding              // content-encoding
	wrongPseudo           // another one that begins with a colon
	wrongName             // no name of a field: empty, or with capitals or control characters
	ofConnections         // what only HTTP/1.1 has (RFC 9113, 8.2.2)
)

func meaningOf(name []byte) meaning {
	switch string(name) { // of which no copy is made
	case ":status":
		return isStatus
	case "content-length":
		return isLength
	case "content-type":
		return isMedia
	case "content-encoding":
		return isCoding
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return ofConnections
	case "":
		return wrongName
	}
	if name[0] == ':' {
		return wrongPseudo
	}
	for _, c := range name {
		if c <= ' ' || c >= 'A' && c <= 'Z' || c >= 0x7f || c == ':' {
			return wrongName
		}
	}
	return nothing
}

// noNumber is the number of a value that is none.
const noNumber = -1

// number is that of a value, where it matters: 1 for the type of server-sent events, and
// for a body that is compressed.
func (m meaning) number(value []byte) int64 {
	switch {
	case m == isMedia:
		media, _, _ := bytes.Cut(value, []byte(";"))
		return oneIf(bytes.EqualFold(bytes.Trim(media, " \t"), eventStream))
	case m == isCoding:
		return oneIf(len(value) > 0 && !bytes.EqualFold(value, identity))
	case m != isStatus && m != isLength, len(value) == 0, m == isStatus && len(value) != 3, len(value) > 18:
		return noNumber
	}
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return noNumber
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

var eventStream, identity = []byte("text/event-stream"), []byte("identity")

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// entry is what counts of a field: its text is not kept.
type entry struct {
	number      int64 // of its value, where that matters
	name, value uint32
	of          meaning
}

// size is that of the field by RFC 7541, 4.1.
func (e entry) size() int { return int(e.name) + int(e.value) + 32 }

// fields is what a header says.
type fields struct {
	status  int64
	length  int64 // noNumber: it does not say
	media   int64 // noNumber: it does not say
	coded   bool
	regular bool  // a field came that is no pseudo-header
	wrong   error // why it is malformed
	size    int
}

var (
	errIndex     = errors.New("a header refers to a field that the table does not have")
	errInteger   = errors.New("a number in a header is malformed")
	errCut       = errors.New("a header ends within a field")
	errHuffman   = errors.New("a text in a header is not Huffman coded")
	errTableSize = errors.New("the size of the header table is changed beyond what is allowed, or within a header")

	errStatusAgain  = errors.New("a header has more than one status")
	errStatus       = errors.New("a status is not three digits")
	errPseudoOrder  = errors.New("a pseudo-header field comes after others")
	errPseudo       = errors.New("a pseudo-header field is not one of replies")
	errName         = errors.New("the name of a field has capitals or characters that no name has")
	errOfHTTP1      = errors.New("a field is one that only HTTP/1.1 has, such as Connection")
	errLength       = errors.New("Content-Length is no number, or there are two that differ")
	errHeaderTooBig = errors.New("the header is longer than 65536 bytes")
)

// add takes note of a field.
func (f *fields) add(e entry) {
	f.size += e.size()
	switch e.of {
	case nothing:
		f.regular = true
	case isStatus:
		switch {
		case f.regular:
			f.fail(errPseudoOrder)
		case f.status != noNumber:
			f.fail(errStatusAgain)
		case e.number == noNumber:
			f.fail(errStatus)
		}
		f.status = e.number
	case isLength:
		f.regular = true
		if e.number == noNumber || f.length != noNumber && f.length != e.number {
			f.fail(errLength)
		}
		f.length = e.number
	case isMedia:
		f.regular = true
		if f.media == noNumber { // the first one counts, as over HTTP/1.1
			f.media = e.number
		}
	case isCoding:
		f.regular = true
		f.coded = f.coded || e.number == 1
	case wrongPseudo:
		f.fail(errPseudo)
	case wrongName:
		f.fail(errName)
	case ofConnections:
		f.fail(errOfHTTP1)
	}
	if f.size > MaxHeader {
		f.fail(errHeaderTooBig)
	}
}

func (f *fields) fail(err error) {
	if f.wrong == nil {
		f.wrong = err
	}
}

// decoder reads header blocks (RFC 7541). It keeps what counts of the fields in its
// table, not their text, and allocates nothing once its table has its size.
//
// Note: the Decoder of golang.org/x/net makes strings of each field.
type decoder struct {
	ring []entry // of the table; a power of two of them
	last uint32  // how many were ever put in
	n    uint32  // how many are in
	size int     // of those, in bytes
	most int     // that size may be

	text []byte // what a Huffman coded text says
}

// block reads a header block. Its errors end the connection.
func (d *decoder) block(b []byte) (f fields, err error) {
	f.status, f.length, f.media = noNumber, noNumber, noNumber
	for len(b) > 0 {
		c := b[0]
		switch {
		case c&0x80 != 0:
			i, n := integer(b, 7)
			if n == 0 {
				return f, errInteger
			}
			e, ok := d.at(i)
			if !ok {
				return f, errIndex
			}
			f.add(e)
			b = b[n:]
			continue
		case c&0xe0 == 0x20:
			size, n := integer(b, 5)
			if n == 0 || size > defaultTable || f.size > 0 {
				return f, errTableSize
			}
			d.most = int(size)
			d.evict(0)
			b = b[n:]
			continue
		}
		prefix := 4
		if c&0x40 != 0 {
			prefix = 6
		}
		e, rest, err := d.literal(b, prefix)
		if err != nil {
			return f, err
		}
		f.add(e)
		if prefix == 6 {
			d.put(e)
		}
		b = rest
	}
	return f, nil
}

// at is field number i of both tables.
func (d *decoder) at(i uint64) (entry, bool) {
	switch {
	case i == 0:
		return entry{}, false
	case i <= staticFields:
		return staticTable[i].entry, true
	case i-staticFields > uint64(d.n):
		return entry{}, false
	}
	return d.ring[(d.last-uint32(i-staticFields))&uint32(len(d.ring)-1)], true
}

// put puts a field into the table.
func (d *decoder) put(e entry) {
	d.evict(e.size())
	if e.size() > d.most {
		return
	}
	if int(d.n) == len(d.ring) {
		larger := make([]entry, max(8, 2*len(d.ring)))
		for i := range d.n {
			at := d.last - d.n + i
			larger[at&uint32(len(larger)-1)] = d.ring[at&uint32(len(d.ring)-1)]
		}
		d.ring = larger
	}
	d.ring[d.last&uint32(len(d.ring)-1)] = e
	d.last, d.n, d.size = d.last+1, d.n+1, d.size+e.size()
}

// evict makes room for so many bytes.
func (d *decoder) evict(size int) {
	for d.n > 0 && d.size+size > d.most {
		d.size -= d.ring[(d.last-d.n)&uint32(len(d.ring)-1)].size()
		d.n--
	}
}

// literal reads a field whose value, at least, stands in the block.
func (d *decoder) literal(b []byte, prefix int) (e entry, rest []byte, err error) {
	i, n := integer(b, prefix)
	if n == 0 {
		return e, nil, errInteger
	}
	b = b[n:]
	if i > 0 {
		named, ok := d.at(i)
		if !ok {
			return e, nil, errIndex
		}
		e.of, e.name = named.of, named.name
	} else {
		var name []byte
		if name, b, err = d.string(b); err != nil {
			return e, nil, err
		}
		e.of, e.name = meaningOf(name), uint32(len(name))
	}
	value, b, err := d.string(b)
	e.value, e.number = uint32(len(value)), e.of.number(value)
	return e, b, err
}

// string reads a text, which is valid until the next one is read.
func (d *decoder) string(b []byte) (text, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errCut
	}
	coded := b[0]&0x80 != 0
	length, n := integer(b, 7)
	switch {
	case n == 0:
		return nil, nil, errInteger
	case length > uint64(len(b)-n):
		return nil, nil, errCut
	}
	text, rest = b[n:n+int(length)], b[n+int(length):]
	if coded {
		var ok bool
		if d.text, ok = appendHuffman(d.text[:0], text, maxString); !ok {
			return nil, nil, errHuffman
		}
		text = d.text
	}
	return text, rest, nil
}

// integer reads a number that begins with some bits of the first byte (RFC 7541, 5.1),
// and returns how many bytes it takes, 0 where it is malformed or above 2^32.
func integer(b []byte, prefix int) (v uint64, n int) {
	mask := uint64(1)<<prefix - 1
	if v = uint64(b[0]) & mask; v < mask {
		return v, 1
	}
	for shift := 0; shift <= 28; shift += 7 {
		n++
		if n == len(b) {
			return 0, 0
		}
		v += uint64(b[n]&0x7f) << shift
		if b[n]&0x80 == 0 {
			return v, n + 1
		}
	}
	return 0, 0
}

// appendInteger adds a number that begins with some bits of a byte, above which first
// has the others.
func appendInteger(b []byte, first byte, prefix int, v int) []byte {
	mask := 1<<prefix - 1
	if v < mask {
		return append(b, first|byte(v))
	}
	b = append(b, first|byte(mask))
	for v -= mask; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}
