package stream

import "bytes"

// mark compares the data of an event with the end mark as it comes, so that none of it
// is kept.
type mark struct{ met int } // bytes of the end mark that were met; differs where it cannot be it

const differs = -1

func (m *mark) add(done string, data []byte) {
	if m.met == differs {
		return
	}
	if len(data) > len(done)-m.met || string(data) != done[m.met:m.met+len(data)] {
		m.met = differs
		return
	}
	m.met += len(data)
}

// end reports whether the event that ends here is the end mark, and waits for the next.
func (m *mark) end(done string) bool {
	met := done != "" && m.met == len(done)
	m.met = 0
	return met
}

// step is where in a body a scanner is.
type step uint8

const (
	inBOM   step = iota // at the beginning, where a byte order mark may stand
	inLine              // at the beginning of a line
	inName              // of a field, as far as that may be data
	inBlank             // behind the colon, where one blank is of no meaning
	inData              // the value of a field data
	inOther             // a comment, or another field
	inEnd               // a carriage return or line feed
)

// scanner finds the events in the bytes of a body, in whatever pieces they come.
//
//   - Server-sent events are read as the WHATWG says (HTML, 9.2.6): an event is there at
//     the empty line behind it, and only where it has data. Comments are none. What is
//     left at the end is dropped.
//   - Lines end in a line feed, a carriage return before it is no part of them, and
//     empty ones are none. The last may lack its end.
//   - Chunks are those of HTTP/1.1.
type scanner struct {
	kind Kind
	step step
	at   uint8 // characters of the byte order mark or of the name that were met
	cr   bool  // a carriage return came last
	any  bool  // the event has data
	mark
}

// next reads on up to the end of an event, and returns how far it came.
func (s *scanner) next(done string, data []byte) (n int, event bool) {
	switch s.kind {
	case SSE:
		return s.sse(done, data)
	case Lines:
		return s.line(done, data)
	}
	s.any = s.any || len(data) > 0
	s.add(done, data)
	return len(data), false
}

// ended reports whether there is an event where a chunk or the body ends.
func (s *scanner) ended(body bool) (event bool) {
	event = s.any && (s.kind == Chunks || s.kind == Lines && body)
	if event {
		s.any = false
	}
	return event
}

const (
	bom  = "\xef\xbb\xbf"
	name = "data"
)

func (s *scanner) sse(done string, data []byte) (n int, event bool) {
	for n < len(data) {
		c := data[n]
		switch s.step {
		case inBOM:
			switch {
			case c == bom[s.at]:
				n++
				if s.at++; int(s.at) == len(bom) {
					s.step, s.at = inLine, 0
				}
			case s.at > 0: // the first bytes of a name
				s.step, s.at = inOther, 0
			default:
				s.step = inLine
			}
		case inLine:
			if s.cr && c == '\n' { // the second half of a line end
				s.cr = false
				n++
				continue
			}
			s.cr = false
			switch c {
			case '\r', '\n':
				n++
				s.cr = c == '\r'
				if s.any {
					s.any = false
					return n, true
				}
			case ':':
				s.step = inOther
			default:
				s.step, s.at = inName, 0
			}
		case inName:
			switch {
			case int(s.at) < len(name) && c == name[s.at]:
				n++
				s.at++
			case int(s.at) < len(name):
				s.step = inOther
			case c == ':':
				n++
				s.begin(done)
				s.step = inBlank
			case c == '\r' || c == '\n': // a field without a value
				s.begin(done)
				s.step = inEnd
			default:
				s.step = inOther
			}
		case inBlank:
			if c == ' ' {
				n++
			}
			s.step = inData
		case inData, inOther:
			end := lineEnd(data[n:])
			if s.step == inData {
				s.add(done, data[n:n+end])
			}
			if n += end; n < len(data) {
				s.step = inEnd
			}
		case inEnd:
			n++
			s.cr = c == '\r'
			s.step = inLine
		}
	}
	return n, false
}

var lineFeed = []byte("\n")

// begin begins a line of data. Several are joined by line feeds.
func (s *scanner) begin(done string) {
	if s.any {
		s.add(done, lineFeed)
	}
	s.any = true
}

// lineEnd is how many bytes come before the end of the line.
func lineEnd(data []byte) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		data = data[:i]
	}
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		data = data[:i]
	}
	return len(data)
}

var carriageReturn = []byte("\r")

func (s *scanner) line(done string, data []byte) (n int, event bool) {
	for n < len(data) {
		line, _, ended := bytes.Cut(data[n:], lineFeed)
		n += len(line)
		if s.cr && len(line) > 0 { // it was in the midst of the line
			s.cr, s.any = false, true
			s.add(done, carriageReturn)
		}
		if last := len(line) - 1; last >= 0 && line[last] == '\r' {
			s.cr, line = true, line[:last]
		}
		s.any = s.any || len(line) > 0
		s.add(done, line)
		if !ended {
			continue
		}
		n++
		s.cr = false
		if s.any {
			s.any = false
			return n, true
		}
		s.end(done)
	}
	return n, false
}
