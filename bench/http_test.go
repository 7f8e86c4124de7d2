package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

// usable is what a connection that is idle says of itself.
func usable(c bench.Conn) bool {
	ok, _ := c.(bench.Checker).Check()
	return ok
}

func dialer(t interface{ Fatal(...any) }, url string) bench.Dial {
	dial, err := bench.HTTP{URL: url}.Dial()
	if err != nil {
		t.Fatal(err)
	}
	return dial
}

// A stage's counts must be those of a server that knows what it did, over
// sockets and whatever it does: answer, reject, reset, close early, talk
// nonsense.
func TestStageCountsWhatTheServerDid(t *testing.T) {
	t.Parallel()
	holdCounts(t, 0)
}

func TestSlowStageCountsWhatTheServerDid(t *testing.T) {
	slow.Only(t)
	holdCounts(t, 1, 2, 3, 4)
}

func holdCounts(t *testing.T, seeds ...int) {
	for _, model := range []load.Model{load.Closed, load.Constant} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("%s-%d", model, seed), func(t *testing.T) {
				t.Parallel()
				eachDriver(t, func(t *testing.T, made made) {
					t.Parallel()
					// What is slow on a busy machine, a handshake say, times out at the driver while
					// the server did something else: so the limit grows until it no longer does.
					var faults []string
					for timeout := 450 * time.Millisecond; timeout < 8*time.Second; timeout *= 2 {
						if faults = miscounted(t, made, model, seed, timeout); len(faults) == 0 {
							return
						}
						t.Logf("with a limit of %v: %q", timeout, faults)
					}
					t.Errorf("%q", faults)
				})
			})
		}
	}
}

