package bench_test

import (
	"crypto/tls"
	"errors"
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
)

// How the server answers is how the arrival ends, and the connection goes on where it can.
func TestOutcomesOverHTTP2(t *testing.T) {
	rows := []struct {
		name        string
		answer      func(c *h2Conn, id uint32)
		want        result.Outcome
		why         string
		connections bool // each answer ends its connection
	}{
		{"ok", func(c *h2Conn, id uint32) { c.ok(id) }, result.OK, "", false},
		{"no body", func(c *h2Conn, id uint32) { c.header(id, true, ":status", "204") }, result.OK, "", false},
		{"hints and a trailer", func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "103", "link", "</a>")
			c.header(id, false, ":status", "200", "x-a", "b")
			c.WriteDataPadded(id, false, []byte("x"), make([]byte, 99))
			c.header(id, true, "x-sum", "1")
		}, result.OK, "", false},
		{"a reset behind the reply", func(c *h2Conn, id uint32) {
			c.ok(id)
			c.reset(id, http2.ErrCodeNo)
		}, result.OK, "", false},
		{"unknown frames", func(c *h2Conn, id uint32) {
			c.WriteRawFrame(0xfe, 1, id, []byte("?"))
			c.WritePriority(id, http2.PriorityParam{StreamDep: 0})
			c.WritePing(false, [8]byte{})
			c.ok(id)
		}, result.OK, "", false},
		{"503", func(c *h2Conn, id uint32) { c.header(id, true, ":status", "503") }, result.Rejected, "", false},
		{"refused", func(c *h2Conn, id uint32) { c.reset(id, http2.ErrCodeRefusedStream) }, result.Rejected, "", false},
		{"404", func(c *h2Conn, id uint32) { c.header(id, true, ":status", "404") }, result.Error, "HTTP status 404", false},
		{"reset", func(c *h2Conn, id uint32) { c.reset(id, http2.ErrCodeInternal) }, result.Reset, "INTERNAL_ERROR", false},
		{"length", func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "200", "content-length", "7")
			c.WriteData(id, true, []byte("ok"))
		}, result.Error, "malformed reply: the body does not have the length", false},
		{"no status", func(c *h2Conn, id uint32) { c.header(id, true, "server", "x") }, result.Error, "malformed reply: the header has no status", false},
		{"a flood of continuations", func(c *h2Conn, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id})
			for range 1000 {
				if c.WriteContinuation(id, false, nil) != nil {
					return
				}
			}
		}, result.Error, "malformed reply: the server sends without end", true},
		{"a push", func(c *h2Conn, id uint32) {
			c.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
		}, result.Error, "malformed reply: the server pushes", true},
		{"the end of the connection", func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "200")
			c.net.Close()
		}, result.Reset, "closed", true},
		{"the announced end of the connection", func(c *h2Conn, id uint32) {
			c.WriteGoAway(id, http2.ErrCodeEnhanceYourCalm, nil)
			c.net.Close()
		}, result.Reset, "GOAWAY ENHANCE_YOUR_CALM", true},
	}
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		for _, row := range rows {
			s := start(&h2Server{answer: func(c *h2Conn, id uint32, _ int) { row.answer(c, id) }})
			// One after another: what ends a connection is not to end another request.
			stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1}), bench.Plan{Load: bench.Load{Clients: 1, ThinkTime: 5 * time.Millisecond}, Duration: 60 * time.Millisecond})
			s.still(t)
			n := stage.Counts.Planned()
			if n == 0 || stage.Counts[row.want] != n || int64(s.requests) != n || stage.Resent != 0 {
				t.Errorf("%s: %v of %d requests, %d sent again; %q", row.name, stage.Counts, s.requests, stage.Resent, stage.Warnings)
			}
			if (s.connections == 1) == row.connections && n > 1 {
				t.Errorf("%s: %d connections for %d requests", row.name, s.connections, n)
			}
			if all := strings.Join(stage.Warnings, "\n") + strings.Join(stage.Invalid, "\n"); !strings.Contains(all, row.why) {
				t.Errorf("%s: the notes are %q, want %q in them", row.name, all, row.why)
			}
		}
	})
}

// There are never more streams than the server allows; who finds none waits.
func TestStreamsAreLimited(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		for _, own := range []int{0, 2} {
			var held []uint32
			s := start(&h2Server{settings: []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 3}}, answer: func(c *h2Conn, id uint32, n int) {
				if held = append(held, id); len(held) < 2 {
					return // until there is another one
				}
				for _, id := range held {
					c.ok(id)
				}
				held = nil
			}})
			stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1, Streams: own}), bench.Plan{Load: bench.Load{Clients: 20}, Duration: 100 * time.Millisecond, DrainTimeout: 100 * time.Millisecond})
			s.still(t)
			limit := 3
			if own > 0 {
				limit = own
			}
			// The last one may stay alone.
			if s.most > limit || stage.Counts[result.OK]+stage.Counts[result.Unfinished] != stage.Counts.Planned() || stage.Counts[result.OK] < 20 || stage.Counts[result.Unfinished] > 1 || s.connections != 1 {
				t.Errorf("own limit %d: %d streams at once over %d connections; %v", own, s.most, s.connections, stage.Counts)
			}
		}
	})
}

