package bench

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

const (
	ms   = time.Millisecond
	wait = 200 * ms
)

// near reports whether a quantile equals want to the histogram's three digits.
func near(got, want time.Duration) bool {
	return math.Abs(float64(got-want)) <= float64(want)/1000+1000
}

// check compares the counts of a stage with those wanted, the rest being 0.
func check(t *testing.T, s *result.Stage, want map[result.Outcome]int64) {
	t.Helper()
	for _, o := range result.Outcomes {
		if s.Counts[o] != want[o] {
			t.Errorf("%d arrivals ended in %s, want %d (all: %v)", s.Counts[o], o, want[o], s.Counts)
		}
	}
}

func mustBeValid(t *testing.T, s *result.Stage) {
	t.Helper()
	if !s.Valid() {
		t.Errorf("not valid: %q", s.Notes())
	}
}

func TestClosedOneClient(t *testing.T) {
	f := &fakeServer{wait: wait}
	s := runFake(t, Plan{Load: Load{Clients: 1}, Warmup: 600 * ms, Duration: 3 * time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 15})
	if s.InFlight != 1 || !near(s.Latency.Max(), wait) || s.Lag.Max() > time.Microsecond {
		t.Errorf("in flight %v, max %v, lag %v; want 1, %v, 0", s.InFlight, s.Latency.Max(), s.Lag.Max(), wait)
	}
	if n := len(f.log); n != 18 {
		t.Errorf("the server saw %d requests, want 3 in the warm-up and 15 in the window", n)
	}
}

func TestClosedThinks(t *testing.T) {
	f := &fakeServer{wait: wait}
	s := runFake(t, Plan{Load: Load{Clients: 10, ThinkTime: 300 * ms, RampUp: 500 * ms}, Duration: 5 * time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 100}) // 10 clients, one cycle every 500 ms
	if !near(s.Latency.Max(), wait) {
		t.Errorf("max %v: think time is in the latency", s.Latency.Max())
	}
}

// 300 clients on 200 workers and a queue of 100: nobody is rejected, and a
// caller waits one and a half backend waits on average, by Little's law.
func TestClosedAtTheEdgeOfRejection(t *testing.T) {
	f := &fakeServer{wait: wait, workers: 200, queue: 100}
	s := runFake(t, Plan{Load: Load{Clients: 300, RampUp: wait}, Warmup: time.Second, Duration: 6 * time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 6000}) // 200 workers / 200 ms for 6 s
	if mean := s.Latency.Mean(); !near(mean, 300*ms) {
		t.Errorf("mean latency %v, want 1.5 backend waits", mean)
	}
	if math.Abs(s.InFlight-300) > 1e-6 {
		t.Errorf("%v in flight, want 300", s.InFlight)
	}
}

// Past the edge the rejected pause, so the rejected share is that of clients
// without a place: it does not measure how fast the generator spins.
func TestClosedBeyondTheEdge(t *testing.T) {
	f := &fakeServer{wait: wait, workers: 200, queue: 100}
	s := runFake(t, Plan{Load: Load{Clients: 500, RampUp: wait, Backoff: wait}, Warmup: 2 * time.Second, Duration: 6 * time.Second}, f.dial)
	mustBeValid(t, s)
	if ok := s.Counts[result.OK]; ok != 6000 {
		t.Errorf("%d ok, want 6000: the workers are never idle", ok)
	}
	// Those rejected are back after 200 ms: 200 of 500 clients, 5 times a second.
	if r := s.Counts[result.Rejected]; r < 5400 || r > 6600 {
		t.Errorf("%d rejected, want about 200 · 5 · 6 = 6000", r)
	}
	if s.Rejected.Max() > time.Microsecond {
		t.Errorf("a rejection took %v on a server that does it at once", s.Rejected.Max())
	}
}

// User 1001: in every wave exactly one of 1001 finds all of 1000 workers
// taken.
func TestBurstUser1001(t *testing.T) {
	f := &fakeServer{wait: wait, workers: 1000}
	s := runFake(t, Plan{Load: Load{Burst: 1001, BurstInterval: 500 * ms}, Warmup: 500 * ms, Duration: 2 * time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 4000, result.Rejected: 4})
}

