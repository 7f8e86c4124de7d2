// Package http1 reads HTTP/1.x replies, for both drivers, so that they take
// what a server says for the same.
//
//  1. A reply is read as its bytes come, in whatever pieces. Only an unfinished
//     header is kept; bodies are counted and dropped, so that what a server
//     announces takes no memory.
//  2. The work for a byte does not depend on how many came before it.
//  3. Every byte counts against a bound, the framing of chunks included.
//
// It is as lenient as RFC 9112 lets a client be: lines may end in a line feed
// alone, empty lines may come before the status line, header lines may be
// folded, the reason may be missing. It is strict about where a reply ends.
package http1

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
)

// The most that is read of a reply, in bytes; a larger one is an error.
const (
	MaxBody   = 64 << 20 // of a body as it comes: with the framing and trailer of chunks
	MaxHeader = 64 << 10 // of a header, a chunk's extensions, or a trailer
)

// maxInterim is how many interim replies may come before the real one.
const maxInterim = 100

var (
	errHeaderTooLong  = fmt.Errorf("the header is longer than %d bytes", MaxHeader)
	errBodyTooLong    = fmt.Errorf("the body is longer than %d bytes", MaxBody)
	errExtension      = fmt.Errorf("the extensions of a chunk are longer than %d bytes", MaxHeader)
	errTrailerTooLong = fmt.Errorf("the trailer is longer than %d bytes", MaxHeader)
	errTrailer        = errors.New("a line of the trailer has no name and colon")
	errNotHTTP        = errors.New("the first line is not that of an HTTP reply")
	errInterim        = fmt.Errorf("more than %d interim replies", maxInterim)
	errChunkSize      = errors.New("the size of a chunk is malformed")
	errChunkEnd       = errors.New("a chunk does not end where its size says")
	errBareCR         = errors.New("a line has a carriage return that is not at its end")
)

// phase is which part of a reply comes next.
type phase uint8

const (
	inStart     phase = iota // empty lines before the status line are passed over
	inHeader                 // up to the empty line that ends it
	inBody                   // left bytes of it
	inSize                   // hexadecimal digits of a chunk's size
	inBlanks                 // after them
	inExtension              // up to the end of the line
	inSizeEnd                // a line feed
	inChunk                  // left bytes of its data
	inChunkEnd               // a line end
	inChunkLF                // a line feed
	inTrailer                // the beginning of a line of it
	inName                   // of a trailer's field
	inValue                  // of a trailer's field
	inEnd                    // the line feed that ends the reply
	untilClose               // a body that ends with the connection
)

// Reply is how much of a reply was read. The zero value waits for its
// beginning.
type Reply struct {
	held    []byte      // of the header, while its end has not come
	room    *[room]byte // what held lies in, where it is long; borrowed
	left    int64       // of the body or chunk; or its size so far
	size    int64       // bytes read behind the header
	line    int32       // bytes of the part that has a bound of its own
	status  int16
	interim uint8 // replies that came before, as 103 Early Hints
	digits  uint8 // of a chunk's size
	phase   phase
	cr      bool // a carriage return came last, in an extension or a trailer's value
	last    bool // the connection closes after it
	sunk    bool // the body is for the Sink, and of any length
}

const (
	ownRoom = 4 << 10       // bytes of a header that a reply keeps in memory of its own
	room    = 2 * MaxHeader // a header and what is read at once
)

var rooms = sync.Pool{New: func() any { return new([room]byte) }}

// Again makes it wait for the next reply. It keeps its memory, but for that of
// a header that was unusually long.
func (p *Reply) Again() {
	held := p.held[:0]
	if p.room != nil {
		rooms.Put(p.room)
		held = nil
	}
	*p = Reply{held: held}
}

// hold adds to what is held.
func (p *Reply) hold(data []byte) {
	if p.room == nil && len(p.held)+len(data) > ownRoom {
		p.room = rooms.Get().(*[room]byte)
		p.held = append(p.room[:0], p.held...)
	}
	p.held = append(p.held, data...)
}

// Status is the reply's status, from 0 to 999, once its header has come.
func (p *Reply) Status() int { return int(p.status) }

// Last reports whether the connection takes no further request: the server
// closes it, or speaks something else from here on.
func (p *Reply) Last() bool { return p.last }

// EndsWithConnection reports whether the reply, so far not complete, is so if
// the server closes the connection now.
func (p *Reply) EndsWithConnection() bool { return p.phase == untilClose }

