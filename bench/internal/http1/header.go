package epoll

// header is what matters of a reply's header.
type header struct {
	status int
	length int64 // of the body; or one of those below
	last   bool  // the connection closes after the reply
}

// Lengths that are none, numbered as fasthttp does.
const (
	chunked   = -1
	identical = -2 // the body ends with the connection
)

// quick reads a header as ordinary servers write them: HTTP/1.1, lines that
// end in CR LF, names and values without a character that does not belong
// there, and no more than one of each field that matters. ok is false where it
// is anything else, which is left to fasthttp. block ends with its first empty
// line.
func quick(block []byte) (h header, ok bool) {
	const start = len("HTTP/1.1 200")
	if len(block) < start+4 || string(block[:9]) != "HTTP/1.1 " || block[9] == '0' || block[start] != ' ' && block[start] != '\r' {
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
		case len("trailer"):
			if fold(field, "trailer") {
				return h, false
			}
		}
	}
	if h.length == identical && h.status >= 200 && h.status != 204 && h.status != 304 {
		h.last = true
	}
	return h, true
}

// digits reads a number of at most 15 digits.
func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
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