// A burst of 1000 on 200 workers and a queue of 100: exactly 300 are served,
// 200 in one backend wait and 100 in two.
func TestBurstOnPoolAndQueue(t *testing.T) {
	f := &fakeServer{wait: wait, workers: 200, queue: 100}
	s := runFake(t, Plan{Load: Load{Burst: 1000}, Duration: time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 300, result.Rejected: 700})
	if one, two := s.Latency.CountBetween(wait-ms, wait+ms), s.Latency.CountBetween(2*wait-ms, 2*wait+ms); one != 200 || two != 100 {
		t.Errorf("%d took one wait and %d took two, want 200 and 100", one, two)
	}
}

// The fault that separates honest generators from the others: at a constant
// 500/s, a stall of 2 s makes exactly 1,000 late samples, their lateness
// spread linearly over 0 to 2 s.
func TestConstantRateShowsAStall(t *testing.T) {
	f := &fakeServer{wait: wait, stallFrom: 3 * time.Second, stallTo: 5 * time.Second}
	s := runFake(t, Plan{Load: Load{Rate: 500, Arrivals: load.Constant}, Warmup: time.Second, Duration: 9 * time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 4500})
	if late := s.Latency.CountBetween(wait+ms, time.Minute); late < 999 || late > 1000 {
		t.Errorf("%d late samples, want rate × stall = 1000", late) // one of them is late by nothing
	}
	for tenth := range 10 {
		from := wait + time.Duration(tenth)*200*ms
		if n := s.Latency.CountBetween(from+ms, from+200*ms+ms); n < 97 || n > 103 {
			t.Errorf("%d samples between %v and %v, want 100 of each tenth", n, from, from+200*ms)
		}
	}
	// So p90 of 4,500: 450 lie beyond it, of 1,000 spread over 2 s: 1.1 s late.
	if got, want := s.Latency.Quantile(0.9), wait+1100*ms; math.Abs(float64(got-want)) > float64(5*ms) {
		t.Errorf("p90 is %v, want %v", got, want)
	}
}

// A closed loop does not show that stall: each client is late once and then
// politely waits with the server. It must not be made up afterwards either.
func TestClosedLoopHidesAStall(t *testing.T) {
	f := &fakeServer{wait: wait, stallFrom: 3 * time.Second, stallTo: 5 * time.Second}
	s := runFake(t, Plan{Load: Load{Clients: 100, RampUp: wait}, Warmup: time.Second, Duration: 9 * time.Second}, f.dial)
	if late := s.Latency.CountBetween(wait+ms, time.Minute); late < 99 || late > 100 {
		t.Errorf("%d late samples, want one a client", late)
	}
}

func TestPoissonCountsAddUp(t *testing.T) {
	f := &fakeServer{wait: 50 * ms, workers: 10, queue: 0}
	s := runFake(t, Plan{Load: Load{Rate: 200}, Seed: 3, Warmup: time.Second, Duration: 20 * time.Second}, f.dial)
	mustBeValid(t, s)
	want := before20s(t)
	if got := s.Counts.Planned(); got != want {
		t.Errorf("%d arrivals, but the schedule plans %d", got, want)
	}
	// Erlang B for 10 erlangs on 10 workers is 0.2146; the measured share has a
	// standard deviation below 0.02 over these 4,000 arrivals.
	if share := s.RejectedShare(); share < 0.15 || share > 0.28 {
		t.Errorf("rejected share %.3f, want near 0.215", share)
	}
}

func before20s(t *testing.T) (n int64) {
	t.Helper()
	next := Plan{Load: Load{Rate: 200}, Seed: 3}.Schedule()
	for at := next(); at < 21*time.Second; at = next() {
		if at >= time.Second {
			n++
		}
	}
	return n
}

// An arrival that finds no free connection under the cap waits, with its
// planned instant kept; the generator was the limit and says so.
func TestOpenLoadAtTheCapOfConnections(t *testing.T) {
	f := &fakeServer{wait: wait}
	s := runFake(t, Plan{Load: Load{Rate: 100, Arrivals: load.Constant}, MaxConnections: 10, MaxWaiting: 1000, DrainTimeout: time.Minute, Duration: 4 * time.Second}, f.dial)
	check(t, s, map[result.Outcome]int64{result.OK: 400})
	// The last of the 400, planned at 3.99 s, goes out on the tenth connection,
	// which began at 90 ms, in its 40th round of 200 ms: done at 8.09 s.
	if got := s.Latency.Max(); !near(got, 4100*ms) {
		t.Errorf("the last took %v, want 4.1s from its planned instant", got)
	}
	if !near(s.Uncorrected.Max(), wait) {
		t.Errorf("service %v, want %v: the wait in the generator is not the server's", s.Uncorrected.Max(), wait)
	}
	if s.Valid() || !strings.Contains(strings.Join(s.Notes(), " "), "one of the 10 connections that the stage may have: allow more") {
		t.Errorf("valid %v, %q: the generator was the limit", s.Valid(), s.Notes())
	}
}

