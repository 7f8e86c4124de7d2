package bench_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// never is a server's answer that does not come: it waits for the client to
// hang up.
func never(c net.Conn) bool {
	var b [1]byte
	c.Read(b[:])
	return false
}

// Being rejected takes no time. Mixed into the latencies it would make an
// overloaded server look fast.
func TestFastFailuresAreNotFastSuccesses(t *testing.T) {
	t.Parallel()
	const wait = 50 * time.Millisecond
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		s := newScripted(t, after(wait, says(okReply)), says(rejectedReply), says("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), thenCloses(says("")))
		stage := run(t, bench.Plan{Load: bench.Load{Rate: 400, Arrivals: load.Constant}, Duration: 300 * time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
		for _, o := range []result.Outcome{result.OK, result.Rejected, result.Error, result.Reset} {
			if stage.Counts[o] != 30 {
				t.Errorf("%d %v, want 30", stage.Counts[o], o)
			}
		}
		if fastest := stage.Latency.Quantile(0); fastest < wait*999/1000 {
			t.Errorf("the fastest success took %v, but the server takes %v for each", fastest, wait)
		}
		if stage.Undisturbed == nil && stage.RejectedShare() != 0.25 {
			t.Errorf("the rejected are a share of %v, want a quarter", stage.RejectedShare())
		}
	})
}

// A client that was rejected pauses. If it came back at once, the share of
// rejected would tell how fast the generator spins.
func TestRejectionsDoNotMeasureTheGenerator(t *testing.T) {
	t.Parallel()
	const pause, length, clients = 60 * time.Millisecond, 400 * time.Millisecond, 5
	for what, script := range map[string]script{
		"rejected": says(rejectedReply), "reset": resets, "error": says("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, script)
				stage := run(t, bench.Plan{Load: bench.Load{Clients: clients, Backoff: pause}, Duration: length}, made(t, bench.HTTP{URL: s.url()}))
				// At 0, 60, 120 … 360 ms at the earliest.
				if n, most := stage.Counts.Planned(), int64(clients*7); n > most || n < 2*clients || int64(s.seen()) != n {
					t.Errorf("%d arrivals, %d seen; want %d at the most", n, s.seen(), most)
				}
			})
		})
	}
}

// What is in flight when the window closes is waited for; the slowest
// requests are the ones that would be lost.
func TestInFlightWorkIsNotDropped(t *testing.T) {
	t.Parallel()
	const wait = 250 * time.Millisecond
	for _, model := range load.Models {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, after(wait, says(okReply)))
				stage := run(t, bench.Plan{Load: load.Of(model, 50), Duration: 100 * time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
				if n := stage.Counts[result.OK]; n < 5 || n != stage.Counts.Planned() || n != int64(s.seen()) {
					t.Errorf("counts %v, %d requests, want all ok", stage.Counts, s.seen())
				}
				if fastest := stage.Latency.Quantile(0); fastest < wait*999/1000 {
					t.Errorf("the fastest took %v, want %v at the least", fastest, wait)
				}
			})
		})
	}
}

// Beyond the drain limit it is counted all the same, as what it is.
func TestUnfinishedIsCounted(t *testing.T) {
	t.Parallel()
	for _, model := range load.Models {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				// What a busy machine has not sent by the end of the drain is unsent,
				// and rightly so: it is given longer.
				var stage *result.Stage
				for drain := 50 * time.Millisecond; ; drain *= 4 {
					s := newScripted(t, never)
					stage = run(t, bench.Plan{
						Load: load.Of(model, 50), Duration: 200 * time.Millisecond, DrainTimeout: drain, Timeout: time.Minute,
					}, made(t, bench.HTTP{URL: s.url()}))
					if stage.Counts[result.Unsent] == 0 || drain > 4*time.Second {
						break
					}
				}
				n := stage.Counts[result.Unfinished]
				if n < 5 || n != stage.Counts.Planned() {
					t.Errorf("counts %v, want all unfinished", stage.Counts)
				}
				if model == load.Constant && n != 10 || (model == load.Closed || model == load.Burst) && n != 50 {
					t.Errorf("%d unfinished", n)
				}
			})
		})
	}
}

// A test in which nothing has finished has shown nothing: there is no
// percentile that could lie below a bound.
func TestNothingFinishedIsNoPass(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s := newScripted(t, never)
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 3}, Duration: 100 * time.Millisecond, DrainTimeout: time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
		if _, ok := stage.Adjusted(0.5); ok {
			t.Error("there is an adjusted median though everything failed")
		}
		if stage.Latency.N() != 0 || !strings.Contains(strings.Join(stage.Notes(), " "), "3 of 3 arrivals ended in unfinished") {
			t.Errorf("%d latencies, warnings %q", stage.Latency.N(), stage.Notes())
		}
		// Nor has one in whose window nothing was planned.
		s = newScripted(t, says(okReply))
		stage = run(t, bench.Plan{Load: bench.Load{Rate: 1, Arrivals: load.Constant}, Warmup: 50 * time.Millisecond, Duration: 50 * time.Millisecond}, made(t, bench.HTTP{URL: s.url()}))
		if stage.Valid() {
			t.Error("a stage without an arrival is valid")
		}
	})
}