// Expects is how many bytes at the least are still to come, a lower bound that
// is 0 where it is not known. It is large where the body ends with the
// connection.
func (p *Reply) Expects() int64 {
	switch p.phase {
	case inBody, inChunk:
		return p.left
	case untilClose:
		return MaxBody
	}
	return 0
}

// Reader reads replies however their bytes arrive. What outlasts a call
// stands in the Reply, so one reader serves any number of connections.
type Reader struct {
	Head bool // replies have no body, whatever their header says

	// Keep makes Body the first MaxHeader bytes of the last body, without the
	// framing of chunks. Then the reader serves one connection only.
	Keep bool
	Body []byte

	// KeepHeader makes Header the last complete header, its status line included. Then,
	// too, the reader serves one connection only.
	KeepHeader bool
	Header     []byte

	// Sink, where not nil, gets what comes behind the header of a reply that it wants.
	// Then a body may be of any length, though none of its parts but the data.
	Sink Sink

	fields fields
}

// Sink takes the bodies of replies as they come.
type Sink interface {
	// Header is called with the complete header of a reply that is not an interim one.
	// It reports whether the body is wanted. The header is valid until it returns.
	Header(status int, header []byte, chunked bool) bool
	Body(data []byte) // without the framing of chunks
	ChunkEnd()        // the data of a chunk is complete
}

// Next reads on with the bytes that came. It returns true when the reply is
// complete, and how many of the bytes come after it. It does not keep data.
func (r *Reader) Next(p *Reply, data []byte) (done bool, after int, err error) {
	seen := len(p.held) // in vain, so need not be looked through again
	if seen > 0 {
		p.hold(data)
		data = p.held
	}
	for {
		behind := p.phase > inHeader
		n, ended, err := r.part(p, data, seen)
		if err != nil {
			return false, 0, err
		}
		if behind {
			if p.size += int64(n); p.size > MaxBody && !p.sunk {
				return false, 0, errBodyTooLong
			}
		}
		data, seen = data[n:], 0
		switch {
		case ended:
			return true, len(data), nil
		case len(data) == 0 || n == 0:
			// What is left of it is of the header: all else is taken as it comes.
			if len(p.held) > 0 { // then data lies in it
				p.held = p.held[:copy(p.held, data)]
			} else if len(data) > 0 {
				p.hold(data)
			}
			return false, 0, nil
		}
	}
}

// part reads on in one part of the reply and returns how far it came, 0 where
// the part has to be there as one and its end has not come.
func (r *Reader) part(p *Reply, data []byte, seen int) (n int, ended bool, err error) {
	switch p.phase {
	case inStart:
		if n, err = p.start(data); n > 0 || err != nil {
			return n, false, err
		}
		return r.header(p, data, seen)
	case inHeader:
		return r.header(p, data, seen)
	case inBody:
		n = r.data(p, data)
		return n, p.left == 0, nil
	case inChunk:
		if n = r.data(p, data); p.left == 0 {
			p.phase = inChunkEnd
			if p.sunk {
				r.Sink.ChunkEnd()
			}
		}
		return n, false, nil
	case untilClose:
		r.keep(p, data)
		return len(data), false, nil
	case inTrailer, inName, inValue, inEnd:
		return p.trailer(data)
	default:
		n, err = p.chunkLine(data)
		return n, false, err
	}
}

// data takes what there is of the body or chunk.
func (r *Reader) data(p *Reply, data []byte) int {
	n := int(min(p.left, int64(len(data))))
	r.keep(p, data[:n])
	p.left -= int64(n)
	return n
}

func (r *Reader) keep(p *Reply, data []byte) {
	if p.sunk {
		r.Sink.Body(data)
	}
	if r.Keep {
		r.Body = append(r.Body, data[:min(len(data), MaxHeader-len(r.Body))]...)
	}
}

// start passes over empty lines, as a server may end its last reply with one
// too many.
func (p *Reply) start(data []byte) (n int, err error) {
	for n < len(data) && (data[n] == '\r' || data[n] == '\n') {
		n++
	}
	if p.line += int32(n); p.line > MaxHeader {
		return 0, errHeaderTooLong
	}
	if n < len(data) {
		p.phase, p.line = inHeader, 0
	}
	return n, nil
}

