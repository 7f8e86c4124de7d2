package theory

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestClosedCycle(t *testing.T) {
	rows := []struct {
		about      string
		n, c, k    int
		z          float64
		throughput float64
		latency    float64
	}{
		{"below the knee", 100, 100, 100, 1, 50, 1},
		{"at the knee", 200, 100, 100, 1, 100, 1},
		{"no thinking, below", 50, 100, 100, 0, 50, 1},
		{"no thinking, above", 200, 100, 100, 0, 100, 2},
		{"thinking, above", 400, 100, Unbounded, 1, 100, 3},
		{"half a rank", 150, 100, 100, 0, 100, 1.5},
	}
	for _, row := range rows {
		q := must(ClosedCycle(row.n, row.c, row.k, row.z))
		wantClose(t, row.about, q.Throughput(), row.throughput, 1e-12)
		wantClose(t, row.about, 1+q.WaitMean, row.latency, 1e-12)
	}
	// Platform threads of JEP 444: 10,000 tasks that sleep for 1 s on 200 threads are
	// 200 a second, and on one thread each, 10,000.
	wantClose(t, "200 threads", must(ClosedCycle(10_000, 200, Unbounded, 0)).Throughput(), 200, 1e-12)
	wantClose(t, "10,000 threads", must(ClosedCycle(10_000, 10_000, Unbounded, 0)).Throughput(), 10_000, 1e-12)
}

// The mean is that of the cycle, however workers are staggered; each single
// latency is where the clients are a multiple of the workers, and else only
// within a service of the others.
func TestClosedCycleAgainstSimulation(t *testing.T) {
	for i, row := range []struct {
		n, c  int
		z     float64
		alike bool
	}{{20, 10, 0.5, true}, {12, 10, 0.5, true}, {25, 10, 0.5, false}, {30, 10, 1, true}, {13, 10, 0, false}} {
		s := must(SimulateClosed(ClosedSimulation{Clients: row.n, Workers: row.c, Places: Unbounded, Think: row.z, Seed: uint64(i), Runs: 5, Requests: 20_000}, 0.001, 0.999))
		q := must(ClosedCycle(row.n, row.c, Unbounded, row.z))
		wantClose(t, "throughput", s.Throughput.Mean, q.Throughput(), 2e-3)
		wantClose(t, "latency", s.LatencyMean.Mean, 1+q.WaitMean, 2e-3)
		spread := s.WaitQuantiles[1].Mean - s.WaitQuantiles[0].Mean
		if row.alike != (spread < 1e-9) || spread > 1+1e-9 {
			t.Errorf("%+v: waits from %v to %v", row, s.WaitQuantiles[0].Mean, s.WaitQuantiles[1].Mean)
		}
	}
}

func TestClosedChain(t *testing.T) {
	q := must(ClosedChain(1_000, 100, 100, 5))
	wantClose(t, "the share of 1000 clients on 100 + 100", q.Rejected, 0.37628, 1e-5)
	wantClose(t, "flow balance", q.Load, (1_000-q.InFlight())/5, 1e-9)
	wantClose(t, "all are busy", q.Throughput(), 100, 1e-6)

	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 80).Draw(t, "n")
		c := rapid.IntRange(1, 40).Draw(t, "c")
		k := rapid.IntRange(-1, 40).Draw(t, "k")
		z := rapid.Float64Range(0.01, 20).Draw(t, "z")
		q := must(ClosedChain(n, c, k, z))
		sane(t, q)
		// Little's law, of those that think and of those in the system.
		wantClose(t, "thinking", q.Load*z, float64(n)-q.InFlight(), 1e-9)
		if k == 0 {
			wantClose(t, "without places it is Engset's", q.Rejected, must(Engset(n, c, 1/z)), 1e-10)
		}
		if (k == Unbounded || n <= c+k) && q.Rejected != 0 {
			t.Errorf("%v are rejected, but all fit in", q.Rejected)
		}
		if q.Throughput() > float64(c)*(1+1e-9) || q.Throughput() > float64(n)/(1+z)*(1+1e-9) && c >= n {
			t.Errorf("throughput %v", q.Throughput())
		}
	})
	lawHolds(t, "closed", must(ClosedChain(60, 10, 30, 3)), 1e-4)
	for _, row := range []struct {
		n, c, k int
		z       float64
	}{{1_000_000, 100_000, 100_000, 1}, {1_000_000, 100_000, 100_000, 1e-9}, {10, 1, 1, 1e9}, {1_000_000, 10, Unbounded, 1e6}} {
		sane(t, must(ClosedChain(row.n, row.c, row.k, row.z)))
	}
}

