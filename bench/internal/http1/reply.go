package epoll

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"

	"github.com/a628bb15/onhold/bench"
	"github.com/valyala/fasthttp"
)

// phase is which part of a reply comes next.
type phase uint8

const (
	inHeader   phase = iota
	inBody           // left bytes of it
	inSize           // of a chunk
	inChunk          // left bytes of it, the line end after its data included
	inTrailer        // after the last chunk
	untilClose       // a body that ends with the connection
)

// reply is how much of a reply was read. The zero value waits for its
// beginning.
type reply struct {
	held    []byte // of a part that is read as a whole, what came without its end
	left    int64
	size    int64 // of the body so far, announced or read
	status  int16
	interim int8 // replies that came before, as 103 Early Hints
	phase   phase
	last    bool // the connection closes after it
}

// again makes it wait for the next reply. It keeps its memory.
func (p *reply) again() { *p = reply{held: p.held[:0]} }

// maxInterim is how many interim replies may come before the real one; the
// same as fasthttp allows.
const maxInterim = 100

var (
	errHeaderTooLong = fmt.Errorf("the header is longer than %d bytes", bench.MaxHeader)
	errBodyTooLong   = fmt.Errorf("the body is longer than %d bytes", bench.MaxBody)
	errNotHTTP       = errors.New("the first line is not that of an HTTP reply")
	errInterim       = fmt.Errorf("more than %d interim replies", maxInterim)
	errChunkSize     = errors.New("the size of a chunk is malformed")
	errChunkEnd      = errors.New("a chunk does not end where its size says")
)

// reader reads replies however their bytes arrive. One serves all connections
// of a loop: what outlasts a call stands in the reply.
//
// Headers as ordinary servers write them are read by a short path of our own.
// All others are left to fasthttp, so that both drivers read them alike.
type reader struct {
	head   bool // replies to HEAD have no body
	header fasthttp.ResponseHeader
	block  bytes.Reader
	lines  *bufio.Reader
}

func newReader(head bool) *reader {
	return &reader{head: head, lines: bufio.NewReaderSize(nil, bench.MaxHeader)}
}

// next reads on with the bytes that came. It returns true when the reply is
// complete, and how many of the bytes come after it.
func (r *reader) next(p *reply, data []byte) (done bool, after int, err error) {
	seen := len(p.held) // in vain, so need not be looked through again
	if seen > 0 {
		p.held = append(p.held, data...)
		data = p.held
	}
	for {
		n, ended, err := r.part(p, data, seen)
		if err != nil {
			return false, 0, err
		}
		if ended {
			return true, len(data) - n, nil
		}
		if n == 0 || n == len(data) {
			p.held = append(p.held[:0], data[n:]...)
			return false, 0, nil
		}
		data, seen = data[n:], 0
	}
}

// part reads one part of the reply and returns its length, 0 where its end has
// not come.
func (r *reader) part(p *reply, data []byte, seen int) (n int, ended bool, err error) {
	switch p.phase {
	case inHeader:
		return r.readHeader(p, data, seen)
	case inBody:
		n = int(min(p.left, int64(len(data))))
		p.left -= int64(n)
		return n, p.left == 0, nil
	case inSize:
		size, n, err := chunkSize(data)
		switch {
		case err != nil || n == 0:
			return 0, false, err
		case size == 0:
			p.phase = inTrailer
		case p.size+size > bench.MaxBody:
			return 0, false, errBodyTooLong
		default:
			p.phase, p.left = inChunk, size+2
			p.size += size
		}
		return n, false, nil
	case inChunk:
		return r.readChunk(p, data)
	case inTrailer:
		n, err := r.readTrailer(data, seen)
		return n, n > 0, err
	default: // untilClose
		p.size += int64(len(data))
		if p.size > bench.MaxBody {
			return 0, false, errBodyTooLong
		}
		return len(data), false, nil
	}
}

// readChunk reads a chunk's data up to the line end after it, then that.
func (r *reader) readChunk(p *reply, data []byte) (int, bool, error) {
	n := int(min(p.left-2, int64(len(data))))
	if p.left > 2 {
		p.left -= int64(n)
		return n, false, nil
	}
	for i, c := range data[:min(2, len(data))] {
		if c != "\r\n"[i] {
			return 0, false, errChunkEnd
		}
	}
	if len(data) < 2 {
		return 0, false, nil
	}
	p.phase = inSize
	return 2, false, nil
}

// chunkSize reads the line in front of a chunk: hexadecimal digits, then
// nothing, blanks, or a semicolon and what is to be ignored. n is 0 where the
// line's end has not come; what is wrong is told as soon as it is there.
func chunkSize(data []byte) (size int64, n int, err error) {
	const mostDigits = 15
	for n < len(data) {
		d := unhex(data[n])
		if d < 0 {
			break
		}
		if n == mostDigits {
			return 0, 0, errChunkSize
		}
		size = size<<4 | int64(d)
		n++
	}
	if n == len(data) {
		return 0, 0, nil
	}
	if n == 0 {
		return 0, 0, errChunkSize
	}
	blank := false
	for i, c := range data[n:] {
		switch {
		case c == '\r':
			return chunkLineEnd(data, size, n+i)
		case c == '\n':
			return 0, 0, errChunkSize
		case c == ';' && !blank:
			return extension(data, size, n+i)
		case c != ' ' && c != '\t':
			return 0, 0, errChunkSize
		}
		blank = true
	}
	if len(data) > bench.MaxHeader {
		return 0, 0, errChunkSize
	}
	return 0, 0, nil
}