func TestOpenLoadBeyondTheLimitOfWaiting(t *testing.T) {
	f := &fakeServer{wait: wait}
	s := runFake(t, Plan{Load: Load{Rate: 100, Arrivals: load.Constant}, MaxConnections: 10, MaxWaiting: 20, DrainTimeout: time.Minute, Duration: 4 * time.Second}, f.dial)
	if s.Counts[result.Unsent] == 0 || s.Counts.Planned() != 400 {
		t.Errorf("counts %v, want 400 planned, some of them unsent", s.Counts)
	}
	if s.Valid() || !strings.Contains(s.Notes()[0], "could not send") {
		t.Errorf("valid %v, %q", s.Valid(), s.Notes())
	}
}

// What is still in flight at the drain limit is counted, and what still waits
// for a connection then was never sent.
func TestDrainLimit(t *testing.T) {
	f := &fakeServer{wait: time.Hour}
	s := runFake(t, Plan{Load: Load{Rate: 10, Arrivals: load.Constant}, MaxConnections: 4, DrainTimeout: 2 * time.Second, Timeout: time.Minute, Duration: time.Second}, f.dial)
	check(t, s, map[result.Outcome]int64{result.Unfinished: 4, result.Unsent: 6})
	s = runFake(t, Plan{Load: Load{Clients: 7}, DrainTimeout: 2 * time.Second, Timeout: time.Minute, Duration: time.Second}, (&fakeServer{wait: time.Hour}).dial)
	check(t, s, map[result.Outcome]int64{result.Unfinished: 7})
}

func TestDrainWaitsForTheSlow(t *testing.T) {
	f := &fakeServer{wait: 3 * time.Second}
	s := runFake(t, Plan{Load: Load{Clients: 5}, Duration: time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 5})
}

func TestTimeout(t *testing.T) {
	f := &fakeServer{wait: time.Second}
	s := runFake(t, Plan{Load: Load{Clients: 2}, Timeout: 250 * ms, Duration: time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.Timeout: 8})
	if s.Latency.N() != 0 {
		t.Error("a timeout has a latency")
	}
}

// A wave that comes before the last one was answered finds its clients busy:
// nobody's lateness but the plan's, and the message says what to change.
func TestBurstBeforeTheLastWaveWasAnswered(t *testing.T) {
	f := &fakeServer{wait: wait, workers: 10, queue: 10}
	s := runFake(t, Plan{Load: Load{Burst: 20, BurstInterval: 300 * ms}, Duration: 3 * time.Second}, f.dial)
	if s.Valid() || !strings.Contains(strings.Join(s.Notes(), " "), "reply to the wave before: use a longer burst interval") {
		t.Errorf("valid %v, %q", s.Valid(), s.Notes())
	}
}

// Peers that do not answer a dial cost one timeout before the stage, however
// many they are.
func TestConnectingIsBounded(t *testing.T) {
	hang := func(ctx context.Context) (Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	skipUnderRace(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s, err := Run(t.Context(), Plan{Load: Load{Clients: 2000}, Timeout: 2 * time.Second, Duration: time.Second},
			&GoroutineDriver{Dial: hang, Kind: "fake", sleep: goSleep})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		check(t, s, map[result.Outcome]int64{result.Timeout: 2000})
	})
}

// A driver that loses arrivals, or hands them over twice, is found out.
func TestFaultsOfADriverShow(t *testing.T) {
	skipUnderRace(t)
	for name, times := range map[string][]int{"loses a third": {1, 1, 0}, "records twice": {2}, "sound": {1}} {
		synctest.Test(t, func(t *testing.T) {
			s, err := Run(t.Context(), Plan{Load: Load{Rate: 30, Arrivals: load.Constant}, Duration: time.Second}, faulty(times))
			if err != nil {
				t.Fatal(err)
			}
			if s.Valid() != (name == "sound") {
				t.Errorf("%s: valid %v, %q", name, s.Valid(), s.Notes())
			}
		})
	}
}

// faulty is a driver that records arrival i as often as its element i says,
// over again.
type faulty []int

func (f faulty) Name() string                                    { return "faulty" }
func (f faulty) Settings() result.Settings                       { return nil }
func (f faulty) Connections(p Plan) (connections, addresses int) { return 1, 1 }