// What waits for a stream that never comes was not sent, on whichever connection.
func TestNoStreamEver(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		s := start(&h2Server{settings: []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 0}}})
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 2}), bench.Plan{Load: bench.Load{Clients: 30}, Duration: 50 * time.Millisecond, DrainTimeout: 50 * time.Millisecond})
		s.still(t)
		if n := stage.Counts.Planned(); n == 0 || stage.Counts[result.Unsent] != n || s.requests > 0 {
			t.Errorf("%v; %d came; %q", stage.Counts, s.requests, stage.Invalid)
		}
	})
}

// A connection that the server ends before it can be used is refused.
func TestGoAwayAtOnce(t *testing.T) {
	const settings, goAway = "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	for name, driver := range map[string]made{"goroutine": connsDriver, "epoll": epollDriver(1)} {
		if name == "epoll" && !epoll.Supported {
			continue
		}
		t.Run(name, func(t *testing.T) {
			url := serveHostile(t, func(p *peer) {
				p.say(settings + goAway)
				p.hold()
			}, false)
			h := bench.HTTP{URL: strings.Replace(url, "http:", "h2c:", 1), Connections: 1}
			stage := stageOf(t, driver(t, h), some(100, 50*time.Millisecond))
			if n := stage.Counts.Planned(); n == 0 || stage.Counts[result.Refused] != n || !strings.Contains(strings.Join(append(stage.Warnings, stage.Invalid...), "\n"), "GOAWAY") {
				t.Errorf("%v; %q %q", stage.Counts, stage.Warnings, stage.Invalid)
			}
		})
	}
}

// A server that lowers its limit is obeyed from then on. What it refuses although the
// client could not know is sent again.
func TestTheLimitIsLowered(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		refused, over := 0, 0
		s := start(&h2Server{settings: []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 10}}})
		s.answer = func(c *h2Conn, id uint32, n int) {
			if n == 30 {
				c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
			}
			switch {
			case n >= 30 && c.acks < 2: // it was sent before the client could know
				refused++
				c.reset(id, http2.ErrCodeRefusedStream)
				return
			case n >= 30 && len(c.open) > 2:
				over++
			}
			c.ok(id)
		}
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1}), bench.Plan{Load: bench.Load{Clients: 10}, Duration: 150 * time.Millisecond})
		s.still(t)
		// One of them may be the first request of its connection that is refused.
		if n := stage.Counts.Planned(); over > 0 || refused == 0 || stage.Counts[result.OK] != n || stage.Resent != int64(refused) || int64(s.requests) != n+stage.Resent {
			t.Errorf("%d beyond the limit, %d refused, %d sent again; %v of %d requests", over, refused, stage.Resent, stage.Counts, s.requests)
		}
	})
}

// A server that ends its connections gracefully fails nobody: what it did not look at is
// sent again.
func TestGoAwayFailsNobody(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		ignored := 0
		last := map[*h2Conn]uint32{}
		count := map[*h2Conn]int{}
		s := start(&h2Server{answer: func(c *h2Conn, id uint32, n int) {
			count[c]++
			switch {
			case count[c] == 20 && c.number < 3:
				c.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			case count[c] == 22 && c.number < 3:
				last[c] = id
				c.WriteGoAway(id, http2.ErrCodeNo, []byte("bye"))
			}
			if last[c] > 0 && id > last[c] {
				ignored++
				return
			}
			c.ok(id)
		}})
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1}), bench.Plan{Load: bench.Load{Clients: 10}, Duration: 200 * time.Millisecond})
		s.still(t)
		n := stage.Counts.Planned()
		if stage.Counts[result.OK] != n || int64(s.requests) != n+int64(ignored) || stage.Resent < int64(ignored) || s.connections < 2 {
			t.Errorf("%v of %d requests over %d connections; %d ignored, %d sent again; %q", stage.Counts, s.requests, s.connections, ignored, stage.Resent, stage.Warnings)
		}
	})
}

// A request is sent again once, not without end.
func TestGoAwayForEver(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		s := start(&h2Server{answer: func(c *h2Conn, id uint32, n int) {
			c.WriteGoAway(0, http2.ErrCodeNo, nil)
			c.net.Close()
		}})
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1}), bench.Plan{Load: bench.Load{Clients: 1, ThinkTime: 5 * time.Millisecond}, Duration: 60 * time.Millisecond})
		s.still(t)
		if n := stage.Counts.Planned(); n == 0 || stage.Counts[result.Reset] != n || stage.Resent != n || int64(s.requests) != 2*n {
			t.Errorf("%v, %d sent again, %d came; %q", stage.Counts, stage.Resent, s.requests, stage.Warnings)
		}
	})
}

