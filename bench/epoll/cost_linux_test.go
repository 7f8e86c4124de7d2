package epoll

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/arrivals"
	"github.com/a628bb15/onhold/reports/load"
)

// BenchmarkScheduled is what it costs to find out when the next arrival is
// due, on the second of three loops.
func BenchmarkScheduled(b *testing.B) {
	for _, model := range []load.Model{load.Constant, load.Poisson, load.Ramp} {
		b.Run(string(model), func(b *testing.B) {
			next := arrivals.Share(bench.Plan{Load: load.Of(model, 1e5)}.Schedule(), 1, 3)
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
	l, end := connected(b, h)
	b.ReportAllocs()
	for b.Loop() {
		exchangeByHand(b, l, end)
	}
}