func (f faulty) Drive(_ context.Context, p Plan, rec *Recorder) error {
	shard := rec.NewShard()
	rec.machine = unwatched{}
	start, end := rec.Start()
	next := p.Schedule()
	for i := 0; ; i++ {
		at := start + next()
		if at >= end {
			break
		}
		for range f[i%len(f)] {
			shard.Begin(at)
			shard.Record(Arrival{Planned: at, Sent: at, Done: at + ms})
		}
	}
	time.Sleep(end - start)
	return nil
}

func TestWarmupIsDiscarded(t *testing.T) {
	f := &fakeServer{wait: 10 * ms, answer: func(n int) Reply {
		if n < 50 {
			return Reply{Outcome: result.Error, Why: "cold"}
		}
		return Reply{Outcome: result.OK}
	}}
	s := runFake(t, Plan{Load: Load{Clients: 1}, Warmup: 500 * ms, Duration: time.Second}, f.dial)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.OK: 100})
}

// A server that cannot be reached is data; running out of ports is the
// generator's fault and never the server's.
func TestDialFailures(t *testing.T) {
	refuse := func(context.Context) (Conn, error) { return nil, errRefused }
	s := runFake(t, Plan{Load: Load{Clients: 3, Backoff: 100 * ms}, Duration: time.Second}, refuse)
	mustBeValid(t, s)
	check(t, s, map[result.Outcome]int64{result.Refused: 30})
	if !strings.Contains(strings.Join(s.Notes(), " "), "30 of 30 arrivals ended in refused") {
		t.Errorf("warnings %q do not say so", s.Notes())
	}

	noPorts := func(context.Context) (Conn, error) { return nil, errNoPorts }
	s = runFake(t, Plan{Load: Load{Rate: 10, Arrivals: load.Constant}, Duration: time.Second}, noPorts)
	check(t, s, map[result.Outcome]int64{result.Unsent: 10})
	if s.Valid() {
		t.Error("valid although the generator ran out of ports")
	}

	hang := func(ctx context.Context) (Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	s = runFake(t, Plan{Load: Load{Rate: 10, Arrivals: load.Constant}, Timeout: 100 * ms, Duration: time.Second}, hang)
	check(t, s, map[result.Outcome]int64{result.Timeout: 10})
}

func TestNothingPlannedIsNotValid(t *testing.T) {
	f := &fakeServer{wait: ms}
	s := runFake(t, Plan{Load: Load{Rate: 1, Arrivals: load.Constant}, Warmup: 100 * ms, Duration: 500 * ms}, f.dial)
	if s.Valid() || !strings.Contains(s.Notes()[0], "no arrival") {
		t.Errorf("valid %v, %q: absence of data is never a pass", s.Valid(), s.Notes())
	}
}

func TestInterruptEndsAStageAtOnce(t *testing.T) {
	skipUnderRace(t)
	for _, p := range []Plan{
		{Load: Load{Clients: 5}, Duration: time.Hour},
		{Load: Load{Clients: 5, ThinkTime: time.Hour}, Duration: 2 * time.Hour},
		{Load: Load{Rate: 5, Arrivals: load.Constant}, Duration: time.Hour},
		{Load: Load{Burst: 5, BurstInterval: time.Hour}, Duration: 2 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second+ms, func() { cancel(errInterrupted) })
			began := time.Now()
			f := &fakeServer{wait: wait}
			stage, err := Run(ctx, p, &GoroutineDriver{Dial: f.dial, Kind: "fake", sleep: goSleep})
			if stage != nil || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: stage %v, error %v, want none and the context's", p.Load, stage, err)
			}
			if took := time.Since(began); took > 11*time.Second {
				t.Errorf("%s: it took %v to end", p.Load, took)
			}
		})
	}
}

