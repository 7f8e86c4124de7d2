package bench_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

// peer is a hostile server's side of one connection.
type peer struct {
	net.Conn // the session's where there is one
	tcp      *net.TCPConn
	r        *bufio.Reader
	over     chan struct{} // closed when the test is
	key      string        // of the WebSocket that the last request asks for
}

// request reads a request.
func (p *peer) request() bool {
	req, err := http.ReadRequest(p.r)
	if err != nil {
		return false
	}
	p.key = req.Header.Get("Sec-WebSocket-Key")
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

func (p *peer) say(text string) bool {
	_, err := io.WriteString(p, text)
	return err == nil
}

// hold waits for the client to close.
func (p *peer) hold() { io.Copy(io.Discard, p) }

func (p *peer) reset() {
	p.tcp.SetLinger(0)
	p.tcp.Close()
}

// answers says the texts, a little apart, in reply to each request.
func answers(texts ...string) func(*peer) {
	return func(p *peer) {
		for p.request() {
			for i, text := range texts {
				if i > 0 {
					time.Sleep(2 * time.Millisecond)
				}
				if !p.say(text) {
					return
				}
			}
		}
	}
}

// times answers n requests and closes.
func times(n int, text string) func(*peer) {
	return func(p *peer) {
		for range n {
			if !p.request() || !p.say(text) {
				return
			}
		}
	}
}

func thenCloseIt(text string) func(*peer) { return times(1, text) }

// once answers one request, then says the rest and closes.
func once(text string, rest ...string) func(*peer) {
	return func(p *peer) {
		if !p.request() || !p.say(text) {
			return
		}
		for _, text := range rest {
			time.Sleep(2 * time.Millisecond)
			p.say(text)
		}
	}
}

func thenReset(text string) func(*peer) {
	return func(p *peer) {
		if p.request() {
			p.say(text)
			time.Sleep(time.Millisecond) // for it to be seen before the reset
			p.reset()
		}
	}
}

// onceReset resets the connection when the reply was surely read.
func onceReset(text string) func(*peer) {
	return func(p *peer) {
		if p.request() && p.say(text) {
			time.Sleep(50 * time.Millisecond)
			p.reset()
		}
	}
}

func halfCloses(text string) func(*peer) {
	return func(p *peer) {
		if !p.request() {
			return
		}
		p.say(text)
		p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		p.hold()
	}
}

// early answers each request before it reads it.
func early(text string) func(*peer) {
	return func(p *peer) {
		for {
			if _, err := p.r.Peek(1); err != nil || !p.say(text) || !p.request() {
				return
			}
		}
	}
}

// drips says the text byte by byte.
func drips(first, text string, every time.Duration) func(*peer) {
	return func(p *peer) {
		for p.request() && p.say(first) {
			for i := range len(text) {
				if !p.say(text[i : i+1]) {
					return
				}
				time.Sleep(every)
			}
		}
	}
}

// floods says the text again and again.
func floods(first, text string) func(*peer) {
	return func(p *peer) {
		if !p.request() || !p.say(first) {
			return
		}
		for p.say(text) {
		}
	}
}

func readsSlowly(p *peer) {
	b := make([]byte, 100)
	for {
		if _, err := p.Read(b); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// certificate is one that clients trust.
var certificate = wiretest.Certificate

// serveHostile serves one mode until the test ends, and returns its URL.
func serveHostile(t *testing.T, do func(*peer), secure bool) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var mu sync.Mutex
	var conns []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				p := &peer{Conn: wiretest.NewConn(c), tcp: c.(*net.TCPConn), over: over}
				if secure {
					config, _ := certificate()
					session := tls.Server(c, config)
					if session.Handshake() != nil {
						return
					}
					defer session.Close()
					p.Conn = session
				}
				p.r = bufio.NewReader(p.Conn)
				do(p)
			})
		}
	})
	t.Cleanup(func() {
		close(over)
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	return scheme + ln.Addr().String() + "/"
}

// hostileRun is one stage against a hostile server, as JSON for a process of its
