package bench_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// drive runs one stage over real sockets against a target in this process.
// Nothing asserted here is a time: counts are exact, and order is by
// construction.
func drive(t *testing.T, style string, o targets.Options, p bench.Plan) *result.Stage {
	t.Helper()
	s, _ := targets.Find(style)
	server, err := s.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	p.MaxLag = time.Minute // generator and target share this machine with other tests
	dial := dialer(t, "http://"+server.Addr()+"/api/orders?user_id=42")
	stage, err := bench.Run(t.Context(), p, &bench.GoroutineDriver{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range stage.Notes() {
		t.Logf("%s: %s", style, w)
	}
	return stage
}

func want(t *testing.T, s *result.Stage, counts map[result.Outcome]int64) {
	t.Helper()
	for _, o := range result.Outcomes {
		if s.Counts[o] != counts[o] {
			t.Errorf("%d %s, want %d (all: %v)", s.Counts[o], o, counts[o], s.Counts)
		}
	}
}

// burst drives waves of clients at a target whose backend takes wait, every
// so many waits, and returns the stage and that wait. All of a wave must have
// reached the target before the first of it is answered; on a machine too busy
// for that the waves are driven again with three times the wait.
func burst(t *testing.T, style string, o targets.Options, clients, every, waves int) (*result.Stage, time.Duration) {
	t.Helper()
	for wait := 500 * time.Millisecond; ; wait *= 3 {
		o.Sim.Latency = wait
		pause := time.Duration(every) * wait
		s := drive(t, style, o, bench.Plan{Load: bench.Load{Burst: clients, BurstInterval: pause}, Duration: time.Duration(waves) * pause, Timeout: time.Minute, DrainTimeout: time.Minute})
		sent, refusal, first := s.Lag.Max(), s.Rejected.Max(), s.Latency.Quantile(0.1)-wait
		if max(sent, refusal, first) < wait/4 || wait > 4*time.Second {
			return s, wait
		}
		t.Logf("a wave took up to %v to send, a refusal %v, an answer %v more than its wait: again with a wait of %v", sent, refusal, first, 3*wait)
	}
}

// oneTooMany drives waves of one client more than there are workers: in every
// wave exactly one finds all of them waiting. The event loop rejects nobody.
func oneTooMany(t *testing.T, workers int) {
	s, _ := burst(t, "blocking", targets.Options{Workers: workers, Queue: targets.NoQueue}, workers+1, 2, 2)
	want(t, s, map[result.Outcome]int64{result.OK: int64(2 * workers), result.Rejected: 2})
	s, _ = burst(t, "eventloop", targets.Options{}, workers+1, 2, 1)
	want(t, s, map[result.Outcome]int64{result.OK: int64(workers) + 1})
}

// User 101. A smaller wave is sent sooner on a busy machine.
func TestOneClientTooMany(t *testing.T) { oneTooMany(t, 100) }

// User 1001.
func TestSlowUser1001(t *testing.T) {
	slow.Only(t)
	oneTooMany(t, 1000)
}

// fillPoolAndQueue drives 10 clients per place in the queue at twice as many
// workers: the workers serve theirs after one wait, and the queue after two.
func fillPoolAndQueue(t *testing.T, queue int) {
	workers, clients := 2*queue, 10*queue
	s, wait := burst(t, "blocking", targets.Options{Workers: workers, Queue: queue}, clients, 3, 1)
	want(t, s, map[result.Outcome]int64{result.OK: int64(workers + queue), result.Rejected: int64(clients - workers - queue)})
	if one, two := s.Latency.CountBetween(0, 2*wait), s.Latency.CountBetween(2*wait, time.Hour); one != int64(workers) || two != int64(queue) {
		t.Errorf("%d were served in one wait and %d in two, want %d and %d", one, two, workers, queue)
	}
}

func TestBurstFillsPoolAndQueue(t *testing.T) { fillPoolAndQueue(t, 10) }

func TestSlowBurstFillsPoolAndQueue(t *testing.T) {
	slow.Only(t)
	fillPoolAndQueue(t, 100)
}

// A closed load of 300 on 200 workers and a queue of 100 is the most that the
// pool takes: none is rejected, and by Little's law a caller is in for one
// and a half waits: 300 in the pool, 200 leaving it every wait.
func TestClosedAtTheEdgeOfThePool(t *testing.T) {
	const wait = 100 * time.Millisecond
	s := drive(t, "blocking",
		targets.Options{Workers: 200, Queue: 100, Sim: sim.Config{Latency: wait}},
		bench.Plan{Load: bench.Load{Clients: 300, RampUp: 150 * time.Millisecond, Backoff: wait}, Warmup: 2 * wait, Duration: time.Second})
	if s.Counts[result.OK] == 0 || s.Counts[result.OK] != s.Counts.Planned() {
		t.Errorf("counts %v, want all ok", s.Counts)
	}
	if math.Abs(s.InFlight-300) > 3 {
		t.Errorf("%.2f in flight, want 300", s.InFlight)
	}
	// A slow machine adds to the wait; nothing takes from it.
	if mean := s.Latency.Mean(); mean < 14*wait/10 {
		t.Errorf("mean latency %v, want no less than 1.5 waits of %v", mean, wait)
	}
	t.Logf("mean latency %v, 1.5 waits are %v", s.Latency.Mean(), 3*wait/2)
}

// Little's law holds on every stage of every style and load, or the stage
// would not be valid; and in a closed load without pauses the mean number in
// flight is the number of clients.
func TestLittlesLawOnEveryStyle(t *testing.T) {
	const wait = 30 * time.Millisecond
	for _, style := range targets.Names(targets.Inline(targets.HTTP)) {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			for _, p := range []bench.Plan{
				{Load: bench.Load{Clients: 20, RampUp: wait}, Warmup: 2 * wait},
				{Load: bench.Load{Burst: 20, BurstInterval: 100 * time.Millisecond}},
				{Load: bench.Load{Rate: 200, Arrivals: load.Constant}, Warmup: 2 * wait},
				{Load: bench.Load{Rate: 200}, Warmup: 2 * wait, Seed: 1},
			} {
				p.Duration = 400 * time.Millisecond
				s := drive(t, style, targets.Options{Workers: 100, Sim: sim.Config{Latency: wait}}, p)
				if s.Counts[result.OK] == 0 || s.Counts[result.OK] != s.Counts.Planned() {
					t.Errorf("%s: counts %v, want all ok", p.Load, s.Counts)
				}
				for _, w := range s.Notes() {
					t.Errorf("%s: %s", p.Load, w)
				}
				if p.Load.Model() == load.Closed && math.Abs(s.InFlight-20) > 0.4 {
					t.Errorf("%.2f in flight in a closed load of 20", s.InFlight)
				}
			}
		})
	}
}

