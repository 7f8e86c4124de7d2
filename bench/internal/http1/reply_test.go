package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/internal/http1/http1test"
)

// verdict is what the reader made of some bytes.
type verdict struct {
	done   bool
	broken bool
	end    int // of the reply, where done
	status int
	last   bool
	toEnd  bool // not done, and complete if the connection ends here
}

func (v verdict) String() string { return fmt.Sprintf("%+v", struct{ verdict }{v}) }

// readIn feeds a reader the data in pieces of the sizes given, over again.
func readIn(r *Reader, data []byte, sizes []byte) (v verdict) {
	var p Reply
	buf := make([]byte, 256) // as the loop's, written over by each read
	for at, i := 0, 0; at < len(data); i++ {
		n := len(data)
		if len(sizes) > 0 {
			n = 1 + int(sizes[i%len(sizes)])
		}
		n = min(n, len(data)-at)
		piece := append(buf[:0], data[at:at+n]...)
		done, after, err := r.Next(&p, piece)
		at += n
		for i := range piece {
			piece[i] = 'x'
		}
		switch {
		case err != nil:
			return verdict{broken: true}
		case done:
			return verdict{done: true, end: at - after, status: p.Status(), last: p.Last()}
		}
	}
	v.toEnd = p.EndsWithConnection()
	if v.toEnd {
		v.status, v.last = p.Status(), p.Last()
	}
	return v
}

// Whatever comes, and in whatever pieces, is read as the same.
func FuzzReplyDoesNotDependOnHowItArrives(f *testing.F) {
	for _, s := range http1test.Seeds {
		f.Add([]byte(s), []byte{0}, false)
		f.Add([]byte(s), []byte{3, 0, 40}, true)
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte, head bool) {
		if len(data) >= MaxHeader {
			t.Skip("bounds on a part are for what was seen of it")
		}
		r := &Reader{Head: head}
		complete := readIn(r, data, nil)
		if cut := readIn(r, data, sizes); cut != complete {
			t.Errorf("%q in pieces of %v: %v; complete: %v", data, sizes, cut, complete)
		}
	})
}

