package bench_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/result"
)

// stream begins the reply to a request with a stream of server-sent events.
func (c *h2Conn) stream(id uint32, of ...string) {
	c.header(id, false, append([]string{":status", "200", "content-type", "text/event-stream"}, of...)...)
}

// say says some data in a frame of its own.
func (c *h2Conn) say(id uint32, data string) { c.WriteData(id, false, []byte(data)) }

// end ends a stream.
func (c *h2Conn) end(id uint32) {
	c.WriteData(id, true, nil)
	delete(c.open, id)
}

// What a server makes of a stream over HTTP/2 is how it is counted, and its connection
// goes on where it can.
func TestStreamsOverHTTP2(t *testing.T) {
	const one, mark = "data: 1\n\n", "data: [DONE]\n\n"
	rows := []struct {
		name      string
		stream    bench.Stream
		answer    func(c *h2Conn, id uint32)
		want      result.Outcome
		events    int64 // of each stream
		early     bool  // each stream ended early
		cancelled bool  // by the client
		why       string
		closes    bool // each stream ends its connection
	}{
		{name: "the end mark", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one+"data: 2\n")
			c.WriteDataPadded(id, false, []byte("\n: none\n\n"), make([]byte, 99))
			c.say(id, mark)
			c.end(id)
		}, want: result.OK, events: 3},
		{name: "the end mark, and a trailer", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id, "content-encoding", "identity")
			c.say(id, one+mark)
			c.header(id, true, "x-sum", "1")
		}, want: result.OK, events: 2},
		{name: "the end mark, and no end", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one+mark+one)
		}, want: result.OK, events: 2, cancelled: true},
		{name: "the end mark, and a reset", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, mark)
			c.reset(id, http2.ErrCodeInternal)
		}, want: result.OK, events: 1},
		{name: "the server ends it", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.WriteData(id, true, []byte(one+one+"data: cut"))
			delete(c.open, id)
		}, want: result.OK, events: 2},
		{name: "the client ends it", stream: sseThree, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			for range 10 {
				c.say(id, one)
			}
		}, want: result.OK, events: 3, cancelled: true},
		{name: "lines", stream: lines, answer: func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "200")
			c.say(id, "a\n\nb")
			c.say(id, "b\r\n")
			c.WriteData(id, true, []byte("c"))
			delete(c.open, id)
		}, want: result.OK, events: 3},
		{name: "data behind the end", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.end(id)
			c.say(id, one)
		}, want: result.OK, events: 1},

		{name: "no end mark", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.end(id)
		}, want: result.Error, events: 1, early: true, why: "before its end mark"},
		{name: "too few", stream: sseThree, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.end(id)
		}, want: result.Error, events: 1, early: true, why: "as many events"},
		{name: "none", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.end(id)
		}, want: result.Error, early: true, why: "without an event"},
		{name: "reset within an event", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one+"data: 2")
			c.reset(id, http2.ErrCodeInternal)
		}, want: result.Reset, events: 1, early: true, why: "INTERNAL_ERROR"},
		{name: "another length", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id, "content-length", "100")
			c.say(id, one)
			c.end(id)
		}, want: result.Error, events: 1, why: "the body does not have the length"},
		{name: "another type", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "200", "content-type", "text/html")
		}, want: result.Error, cancelled: true, why: "Content-Type"},
		{name: "compressed", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id, "content-encoding", "gzip")
		}, want: result.Error, cancelled: true, why: "compressed"},
		{name: "no body", stream: sse, answer: func(c *h2Conn, id uint32) { c.header(id, true, ":status", "204") }, want: result.Error, why: "Content-Type"},
		{name: "404", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.header(id, false, ":status", "404")
			c.say(id, one)
			c.end(id)
		}, want: result.Error, why: "HTTP status 404"},
		{name: "503", stream: sse, answer: func(c *h2Conn, id uint32) { c.header(id, true, ":status", "503") }, want: result.Rejected},
		{name: "refused", stream: sse, answer: func(c *h2Conn, id uint32) { c.reset(id, http2.ErrCodeRefusedStream) }, want: result.Rejected},
		{name: "silence behind an event", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
		}, want: result.Timeout, events: 1, cancelled: true, why: "no event within the timeout"},
		{name: "silence", stream: sse, answer: func(*h2Conn, uint32) {}, want: result.Timeout, cancelled: true, why: "no event within the timeout"},
		{name: "the end of the connection", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.net.Close()
		}, want: result.Reset, events: 1, early: true, closes: true},
		{name: "the end mark, and that of the connection", stream: sseDone, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, mark)
			c.net.Close()
		}, want: result.OK, events: 1, closes: true},
		{name: "what may not be", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
		}, want: result.Error, events: 1, why: "the server pushes", closes: true},
		{name: "a GOAWAY that denies it", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.WriteGoAway(0, http2.ErrCodeNo, nil)
		}, want: result.Error, events: 1, why: "GOAWAY names an earlier stream", closes: true},
		{name: "a GOAWAY that leaves it", stream: sse, answer: func(c *h2Conn, id uint32) {
			c.stream(id)
			c.say(id, one)
			c.WriteGoAway(id, http2.ErrCodeNo, nil)
			c.say(id, one)
			c.end(id)
		}, want: result.OK, events: 2, closes: true},
	}
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		for _, row := range rows {
			s := start(&h2Server{answer: func(c *h2Conn, id uint32, _ int) { row.answer(c, id) }})
			// One after another: what ends a connection is not to end another request.
			plan := bench.Plan{Load: bench.Load{Clients: 1, ThinkTime: 5 * time.Millisecond}, Duration: 60 * time.Millisecond, Timeout: 5 * time.Second}
			if row.want == result.Timeout {
				plan.Timeout = 250 * time.Millisecond
			}
			stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1, Stream: row.stream}), plan)
			s.still(t)
			n, streams := stage.Counts.Planned(), stage.Streams
			if streams == nil {
				streams = result.NewStreams()
			}
			if n == 0 || stage.Counts[row.want] != n || int64(s.requests) != n || stage.Resent != 0 {
				t.Errorf("%s: %v of %d requests, %d sent again; %q", row.name, stage.Counts, s.requests, stage.Resent, stage.Warnings)
			}
			early := int64(0)
			if row.early {
				early = n
			}
			if streams.Events != n*row.events || streams.FirstEvent.N() != n*min(row.events, 1) || streams.EndedEarly != early {
				t.Errorf("%s: %d streams: %d events, %d first ones, %d ended early", row.name, n, streams.Events, streams.FirstEvent.N(), streams.EndedEarly)
			}
			if (s.connections > 1) != (row.closes && n > 1) {
				t.Errorf("%s: %d connections for %d requests", row.name, s.connections, n)
			}
			cancelled := int64(s.cancelled)
			// The last one may come when the server does not read any more.
			if row.cancelled && cancelled < n-1 || !row.cancelled && cancelled > 0 {
				t.Errorf("%s: %d of %d were cancelled", row.name, cancelled, n)
			}
			if notes := strings.Join(stage.Notes(), "\n"); !strings.Contains(notes, row.why) {
				t.Errorf("%s: %q is not in %q", row.name, row.why, notes)
			}
		}
	})
}

