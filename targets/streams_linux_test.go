package targets_test

import (
	"bytes"
	"flag"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/stream"
)

var openStreamsOf = flag.Int("open-streams", 1000, "streams that TestSlowOpenStreams opens")

// What open streams of an event per second take of their server. With -v and -open-streams
// 10000 it prints the table of the README: so many threads need a machine of their own.
func TestSlowOpenStreams(t *testing.T) {
	slow.Only(t)
	n := *openStreamsOf
	perStream := map[string]int64{}
	const length = 10 * time.Second
	for _, holder := range []string{stream.Blocking, stream.Goroutine, stream.EventLoop} { // one after another: they share the CPUs
		t.Run(holder, func(t *testing.T) {
			one, _ := openStreams(t, holder, 1, time.Second)
			all, events := openStreams(t, holder, n, length)
			perStream[holder] = (all.RSSMax - one.RSSMax) / int64(n)
			t.Logf("| `%s` | %d | %.0f MB | %.1f KB | %.0f µs | %.2f |", holder, all.ThreadsMax, float64(all.RSSMax)/1e6,
				float64(perStream[holder])/1e3, float64(all.CPU.Microseconds())/float64(events), all.CPU.Seconds()/length.Seconds())
			if threads := holder == stream.Blocking; threads != (all.ThreadsMax >= int64(n)) {
				t.Errorf("%d threads", all.ThreadsMax)
			}
		})
	}
	if loop, other := perStream[stream.EventLoop], perStream[stream.Goroutine]; loop > other && other > 0 {
		t.Errorf("bytes per stream: %v, want fewer with the event loop than with goroutines", perStream)
	}
}

// openStreams opens n streams of a server in its own process, and measures it for a time
// in which all of them are open.
func openStreams(t *testing.T, holder string, n int, length time.Duration) (server result.Usage, events int64) {
	t.Helper()
	p, err := targets.Program{}.Launch(t.Context(), stream.Name, targets.Options{
		Workers: n, Queue: targets.NoQueue, Stream: stream.Config{Server: holder, Events: stream.MaxEvents, Interval: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, n)
	for i := range conns { // one after another: the backlog is limited
		if conns[i], err = net.Dial("tcp", p.Addr); err != nil {
			t.Fatal(err)
		}
	}
	var seen atomic.Int64
	var begun, ended sync.WaitGroup
	begun.Add(n)
	for i, c := range conns {
		time.Sleep(time.Second / time.Duration(n)) // so that events are spread over the second
		if _, err := c.Write([]byte(follow(int64(i + 1)))); err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			buf := make([]byte, 512)
			for first := true; ; first = false {
				k, err := c.Read(buf)
				seen.Add(int64(bytes.Count(buf[:k], []byte("data:"))))
				if first {
					begun.Done()
				}
				if err != nil {
					return
				}
			}
		})
	}
	begun.Wait()
	time.Sleep(2 * time.Second) // what opening them took is over
	meter := host.Process(p.PID)
	if err := meter.Start(); err != nil {
		t.Fatal(err)
	}
	events = -seen.Load()
	time.Sleep(length)
	events += seen.Load()
	server, err = meter.Stop()
	if err != nil {
		t.Error(err)
	}
	if st, err := p.Stats(t.Context()); err != nil || st.InFlight != int64(n) {
		t.Errorf("%s: %d of %d streams are open, %v", holder, st.InFlight, n, err)
	}
	for _, c := range conns {
		c.Close()
	}
	ended.Wait()
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	return server, events
}