// miscounted runs a stage and returns what the driver counts other than the server did.
func miscounted(t *testing.T, made made, model load.Model, seed int, timeout time.Duration) (faults []string) {
	t.Helper()
	kinds := []struct {
		script script
		want   result.Outcome
	}{
		{says(okReply), result.OK},
		{says(okReply), result.OK},
		{after(10*time.Millisecond, says(okReply)), result.OK},
		{says(rejectedReply), result.Rejected},
		{thenCloses(says("")), result.Reset},
		{resets, result.Reset},
		{thenCloses(says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")), result.Reset},
		{says("garbage\r\n\r\n"), result.Error},
		{says("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), result.Error},
		{after(2*timeout, says("")), result.Timeout},
	}
	var mu sync.Mutex
	want := map[result.Outcome]int64{}
	var scripts []script
	for _, k := range rapid.SliceOfN(rapid.IntRange(0, len(kinds)-1), 20, 20).Example(seed) {
		scripts = append(scripts, func(c net.Conn) bool {
			mu.Lock()
			want[kinds[k].want]++
			mu.Unlock()
			return kinds[k].script(c)
		})
	}
	s := newScripted(t, scripts...)
	plan := bench.Plan{Load: loadOf(model, 8, bench.Load{Backoff: 5 * time.Millisecond, ThinkTime: time.Millisecond}),
		Timeout: timeout, Duration: 600 * time.Millisecond, MaxLag: time.Minute}
	if model.Open() {
		plan.Load = plan.Load.At(200)
	}
	stage := run(t, plan, made(t, bench.HTTP{URL: s.url()}))
	mu.Lock()
	defer mu.Unlock()
	for _, o := range result.Outcomes {
		if stage.Counts[o] != want[o] {
			faults = append(faults, fmt.Sprintf("%d %s, but the server made %d", stage.Counts[o], o, want[o]))
		}
	}
	if int64(s.seen()) != stage.Counts.Planned() {
		faults = append(faults, fmt.Sprintf("%d planned, the server saw %d requests", stage.Counts.Planned(), s.seen()))
	}
	return faults
}

// A server may close a connection between two requests. The next arrival
// takes a new one and is no failure.
func TestConnectionClosedWhileIdle(t *testing.T) {
	s := newScripted(t, thenCloses(says(okReply)))
	conn, err := dialer(t, s.url())(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	alive := func() bool { return usable(conn) }
	if !alive() {
		t.Error("a fresh connection is said to be dead")
	}
	if r := conn.Do(time.Second); r.Outcome != result.OK || r.Spent {
		t.Fatalf("%+v: the reply did not say that it would close", r)
	}
	for range 1000 {
		if !alive() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if alive() {
		t.Fatal("closed a second ago and still said to be alive")
	}

	// The clients think long enough for the close to arrive before they send.
	stage, err := bench.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 2, ThinkTime: 50 * time.Millisecond}, Duration: 300 * time.Millisecond},
		&bench.GoroutineDriver{Dial: dialer(t, s.url())})
	if err != nil {
		t.Fatal(err)
	}
	if stage.Counts[result.OK] != stage.Counts.Planned() || stage.Connect.N() == 0 {
		t.Errorf("counts %v, %d connections made in the window; want all ok, over new ones", stage.Counts, stage.Connect.N())
	}
}

func TestDialRejectsWhatCannotBeDriven(t *testing.T) {
	for url, want := range map[string]string{
		"ftp://127.0.0.1/":    "begins with http://, https:// or h2c://",
		"127.0.0.1:80/":       "URL is 127.0.0.1:80/, want an address such as",
		"http:///orders":      "one with a host",
		"http://127.0.0.1:x/": "want an address such as",
		"":                    "begins with http://, https:// or h2c://",
	} {
		if _, err := (bench.HTTP{URL: url}).Dial(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that contains %q", url, err, want)
		}
	}
}

// The request goes out as one write, with a Host header, and for the very
// resource that was named: no part of its path is cleaned.
func TestTheRequestOnTheWire(t *testing.T) {
	got := make(chan string, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		io.WriteString(c, okReply)
		got <- string(b[:n])
	}()
	conn, err := dialer(t, "http://"+ln.Addr().String()+"/api//orders%2Fx/../y?user_id=42")(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r := conn.Do(time.Second); r.Outcome != result.OK {
		t.Fatal(r)
	}
	want := "GET /api//orders%2Fx/../y?user_id=42 HTTP/1.1\r\nUser-Agent: onhold\r\nHost: " + ln.Addr().String() + "\r\n\r\n"
	if text := <-got; text != want {
		t.Errorf("the request is\n%q, want\n%q", text, want)
	}
}

// fixedReply is a server that allocates nothing: it answers whatever it reads
// with the same bytes.
func fixedReply(t interface {
	Fatal(...any)
	Cleanup(func())
}, reply string) (url string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in, out := make([]byte, 4096), []byte(reply)
		for {
			if _, err := c.Read(in); err != nil {
				return
			}
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	}()
	return "http://" + ln.Addr().String() + "/"
}

// An exchange allocates nothing, whatever is answered.
func TestExchangeDoesNotAllocate(t *testing.T) {
	for _, reply := range []string{okReply, rejectedReply, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"} {
		conn, err := dialer(t, fixedReply(t, reply))(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		per := testing.AllocsPerRun(500, func() {
			if !usable(conn) || conn.Do(time.Second).Spent {
				t.Error("the connection is spent")
			}
		})
		conn.Close()
		if per > 0 {
			t.Errorf("%.0f allocations for each %q", per, reply[:12])
		}
	}
}

// BenchmarkExchange is one request and reply over loopback, the server
// included: what the goroutine driver costs at the least.
func BenchmarkExchange(b *testing.B) {
	conn, err := dialer(b, fixedReply(b, okReply))(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportAllocs()
	for b.Loop() {
		if !usable(conn) || conn.Do(time.Second).Outcome != result.OK {
			b.Fatal("not ok")
		}
	}
}

// BenchmarkRecord is what one arrival costs in the recorder.
func BenchmarkRecord(b *testing.B) {
	for name, first := range map[string]time.Duration{"first-byte": 199 * time.Millisecond, "no-first-byte": 0} {
		b.Run(name, func(b *testing.B) {
			rec := bench.NewRecorder(bench.Plan{Duration: time.Hour})
			shard := rec.NewShard()
			start, _ := rec.Start()
			if first > 0 {
				first += start
			}
			b.ReportAllocs()
			for b.Loop() {
				shard.Begin(start)
				shard.Record(bench.Arrival{Planned: start, Sent: start + 1000, First: first, Done: start + 200*time.Millisecond})
			}
		})
	}
}