// Streams of one connection whose events come in one read have that instant, each for
// itself: only the second event of the same stream came together with another.
func TestStreamsThatShareARead(t *testing.T) {
	const streams = 4
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		var open []uint32
		s := start(&h2Server{answer: func(c *h2Conn, id uint32, _ int) {
			if open = append(open, id); len(open) < streams {
				return
			}
			for _, id := range open {
				c.stream(id)
			}
			for range 2 {
				for _, id := range open {
					c.say(id, "data: 1\n\n")
				}
			}
			for _, id := range open {
				c.end(id)
			}
			open = nil
		}})
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1, Stream: sse}),
			bench.Plan{Load: bench.Load{Burst: streams, BurstInterval: 50 * time.Millisecond}, Duration: 90 * time.Millisecond, Timeout: 10 * time.Second})
		s.still(t)
		got, n := stage.Streams, stage.Counts[result.OK]
		if n != 2*streams || got == nil || got.Events != 2*n || got.Together > n || got.FirstEvent.N() != n || got.Gap.N() != n {
			t.Errorf("%v: %+v", stage.Counts, got)
		}
	})
}

// Streams that are under way when the drain limit passes are unfinished, and their events
// count.
func TestUnfinishedStreamsOverHTTP2(t *testing.T) {
	eachHTTP2(t, func(t *testing.T, start func(*h2Server) *h2Server, made made) {
		s := start(&h2Server{answer: func(c *h2Conn, id uint32, _ int) {
			c.stream(id)
			c.say(id, "data: 1\n\n")
			c.say(id, "data: 2\n\n")
		}})
		stage := stageOf(t, made(t, bench.HTTP{URL: s.url, Connections: 1, Stream: sse}),
			bench.Plan{Load: bench.Load{Clients: 3}, Duration: 50 * time.Millisecond, DrainTimeout: 100 * time.Millisecond, Timeout: 10 * time.Second})
		s.still(t)
		if got := stage.Streams; stage.Counts[result.Unfinished] != 3 || got == nil || got.Events != 6 || got.EndedEarly != 0 || got.Length.N() != 3 {
			t.Errorf("%v: %+v %q", stage.Counts, got, stage.Notes())
		}
	})
}

// The events that a server of net/http sent are those that are counted, from many streams
// on few connections. Its limit of streams makes some wait.
func TestStreamsOfNetHTTP(t *testing.T) {
	const events = 6
	for name, driver := range map[string]made{"goroutine": connsDriver, "epoll": epollDriver(2)} {
		if name == "epoll" && !epoll.Supported {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var ended atomic.Int64
			url := netHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				for k := range events {
					data := fmt.Sprint(k)
					if k == events-1 {
						data = "[DONE]"
					}
					fmt.Fprintf(w, "event: delta\ndata: %s\n\n", data)
					w.(http.Flusher).Flush()
					time.Sleep(time.Millisecond)
				}
				if r.Context().Err() == nil {
					ended.Add(1)
				}
			})
			stage := stageOf(t, driver(t, bench.HTTP{URL: url, Connections: 2, Stream: sseDone}), bench.Plan{Load: bench.Load{Clients: 30}, Duration: 200 * time.Millisecond, Timeout: 10 * time.Second})
			n := stage.Counts[result.OK]
			if got := stage.Streams; n == 0 || n != stage.Counts.Planned() || got.Events != events*n || got.FirstEvent.N() != n || got.Gap.N() != (events-1)*n || got.EndedEarly != 0 {
				t.Errorf("%v: %+v %q", stage.Counts, stage.Streams, stage.Notes())
			}
			if most := n * 9 / 10; ended.Load() < most {
				t.Errorf("the server ended %d of %d streams, want most of them: the client is to wait %v behind the end mark", ended.Load(), n, exchange.Trailing)
			}
		})
	}
}

// netHTTP2 starts a server of net/http that speaks HTTP/2 without TLS only.
func netHTTP2(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 10}}
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return "h2c://" + ln.Addr().String() + "/"
}
