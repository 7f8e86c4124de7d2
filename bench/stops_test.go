package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// stops is a generator that is stopped for a while, again and again: it neither sends
// nor reads. It is also the machine, which says so.
type stops struct {
	every, length time.Duration // 0: never
	began, until  time.Duration
}

// out moves an instant in a stop to its end.
func (s *stops) out(at time.Duration) time.Duration {
	if s.length == 0 || at < s.began {
		return at
	}
	if in := (at - s.began) % s.every; in >= s.every-s.length {
		return at - in + s.every
	}
	return at
}

func (s *stops) sleep(done <-chan struct{}, at time.Duration) bool {
	return goSleep(done, s.out(max(at, clock.Now())))
}

// Spells are the stops that have ended.
func (s *stops) Spells() (spells []host.Spell, until time.Duration) {
	now := clock.Now()
	if s.length == 0 {
		return nil, now
	}
	for ; s.until+s.every <= now; s.until += s.every {
		spells = append(spells, host.Spell{From: s.until + s.every - s.length, To: s.until + s.every, Size: s.length, Cause: host.Stopped})
	}
	if s.out(now) != now {
		now = s.out(now) - s.length
	}
	return spells, now
}

func (s *stops) Stop() {}

// stoppedConn is a connection of which nothing is read during a stop.
type stoppedConn struct {
	Conn
	stops *stops
}

func (c stoppedConn) Do(timeout time.Duration) Reply {
	r := c.Conn.Do(timeout)
	goSleep(nil, c.stops.out(clock.Now()))
	return r
}

// runStopped runs a stage on a fake clock.
func runStopped(t *testing.T, p Plan, f *fakeServer, s *stops) *result.Stage {
	t.Helper()
	skipUnderRace(t)
	var stage *result.Stage
	synctest.Test(t, func(t *testing.T) {
		s.began, s.until = clock.Now(), clock.Now()
		dial := func(ctx context.Context) (Conn, error) {
			c, err := f.dial(ctx)
			return stoppedConn{c, s}, err
		}
		var err error
		if stage, err = Run(t.Context(), p, &GoroutineDriver{Dial: dial, sleep: s.sleep, machine: s}); err != nil {
			t.Fatal(err)
		}
	})
	return stage
}

func jitter(seed uint64, most time.Duration) func() time.Duration {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() time.Duration { return time.Duration(rng.Int64N(int64(most))) }
}

// between are the least and the largest value that a quantile may have by chance, of a
// stage with clustered samples: ranks of theory, with an inflation of five.
func between(h *result.Hist, q float64) (low, high time.Duration) {
	half := 1.96 * math.Sqrt(5*q*(1-q)/float64(h.N()))
	return h.Quantile(q - half), h.Quantile(min(1, q+half))
}

// Without what a stop of the generator changed, a stage shows what it shows without
// stops. With it, it does not.
func TestStopsOfTheGeneratorAreLeftOut(t *testing.T) {
	for _, c := range []struct {
		name string
		load Load
		pool int
	}{
		{"open", Load{Rate: 500}, 16},
		{"open, at 88 % of the pool", Load{Rate: 700}, 16},
		{"closed, with think time", Load{Clients: 20, ThinkTime: 50 * ms, RampUp: 70 * ms}, 8},
		{"closed, without a queue", Load{Clients: 20, RampUp: 20 * ms}, 20},
	} {
		stage := func(length time.Duration) *result.Stage {
			f := &fakeServer{wait: 18 * ms, jitter: jitter(7, 4*ms), workers: c.pool, queue: 16}
			p := Plan{Load: c.load, Warmup: 600 * ms, Duration: 20 * time.Second, Extend: 3, Seed: 1}
			return runStopped(t, p, f, &stops{every: 5 * time.Second, length: length})
		}
		want, got := stage(0), stage(60*ms)
		if !want.Valid() || want.Undisturbed != nil || !got.Valid() || got.Undisturbed == nil {
			t.Errorf("%s: %q and %q, %v left out", c.name, want.Invalid, got.Invalid, got.LeftOut())
			continue
		}
		if left := got.LeftOut(); got.Shown().Length < 19800*ms || left < 3*120*ms || left > 1500*ms {
			t.Errorf("%s: %v of %v are left out", c.name, left, got.Length)
		}
		for _, q := range []float64{0.5, 0.9, 0.99} {
			low, high := between(want.Latency, q)
			least, most := between(got.Shown().Latency, q)
			if most < low || least > high {
				t.Errorf("%s: p%g is %v to %v, want %v to %v", c.name, 100*q, least, most, low, high)
			}
		}
		share := want.RejectedShare()
		if off := math.Abs(got.RejectedShare() - share); off > 1.96*math.Sqrt(5*(share+0.0001)/float64(want.Counts.Planned())) {
			t.Errorf("%s: %.4f are rejected, want %.4f", c.name, got.RejectedShare(), share)
		}
		if c.name != "closed, without a queue" && got.Latency.Quantile(0.99) < want.Latency.Quantile(0.99)*3/2 {
			t.Errorf("%s: p99 of all is %v: the stops changed nothing", c.name, got.Latency.Quantile(0.99))
		}
		var disturbed time.Duration
		var n int64
		for _, s := range got.Slices {
			if disturbed += s.Disturbed; (s.Disturbed > 0) != (s.Cause != "") {
				t.Errorf("%s: a slice was disturbed for %v by %q", c.name, s.Disturbed, s.Cause)
			}
			n += s.Counts.Planned()
		}
		if disturbed != got.LeftOut() || n != got.Counts.Planned() {
			t.Errorf("%s: slices have %v disturbed and %d arrivals, want %v and %d", c.name, disturbed, n, got.LeftOut(), got.Counts.Planned())
		}
	}
}