// A request that times out is cancelled, and its connection goes on.
func TestTimeoutsAreCancelled(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		silent := 0
		s := start(&h2Server{answer: func(c *h2Conn, id uint32, n int) {
			if n%10 == 3 {
				silent++
				return
			}
			c.ok(id)
		}})
		p := some(200, 200*time.Millisecond)
		p.Timeout = 250 * time.Millisecond
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1}), p)
		s.still(t)
		if n := stage.Counts.Planned(); stage.Counts[result.Timeout] != int64(silent) || stage.Counts[result.OK] != n-int64(silent) || s.connections != 1 || s.cancelled < silent-1 {
			t.Errorf("%v; %d without a reply, %d cancelled; %d connections", stage.Counts, silent, s.cancelled, s.connections)
		}
	})
}

// Bodies obey windows that are small, shrink below nothing and open a little at a time.
func TestUploadsThroughSmallWindows(t *testing.T) {
	const size = 3000
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		s := start(&h2Server{settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 700}}})
		wrong := 0
		s.answer = func(c *h2Conn, id uint32, n int) {
			if c.open[id] != size {
				wrong++
			}
			c.WriteWindowUpdate(0, size)
			c.ok(id)
			if n == 5 {
				c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
			}
		}
		stop := make(chan struct{})
		var trickling sync.WaitGroup
		defer trickling.Wait()
		defer close(stop)
		trickle := func(c *h2Conn) {
			trickling.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
					s.mu.Lock()
					for id := range c.open {
						c.WriteWindowUpdate(id, 450)
					}
					s.mu.Unlock()
				}
			})
		}
		s.opened = trickle
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Method: "POST", Body: make([]byte, size), Connections: 1}), some(100, 150*time.Millisecond))
		s.mu.Lock() // not still: what trickles waits for the lock before the test ends
		defer s.mu.Unlock()
		if n := stage.Counts.Planned(); n == 0 || wrong > 0 || stage.Counts[result.OK] != n || int64(s.requests) != n {
			t.Errorf("%v of %d requests, %d bodies of another length; %q", stage.Counts, s.requests, wrong, stage.Warnings)
		}
	})
}

// A server that does not speak HTTP/2 is known before anything is measured.
func TestNotHTTP2(t *testing.T) {
	serving := func(ln net.Listener, err error, serve func(net.Conn)) string {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					serve(c)
					c.Close()
				}()
			}
		}()
		return ln.Addr().String()
	}
	say := func(text string) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		return serving(ln, err, func(c net.Conn) {
			c.Read(make([]byte, 100))
			io.WriteString(c, text)
		})
	}
	own, trusts := certificate()
	tlsServer := func(protocols ...string) string {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", speaking(own, protocols...))
		return serving(ln, err, func(c net.Conn) { io.Copy(io.Discard, c) })
	}
	for name, c := range map[string]struct{ url, want string }{
		"HTTP/1.1":              {"h2c://" + say("HTTP/1.1 400 Bad Request\r\n\r\n"), "the server speaks HTTP/1.1 at this port"},
		"nothing":               {"h2c://" + say(""), "closed the connection before the handshake of HTTP/2"},
		"something else":        {"h2c://" + say("220 mail.example.org ESMTP ready\r\n"), "does not speak HTTP/2"},
		"TLS":                   {"h2c://" + tlsServer("h2"), "begin the address with https://"},
		"TLS without ALPN":      {"https://" + tlsServer(), "ALPN h2"},
		"TLS with another ALPN": {"https://" + tlsServer("http/1.1"), "ALPN h2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bench.HTTP{URL: c.url, Version: bench.HTTP2, Connections: 1}
			if strings.HasPrefix(c.url, "https") {
				h.TLS = trusts
			}
			dial, err := h.Dial()
			if err != nil {
				t.Fatal(err)
			}
			_, err = dial(t.Context())
			if not, is := errors.AsType[*bench.NotHTTP2](err); !is || !strings.Contains(not.Why, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if !epoll.Supported {
				return
			}
			stage := stageOf(t, epollDriver(1)(t, h), some(100, 50*time.Millisecond))
			if n := stage.Counts.Planned(); n == 0 || stage.Counts[result.Refused] != n || !strings.Contains(strings.Join(append(stage.Warnings, stage.Invalid...), "\n"), c.want) {
				t.Errorf("%v; %q %q", stage.Counts, stage.Warnings, stage.Invalid)
			}
		})
	}
}
