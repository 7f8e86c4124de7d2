package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

const (
	head    = "HTTP/1.1 200 OK\r\n"
	sse     = "Content-Type: text/event-stream\r\n"
	chunked = "Transfer-Encoding: chunked\r\n\r\n"
)

func spec(kind Kind) *Spec {
	return &Spec{Kind: kind, OK: func(status int) bool { return status == 200 }}
}

// inChunks frames each text as a chunk, and ends the body.
func inChunks(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(text), text)
	}
	return b.String() + "0\r\n\r\n"
}

// fed is what became of a reply.
type fed struct {
	events   int
	together int
	done     bool // it is complete as was asked for
	ended    bool // the reply is complete
	err      string
}

// feed feeds a stream a reply in pieces of a size; one that ends with the connection
// ends so.
func feed(t *testing.T, s *Stream, reply string, size int) (f fed) {
	t.Helper()
	s.event = func(e Event) {
		f.events++
		if e.Together {
			f.together++
		}
		if first := f.events == 1; e.First != first || (e.Before == 0) != first || e.Planned != 5 {
			t.Errorf("event %d is %+v", f.events, e)
		}
	}
	r, p, now := http1.Reader{}, http1.Reply{}, time.Duration(100)
	s.Begin(5, now, time.Hour, time.Hour)
	for data := []byte(reply); len(data) > 0 && !f.ended; data = data[min(size, len(data)):] {
		now += 10
		f.ended, _ = s.Read(&r, &p, data[:min(size, len(data))], now)
	}
	f.ended = f.ended || p.EndsWithConnection()
	f.done = s.Done() != 0
	if f.ended {
		f.err = s.Ended()
	}
	if s.Events() != f.events {
		t.Errorf("it counts %d events, want %d", s.Events(), f.events)
	}
	if early := f.err != "" && s.Live(); s.EndedEarly() != early {
		t.Errorf("it ended early: %v, want %v", s.EndedEarly(), early)
	}
	return f
}

func TestStreams(t *testing.T) {
	with := func(change func(*Spec), kind Kind) *Spec { s := spec(kind); change(s); return s }
	marked := with(func(s *Spec) { s.Done = "[DONE]" }, SSE)
	two := with(func(s *Spec) { s.Events = 2 }, SSE)
	const three = "data: a\n\ndata: b\n\ndata: [DONE]\n\n"
	for _, c := range []struct {
		name  string
		spec  *Spec
		reply string
		want  fed
	}{
		{"chunks of events", spec(SSE), head + sse + chunked + inChunks("data: a\n\n", "data: b\n\n"), fed{events: 2, ended: true}},
		{"a length", spec(SSE), head + sse + "Content-Length: 20\r\n\r\ndata: a\n\ndata: b\n\n: ", fed{events: 2, ended: true}},
		{"to the end of the connection", spec(SSE), head + sse + "\r\n" + three, fed{events: 3, ended: true}},
		{"a type with parameters", spec(SSE), head + "content-type: Text/Event-Stream ; charset=utf-8\r\n\r\n" + three, fed{events: 3, ended: true}},
		{"the end mark", marked, head + sse + chunked + inChunks(three), fed{events: 3, done: true, ended: true}},
		{"events behind the end mark", marked, head + sse + chunked + inChunks(three+three), fed{events: 3, done: true, ended: true}},
		{"no end mark", marked, head + sse + chunked + inChunks("data: a\n\n"), fed{events: 1, ended: true, err: noMark}},
		{"as many as asked for", two, head + sse + chunked + inChunks(three), fed{events: 2, done: true, ended: true}},
		{"fewer than asked for", two, head + sse + chunked + inChunks("data: a\n\n"), fed{events: 1, ended: true, err: tooFew}},
		{"no event", spec(SSE), head + sse + chunked + inChunks(": hello\n\n"), fed{ended: true, err: noFirst}},
		{"a web page", spec(SSE), head + "Content-Type: text/html\r\n" + chunked + inChunks(three), fed{ended: true, err: "the Content-Type of the reply is not text/event-stream"}},
		{"compressed", spec(SSE), head + sse + "Content-Encoding: gzip\r\n" + chunked + inChunks(three), fed{ended: true, err: "the reply is compressed, so that its events cannot be seen"}},
		{"not compressed", spec(SSE), head + sse + "Content-Encoding: identity\r\n" + chunked + inChunks(three), fed{events: 3, ended: true}},
		{"rejected", marked, "HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\ndata: a\n\n", fed{ended: true}},
		{"interim replies", spec(SSE), "HTTP/1.1 103 Early Hints\r\n\r\n" + head + sse + chunked + inChunks(three), fed{events: 3, ended: true}},
		{"lines", spec(Lines), head + chunked + inChunks("a\n", "b", "c\n\nd"), fed{events: 3, ended: true}},
		{"chunks", spec(Chunks), head + chunked + inChunks("a", "b\nc", "d"), fed{events: 3, ended: true}},
		{"no chunks", spec(Chunks), head + "Content-Length: 1\r\n\r\na", fed{ended: true, err: "the reply is not chunked"}},
		{"a WebSocket that is none", spec(WebSocket), head + "Content-Length: 2\r\n\r\nok", fed{ended: true, err: "the server did not switch to WebSocket but answered with HTTP status 200"}},
		{"a WebSocket, rejected", spec(WebSocket), "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", fed{ended: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(c.spec, nil)
			for _, size := range []int{1, 2, 7} {
				got := feed(t, s, c.reply, size)
				if got.together = 0; got != c.want {
					t.Errorf("in pieces of %d: %+v, want %+v", size, got, c.want)
				}
			}
			got := feed(t, s, c.reply, len(c.reply))
			if c.want.together = max(0, c.want.events-1); got != c.want {
				t.Errorf("in one piece: %+v, want %+v", got, c.want)
			}
		})
	}
}