// A server that stalls is what a stage is about.
func TestStalledServersAreShown(t *testing.T) {
	f := &fakeServer{wait: 20 * ms, stallFrom: time.Second, stallTo: 1100 * ms}
	s := runStopped(t, Plan{Load: Load{Rate: 500}, Warmup: 200 * ms, Duration: 3 * time.Second, Extend: 3}, f, &stops{})
	if !s.Valid() || s.Undisturbed != nil || s.Length != 3*time.Second || s.Shown().Latency.Max() < 100*ms {
		t.Errorf("%q, %v of %v left out, the slowest took %v", s.Invalid, s.LeftOut(), s.Length, s.Shown().Latency.Max())
	}
}

// A stage runs on for at most Extend times its length, and a ramp not at all.
func TestExtensionEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		plan   Plan
		length time.Duration
		again  bool
	}{
		{"often", Plan{Load: Load{Rate: 500}, Extend: 3}, 3 * time.Second, false},
		{"often, in a closed load", Plan{Load: Load{Clients: 10}, Extend: 3}, 3 * time.Second, false},
		{"not extended", Plan{Load: Load{Rate: 500}, Extend: 1}, time.Second, true},
		{"a ramp", Plan{Load: Load{Ramp: Load{}.Ramp}, Extend: 3}, time.Second, true},
	} {
		if c.name == "a ramp" {
			c.plan.Load.Ramp.From, c.plan.Load.Ramp.To = 100, 500
		}
		c.plan.Warmup, c.plan.Duration = 200*ms, time.Second
		s := runStopped(t, c.plan, &fakeServer{wait: 20 * ms}, &stops{every: 200 * ms, length: 40 * ms})
		if s.Length != c.length || s.Valid() || s.Disturbed != c.again {
			t.Errorf("%s: %v long, valid %v, disturbed %v: %q", c.name, s.Length, s.Valid(), s.Disturbed, s.Invalid)
		}
	}
}

// In a pool that is full, a stop brings the clients that it holds up into step for good:
// from a third of them on, it changes the percentiles. Such a stage is to be run again.
func TestClientsInStep(t *testing.T) {
	for _, c := range []struct {
		name    string
		clients int
		stop    time.Duration
		valid   bool
	}{
		{"full, a short stop", 24, 5 * ms, true},
		{"full, a long stop", 24, 60 * ms, false},
		{"not full, a long stop", 16, 60 * ms, true},
	} {
		p := Plan{Load: Load{Clients: c.clients, RampUp: 20 * ms}, Warmup: 600 * ms, Duration: 20 * time.Second, Extend: 3, Wait: 20 * ms}
		s := runStopped(t, p, &fakeServer{wait: 20 * ms, jitter: jitter(7, ms/5), workers: 16, queue: 1000}, &stops{every: 5 * time.Second, length: c.stop})
		p99 := s.Shown().Latency.Quantile(0.99)
		if s.Valid() != c.valid || s.Disturbed == c.valid || !c.valid != (p99 > 39*ms) {
			t.Errorf("%s: p99 %v, valid %v, disturbed %v: %q", c.name, p99, s.Valid(), s.Disturbed, s.Invalid)
		}
		if c.stop > 10*ms && (s.Length > p.Duration) != c.valid {
			t.Errorf("%s: %v long: what is to be run again has no reason to run on, and what is valid has", c.name, s.Length)
		}
	}
}

// What is published while a stage runs adds up to the stage.
func TestLiveAddsUp(t *testing.T) {
	var counts result.Counts
	latency := new(result.Sparse)
	published, last := 0, 0
	p := Plan{Load: Load{Rate: 500}, Warmup: 300 * ms, Duration: 3 * time.Second, Watch: func(l Live) {
		counts.Add(l.Counts)
		latency.Merge(l.Latency)
		if published++; l.Last {
			last = published
		}
	}}
	s := runStopped(t, p, &fakeServer{wait: 400 * ms, workers: 150, queue: 40}, &stops{})
	if counts != s.Counts || latency.Sum() != s.Latency.Sum() || latency.N() != s.Latency.N() {
		t.Errorf("published %v and %v, want %v and %v", counts, latency.Hist().Summary(), s.Counts, s.Latency.Summary())
	}
	if published < 10 || published > 20 || last != published {
		t.Errorf("published %d times, the last was number %d", published, last)
	}
}

// Ten hours of slices need little memory, whatever the latencies.
func TestSlowTenHours(t *testing.T) {
	slow.Only(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := &fakeServer{wait: 20 * ms, jitter: jitter(7, 40*ms)}
	s := runStopped(t, Plan{Load: Load{Rate: 2, Arrivals: "constant"}, Duration: 10 * time.Hour, Extend: 3}, f, &stops{every: time.Minute, length: 60 * ms})
	if n := len(s.Slices); n > result.MaxSlices || n < result.MaxSlices/2 {
		t.Errorf("%d slices, want at most %d", n, result.MaxSlices)
	}
	var n int64
	var at, disturbed time.Duration
	for _, slice := range s.Slices {
		if slice.Offset != at {
			t.Fatalf("a slice begins at %v, want %v", slice.Offset, at)
		}
		at += slice.Length
		disturbed += slice.Disturbed
		n += slice.Latency.N()
	}
	if n != s.Counts[result.OK] || at != s.Length || disturbed != s.LeftOut() || s.Shown().Length < 9*time.Hour+56*time.Minute {
		t.Errorf("slices of %v with %d ok and %v disturbed, want %v, %d, %v", at, n, disturbed, s.Length, s.Counts[result.OK], s.LeftOut())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the stage takes %d MB", grown>>20)
	} else {
		t.Logf("the stage takes %d KB", grown>>10)
	}
	runtime.KeepAlive(s)
}