// extension passes over what follows the semicolon at i.
func extension(data []byte, size int64, i int) (int64, int, error) {
	for j, c := range data[i:] {
		switch c {
		case '\r':
			return chunkLineEnd(data, size, i+j)
		case '\n':
			return 0, 0, errChunkSize
		}
	}
	if len(data) > bench.MaxHeader {
		return 0, 0, errChunkSize
	}
	return 0, 0, nil
}

// chunkLineEnd wants a line feed after the carriage return at i.
func chunkLineEnd(data []byte, size int64, i int) (int64, int, error) {
	switch {
	case i+1 == len(data):
		return 0, 0, nil
	case data[i+1] != '\n':
		return 0, 0, errChunkSize
	}
	return size, i + 2, nil
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

// readTrailer reads what follows the last chunk: mostly an empty line.
func (r *reader) readTrailer(data []byte, seen int) (int, error) {
	if bytes.HasPrefix(data, []byte("\r\n")) {
		return 2, nil
	}
	end := blockEnd(data, seen)
	if end == 0 {
		if len(data) >= bench.MaxHeader {
			return 0, errHeaderTooLong
		}
		return 0, nil
	}
	r.header.Reset()
	r.open(data[:end])
	if err := r.header.ReadTrailer(r.lines); err != nil {
		return 0, err
	}
	return end - r.rest(), nil
}

// blockEnd is where the first empty line ends, 0 where there is none yet. The
// bytes before seen were looked through already.
func blockEnd(data []byte, seen int) int {
	from := max(0, seen-3)
	if i := bytes.Index(data[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	return 0
}

// headerEnd is where a header ends. Empty lines before it are passed over, as
// a server may end its last reply with one too many.
func headerEnd(data []byte, seen int) int {
	empty := 0
	for empty < len(data) && (data[empty] == '\r' || data[empty] == '\n') {
		empty++
	}
	if end := blockEnd(data[empty:], seen-empty); end > 0 {
		return empty + end
	}
	return 0
}

// open gives fasthttp a block to read, rest tells how much it left.
func (r *reader) open(block []byte) {
	r.block.Reset(block)
	r.lines.Reset(&r.block)
}

func (r *reader) rest() int { return r.lines.Buffered() + r.block.Len() }

// readHeader reads a header and decides what follows.
func (r *reader) readHeader(p *reply, data []byte, seen int) (n int, ended bool, err error) {
	end := headerEnd(data, seen)
	if end == 0 {
		end, err = firstLine(data)
	}
	switch {
	case end > bench.MaxHeader, end == 0 && len(data) >= bench.MaxHeader:
		return 0, false, errHeaderTooLong
	case end == 0:
		return 0, false, err
	}
	h, ok := quick(data[:end])
	n = end
	if !ok {
		r.open(data[:end])
		if err := r.header.Read(r.lines); err != nil {
			return 0, false, err
		}
		n -= r.rest()
		h = header{r.header.StatusCode(), int64(r.header.ContentLength()), r.header.ConnectionClose()}
	}
	p.status, p.last = int16(h.status), h.last
	switch {
	case h.status >= 100 && h.status < 200 && h.status != fasthttp.StatusSwitchingProtocols:
		if p.interim++; p.interim > maxInterim {
			return 0, false, errInterim
		}
		return n, false, nil
	case h.status == fasthttp.StatusSwitchingProtocols:
		p.last = true // whatever comes next is not HTTP
		return n, true, nil
	case r.head, h.status >= 100 && h.status < 200, h.status == fasthttp.StatusNoContent, h.status == fasthttp.StatusNotModified:
		return n, true, nil
	case h.length > bench.MaxBody:
		return 0, false, errBodyTooLong
	case h.length >= 0:
		p.phase, p.left, p.size = inBody, h.length, h.length
		return n, h.length == 0, nil
	case h.length == chunked:
		p.phase = inSize
	default:
		p.phase = untilClose
	}
	return n, false, nil
}

// firstLine finds out early that a server speaks something else: it may wait
// for us to go on. It also finds the one header that ends otherwise, that of no
// field after a line that ends in a line feed alone.
func firstLine(data []byte) (end int, err error) {
	for line := range bytes.Lines(data) {
		end += len(line)
		switch {
		case len(bytes.Trim(line, "\r\n")) == 0: // empty lines before it are passed over
			continue
		case line[len(line)-1] != '\n':
			return 0, nil
		case !bytes.HasPrefix(line, []byte("HTTP/")):
			return 0, errNotHTTP
		}
		break
	}
	if bytes.HasPrefix(data[end:], []byte("\r\n")) {
		return end + 2, nil
	}
	return 0, nil
}