// At the cap of connections an arrival waits and keeps its planned instant;
// the generator was the limit, and says so.
func TestArrivalsWaitForAConnection(t *testing.T) {
	t.Parallel()
	const wait, most = 40 * time.Millisecond, 3
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		for range 3 { // of a stage that the machine disturbed, too little may be left to judge it by
			s := newScripted(t, after(wait, says(okReply)))
			stage := run(t, bench.Plan{Load: bench.Load{Rate: 200, Arrivals: load.Constant}, MaxConnections: most, Duration: 300 * time.Millisecond, DrainTimeout: time.Minute}, made(t, bench.HTTP{URL: s.url()}))
			if stage.Counts[result.OK] != 60 || s.seen() != 60 || s.connections() != most {
				t.Errorf("counts %v, %d requests over %d connections; want 60 ok over %d", stage.Counts, s.seen(), s.connections(), most)
			}
			// The last of 60 on 3 connections, planned at 295 ms, is done after 20
			// waits at the earliest, whichever it is.
			if slowest, least := stage.Latency.Max(), 20*wait-295*time.Millisecond; slowest < least*999/1000 {
				t.Errorf("the slowest took %v from its planned instant, want %v at the least", slowest, least)
			}
			if stage.Disturbed {
				t.Logf("again: %q", stage.Notes())
				continue
			}
			if stage.Valid() || !strings.Contains(strings.Join(stage.Notes(), " "), "one of the 3 connections that the stage may have") {
				t.Errorf("valid %v, %q: the generator was the limit", stage.Valid(), stage.Notes())
			}
			return
		}
	})
}

// No more wait than may, all loops together; the others are not sent, which
// is not the server's fault.
func TestArrivalsBeyondTheLimitAreNotSent(t *testing.T) {
	t.Parallel()
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		// The first answers come long after the last arrival.
		scripts := slices.Repeat([]script{says(okReply)}, 10)
		for i := range 3 {
			scripts[i] = after(1500*time.Millisecond, says(okReply))
		}
		s := newScripted(t, scripts...)
		stage := run(t, bench.Plan{
			Load: bench.Load{Rate: 500, Arrivals: load.Constant}, MaxConnections: 3, MaxWaiting: 7, Duration: 200 * time.Millisecond, DrainTimeout: time.Minute,
		}, made(t, bench.HTTP{URL: s.url()}))
		if stage.Counts[result.OK] != 10 || stage.Counts[result.Unsent] != 90 || s.seen() != 10 {
			t.Errorf("counts %v, %d requests; want 3 + 7 ok and 90 unsent", stage.Counts, s.seen())
		}
		if stage.Valid() || !strings.Contains(stage.Notes()[0], "could not send 90 of 100 arrivals") {
			t.Errorf("valid %v, %q", stage.Valid(), stage.Notes())
		}
	})
}

// An interrupt ends a stage at once, whatever it waits for.
func TestInterruptOverTheWire(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]bench.Plan{
		"closed":         {Load: bench.Load{Clients: 5}},
		"thinking":       {Load: bench.Load{Clients: 5, ThinkTime: time.Minute}},
		"done already":   {Load: bench.Load{Clients: 5, ThinkTime: 2 * time.Hour}},
		"constant":       {Load: bench.Load{Rate: 50, Arrivals: load.Constant}},
		"poisson":        {Load: bench.Load{Rate: 50}},
		"between waves":  {Load: bench.Load{Burst: 5, BurstInterval: time.Hour}},
		"new connection": {Load: bench.Load{Clients: 5, ThinkTime: time.Millisecond}, NewConnection: true},
	} {
		p.Duration, p.DrainTimeout, p.Timeout = time.Hour, time.Hour, time.Hour
		for what, script := range map[string]script{"answered": says(okReply), "not answered": never} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				eachThreads(t, func(t *testing.T, made made) {
					t.Parallel()
					s := newScripted(t, script)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					time.AfterFunc(50*time.Millisecond, cancel)
					began := time.Now()
					stage, err := bench.Run(ctx, p, made(t, bench.HTTP{URL: s.url()}))
					if stage != nil || !errors.Is(err, context.Canceled) {
						t.Errorf("stage %v, error %v, want none and the context's", stage, err)
					}
					if took := time.Since(began); took > time.Minute {
						t.Errorf("it took %v", took)
					}
				})
			})
		}
	}
}
