package http1

import (
	"bytes"
	"errors"
)

var (
	errVersion   = errors.New("the version of its first line is not HTTP/1.0 or HTTP/1.1")
	errStatus    = errors.New("the status in its first line is not a number of three digits")
	errField     = errors.New("a header line has no name and colon")
	errNUL       = errors.New("the header has a NUL character")
	errLength    = errors.New("the content length is malformed")
	errLengths   = errors.New("there are two different content lengths")
	errEncodings = errors.New("chunked is not the last transfer encoding, or not there once")
)

// fields are those of a header that matter. Their memory is used again.
type fields struct {
	length    []byte // values of fields of one name, joined by commas
	encoding  []byte
	conn      []byte
	goes      *[]byte // on with the value of this one, where the next line does; nil: one that does not matter
	any       bool    // there was a field, so one can go on
	hasLength bool
}

// read reads a header however it is written, as far as it may be written so.
// block ends with its first empty line.
func (f *fields) read(block []byte) (h header, err error) {
	*f = fields{length: f.length[:0], encoding: f.encoding[:0], conn: f.conn[:0]}
	if bytes.IndexByte(block, 0) >= 0 {
		return h, errNUL
	}
	line, block, err := cutLine(block)
	if err != nil {
		return h, err
	}
	h, old, err := statusLine(line)
	if err != nil {
		return h, err
	}
	for {
		line, block, err = cutLine(block)
		switch {
		case err != nil:
			return h, err
		case len(line) == 0: // the empty line
			return f.decide(h, old)
		case line[0] == ' ' || line[0] == '\t': // folded
			err = f.goesOn(bytes.Trim(line, " \t"))
		default:
			err = f.begins(line)
		}
		if err != nil {
			return h, err
		}
	}
}

// cutLine cuts the first line off, without what ends it.
func cutLine(block []byte) (line, rest []byte, err error) {
	line, rest, _ = bytes.Cut(block, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, '\r') >= 0 {
		return nil, nil, errBareCR
	}
	return line, rest, nil
}

// statusLine reads the version and the status. Any blanks may stand between
// them, and anything behind them.
func statusLine(line []byte) (h header, old bool, err error) {
	h.length = identical
	const start = len("HTTP/1.1")
	if len(line) <= start || string(line[:start-1]) != "HTTP/1." || line[start-1] < '0' || line[start-1] > '9' || !blank(line[start]) {
		return h, false, errVersion
	}
	old = line[start-1] == '0'
	line = bytes.TrimLeft(line[start:], " \t")
	if len(line) < 3 || len(line) > 3 && !blank(line[3]) {
		return h, false, errStatus
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return h, false, errStatus
		}
		h.status = 10*h.status + int(c-'0')
	}
	return h, old, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// begins reads a line that begins a field.
func (f *fields) begins(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // RFC 9112, 5.1: as a proxy does
	if !ok || len(name) == 0 {
		return errField
	}
	for _, c := range name {
		if !isName[c] {
			return errField
		}
	}
	f.any, f.goes = true, nil
	switch {
	case fold(name, "content-length"):
		f.goes, f.hasLength = &f.length, true
	case fold(name, "transfer-encoding"):
		f.goes = &f.encoding
	case fold(name, "connection"):
		f.goes = &f.conn
	default:
		return nil
	}
	if len(*f.goes) > 0 {
		*f.goes = append(*f.goes, ',')
	}
	return f.goesOn(bytes.Trim(value, " \t"))
}

// goesOn adds to the value of the field that the last line began.
func (f *fields) goesOn(value []byte) error {
	switch {
	case !f.any:
		return errField
	case f.goes != nil:
		if len(value) > 0 && len(*f.goes) > 0 && (*f.goes)[len(*f.goes)-1] != ',' {
			*f.goes = append(*f.goes, ' ')
		}
		*f.goes = append(*f.goes, value...)
	}
	return nil
}

// decide makes of the fields what follows the header.
func (f *fields) decide(h header, old bool) (header, error) {
	closes, keeps := has(f.conn, "close"), has(f.conn, "keep-alive")
	h.last = closes || old && !keeps
	var encodings, chunks int
	final := false
	for value := range bytes.SplitSeq(f.encoding, []byte(",")) {
		value = bytes.Trim(value, " \t")
		if len(value) == 0 || fold(value, "identity") {
			continue
		}
		encodings++
		if final = fold(value, "chunked"); final {
			chunks++
		}
	}
	switch {
	case encodings > 0 && old:
		h.last = true // RFC 9112, 6.1: HTTP/1.0 has none, and its framing is not to be trusted
	case encodings > 0 && (chunks != 1 || !final):
		return h, errEncodings
	case encodings > 0:
		h.length = chunked
		return h, nil // RFC 9112, 6.3: it overrides the length
	}
	if !f.hasLength {
		return h, nil
	}
	for value := range bytes.SplitSeq(f.length, []byte(",")) {
		n, ok := digits(bytes.Trim(value, " \t"))
		switch {
		case !ok:
			return h, errLength
		case h.length != identical && n != h.length:
			return h, errLengths
		}
		h.length = n
	}
	return h, nil
}

// has reports whether a list, separated by commas, has the token, in lower
// case.
func has(list []byte, token string) bool {
	for value := range bytes.SplitSeq(list, []byte(",")) {
		if fold(bytes.Trim(value, " \t"), token) {
			return true
		}
	}
	return false
}

// Values are what the fields of a name, in lower case, have in a header that was read,
// in their order.
func Values(header []byte, name string) (values []string) {
	named := false
	for _, rest, _ := cutLine(header); len(rest) > 0; {
		var line []byte
		line, rest, _ = cutLine(rest)
		if len(line) > 0 && blank(line[0]) { // folded
			if named {
				values[len(values)-1] += " " + string(bytes.Trim(line, " \t"))
			}
			continue
		}
		key, value, _ := bytes.Cut(line, []byte(":"))
		if named = fold(bytes.TrimRight(key, " \t"), name); named {
			values = append(values, string(bytes.Trim(value, " \t")))
		}
	}
	return values
}