// A body of a stream may be longer than any other that is read.
func TestLongStream(t *testing.T) {
	s, count := New(spec(SSE), nil), 0
	s.event = func(Event) { count++ }
	s.Begin(0, 0, time.Hour, time.Hour)
	r, p := http1.Reader{}, http1.Reply{}
	next := func(text []byte) {
		if ended, _ := s.Read(&r, &p, text, 1); ended {
			t.Fatal(s.Fault())
		}
	}
	next([]byte(head + sse + chunked))
	const size = 1 << 20
	next(fmt.Appendf(nil, "%x\r\ndata: ", 2*http1.MaxBody))
	line := []byte(strings.Repeat("x", size))
	for n := 6; n+2 < 2*http1.MaxBody; {
		part := line[:min(size, 2*http1.MaxBody-2-n)]
		next(part)
		n += len(part)
	}
	if next([]byte("\n\n")); count != 1 {
		t.Errorf("%d events, want 1", count)
	}
}

// An event that comes when the timeout has passed is none.
func TestLateEvents(t *testing.T) {
	for _, c := range []struct {
		first, second time.Duration
		late          bool
	}{{89, 138, false}, {89, 139, true}, {90, 91, true}} {
		s := New(spec(SSE), func(Event) {})
		r, p := http1.Reader{}, http1.Reply{}
		s.Begin(0, 40, 50, 50)
		s.Read(&r, &p, []byte(head+sse+"\r\ndata: a\n\n"), c.first)
		if !s.Late() {
			s.Read(&r, &p, []byte("data: b\n\n"), c.second)
		}
		if s.Late() != c.late {
			t.Errorf("events at %d and %d: late %v", c.first, c.second, s.Late())
		}
	}
}

// TestEventsDoNotAllocate holds it for each kind.
func TestEventsDoNotAllocate(t *testing.T) {
	upgrade := func(s *Stream) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " + accept(s.socket.key) + "\r\n\r\n"
	}
	for kind, event := range map[Kind]string{SSE: "9\r\ndata: a\n\n\r\n", Lines: "2\r\na\n\r\n", Chunks: "1\r\na\r\n", WebSocket: string(served(text, "a")) + string(served(ping, "b"))} {
		sp := spec(kind)
		sp.Message = []byte("again")
		count := 0
		s := New(sp, func(Event) { count++ })
		s.Begin(0, 0, time.Hour, time.Hour)
		r, p := http1.Reader{}, http1.Reply{}
		begin := head + sse + chunked
		if kind == WebSocket {
			s.Ask([]byte(KeyLine))
			begin = upgrade(s)
		}
		if ended, _ := s.Read(&r, &p, []byte(begin), 1); ended {
			t.Fatal(s.Fault())
		}
		data, out := []byte(event), make([]byte, 0, 100)
		const runs = 100
		per := testing.AllocsPerRun(runs, func() {
			s.Read(&r, &p, data, 2)
			out = s.Says(out[:0])
		})
		if per > 0 || count != runs+1 {
			t.Errorf("%v: %.0f allocations, %d events", kind, per, count)
		}
	}
}

// What a WebSocket says follows from what came.
func TestWebSocketSays(t *testing.T) {
	sp := spec(WebSocket)
	sp.Message, sp.Events = []byte("hello"), 2
	s := New(sp, func(Event) {})
	says := func(want ...byte) {
		t.Helper()
		var ops []byte
		for b := s.Says(nil); len(b) > 0; b = b[6+b[1]&0x7f:] {
			ops = append(ops, b[0]&0xf)
		}
		if !slices.Equal(ops, want) {
			t.Errorf("it says %v, want %v", ops, want)
		}
	}
	s.Begin(0, 1, time.Hour, time.Hour)
	says()
	s.socket.open, s.live, s.socket.asks = true, true, true
	says(opText)
	says()
	s.frames(served(ping, "a"))
	s.frames(served(ping, "b"))
	says(opPong)
	s.frames(served(text, "a"))
	says(opText)
	s.frames(slices.Concat(served(ping, "c"), served(text, "b"), served(text, "c")))
	says(opPong, opClose)
	if s.Done() != 1 || s.Events() != 2 {
		t.Errorf("%d events", s.Events())
	}
	s.frames(served(closed, "\x03\xe8"))
	if says(); s.socket.closed != closeNormal || s.Ended() != "" {
		t.Errorf("closed with %d: %s", s.socket.closed, s.Ended())
	}
	for code, why := range map[string]string{"": tooFew, "\x03\xe8": tooFew, "\x03\xf3": fmt.Sprintf(closeCode, 1011)} {
		s.Begin(0, 1, time.Hour, time.Hour)
		s.socket.open, s.live = true, true
		s.frames(served(closed, code))
		says(opClose)
		if got := s.Ended(); got != why {
			t.Errorf("closed with %q: %q, want %q", code, got, why)
		}
	}
}