// chunkLine reads the line in front of a chunk, hexadecimal digits, blanks and
// extensions, and the line end behind it. What is wrong is reported as soon as
// it is there.
func (p *Reply) chunkLine(data []byte) (n int, err error) {
	for n < len(data) {
		c := data[n]
		switch p.phase {
		case inSize:
			d := unhex(c)
			if d < 0 {
				if p.digits == 0 {
					return 0, errChunkSize
				}
				p.phase, p.line, p.cr = inBlanks, 0, false
				continue
			}
			const mostDigits = 15
			if p.digits++; p.digits > mostDigits {
				return 0, errChunkSize
			}
			p.left = p.left<<4 | int64(d)
		case inBlanks:
			switch c {
			case ' ', '\t':
				if p.line++; p.line > MaxHeader {
					return 0, errExtension
				}
			case ';':
				p.phase = inExtension
			case '\r':
				p.phase = inSizeEnd
			case '\n':
				return n + 1, p.sized()
			default:
				return 0, errChunkSize
			}
		case inExtension:
			m, ended, err := p.toLineEnd(data[n:], errExtension)
			n += m
			if err != nil {
				return 0, err
			}
			if ended {
				return n, p.sized()
			}
			continue
		case inSizeEnd:
			if c != '\n' {
				return 0, errChunkSize
			}
			return n + 1, p.sized()
		case inChunkEnd:
			switch c {
			case '\r':
				p.phase = inChunkLF
			case '\n':
				p.nextChunk()
			default:
				return 0, errChunkEnd
			}
		case inChunkLF:
			if c != '\n' {
				return 0, errChunkEnd
			}
			p.nextChunk()
		default:
			return n, nil
		}
		n++
	}
	return n, nil
}

func (p *Reply) nextChunk() { p.phase, p.left, p.digits = inSize, 0, 0 }

// sized goes on to what follows the line with a chunk's size.
func (p *Reply) sized() error {
	switch {
	case p.left == 0:
		p.phase, p.line, p.cr = inTrailer, 0, false
	case p.size+p.left > MaxBody && !p.sunk:
		return errBodyTooLong
	default:
		p.phase = inChunk
	}
	return nil
}

// toLineEnd passes over what comes up to the end of the line.
func (p *Reply) toLineEnd(data []byte, tooLong error) (n int, ended bool, err error) {
	n = bytes.IndexByte(data, '\n')
	if ended = n >= 0; !ended {
		n = len(data)
	}
	switch cr := bytes.IndexByte(data[:n], '\r'); {
	case p.cr && n > 0, cr >= 0 && cr < n-1:
		return 0, false, errBareCR
	default:
		p.cr = !ended && (cr >= 0 || p.cr)
	}
	if ended {
		n++
	}
	if p.line += int32(n); p.line > MaxHeader {
		return 0, false, tooLong
	}
	return n, ended, nil
}

// trailer reads what follows the last chunk: mostly an empty line.
func (p *Reply) trailer(data []byte) (n int, ended bool, err error) {
	for n < len(data) {
		c := data[n]
		switch p.phase {
		case inTrailer:
			switch {
			case c == '\n':
				return n + 1, true, nil
			case c == '\r':
				p.phase = inEnd
			case isName[c]:
				p.phase = inName
			case (c == ' ' || c == '\t') && p.line > 0: // folded
				p.phase = inValue
			default:
				return 0, false, errTrailer
			}
		case inEnd:
			if c != '\n' {
				return 0, false, errTrailer
			}
			return n + 1, true, nil
		case inName:
			if c == ':' {
				p.phase = inValue
			} else if !isName[c] {
				return 0, false, errTrailer
			}
		case inValue:
			m, over, err := p.toLineEnd(data[n:], errTrailerTooLong)
			if err != nil {
				return 0, false, err
			}
			if over {
				p.phase = inTrailer
			}
			n += m
			continue
		}
		n++
		if p.line++; p.line > MaxHeader {
			return 0, false, errTrailerTooLong
		}
	}
	return n, false, nil
}

// Farewell is how many bytes IsFarewell needs.
const Farewell = len("HTTP/1.1 408")

// IsFarewell reports whether what a server sent on an idle connection, of which
// the first bytes are given, is the reply 408 (Request Timeout) that some
// send before they close one: it is about the connection, and no request's.
func IsFarewell(said []byte) bool {
	return len(said) >= Farewell && string(said[:7]) == "HTTP/1." && string(said[8:Farewell]) == " 408"
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