func TestQuick(t *testing.T) {
	for _, c := range []struct {
		block string
		want  header
		ok    bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", header{200, 5, false}, true},
		{"HTTP/1.1 200\r\ncontent-LENGTH:5\t\r\n\r\n", header{200, 5, false}, true},
		{"HTTP/1.1 503 \r\nX:\r\nTransfer-Encoding: Chunked\r\n\r\n", header{503, chunked, false}, true},
		{"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", header{200, 0, true}, true},
		{"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", header{200, 0, false}, true},
		{"HTTP/1.1 200 OK\r\n\r\n", header{200, identical, false}, true},
		{"HTTP/1.1 204 No Content\r\n\r\n", header{204, identical, false}, true},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", header{304, 9, false}, true},
		{"HTTP/1.1 100 Continue\r\n\r\n", header{100, identical, false}, true},
		{"HTTP/1.1 200 Tr\xe8s bien\r\nX: caf\xc3\xa9\r\nContent-Length: 2\r\n\r\n", header{200, 2, false}, true},
		{"HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\n", header{0, 5, false}, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n", header{200, 1e15, false}, true},
		// Left to the thorough reading:
		{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: close\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nConnection: upgrade\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\n: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\n\r\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\nX: a\r\n\r\n", header{}, false},
		{"\r\n\r\n", header{}, false},
	} {
		got, ok := quick([]byte(c.block))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %v; want %+v, %v", c.block, got, ok, c.want, c.ok)
		}
	}
}

func TestChunkLine(t *testing.T) {
	for _, c := range []struct {
		data  string
		size  int64
		n     int
		phase phase // of what comes behind it
		bad   bool
	}{
		{"5\r\nhello", 5, 3, inChunk, false},
		{"00aF\r\n", 0xaf, 6, inChunk, false},
		{"0\r\n", 0, 3, inTrailer, false},
		{"5 \t\r\n", 5, 5, inChunk, false},
		{"5;a=b;c\r\n", 5, 9, inChunk, false},
		{"5;\r\n", 5, 4, inChunk, false},
		{"5 ;a\r\n", 5, 6, inChunk, false},
		{"5\n", 5, 2, inChunk, false},
		{"5;a\nb", 5, 4, inChunk, false},
		{"000000003ffffff\r\n", 1<<26 - 1, 17, inChunk, false},
		// Not all of it is there:
		{"", 0, 0, inSize, false}, {"5", 5, 1, inSize, false}, {"5\r", 5, 2, inSizeEnd, false},
		{"5 ", 5, 2, inBlanks, false}, {"5;a", 5, 3, inExtension, false}, {"5;a\r", 5, 4, inExtension, false},
		// Nor will it be of any use:
		{data: "\r\n", bad: true}, {data: "x", bad: true}, {data: "-5\r\n", bad: true}, {data: "0x5\r\n", bad: true},
		{data: "5\rx", bad: true}, {data: "5 5\r\n", bad: true}, {data: "5;a\rb\r\n", bad: true}, {data: "1000000000000000", bad: true},
		{data: "fffffffffffffff\r\n", bad: true}, {data: "4000001\r\n", bad: true},
		{data: "5;" + strings.Repeat("x", MaxHeader+1), bad: true}, {data: "5" + strings.Repeat(" ", MaxHeader+1), bad: true},
	} {
		p := Reply{phase: inSize}
		n, err := p.chunkLine([]byte(c.data))
		if (err != nil) != c.bad || err == nil && (p.left != c.size || n != c.n || p.phase != c.phase) {
			t.Errorf("%.20q: size %d, %d bytes, phase %d, %v; want %d, %d, %d, error %v", c.data, p.left, n, p.phase, err, c.size, c.n, c.phase, c.bad)
		}
	}
}

// What is to be made of a reply that few servers write, or none should.
func TestReplies(t *testing.T) {
	const crlf = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		text string
		want verdict // its end where 0: that of the text
	}{
		{"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", verdict{done: true, status: 200}},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", verdict{done: true, status: 200}},
		{"HTTP/1.1 200 OK\n\n", verdict{toEnd: true, status: 200, last: true}},
		{"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2;x\nok\n0\nX: 1\n\n", verdict{done: true, status: 200}},
		{"\r\n\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 503}},
		{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{"HTTP/1.1 \t 200  \r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{"HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200, last: true}},
		{"HTTP/1.0 200 OK\r\nConnection: x, Keep-Alive\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", verdict{toEnd: true, status: 200, last: true}},
		{crlf + "content-length: 0\r\nCONNECTION: a,  close \r\n\r\n", verdict{done: true, status: 200, last: true}},
		{crlf + "Connection: keep-alive\r\nConnection:\r\n\tclose\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200, last: true}},
		{crlf + "Content-Length: 2, 2\r\nContent-Length: 02\r\n\r\nok", verdict{done: true, status: 200}},
		{crlf + "Content-Length :2\r\n\r\nok", verdict{done: true, status: 200}},
		{crlf + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok", verdict{done: true, status: 200}},
		{crlf + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", verdict{done: true, status: 200}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n 2\r\n\r\n", verdict{done: true, status: 200}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("x", 60_000) + "\r\n\r\n", verdict{done: true, status: 200}},
		{"HTTP/1.1 000 \r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 0}},
		{"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 99}},
		{"HTTP/1.1 999 X\nContent-Length: 0\n\n", verdict{done: true, status: 999}},
		{"HTTP/1.1 204 X\r\n\r\n", verdict{done: true, status: 204}},
		{"HTTP/1.1 205 X\r\nContent-Length: 2\r\n\r\nok", verdict{done: true, status: 205}},
		{"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", verdict{done: true, status: 304}},
		{"HTTP/1.1 101 X\r\n\r\n", verdict{done: true, status: 101, last: true}},
		{"HTTP/1.1 100 X\n\n\nHTTP/1.1 199 X\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{strings.Repeat("HTTP/1.1 100 X\r\n\r\n", maxInterim) + crlf + "Content-Length: 0\r\n\r\n", verdict{done: true, status: 200}},
		{crlf + "X: \x01\x80\xff\r\nContent-Length: 0\r\n\r\n", verdict{done: true, status: 200}},

		{strings.Repeat("HTTP/1.1 100 X\r\n\r\n", maxInterim+1), verdict{broken: true}},
		{"x", verdict{broken: true}},
		{"HTTP/1.x", verdict{}},
		{"HTTQ", verdict{broken: true}},
		{"ICY 200 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/2.0 200 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/11 200 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1\r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1 \r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1 2x0 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1 20 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1 2000 OK\r\n\r\n", verdict{broken: true}},
		{"HTTP/1.1 -20 OK\r\n\r\n", verdict{broken: true}},
		{crlf + " X: 1\r\n\r\n", verdict{broken: true}},
		{crlf + "no colon\r\n\r\n", verdict{broken: true}},
		{crlf + ": x\r\n\r\n", verdict{broken: true}},
		{crlf + "a b: x\r\n\r\n", verdict{broken: true}},
		{crlf + "X: a\rb\r\n\r\n", verdict{broken: true}},
		{crlf + "X: a\x00\r\n\r\n", verdict{broken: true}},
		{crlf + "Content-Length: \r\n\r\n", verdict{broken: true}},
		{crlf + "Content-Length: +2\r\n\r\nok", verdict{broken: true}},
		{crlf + "Content-Length: 0x2\r\n\r\nok", verdict{broken: true}},
		{crlf + "Content-Length: 2,\r\n\r\nok", verdict{broken: true}},
		{crlf + "Content-Length: 2, 3\r\n\r\nok", verdict{broken: true}},
		{crlf + "Content-Length: 67108865\r\n\r\n", verdict{broken: true}},
		{crlf + "Content-Length: 18446744073709551617\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: gzip\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked, gzip\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\rb\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\n\rx", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", verdict{broken: true}},
		{crlf + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("x", 70_000) + "\r\n\r\n", verdict{broken: true}},
		{strings.Repeat("\r\n", MaxHeader), verdict{broken: true}},
	} {
		if c.want.done && c.want.end == 0 {
			c.want.end = len(c.text)
		}
		for _, sizes := range [][]byte{nil, {0}, {2, 0, 13}} {
			if got := readIn(&Reader{}, []byte(c.text), sizes); got != c.want {
				t.Errorf("%.90q in pieces of %v: %v, want %v", c.text, sizes, got, c.want)
			}
		}
	}
}

// However much of what a part may have comes in however small pieces, it is
// looked at once.
func TestWorkForAByteIsBounded(t *testing.T) {
	for what, parts := range map[string][2]string{ // what it begins with, and goes on with
		"empty lines": {"", "\r\n"},
		"a header":    {"HTTP/1.1 200 OK\r\nX: ", "x"},
		"extensions":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"},
		"a trailer":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"},
		"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;" + strings.Repeat("x", 60_000) + "\r\na\r\n"},
	} {
		r := &Reader{}
		var p Reply
		_, _, err := r.Next(&p, []byte(parts[0]))
		n := 0
		for ; err == nil && n <= 2*MaxBody; n += len(parts[1]) {
			_, _, err = r.Next(&p, []byte(parts[1]))
		}
		most := MaxHeader + 100
		if what == "chunks" {
			most = MaxBody + 60_100
		}
		if err == nil || n > most {
			t.Errorf("%s: %d bytes were read, then %v; want an error within %d", what, n, err, most)
		}
		if cap(p.held) > 3*MaxHeader {
			t.Errorf("%s: %d bytes are kept", what, cap(p.held))
		}
	}
}

// What both we and net/http take, both take for the same.
func FuzzReadsAsNetHTTP(f *testing.F) {
	for _, s := range http1test.Seeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		got := readIn(&Reader{Head: head}, data, nil)
		if !got.done && !got.toEnd {
			return
		}
		raw := bytes.TrimLeft(data, "\r\n")
		in := bytes.NewReader(raw)
		lines := bufio.NewReader(in)
		var resp *http.Response
		for range maxInterim + 1 {
			var err error
			if resp, err = http.ReadResponse(lines, &http.Request{Method: method}); err != nil {
				return
			}
			if resp.StatusCode < 100 || resp.StatusCode >= 200 || resp.StatusCode == 101 {
				break
			}
			for { // it passes over no empty lines
				if b, err := lines.Peek(1); err != nil || b[0] != '\r' && b[0] != '\n' {
					break
				}
				lines.ReadByte()
			}
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return
		}
		end := len(data) - in.Len() - lines.Buffered()
		if resp.StatusCode != got.status || got.done && end != got.end && end != len(data) {
			t.Errorf("%q to %s: %v; net/http: status %d, end at %d", data, method, got, resp.StatusCode, end)
		}
	})
}

// A header is not read beyond its bound, in however small pieces it comes.
func TestHeaderHasABound(t *testing.T) {
	r := &Reader{}
	for _, length := range []int{30_000, MaxHeader - 100, MaxHeader + 100} {
		text := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", length) + "\r\nContent-Length: 0\r\n\r\n"
		for _, sizes := range [][]byte{{255}, {100, 7}} {
			if got := readIn(r, []byte(text), sizes); got.done != (length < MaxHeader) || got.broken == got.done {
				t.Errorf("a header of %d bytes: %v", len(text), got)
			}
		}
	}
}

// sunk takes a body as a reader with a Sink gives it.
type sunk struct {
	wants  bool
	status int
	header string
	body   strings.Builder
	ends   []int // of chunks, in the body
}

func (s *sunk) Header(status int, header []byte, chunked bool) bool {
	s.status, s.header = status, string(header)
	return s.wants
}
func (s *sunk) Body(data []byte) { s.body.Write(data) }
func (s *sunk) ChunkEnd()        { s.ends = append(s.ends, s.body.Len()) }

// A sink gets the body alone, and where chunks end, in whatever pieces it comes.
func TestSink(t *testing.T) {
	const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
	for _, c := range []struct {
		reply, body string
		ends        []int
	}{
		{"HTTP/1.1 103 Hints\r\nX: 1\r\n\r\n" + chunks, "abcde", []int{3, 5}},
		{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "abcd", nil},
		{"HTTP/1.1 200 OK\r\n\r\nabcd", "abcd", nil},
	} {
		for _, sizes := range [][]byte{nil, {0}, {1, 0, 4}} {
			s := &sunk{wants: true}
			readIn(&Reader{Sink: s}, []byte(c.reply), sizes)
			if s.status != 200 || !strings.HasPrefix(s.header, "HTTP/1.1 200 OK\r\n") || s.body.String() != c.body || !slices.Equal(s.ends, c.ends) {
				t.Errorf("%q in pieces of %v: %+v %q", c.reply, sizes, s, s.body.String())
			}
			unwanted := &sunk{}
			readIn(&Reader{Sink: unwanted}, []byte(c.reply), sizes)
			if unwanted.status != 200 || unwanted.body.Len() > 0 || unwanted.ends != nil {
				t.Errorf("%q, which is not wanted: %+v", c.reply, unwanted)
			}
		}
	}
}

// Only a body that is wanted may be longer than MaxBody.
func TestLengthOfSunkBodies(t *testing.T) {
	for _, header := range []string{"Content-Length: 999999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n"} {
		for _, wants := range []bool{true, false} {
			v := readIn(&Reader{Sink: &sunk{wants: wants}}, []byte("HTTP/1.1 200 OK\r\n"+header+"x"), nil)
			if v.broken == wants {
				t.Errorf("%q, wanted: %v: %v", header, wants, v)
			}
		}
	}
}
