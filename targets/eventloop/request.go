package eventloop

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/a628bb15/onhold/targets/orders"
	"github.com/valyala/fasthttp"
)

// reader cuts the requests out of a stream of bytes, however these arrive.
// One reader serves all connections of a loop, for it keeps nothing from one
// call to the next but what it read last.
type reader struct {
	header     fasthttp.RequestHeader
	body       []byte
	awaitsBody bool // the header is complete and the body is not

	block bytes.Reader
	lines *bufio.Reader
}

func newReader() *reader { return &reader{lines: bufio.NewReaderSize(nil, orders.MaxHeader)} }

var (
	errRequestLine = errors.New("the request line is malformed")
	errLeftOver    = errors.New("the header ends before its empty line")
)

// next looks at the bytes that came so far. It returns how many of them the
// first request takes, its body included, and leaves its header in r.header and
// its body in r.body, which are valid as long as data is; or a number beyond
// len(data), without which there is no use in another call. An error is for orders.Malformed, and does not depend on how many
// bytes have come after those that are wrong.
func (r *reader) next(data []byte) (length int, err error) {
	r.awaitsBody = false
	header, err := headerLength(data)
	if err != nil || header > len(data) {
		return header, err
	}
	r.block.Reset(data[:header])
	r.lines.Reset(&r.block)
	if err := r.header.Read(r.lines); err != nil {
		return 0, err
	}
	if r.lines.Buffered()+r.block.Len() > 0 {
		return 0, errLeftOver
	}
	if orders.Chunked(&r.header) {
		return 0, orders.ErrChunked
	}
	body := max(r.header.ContentLength(), 0) // below 0: none announced
	if body > orders.MaxBody {
		return 0, fasthttp.ErrBodyTooLarge
	}
	r.body = nil
	r.awaitsBody = header+body > len(data)
	if !r.awaitsBody {
		r.body = data[header : header+body]
	}
	return header + body, nil
}

// headerLength returns the length of request line and header with the empty
// line after them, or one more than len(data) where that has not come yet.
func headerLength(data []byte) (int, error) {
	end := 0
	begun := false // empty lines before the request line are skipped
	for {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 {
			if len(data) >= orders.MaxHeader {
				return 0, orders.ErrHeaderTooLong
			}
			return len(data) + 1, nil
		}
		line := bytes.TrimSuffix(data[end:end+n], []byte("\r"))
		end += n + 1
		switch {
		case end > orders.MaxHeader:
			return 0, orders.ErrHeaderTooLong
		case len(line) == 0 && begun:
			return end, nil
		case len(line) > 0 && !begun:
			// Checked as soon as it is complete: a client that speaks another protocol
			// may wait for our reply.
			if !bytes.HasSuffix(line, []byte(" HTTP/1.1")) && !bytes.HasSuffix(line, []byte(" HTTP/1.0")) {
				return 0, errRequestLine
			}
			begun = true
		}
	}
}

// expectsContinue reports whether the client of the request last read holds its
// body back until the server asks for it.
func (r *reader) expectsContinue() bool {
	return r.awaitsBody && r.header.IsHTTP11() &&
		bytes.EqualFold(r.header.Peek(fasthttp.HeaderExpect), []byte("100-continue"))
}
