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
		q := closedCycle(row.n, row.c, row.z)
		wantClose(t, row.about, q.throughput(), row.throughput, 1e-12)
		wantClose(t, row.about, 1+q.waitMean, row.latency, 1e-12)
	}
	// Platform threads of JEP 444: 10,000 tasks that sleep for 1 s on 200 threads are
	// 200 a second, and on one thread each, 10,000.
	wantClose(t, "200 threads", closedCycle(10_000, 200, 0).throughput(), 200, 1e-12)
	wantClose(t, "10,000 threads", closedCycle(10_000, 10_000, 0).throughput(), 10_000, 1e-12)
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
		s := must(simulateClosed(closedSim{Clients: row.n, Workers: row.c, Places: Unbounded, Think: row.z, Seed: uint64(i), Runs: 5, Requests: 20_000}, 0.001, 0.999))
		q := closedCycle(row.n, row.c, row.z)
		wantClose(t, "throughput", s.throughput.Mean, q.throughput(), 2e-3)
		wantClose(t, "latency", s.latencyMean.Mean, 1+q.waitMean, 2e-3)
		spread := s.waitQuantiles[1].Mean - s.waitQuantiles[0].Mean
		if row.alike != (spread < 1e-9) || spread > 1+1e-9 {
			t.Errorf("%+v: waits from %v to %v", row, s.waitQuantiles[0].Mean, s.waitQuantiles[1].Mean)
		}
	}
}

func TestClosedChain(t *testing.T) {
	q := closedChain(1_000, 100, 100, 5)
	wantClose(t, "the share of 1000 clients on 100 + 100", q.rejected, 0.37628, 1e-5)
	wantClose(t, "flow balance", q.load, (1_000-q.inFlight())/5, 1e-9)
	wantClose(t, "all are busy", q.throughput(), 100, 1e-6)

	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 80).Draw(t, "n")
		c := rapid.IntRange(1, 40).Draw(t, "c")
		k := rapid.IntRange(-1, 40).Draw(t, "k")
		z := rapid.Float64Range(0.01, 20).Draw(t, "z")
		q := closedChain(n, c, k, z)
		sane(t, q)
		// Little's law, of those that think and of those in the system.
		wantClose(t, "thinking", q.load*z, float64(n)-q.inFlight(), 1e-9)
		if k == 0 {
			wantClose(t, "without places it is Engset's", q.rejected, engset(n, c, 1/z), 1e-10)
		}
		if (k == Unbounded || n <= c+k) && q.rejected != 0 {
			t.Errorf("%v are rejected, but all fit in", q.rejected)
		}
		if q.throughput() > float64(c)*(1+1e-9) || q.throughput() > float64(n)/(1+z)*(1+1e-9) && c >= n {
			t.Errorf("throughput %v", q.throughput())
		}
	})
	lawHolds(t, "closed", closedChain(60, 10, 30, 3), 1e-4)
	for _, row := range []struct {
		n, c, k int
		z       float64
	}{{1_000_000, 100_000, 100_000, 1}, {1_000_000, 100_000, 100_000, 1e-9}, {10, 1, 1, 1e9}, {1_000_000, 10, Unbounded, 1e6}} {
		sane(t, closedChain(row.n, row.c, row.k, row.z))
	}
}

