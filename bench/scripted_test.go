package bench_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

// script is what a scripted server does with one request that it has read.
// It returns false to have the connection closed.
type script func(c net.Conn) bool

func says(text string) script {
	return func(c net.Conn) bool {
		_, err := io.WriteString(c, text)
		return err == nil
	}
}

// dribbles sends a reply one byte a write.
func dribbles(text string) script {
	return func(c net.Conn) bool {
		for i := range len(text) {
			if _, err := c.Write([]byte{text[i]}); err != nil {
				return false
			}
		}
		return true
	}
}

// cutAt sends a reply in two, with a pause in which the reader reads the
// first part and finds that there is no more.
func cutAt(i int, text string) script { return cut(says(text[:i]), says(text[i:])) }

func cut(first, last script) script {
	return func(c net.Conn) bool {
		if !first(c) {
			return false
		}
		time.Sleep(500 * time.Microsecond)
		return last(c)
	}
}

func thenCloses(s script) script {
	return func(c net.Conn) bool { s(c); return false }
}

// thenHalfCloses says that it will say no more, and waits for the client to
// close.
func thenHalfCloses(s script) script {
	return func(c net.Conn) bool {
		s(c)
		c.(*wiretest.Conn).CloseWrite()
		io.Copy(io.Discard, c)
		return false
	}
}

// corked sends what it says together with the end of the connection, where the
// system can do that. Else a server that is kept from its CPU between the two is
// sent the next request, which rightly finds itself unanswered.
func corked(s script) script {
	return func(c net.Conn) bool { cork(c); return s(c) }
}

func resets(c net.Conn) bool {
	c.(*wiretest.Conn).SetLinger(0)
	return false
}

func thenResets(s script) script {
	return func(c net.Conn) bool { s(c); return resets(c) }
}

func after(d time.Duration, s script) script {
	return func(c net.Conn) bool { time.Sleep(d); return s(c) }
}

const (
	okReply       = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	rejectedReply = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
)

// request is one request as the server saw it.
type request struct {
	at       time.Duration // when it was read, on the clock of package clock
	conn     int           // number of the connection that it came on
	method   string
	resource string
	host     string
	header   http.Header
	close    bool  // it says that no other follows on the connection
	body     int64 // its length
	checksum uint32
}

// scripted is a server that does with request number i what scripts[i] says,
// over again when they are used up, and that keeps its own count.
type scripted struct {
	ln      net.Listener
	scripts []script
	early   bool // answers before it has read the body, and never reads it
	wg      sync.WaitGroup

	mu        sync.Mutex
	conns     []net.Conn
	requests  []request
	pipelined int // requests that came before the one before was answered
}

func newScripted(t interface {
	Fatal(...any)
	Cleanup(func())
}, scripts ...script) *scripted {
	return startScripted(t, &scripted{scripts: scripts})
}

func startScripted(t interface {
	Fatal(...any)
	Cleanup(func())
}, s *scripted) *scripted {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ln = ln
	s.wg.Go(func() {
		for {
			c, err := wiretest.Listener{Listener: ln}.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			n := len(s.conns)
			s.conns = append(s.conns, c.(*wiretest.Conn).TCPConn)
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(c, n) })
		}
	})
	t.Cleanup(s.close)
	return s
}

func (s *scripted) close() {
	s.ln.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *scripted) serve(c net.Conn, conn int) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		do, ok := s.next(r, conn)
		if !ok || !do(c) {
			return
		}
	}
}

// next reads a request and returns what is to be done with it.
func (s *scripted) next(r *bufio.Reader, conn int) (script, bool) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, false
	}
	got := request{
		at: clock.Now(), conn: conn, method: req.Method, resource: req.RequestURI,
		host: req.Host, header: req.Header, close: req.Close,
	}
	if !s.early {
		if got.body, got.checksum, err = sum(req.Body); err != nil {
			return nil, false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.early && r.Buffered() > 0 {
		s.pipelined++
	}
	do := s.scripts[len(s.requests)%len(s.scripts)]
	s.requests = append(s.requests, got)
	return do, true
}

func (s *scripted) url() string { return "http://" + s.ln.Addr().String() + "/" }

// log is all requests so far, in the order in which they were read.
func (s *scripted) log() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *scripted) seen() int { return len(s.log()) }

// connections is how many were made so far.
func (s *scripted) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// noPipelining holds that no request came before the one before it on its
// connection was answered.
func (s *scripted) noPipelining(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipelined > 0 {
		t.Errorf("%d requests were sent before the reply to the one before", s.pipelined)
	}
}
