package bench_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Server is a server of HTTP/2 that does what a test says, and knows what it did.
type h2Server struct {
	t        *testing.T
	url      string
	settings []http2.Setting

	opened func(c *h2Conn) // called with each connection, where not nil

	// answer answers request number n, from 0, over all connections. It has the lock.
	answer func(c *h2Conn, id uint32, n int)

	mu          sync.Mutex
	requests    int // that came completely
	connections int
	cancelled   int // streams that the client ended with CANCEL
	broken      []string
	most        int // streams open at once on a connection
}

// h2Conn is one of its connections.
type h2Conn struct {
	*http2.Framer
	server *h2Server
	net    net.Conn
	acks   int            // settings that the client has taken note of
	open   map[uint32]int // streams, and how much of their body came
	block  bytes.Buffer
	table  *hpack.Encoder
	number int // of the connection
}

func (c *h2Conn) header(id uint32, end bool, of ...string) {
	c.block.Reset()
	for i := 0; i < len(of); i += 2 {
		c.table.WriteField(hpack.HeaderField{Name: of[i], Value: of[i+1]})
	}
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: end})
	if end {
		delete(c.open, id)
	}
}

func (c *h2Conn) ok(id uint32) {
	c.header(id, false, ":status", "200", "content-length", "2", "server", "scripted")
	c.WriteData(id, true, []byte("ok"))
	delete(c.open, id)
}

func (c *h2Conn) reset(id uint32, code http2.ErrCode) {
	c.WriteRSTStream(id, code)
	delete(c.open, id)
}

// serveHTTP2 starts a server, over TLS for clients that begin with it.
func serveHTTP2(t *testing.T, secure bool, s *h2Server) *h2Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.url = t, "h2c://"+ln.Addr().String()+"/"
	if secure {
		own, _ := certificate()
		ln = tls.NewListener(ln, speaking(own, "h2"))
		s.url = strings.Replace(s.url, "h2c:", "https:", 1)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
		for _, what := range s.broken {
			t.Error(what)
		}
	})
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(conn) })
		}
	})
	return s
}

// speaking is a configuration of TLS with these protocols.
func speaking(c *tls.Config, protocols ...string) *tls.Config {
	c = c.Clone()
	c.NextProtos = protocols
	return c
}

func (s *h2Server) serve(conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	s.mu.Lock()
	c := &h2Conn{Framer: http2.NewFramer(conn, conn), server: s, net: conn, open: map[uint32]int{}, number: s.connections}
	s.connections++
	c.AllowIllegalWrites = true
	c.table = hpack.NewEncoder(&c.block)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.WriteSettings(s.settings...)
	if s.opened != nil {
		s.opened(c)
	}
	s.mu.Unlock()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.take(c, f)
		s.mu.Unlock()
	}
}

func (s *h2Server) take(c *h2Conn, f http2.Frame) {
	id := f.Header().StreamID
	complete := false
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		c.open[id] = 0
		s.most = max(s.most, len(c.open))
		complete = f.StreamEnded()
	case *http2.DataFrame:
		if _, open := c.open[id]; open {
			c.open[id] += len(f.Data())
			complete = f.StreamEnded()
		}
	case *http2.RSTStreamFrame:
		if f.ErrCode == http2.ErrCodeCancel {
			s.cancelled++
		}
		delete(c.open, id)
	case *http2.SettingsFrame:
		if f.IsAck() {
			c.acks++
		} else {
			c.WriteSettingsAck()
		}
	}
	if complete {
		s.requests++
		s.answer(c, id, s.requests-1)
	}
}

// eachHTTP2 runs a test for both drivers, plain and over TLS.
func eachHTTP2(t *testing.T, test func(t *testing.T, start func(*h2Server) *h2Server, made made)) {
	t.Helper()
	for name, driver := range map[string]made{"goroutine": connsDriver, "epoll": epollDriver(1)} {
		if name == "epoll" && !epoll.Supported {
			continue
		}
		for _, secure := range []bool{false, true} {
			kind := name
			if secure {
				kind += ", TLS"
			}
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				test(t, func(s *h2Server) *h2Server { return serveHTTP2(t, secure, s) }, func(t *testing.T, h bench.HTTP) bench.Driver {
					h.Version = bench.HTTP2
					if secure {
						_, h.TLS = certificate()
					}
					return driver(t, h)
				})
			})
		}
	}
}

// some is the load of most of these tests: a number of requests that is known.
func some(rate float64, d time.Duration) bench.Plan {
	return bench.Plan{Load: bench.Load{Rate: rate, Arrivals: "constant"}, Duration: d, Timeout: 5 * time.Second}
}

// still keeps what the server noted as it is, from the end of a stage to that of the test.
func (s *h2Server) still(t *testing.T) {
	s.mu.Lock()
	t.Cleanup(s.mu.Unlock)
}

func stageOf(t *testing.T, d bench.Driver, p bench.Plan) *result.Stage {
	t.Helper()
	s, err := bench.Run(t.Context(), p, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
