package targets_test

import (
	"context"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// BenchmarkWait reports by how much each style wakes later than the backend's
// answer is due, one request at a time on an otherwise idle server, and beside
// them time.Sleep. Run it with -benchtime=50x: one op takes 200 ms.
func BenchmarkWait(b *testing.B) {
	targets.TuneRuntime(0)
	for _, style := range targets.Inline(targets.HTTP) {
		b.Run("style="+style.Name, func(b *testing.B) {
			s := start(b, style, targets.Options{Sim: sim.Config{Latency: 200 * time.Millisecond}})
			c := dial(b, s)
			c.SetDeadline(time.Time{})
			for b.Loop() {
				c.send(b, askFor(42))
				c.read(b, "GET")
			}
			late := s.Stats().Backend.WaitError
			b.ReportMetric(float64(late.P50), "p50-error-ns")
			b.ReportMetric(float64(late.P99), "p99-error-ns")
		})
	}
	b.Run("style=time.Sleep", func(b *testing.B) {
		var late []time.Duration
		for b.Loop() {
			// Not a whole number of milliseconds, which would flatter it.
			due := clock.Now() + 200*time.Millisecond + 370*time.Microsecond
			time.Sleep(due - clock.Now())
			late = append(late, clock.Now()-due)
		}
		slices.Sort(late)
		b.ReportMetric(float64(late[len(late)/2]), "p50-error-ns")
		b.ReportMetric(float64(late[len(late)*99/100]), "p99-error-ns")
	})
}

// BenchmarkRequest is a request's way through the server, over a backend
// that answers at once: 64 keep-alive clients, one process. The allocations are
// the server's: the clients make none.
func BenchmarkRequest(b *testing.B) {
	targets.TuneRuntime(0)
	for _, style := range targets.Inline(targets.HTTP) {
		b.Run("style="+style.Name, func(b *testing.B) {
			s := start(b, style, targets.Options{Sim: sim.Config{Latency: 1}})
			request := []byte(askFor(42))
			b.ReportAllocs()
			b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				c := dial(b, s)
				c.SetDeadline(time.Time{})
				buf := make([]byte, 4096)
				for pb.Next() {
					if _, err := c.Write(request); err != nil {
						b.Error(err)
						return
					}
					if _, err := c.Conn.Read(buf); err == io.EOF {
						b.Error("the server closed the connection")
						return
					}
				}
			})
		})
	}
}

// BenchmarkStart is starting and ending a pool of 2,000 threads.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := style(b, "blocking").Start(targets.Options{Workers: 2000})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