func TestClosedSimulationAgainstFormulas(t *testing.T) {
	exponential := Law{Kind: Exponential}
	// Engset's share whatever the laws, as long as one has a density.
	for i, laws := range [][2]Law{{{}, exponential}, {exponential, {}}, {exponential, exponential}, {{Kind: Lognormal, CV: 2}, {}}} {
		s := must(simulateClosed(closedSim{Clients: 30, Workers: 10, Think: 1, Pause: 1, Service: laws[0], ThinkLaw: laws[1], Seed: uint64(i), Requests: 10_000, Confidence: 0.999}, 0.5))
		holds(t, "Engset", s.rejected, engset(30, 10, 1), 0)
	}
	s := must(simulateClosed(closedSim{Clients: 30, Workers: 5, Places: 10, Think: 4, Pause: 4, Service: exponential, ThinkLaw: exponential, Requests: 10_000, Confidence: 0.999}, 0.9))
	q := closedChain(30, 5, 10, 4)
	w, _ := q.waitQuantile(0.9)
	holds(t, "rejected", s.rejected, q.rejected, 0)
	holds(t, "throughput", s.throughput, q.throughput(), 0)
	holds(t, "mean wait", s.waitMean, q.waitMean, 0)
	holds(t, "p90", s.waitQuantiles[0], w, 0)
	holds(t, "in flight", s.inFlight, q.inFlight(), 0)

	// 1000 clients on 100 + 100 that think five services: with constant times 0.375.
	s = must(simulateClosed(closedSim{Clients: 1_000, Workers: 100, Places: 100, Think: 5, Pause: 5, Runs: 5, Requests: 20_000}, 0.5))
	wantClose(t, "constant, constant", s.rejected.Mean, 0.3751, 0.005)
	// With exponential thinking it hangs on how the workers are staggered, but what
	// is sent is as many as think, over the time of thinking.
	s = must(simulateClosed(closedSim{Clients: 1_000, Workers: 100, Places: 100, Think: 5, Pause: 5, ThinkLaw: exponential, Runs: 5, Requests: 20_000}, 0.5))
	if s.rejected.Mean < 0.374 || s.rejected.Mean > 0.3985 {
		t.Errorf("constant, exponential: %v", s.rejected)
	}
	wantClose(t, "flow balance", s.throughput.Mean/(1-s.rejected.Mean), (1_000-s.inFlight.Mean)/5, 0.005)
}

func TestClosedFull(t *testing.T) {
	q := closedFull(1_000, 100, 100, 0.005)
	wantClose(t, "throughput", q.throughput(), 100, 1e-12)
	wantClose(t, "latency", 1+q.waitMean, 2, 1e-12)
	wantClose(t, "spinning", q.load-q.throughput(), 160_000, 1e-9)
	s := must(simulateClosed(closedSim{Clients: 30, Workers: 5, Places: 5, Pause: 0.1234567, Runs: 3, Requests: 50_000}, 0.5))
	q = closedFull(30, 5, 5, 0.1234567)
	wantClose(t, "rejected", s.rejected.Mean, q.rejected, 0.005)
	wantClose(t, "latency", s.latencyMean.Mean, 1+q.waitMean, 0.005)
	wantClose(t, "throughput", s.throughput.Mean, q.throughput(), 0.02)
}

func TestBurst(t *testing.T) {
	if q := burst(1_001, 1_000, 0); !close(q.rejected, 1.0/1_001, 1e-12) {
		t.Errorf("1001 on 1000: %v", q.rejected)
	}
	rapid.Check(t, func(t *rapid.T) {
		n, c, k := rapid.IntRange(1, 200).Draw(t, "n"), rapid.IntRange(1, 50).Draw(t, "c"), rapid.IntRange(-1, 50).Draw(t, "k")
		q := burst(n, c, k)
		l := newLine[float64](c, k)
		var waits []float64
		for range n {
			if !l.full(0) {
				waits = append(waits, l.enter(0, 1))
			}
		}
		wantClose(t, "mean", q.waitMean, mean(waits), 1e-12)
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		got, latencies := q.quantiles(p)
		wantClose(t, "quantile", got[0], nearestRank(waits, p), 0)
		wantClose(t, "quantile of the latency", latencies[0], 1+nearestRank(waits, p), 0)
		if math.Abs(q.rejected*float64(n)-float64(n-len(waits))) > 1e-9 {
			t.Errorf("rejected %v", q.rejected)
		}
		waited := 0.0
		for _, w := range waits {
			waited += boolTo(w > 0)
		}
		wantClose(t, "waits", q.waitProbability, waited/float64(len(waits)), 1e-12)
	})
}