// Whatever a server answers, every arrival has exactly one outcome, no sample
// is lost, and Little's law holds (a stage on which it fails is not valid).
func TestEveryArrivalHasOneOutcome(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type step struct {
			outcome result.Outcome
			spent   bool
		}
		script := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{
				rapid.SampledFrom([]result.Outcome{result.OK, result.OK, result.Rejected, result.Reset, result.Error}).Draw(rt, "outcome"),
				rapid.Bool().Draw(rt, "spent"),
			}
		}), 1, 20).Draw(rt, "script")
		f := &fakeServer{
			wait:    time.Duration(rapid.IntRange(0, 300).Draw(rt, "wait ms")) * ms,
			workers: rapid.IntRange(0, 20).Draw(rt, "workers"),
			queue:   rapid.IntRange(0, 5).Draw(rt, "queue"),
			answer: func(n int) Reply {
				s := script[n%len(script)]
				return Reply{Outcome: s.outcome, Spent: s.spent, Why: "as scripted"}
			},
		}
		p := Plan{
			Load: load.Of(rapid.SampledFrom(load.Models).Draw(rt, "model"), float64(rapid.IntRange(1, 60).Draw(rt, "level"))),

			Warmup:   time.Duration(rapid.IntRange(0, 500).Draw(rt, "warmup ms")) * ms,
			Duration: time.Second,

			Timeout:        time.Duration(rapid.IntRange(50, 500).Draw(rt, "timeout ms")) * ms,
			DrainTimeout:   time.Duration(rapid.IntRange(50, 500).Draw(rt, "drain ms")) * ms,
			MaxConnections: rapid.IntRange(1, 30).Draw(rt, "max clients"),
			MaxWaiting:     rapid.IntRange(1, 20).Draw(rt, "max waiting"),
			MaxLag:         time.Hour, // a cap on connections makes arrivals wait; not the point here
		}
		switch p.Load.Model() {
		case load.Closed:
			p.Load.Backoff = 10 * ms // else a fake server that answers in no time never lets the clock move
			p.Load.ThinkTime = time.Duration(rapid.IntRange(1, 100).Draw(rt, "think ms")) * ms
			p.Load.RampUp = time.Duration(rapid.IntRange(0, 100).Draw(rt, "ramp-up ms")) * ms
		case load.Burst:
			p.Load.BurstInterval = 150 * ms
		case load.Ramp:
			p.Load.Ramp.From = float64(rapid.IntRange(1, 100).Draw(rt, "from"))
		}
		s := runFake(t, p, f.dial)
		if !s.Valid() && s.Counts[result.Unsent] == 0 && s.Counts.Planned() > 0 {
			rt.Fatalf("not valid: %q", s.Notes())
		}
		for _, w := range s.Notes() {
			if strings.Contains(w, "Little") {
				rt.Fatal(w)
			}
		}
		if s.Latency.N() != s.Counts[result.OK] || s.Uncorrected.N() != s.Counts[result.OK] || s.Rejected.N() != s.Counts[result.Rejected] {
			rt.Fatalf("counts %v, but %d latencies, %d service times, %d rejections", s.Counts, s.Latency.N(), s.Uncorrected.N(), s.Rejected.N())
		}
		if s.Lag.N() != s.Counts.Planned()-s.Counts[result.Unsent] {
			rt.Fatalf("%d lags for %v", s.Lag.N(), s.Counts)
		}
		if next := p.Schedule(); next != nil {
			var planned int64
			for at := next(); at < p.Warmup+p.Duration; at = next() {
				if at >= p.Warmup {
					planned++
				}
			}
			if s.Counts.Planned() != planned {
				rt.Fatalf("%d outcomes for %d planned arrivals", s.Counts.Planned(), planned)
			}
		}
	})
}

// A generator that the machine stops beyond its window still accounts for all that was
// planned in it.
func TestStoppedBeyondTheWindow(t *testing.T) {
	skipUnderRace(t)
	synctest.Test(t, func(t *testing.T) {
		var first time.Duration
		var once, stop sync.Once
		f := &fakeServer{wait: ms}
		p := Plan{Load: Load{Rate: 100, Arrivals: load.Constant}, Duration: time.Second, DrainTimeout: 500 * ms}
		s, err := Run(t.Context(), p, &GoroutineDriver{Dial: f.dial, Kind: "fake", sleep: func(done <-chan struct{}, at time.Duration) bool {
			once.Do(func() { first = clock.Now() })
			if at > first+400*ms && at < first+600*ms {
				stop.Do(func() { time.Sleep(3 * time.Second) })
			}
			return goSleep(done, at)
		}})
		if err != nil {
			t.Fatal(err)
		}
		if s.Counts.Planned() != 100 || s.Counts[result.Unsent]+s.Counts[result.Unfinished] < 40 || s.Valid() {
			t.Errorf("%v of 100 arrivals; %q", s.Counts, s.Invalid)
		}
		for _, note := range s.Invalid {
			if strings.Contains(note, "fault of the driver") {
				t.Error(note)
			}
		}
	})
}
