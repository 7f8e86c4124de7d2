package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// reply is what a server may say to a request, and what is to be made of it.
type reply struct {
	what   string
	text   string
	closes bool // the server closes the connection after it
	want   result.Outcome
	spent  bool // the connection takes no other request
}

// unsolicited follows a reply in the same packet. In a later one it may meet the
// next request, and nobody can tell.
const unsolicited = "HTTP/1.1 200 OK\r\n"

// replies are complete ones, as servers send them.
var replies = []reply{
	{"a plain reply", okReply, false, result.OK, false},
	{"an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, result.OK, false},
	{"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", false, result.OK, false},
	{"any case, blanks around values", "HTTP/1.1 200 OK\r\ncONTENT-length: \t 2 \t\r\nX:\r\n\r\nok", false, result.OK, false},
	{"a value with letters beyond ASCII", "HTTP/1.1 200 Tr\xe8s bien\r\nX: caf\xc3\xa9\r\nContent-Length: 2\r\n\r\nok", false, result.OK, false},
	{"a folded header", "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nok", false, result.OK, false},
	{"a body that looks like a header", "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nHTTP/1.1 500 No\r\n\r\n", false, result.OK, false},
	{"empty lines before it", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, result.OK, false},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, result.OK, false},
	{"chunked and empty", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, result.OK, false},
	{"several chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n00A\r\n0123456789\r\n009\r\n\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", false, result.OK, false},
	{"extensions of chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c\r\nhello\r\n0;end\r\n\r\n", false, result.OK, false},
	{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", false, result.OK, false},
	{"chunked and a length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, result.OK, false},
	{"created", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", false, result.OK, false},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", false, result.OK, false},
	{"not modified, with the length there would be", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", false, result.OK, false},
	{"a redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", false, result.OK, false},
	{"an interim reply first", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + okReply, false, result.OK, false},
	{"several interim replies first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + okReply, false, result.OK, false},
	{"it wants to close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", true, result.OK, true},
	{"it wants to close, and waits for us to do so", "HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 5\r\n\r\nhello", false, result.OK, true},
	{"it keeps the connection and says so", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\nhello", false, result.OK, false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, result.OK, true},
	{"HTTP/1.0, kept alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", false, result.OK, false},
	{"HTTP/1.0, to the end of the connection", "HTTP/1.0 200 OK\r\n\r\nhello", true, result.OK, true},
	{"a body that ends with the connection", "HTTP/1.1 200 OK\r\n\r\nhello", true, result.OK, true},
	{"unsolicited bytes", okReply + unsolicited, false, result.OK, true},
	{"rejected", rejectedReply, false, result.Rejected, false},
	{"rejected, and the connection closed", "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", true, result.Rejected, true},
	{"too many requests", "HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlate\r\n0\r\n\r\n", false, result.Rejected, false},
	{"a server error", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", false, result.Error, false},
	{"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", false, result.Error, false},
	{"it speaks another protocol from here on", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, result.Error, true},
	{"a long header", "HTTP/1.1 200 OK\r\nSet-Cookie: " + strings.Repeat("x", 30_000) + "\r\nContent-Length: 5\r\n\r\nhello", false, result.OK, false},
}

// nonsense is what cannot be understood. The server waits for us to notice.
var nonsense = []reply{
	{"garbage", "\x00\x01\x02 this is not HTTP\r\n\r\n", false, result.Error, true},
	{"another protocol", "SSH-2.0-OpenSSH_9.6\r\n", false, result.Error, true},
	{"a status that is no number", "HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\nhello", false, result.Error, true},
	{"a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello", false, result.Error, true},
	{"a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", false, result.Error, true},
	{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", false, result.Error, true},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", false, result.Error, true},
	{"a line without a colon", "HTTP/1.1 200 OK\r\nnothing\r\nContent-Length: 5\r\n\r\nhello", false, result.Error, true},
	{"an encoding that was not asked for", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", false, result.Error, true},
	{"a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", false, result.Error, true},
	{"a size that no chunk has", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello", false, result.Error, true},
	{"a chunk longer than its size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", false, result.Error, true},
	{"a body larger than any that is read", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nhello", false, result.Error, true},
	{"a header without end", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 80_000), false, result.Error, true},
}

// sends is what the server does to say it.
func (r reply) sends(s script) script {
	if r.closes {
		return thenCloses(s)
	}
	return s
}

// cuts are the places at which a reply is cut in two: every one, but of the
// long ones some at each end and in the middle.
func (r reply) cuts() (at []int) {
	n := len(strings.TrimSuffix(r.text, unsolicited))
	for i := 1; i < n; i++ {
		if n < 300 || i < 20 || i > n-20 || i%9973 == 0 {
			at = append(at, i)
		}
	}
	return at
}

// stride says every how manyth cut is tried. Replies over TLS go through the same reader,
// so few of them show that it gets the same bytes. The slow checks try every cut of the
// other drivers. A short run, as that of the race detector, is after what runs at once.
func stride(t *testing.T) int {
	switch {
	case strings.Contains(t.Name(), "TLS") || testing.Short():
		return 9
	case strings.HasPrefix(t.Name(), slow.Prefix):
		return 1
	}
	return 2
}

// Every reply is read as what it is, complete, cut in two, and
// in as many pieces as it has bytes; and a connection takes the next request
// where, and only where, the reply allows it.
func TestOutcomeOfEachReply(t *testing.T) { holdReplies(t) }

func TestSlowOutcomeOfEachReply(t *testing.T) {
	slow.Only(t)
	holdReplies(t)
}

func holdReplies(t *testing.T) {
	t.Parallel()
	const clients = 8
	eachDriver(t, func(t *testing.T, made made) {
		for _, r := range append(replies, nonsense...) {
			t.Run(r.what, func(t *testing.T) {
				t.Parallel()
				scripts := []script{r.sends(says(r.text))}
				for j, i := range r.cuts() {
					if j%stride(t) == 0 {
						scripts = append(scripts, r.sends(cutAt(i, r.text)))
					}
				}
				if len(r.text) < 300 && !strings.HasSuffix(r.text, unsolicited) {
					scripts = append(scripts, r.sends(dribbles(r.text)))
				}
				for len(scripts)%clients != 0 {
					scripts = append(scripts, scripts[0])
				}
				s, stage := exchanges(t, made, bench.HTTP{}, clients, scripts)
				n := int64(len(scripts))
				if stage.Counts[r.want] != n || stage.Counts.Planned() != n {
					t.Errorf("counts %v, want %d %v; %q", stage.Counts, n, r.want, stage.Notes())
				}
				if explained := strings.Contains(fmt.Sprint(stage.Notes()), "for example: "); explained != (r.want != result.OK && r.want != result.Rejected) {
					t.Errorf("reasons %q for %v", stage.Notes(), r.want)
				}
				connections := clients
				if r.spent {
					connections = len(scripts)
				}
				if got := s.connections(); got != connections {
					t.Errorf("%d connections for %d requests of %d clients, want %d", got, n, clients, connections)
				}
			})
		}
	})
}

// exchanges lets so many clients make as many requests as there are scripts,
// each as soon as it may, and holds that the server saw each once.
func exchanges(t *testing.T, made made, h bench.HTTP, clients int, scripts []script) (*scripted, *result.Stage) {
	t.Helper()
	s := newScripted(t, scripts...)
	h.URL = s.url()
	// A wave that comes while its clients are busy waits for them.
	every := 2 * time.Millisecond
	stage := run(t, bench.Plan{
		Load: bench.Load{Burst: clients, BurstInterval: every}, Duration: time.Duration(len(scripts)/clients) * every,
		Timeout: time.Minute, DrainTimeout: time.Minute,
	}, made(t, h))
	if seen := s.seen(); seen != len(scripts) {
		t.Errorf("the server saw %d requests, %d were to be made: something was sent again, or not at all", seen, len(scripts))
	}
	return s, stage
}
