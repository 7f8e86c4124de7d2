package epoll

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// costs are replies to read, by the path that each takes.
var costs = map[string]string{
	"quick":      "HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Tue, 24 Nov 2026 22:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}",
	"chunked":    "HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{\"status\":\"ok\"}\r\n0\r\n\r\n",
	"byFasthttp": "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}",
}

// Reading a reply allocates nothing, by whichever path and in however many
// pieces.
func TestReadingDoesNotAllocate(t *testing.T) {
	for name, text := range costs {
		r, data := newReader(false), []byte(text)
		var p reply
		for _, size := range []int{len(text), 7} {
			per := testing.AllocsPerRun(200, func() {
				p.again()
				for at := 0; at < len(text); at += size {
					if _, _, err := r.next(&p, data[at:min(at+size, len(data))]); err != nil {
						t.Error(err)
					}
				}
			})
			if per > 0 {
				t.Errorf("%s in pieces of %d: %.0f allocations", name, size, per)
			}
		}
	}
}

// BenchmarkRead is what it costs to read a reply.
func BenchmarkRead(b *testing.B) {
	for name, text := range costs {
		b.Run(name, func(b *testing.B) {
			r, data := newReader(false), []byte(text)
			var p reply
			b.ReportAllocs()
			for b.Loop() {
				p.again()
				if done, _, err := r.next(&p, data); !done || err != nil {
					b.Fatal(done, err)
				}
			}
		})
	}
}

// BenchmarkScheduled is what it costs to find out when the next arrival is
// due, on the second of three loops.
func BenchmarkScheduled(b *testing.B) {
	for name, pattern := range map[string]bench.Arrivals{"constant": bench.Constant{Rate: 1e5}, "poisson": bench.Poisson{Rate: 1e5}} {
		b.Run(name, func(b *testing.B) {
			next := share(pattern.Schedule(1), 1, 3)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}

// BenchmarkClosed is what it costs a client's pause to be noted and to end,
// among 10,000 that pause.
func BenchmarkClosed(b *testing.B) {
	var q clock.Queue[int32]
	const clients = 10_000
	for i := range int32(clients) {
		q.Push(time.Duration(i)*time.Microsecond, i)
	}
	b.ReportAllocs()
	for now := time.Duration(0); b.Loop(); now += time.Microsecond {
		i, ok := q.PopDue(now)
		if !ok {
			b.Fatal("nobody is due")
		}
		q.Push(now+clients*time.Microsecond, i)
	}
}

// BenchmarkExchange is one request and reply of a loop of one client, the
// server and its thread's wake-up included: bench.BenchmarkExchange is the same
// of the goroutine driver.
func BenchmarkExchange(b *testing.B) {
	h := bench.HTTP{URL: listen(b, okReply)}
	l, end := byHand(b, h)
	requests, err := h.Requests()
	if err != nil {
		b.Fatal(err)
	}
	connectByHand(b, l, requests.Addr)
	b.ReportAllocs()
	for b.Loop() {
		ended := end.n
		request(l)
		for end.n == ended {
			l.turn(clock.Now() + time.Second)
		}
	}
	if end.outcome != result.OK {
		b.Fatal(end.outcome)
	}
}
