package bare

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const get = "GET /api/orders?user_id=42 HTTP/1.1\r\nHost: bare\r\n\r\n"

func start(t testing.TB, c Config) *Server {
	t.Helper()
	c.Addr = "127.0.0.1:0"
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-s.ended: // the test has shut it down
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
	})
	return s
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s *Server) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{c, bufio.NewReader(c)}
}

func (c *client) send(t testing.TB, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// reply reads one reply and its body.
func (c *client) reply(t testing.TB, method string) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (c *client) ok(t testing.TB) {
	t.Helper()
	if resp, body := c.reply(t, "GET"); resp.StatusCode != 200 || body != Body || resp.Close {
		t.Fatalf("status %d, close %v, body %q", resp.StatusCode, resp.Close, body)
	}
}

func (c *client) ended(t testing.TB) {
	t.Helper()
	if b, err := io.ReadAll(c.r); err != nil || len(b) > 0 {
		t.Errorf("after the last reply came %q, %v; want the end", b, err)
	}
}

func ask(t testing.TB, s *Server, path string) string {
	t.Helper()
	c := dial(t, s)
	defer c.Close()
	c.send(t, "GET "+path+" HTTP/1.1\r\nConnection: close\r\n\r\n")
	resp, body := c.reply(t, "GET")
	if resp.StatusCode != 200 {
		t.Fatalf("%s: status %d", path, resp.StatusCode)
	}
	return body
}

func stats(t testing.TB, s *Server) (st Stats) {
	t.Helper()
	if err := json.Unmarshal([]byte(ask(t, s, PathStats)), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestARequestMayComeInTwoPartsAtAnyByte(t *testing.T) {
	s := start(t, Config{})
	c := dial(t, s)
	n := int64(0)
	for cut := 1; cut < len(get); cut++ {
		c.send(t, get[:cut])
		// Another connection's reply shows that the loop has seen the first part.
		ask(t, s, PathStats)
		c.send(t, get[cut:])
		c.ok(t)
		n++
	}
	for i := range get {
		c.send(t, get[i:i+1])
	}
	c.ok(t)
	if st := stats(t, s); st.Served != n+1 || st.Open != 2 {
		t.Errorf("stats %+v, want %d served and 2 open", st, n+1)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	for _, latency := range []time.Duration{0, 3 * time.Millisecond} {
		s := start(t, Config{Latency: latency, Arrivals: 1000})
		c := dial(t, s)
		const n = 200
		all := strings.Repeat(get+strings.Replace(get, "GET", "HEAD", 1), n)
		cut := len(all)/2 + 7 // in the midst of a request
		c.send(t, all[:cut])
		ask(t, s, PathStats)
		c.send(t, all[cut:])
		for range n {
			c.ok(t)
			if resp, body := c.reply(t, "HEAD"); resp.ContentLength != int64(len(Body)) || body != "" {
				t.Fatalf("HEAD: length %d, body %q", resp.ContentLength, body)
			}
		}
		if st := stats(t, s); st.Served != 2*n {
			t.Errorf("%d served, want %d", st.Served, 2*n)
		}
		if got := len(ask(t, s, PathArrivals)); got != 8*2*n {
			t.Errorf("%d bytes of arrivals, want %d", got, 8*2*n)
		}
	}
}

func TestRepliesWaitInOrder(t *testing.T) {
	const latency = 20 * time.Millisecond
	s := start(t, Config{Latency: latency})
	var wg sync.WaitGroup
	for range 50 {
		c := dial(t, s)
		wg.Go(func() {
			for range 3 {
				began := time.Now()
				c.send(t, get)
				c.ok(t)
				if took := time.Since(began); took < latency {
					t.Errorf("a reply came after %v, want %v at the least", took, latency)
				}
			}
		})
	}
	wg.Wait()
	if st := stats(t, s); st.Served != 150 || time.Duration(st.OwnNS) < latency {
		t.Errorf("stats %+v, want 150 served, own time at least %v", st, latency)
	}
}

func TestStatsAndReset(t *testing.T) {
	s := start(t, Config{Arrivals: 3})
	if st := stats(t, s); st != (Stats{Open: 1}) {
		t.Errorf("at the start: %+v", st)
	}
	c := dial(t, s)
	for range 5 {
		c.send(t, get)
		c.ok(t)
	}
	st := stats(t, s)
	if st.Served != 5 || st.FirstNS <= 0 || st.LastNS <= st.FirstNS || st.OwnNS <= 0 || st.Rate() <= 0 {
		t.Errorf("after 5 requests: %+v", st)
	}
	log := []byte(ask(t, s, PathArrivals))
	if len(log) != 3*8 {
		t.Fatalf("%d bytes of arrivals, want those of 3: the log was full", len(log))
	}
	var before int64
	for i := range 3 {
		at := int64(binary.LittleEndian.Uint64(log[8*i:]))
		if at <= before || at > st.LastNS {
			t.Errorf("arrival %d at %d, after %d, before the last reply at %d", i, at, before, st.LastNS)
		}
		before = at
	}
	ask(t, s, PathReset)
	if st := stats(t, s); st != (Stats{Open: 2}) {
		t.Errorf("after a reset: %+v", st)
	}
	if log := ask(t, s, PathArrivals); log != "" {
		t.Errorf("after a reset there are %d bytes of arrivals", len(log))
	}
}

// The log is far larger than what the kernel buffers for a client that does
// not read.
func TestALargeLogIsSentWhileOthersAreServed(t *testing.T) {
	const ahead, n = 1000, 600_000 // 4.8 MB
	s := start(t, Config{Arrivals: n})
	filler, requests := dial(t, s), strings.Repeat(get, ahead)
	for range n / ahead {
		filler.send(t, requests)
		if _, err := io.CopyN(io.Discard, filler.r, int64(ahead*len(replies[0]))); err != nil {
			t.Fatal(err)
		}
	}
	slow := dial(t, s)
	slow.send(t, "GET "+PathArrivals+" HTTP/1.1\r\n\r\n"+get) // and what comes after it
	other := dial(t, s)
	for range 100 {
		other.send(t, get)
		other.ok(t)
	}
	if _, body := slow.reply(t, "GET"); len(body) != 8*n {
		t.Errorf("%d bytes, want %d", len(body), 8*n)
	}
	slow.ok(t)
	slow.send(t, get)
	slow.ok(t)
}

func TestConnectionsEndAsTheyAsk(t *testing.T) {
	for _, latency := range []time.Duration{0, 2 * time.Millisecond} {
		s := start(t, Config{Latency: latency})
		for about, request := range map[string]string{
			"close":    strings.Replace(get, "Host", "Connection: close\r\nHost", 1),
			"HTTP/1.0": "GET / HTTP/1.0\r\n\r\n",
		} {
			c := dial(t, s)
			c.send(t, get+request+get) // the last is not to be answered
			c.ok(t)
			if resp, body := c.reply(t, "GET"); !resp.Close || body != Body {
				t.Errorf("%s: close %v, body %q", about, resp.Close, body)
			}
			c.ended(t)
		}
		old := dial(t, s)
		for range 2 {
			old.send(t, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
			if resp, _ := old.reply(t, "GET"); resp.Header.Get("Connection") != "keep-alive" {
				t.Errorf("HTTP/1.0 that asks to stay gets %q", resp.Header.Get("Connection"))
			}
		}
		for about, request := range map[string]string{
			"nonsense": "nonsense\r\n\r\n",
			"too long": "GET /" + strings.Repeat("x", maxHead),
		} {
			c := dial(t, s)
			c.send(t, request)
			if resp, _ := c.reply(t, "GET"); resp.StatusCode != 400 || !resp.Close {
				t.Errorf("%s: status %d, close %v", about, resp.StatusCode, resp.Close)
			}
			c.ended(t)
		}
		if st := stats(t, s); st.Served != 6 {
			t.Errorf("%d served, want 6: neither bad requests nor those after the last", st.Served)
		}
	}
}

// A client that goes away leaves nothing behind that could reach the next one
// with its descriptor.
func TestClientsThatGoAwayWhileTheirReplyWaits(t *testing.T) {
	s := start(t, Config{Latency: 30 * time.Millisecond})
	for range 20 {
		c := dial(t, s)
		c.send(t, get)
		ask(t, s, PathStats) // the request is in
		c.Close()
		next := dial(t, s)
		next.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if b, err := next.r.ReadByte(); err == nil {
			t.Fatalf("a connection that asked nothing was sent %q…", b)
		}
		next.Close()
	}
}

func TestShutdownClosesEveryConnection(t *testing.T) {
	s := start(t, Config{Latency: time.Minute})
	idle, busy := dial(t, s), dial(t, s)
	busy.send(t, get)
	for stats(t, s).Open < 3 {
		time.Sleep(time.Millisecond)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	idle.ended(t)
	busy.ended(t)
	if c, err := net.Dial("tcp", s.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the shutdown a dial gave %v, %v; want a refusal", c, err)
	}
}

func TestManyConnections(t *testing.T) {
	s := start(t, Config{Latency: 5 * time.Millisecond})
	const n = 1500
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = dial(t, s)
		clients[i].send(t, get)
	}
	for _, c := range clients {
		c.ok(t)
	}
	if st := stats(t, s); st.Served != n || st.Open != n+1 {
		t.Errorf("stats %+v, want %d served, %d open", st, n, n+1)
	}
}

// BenchmarkRoundTrip is of clients that send one request after the other.
func BenchmarkRoundTrip(b *testing.B) {
	for _, ahead := range []int{1, 64} {
		b.Run(fmt.Sprintf("ahead=%d", ahead), func(b *testing.B) {
			s := start(b, Config{})
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			requests := []byte(strings.Repeat(get, ahead))
			buf := make([]byte, ahead*len(replies[0]))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%ahead != 0 {
					continue // an op is a request, not a batch of them
				}
				if _, err := c.Write(requests); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
