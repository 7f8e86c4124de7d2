package bare

import "bytes"

// maxHead is the largest request in bytes; a larger one ends its connection.
const maxHead = 8 << 10

// reply says which of the few replies a request gets: bits of the three below,
// or bad alone.
type reply uint8

const (
	noBody  reply = 1 << iota // to HEAD
	closing                   // says that the connection ends, and ends it
	keeping                   // says that the connection stays, which HTTP/1.0 needs
	bad                       // 400, and the connection ends
)

// replies are all the replies there are.
var replies = func() (all [bad + 1][]byte) {
	for r := range bad {
		head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"
		switch {
		case r&closing != 0:
			head += "Connection: close\r\n"
		case r&keeping != 0:
			head += "Connection: keep-alive\r\n"
		}
		if r&noBody == 0 {
			all[r] = []byte(head + "\r\n" + Body)
		} else {
			all[r] = []byte(head + "\r\n")
		}
	}
	all[bad] = []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	return all
}()

var (
	colon     = []byte(":")
	lineEnd   = []byte("\r\n")
	headEnd   = []byte("\r\n\r\n")
	control   = []byte(" /bare/")
	http10    = []byte("HTTP/1.0")
	http11    = []byte("HTTP/1.1")
	closeWord = []byte("close")
	keepWord  = []byte("keep-alive")
)

// next looks at the first request in data: how many bytes it has, which reply
// it gets, and the control path that it asks for, if any. n is 0 where data
// holds no complete request.
//
// A request has no body here: one that announces a body is bad, for its bytes
// would be taken for the next request.
func next(data []byte) (n int, r reply, path string) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return 0, 0, ""
	}
	n = end + len(headEnd)
	line, fields, _ := bytes.Cut(data[:end], lineEnd)
	method, version := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if method <= 0 || version <= method || bytes.IndexByte(line, '\r') >= 0 {
		return n, bad, ""
	}
	old := false
	switch {
	case bytes.Equal(line[version+1:], http11):
	case bytes.Equal(line[version+1:], http10):
		old, r = true, closing
	default:
		return n, bad, ""
	}
	switch string(line[:method]) {
	case "GET", "POST":
	case "HEAD":
		r |= noBody
	default:
		return n, bad, ""
	}
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, lineEnd)
		if bytes.IndexByte(field, '\r') >= 0 {
			return n, bad, ""
		}
		if len(field) == 0 || field[0]|0x20 != 'c' && field[0]|0x20 != 't' {
			continue // most fields are none of those below
		}
		name, value, _ := bytes.Cut(field, colon)
		value = bytes.TrimSpace(value)
		switch {
		case isName(name, "connection"):
			if hasFold(value, closeWord) {
				r = r&^keeping | closing
			} else if old && hasFold(value, keepWord) {
				r = r&^closing | keeping
			}
		case isName(name, "content-length"):
			if string(value) != "0" {
				return n, bad, ""
			}
		case isName(name, "transfer-encoding"):
			return n, bad, ""
		}
	}
	if bytes.HasPrefix(line[method:], control) {
		switch target := string(line[method+1 : version]); target {
		case PathStats, PathArrivals, PathReset:
			path = target
		}
	}
	return n, r, path
}

// isName reports whether a field's name is lower, in whatever case.
func isName(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

// hasFold reports whether value contains word, in whatever case.
func hasFold(value, word []byte) bool {
	for i := 0; i+len(word) <= len(value); i++ {
		if bytes.EqualFold(value[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