func TestClosedSimulationAgainstFormulas(t *testing.T) {
	exponential := Law{Kind: Exponential}
	// Engset's share whatever the laws, as long as one has a density.
	for i, laws := range [][2]Law{{{}, exponential}, {exponential, {}}, {exponential, exponential}, {{Lognormal, 2}, {}}} {
		s := must(SimulateClosed(ClosedSimulation{Clients: 30, Workers: 10, Think: 1, Pause: 1, Service: laws[0], ThinkLaw: laws[1], Seed: uint64(i), Requests: 10_000, Confidence: 0.999}, 0.5))
		holds(t, "Engset", s.Rejected, must(Engset(30, 10, 1)), 0)
	}
	s := must(SimulateClosed(ClosedSimulation{Clients: 30, Workers: 5, Places: 10, Think: 4, Pause: 4, Service: exponential, ThinkLaw: exponential, Requests: 10_000, Confidence: 0.999}, 0.9))
	q := must(ClosedChain(30, 5, 10, 4))
	w, _ := q.WaitQuantile(0.9)
	holds(t, "rejected", s.Rejected, q.Rejected, 0)
	holds(t, "throughput", s.Throughput, q.Throughput(), 0)
	holds(t, "mean wait", s.WaitMean, q.WaitMean, 0)
	holds(t, "p90", s.WaitQuantiles[0], w, 0)
	holds(t, "in flight", s.InFlight, q.InFlight(), 0)

	// 1000 clients on 100 + 100 that think five services: with constant times 0.375.
	s = must(SimulateClosed(ClosedSimulation{Clients: 1_000, Workers: 100, Places: 100, Think: 5, Pause: 5, Runs: 5, Requests: 20_000}, 0.5))
	wantClose(t, "constant, constant", s.Rejected.Mean, 0.3751, 0.005)
	// With exponential thinking it hangs on how the workers are staggered, but what
	// is sent is as many as think, over the time of thinking.
	s = must(SimulateClosed(ClosedSimulation{Clients: 1_000, Workers: 100, Places: 100, Think: 5, Pause: 5, ThinkLaw: exponential, Runs: 5, Requests: 20_000}, 0.5))
	if s.Rejected.Mean < 0.374 || s.Rejected.Mean > 0.3985 {
		t.Errorf("constant, exponential: %v", s.Rejected)
	}
	wantClose(t, "flow balance", s.Throughput.Mean/(1-s.Rejected.Mean), (1_000-s.InFlight.Mean)/5, 0.005)
}

func TestFlatOut(t *testing.T) {
	f := must(FlatOut(1_000, 100, 100, 0.005))
	wantClose(t, "throughput", f.Throughput, 100, 1e-12)
	wantClose(t, "latency", f.Latency, 2, 1e-12)
	wantClose(t, "spinning", f.Sent, 160_000, 1e-12)
	s := must(SimulateClosed(ClosedSimulation{Clients: 30, Workers: 5, Places: 5, Pause: 0.1234567, Runs: 3, Requests: 50_000}, 0.5))
	f = must(FlatOut(30, 5, 5, 0.1234567))
	wantClose(t, "rejected", s.Rejected.Mean, f.Rejected, 0.005)
	wantClose(t, "latency", s.LatencyMean.Mean, f.Latency, 0.005)
	wantClose(t, "throughput", s.Throughput.Mean, f.Throughput, 0.02)
}

func TestBurst(t *testing.T) {
	b := must(NewBurst(1_001, 1_000, 0))
	if b.Accepted() != 1_000 || !close(b.Rejected(), 1.0/1_001, 1e-12) {
		t.Errorf("1001 on 1000: %d, %v", b.Accepted(), b.Rejected())
	}
	rapid.Check(t, func(t *rapid.T) {
		b := must(NewBurst(rapid.IntRange(1, 200).Draw(t, "n"), rapid.IntRange(1, 50).Draw(t, "c"), rapid.IntRange(-1, 50).Draw(t, "k")))
		l := newLine[float64](b.Workers, b.Places, true)
		var all []float64
		for range b.Clients {
			if !l.full(0) {
				all = append(all, 1+l.enter(0, 1))
			}
		}
		if len(all) != b.Accepted() {
			t.Fatalf("%d accepted, want %d", b.Accepted(), len(all))
		}
		for i, v := range all {
			wantClose(t, "latency", b.Latency(i+1), v, 0)
		}
		wantClose(t, "mean", b.LatencyMean(), mean(all), 1e-12)
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		wantClose(t, "quantile", b.LatencyQuantile(p), nearestRank(all, p), 0)
		if r := b.Rejected(); math.Abs(r*float64(b.Clients)-float64(b.Clients-len(all))) > 1e-9 {
			t.Errorf("rejected %v", r)
		}
	})
}
