package epoll

import (
	"fmt"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench"
)

// seeds are replies and near misses for the fuzz targets to begin with.
var seeds = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n",
	"HTTP/1.1 503\r\nconnection: Close\r\ncontent-length:0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA \r\n0123456789\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n0\r\nX: 1\r\nY: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nto the end",
	"\r\n\n\r\nHTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
	"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: +1\r\n\r\nx",
	"HTTP/1.1  200 OK\r\nContent-Length: 00000000000000001\r\n\r\nx",
	"SSH-2.0-OpenSSH_9.6\r\n",
	"",
	// Found by fuzzing:
	"HTTP/1.1 000 0000000000000000000\n\r\n",
	"HTTP/1.1 000 \r\n00000000000000:\r\n\r\n",
	"HTTP/1.1 200\r\n\r\r\n\r\n",
}

// verdict is what the reader made of some bytes.
type verdict struct {
	done   bool
	broken bool
	end    int // of the reply, where done
	status int16
	last   bool
	toEnd  bool // not done, and complete if the connection ends here
}

func (v verdict) String() string { return fmt.Sprintf("%+v", struct{ verdict }{v}) }

// readIn feeds a reader the data in pieces of the sizes given, over again.
func readIn(r *reader, data []byte, sizes []byte) (v verdict) {
	var p reply
	buf := make([]byte, 256) // as the loop's, written over by each read
	for at, i := 0, 0; at < len(data); i++ {
		n := len(data)
		if len(sizes) > 0 {
			n = 1 + int(sizes[i%len(sizes)])
		}
		n = min(n, len(data)-at)
		piece := append(buf[:0], data[at:at+n]...)
		done, after, err := r.next(&p, piece)
		at += n
		for i := range piece {
			piece[i] = 'x'
		}
		switch {
		case err != nil:
			return verdict{broken: true}
		case done:
			return verdict{done: true, end: at - after, status: p.status, last: p.last}
		}
	}
	v.toEnd = p.phase == untilClose
	if v.toEnd {
		v.status, v.last = p.status, p.last
	}
	return v
}

// Whatever comes, and in whatever pieces, is read as the same.
func FuzzReplyDoesNotDependOnHowItArrives(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), []byte{0}, false)
		f.Add([]byte(s), []byte{3, 0, 40}, true)
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte, head bool) {
		if len(data) >= bench.MaxHeader {
			t.Skip("bounds on a part are for what was seen of it")
		}
		r := newReader(head)
		whole := readIn(r, data, nil)
		if cut := readIn(r, data, sizes); cut != whole {
			t.Errorf("%q in pieces of %v: %v; whole: %v", data, sizes, cut, whole)
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
		{"HTTP/1.1 200 OK\r\n\r\n", header{200, identical, true}, true},
		{"HTTP/1.1 204 No Content\r\n\r\n", header{204, identical, false}, true},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", header{304, 9, false}, true},
		{"HTTP/1.1 100 Continue\r\n\r\n", header{100, identical, false}, true},
		{"HTTP/1.1 200 Tr\xe8s bien\r\nX: caf\xc3\xa9\r\nContent-Length: 2\r\n\r\n", header{200, 2, false}, true},
		// Left to fasthttp:
		{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: close\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nConnection: upgrade\r\n\r\n", header{}, false},
		{"HTTP/1.1 200 OK\r\nTrailer: X\r\n\r\n", header{}, false},
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

func TestChunkSize(t *testing.T) {
	for _, c := range []struct {
		data string
		size int64
		n    int
		bad  bool
	}{
		{"5\r\nhello", 5, 3, false},
		{"00aF\r\n", 0xaf, 6, false},
		{"0\r\n", 0, 3, false},
		{"5 \t\r\n", 5, 5, false},
		{"5;a=b;c\r\n", 5, 9, false},
		{"5;\r\n", 5, 4, false},
		{"fffffffffffffff\r\n", 1<<60 - 1, 17, false},
		// Not all of it is there:
		{"", 0, 0, false}, {"5", 0, 0, false}, {"5\r", 0, 0, false}, {"5 ", 0, 0, false}, {"5;a", 0, 0, false}, {"5;a\r", 0, 0, false},
		// Nor will it be of any use:
		{"\r\n", 0, 0, true}, {"x", 0, 0, true}, {"-5\r\n", 0, 0, true}, {"0x5\r\n", 0, 0, true}, {"5\n", 0, 0, true},
		{"5\rx", 0, 0, true}, {"5 ;a\r\n", 0, 0, true}, {"5 5\r\n", 0, 0, true}, {"5;a\nb\r\n", 0, 0, true},
		{"1000000000000000", 0, 0, true}, {"5;" + strings.Repeat("x", bench.MaxHeader), 0, 0, true}, {"5" + strings.Repeat(" ", bench.MaxHeader), 0, 0, true},
	} {
		size, n, err := chunkSize([]byte(c.data))
		if size != c.size || n != c.n || (err != nil) != c.bad {
			t.Errorf("%.20q: %d, %d, %v; want %d, %d, error %v", c.data, size, n, err, c.size, c.n, c.bad)
		}
	}
}

// A header is not read beyond its bound, in however small pieces it comes.
func TestHeaderHasABound(t *testing.T) {
	r := newReader(false)
	for _, length := range []int{30_000, bench.MaxHeader - 100, bench.MaxHeader + 100} {
		text := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", length) + "\r\nContent-Length: 0\r\n\r\n"
		for _, sizes := range [][]byte{{255}, {100, 7}} {
			if got := readIn(r, []byte(text), sizes); got.done != (length < bench.MaxHeader) || got.broken == got.done {
				t.Errorf("a header of %d bytes: %v", len(text), got)
			}
		}
	}
}