// A stall of the backend at a constant rate, over real sockets: rate × stall
// samples are late, and their lateness is spread over the stall.
func TestStallAtAConstantRate(t *testing.T) {
	t.Parallel()
	const (
		rate  = 500
		stall = time.Second
		wait  = 20 * time.Millisecond
	)
	for _, style := range targets.Names(targets.Inline(targets.HTTP)) {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			s := drive(t, style,
				targets.Options{Workers: 1000, Sim: sim.Config{Latency: wait, Stall: sim.Stall{Length: stall, Offset: 500 * time.Millisecond}}},
				bench.Plan{Load: bench.Load{Rate: rate, Arrivals: load.Constant}, Duration: 2 * time.Second})
			want(t, s, map[result.Outcome]int64{result.OK: 1000})
			// Late by a tenth of the stall or more: nine tenths of the 500 answers
			// that fall due in the stall. A slow machine can add to the lateness, not
			// take from it.
			if late := s.Latency.CountBetween(wait+stall/10, time.Minute); late < 448 {
				t.Errorf("%d samples late by a tenth of the stall, want 450 at the least", late)
			}
			if late := s.Latency.CountBetween(wait+9*stall/10, time.Minute); late < 48 {
				t.Errorf("%d samples late by nine tenths of the stall, want 50 at the least", late)
			}
			t.Logf("p50 %v p90 %v max %v", s.Latency.Quantile(0.5), s.Latency.Quantile(0.9), s.Latency.Max())
		})
	}
}
