package http1

import "bytes"

// header is what matters of a reply's header.
type header struct {
	status int
	length int64 // of the body; or one of those below
	last   bool  // the connection closes after the reply
}

// Lengths that are none.
const (
	chunked   = -1
	identical = -2 // the body ends with the connection
)

// header reads a header and decides what follows.
func (r *Reader) header(p *Reply, data []byte, seen int) (n int, ended bool, err error) {
	const name = "HTTP/"
	if !bytes.HasPrefix(data, []byte(name)[:min(len(data), len(name))]) {
		return 0, false, errNotHTTP // found out early: it may wait for us to go on
	}
	var h header
	ok := false
	from := max(0, seen-3)
	if i := bytes.Index(data[from:], []byte("\r\n\r\n")); i >= 0 {
		n = from + i + 4
		h, ok = quick(data[:n])
	}
	if !ok {
		n = blockEnd(data, seen)
	}
	switch {
	case n > MaxHeader, n == 0 && len(data) >= MaxHeader:
		return 0, false, errHeaderTooLong
	case n == 0:
		return 0, false, nil
	case !ok:
		if h, err = r.fields.read(data[:n]); err != nil {
			return 0, false, err
		}
	}
	if r.KeepHeader {
		r.Header = append(r.Header[:0], data[:n]...)
	}
	const firstFinal, switchingProtocols = 200, 101
	if r.Sink != nil && (h.status >= firstFinal || h.status == switchingProtocols) {
		p.sunk = r.Sink.Header(h.status, data[:n], h.length == chunked)
	}
	ended, err = r.follows(p, h)
	return n, ended, err
}

// blockEnd is where the first empty line ends, 0 where there is none yet. Lines
// end in a line feed, with or without a carriage return before it. The bytes
// before seen were looked through already.
func blockEnd(data []byte, seen int) int {
	for at := max(0, seen-2); ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		rest := data[at:]
		switch {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 2
		}
	}
}

// follows notes what a header says, and what follows it.
func (r *Reader) follows(p *Reply, h header) (ended bool, err error) {
	const (
		switchingProtocols = 101
		noContent          = 204
		notModified        = 304
	)
	p.status, p.last = int16(h.status), h.last
	switch {
	case h.status == switchingProtocols:
		p.last = true // whatever comes next is not HTTP
		return true, nil
	case h.status >= 100 && h.status < 200:
		if p.interim++; p.interim > maxInterim {
			return false, errInterim
		}
		p.phase = inStart
		return false, nil
	case r.Head, h.status == noContent, h.status == notModified:
		return true, nil
	case h.length > MaxBody && !p.sunk:
		return false, errBodyTooLong
	case h.length >= 0:
		p.phase, p.left = inBody, h.length
		return h.length == 0, nil
	case h.length == chunked:
		p.nextChunk()
	default:
		p.phase, p.last = untilClose, true
	}
	return false, nil
}

// quick reads a header as ordinary servers write them: HTTP/1.1, lines that
// end in CR LF, names and values without a character that does not belong
// there, and no more than one of each field that matters. ok is false where it
// is anything else, which is left to fields.read. block ends with its first CR LF
// CR LF.
func quick(block []byte) (h header, ok bool) {
	const start = len("HTTP/1.1 200")
	if len(block) < start+4 || string(block[:9]) != "HTTP/1.1 " || block[start] != ' ' && block[start] != '\r' {
		return h, false
	}
	for _, c := range block[9:start] {
		if c < '0' || c > '9' {
			return h, false
		}
		h.status = 10*h.status + int(c-'0')
	}
	at := start
	for block[at] != '\r' {
		if !isValue[block[at]] {
			return h, false
		}
		at++
	}
	h.length = identical
	named, closes := false, false // a length; how the connection goes on
	for {
		if block[at+1] != '\n' {
			return h, false
		}
		at += 2
		if at == len(block)-2 {
			break // the empty line
		}
		name := at
		for isName[block[at]] {
			at++
		}
		if block[at] != ':' || at == name {
			return h, false
		}
		field := block[name:at]
		for at++; block[at] == ' ' || block[at] == '\t'; at++ {
		}
		value := at
		for isValue[block[at]] {
			at++
		}
		if block[at] != '\r' {
			return h, false
		}
		end := at
		for end > value && (block[end-1] == ' ' || block[end-1] == '\t') {
			end--
		}
		switch len(field) {
		case len("connection"):
			if !fold(field, "connection") {
				continue
			}
			if closes {
				return h, false
			}
			closes = true
			if h.last = fold(block[value:end], "close"); !h.last && !fold(block[value:end], "keep-alive") {
				return h, false
			}
		case len("content-length"):
			if !fold(field, "content-length") {
				continue
			}
			n, good := digits(block[value:end])
			if named || !good {
				return h, false
			}
			named, h.length = true, n
		case len("transfer-encoding"):
			if !fold(field, "transfer-encoding") {
				continue
			}
			if named || !fold(block[value:end], "chunked") {
				return h, false
			}
			named, h.length = true, chunked
		}
	}
	return h, true
}

// digits reads a whole number. One of more than 15 digits, zeros in front of it
// aside, is larger than any that is taken and read as such.
func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	const most = 1e15
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(most, 10*n+int64(c-'0'))
	}
	return n, true
}

// fold compares with lower, which is in lower case, letters alike in either.
func fold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// isName and isValue are the characters of a field's name (RFC 9110, 5.6.2)
// and, blanks included, of its value (5.5).
var isName, isValue = func() (name, value [256]bool) {
	for c := range 256 {
		letter := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		name[c] = letter
		value[c] = c == '\t' || c >= ' ' && c != 0x7f
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		name[c] = true
	}
	return name, value
}()
