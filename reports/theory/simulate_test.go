package theory

import (
	"math"
	"reflect"
	"testing"
)

// Each row holds a simulation against what is exact. Seeds are fixed, so that it
// does not fail by chance; intervals are of 99.9 %, so that a seed that fails is
// one in some hundred, and tells of an error.
func TestSimulationAgainstFormulas(t *testing.T) {
	rows := []struct {
		about string
		s     Simulation
		want  func() *Queue
	}{
		{"M/D/c/c", Simulation{Workers: 10, Load: 9.68}, func() *Queue { return &Queue{Rejected: must(ErlangB(10, 9.68)), tail: zero} }},
		{"M/M/c/c", Simulation{Workers: 10, Load: 9.68, Service: Law{Kind: Exponential}}, func() *Queue { return &Queue{Rejected: must(ErlangB(10, 9.68)), tail: zero} }},
		{"M/G/c/c", Simulation{Workers: 10, Load: 18.3, Service: Law{Lognormal, 2}}, func() *Queue { return &Queue{Rejected: must(ErlangB(10, 18.3)), tail: zero} }},
		{"M/M/c/K", Simulation{Workers: 10, Places: 10, Load: 12, Service: Law{Kind: Exponential}}, func() *Queue { return must(MMcK(10, 10, 12)) }},
		{"M/M/c", Simulation{Workers: 4, Places: Unbounded, Load: 3, Service: Law{Kind: Exponential}}, func() *Queue { return must(MMcK(4, Unbounded, 3)) }},
		{"M/D/c", Simulation{Workers: 10, Places: Unbounded, Load: 9}, func() *Queue { return must(MDc(10, 9)) }},
		{"M/D/1/K", Simulation{Workers: 1, Places: 4, Load: 1.1}, func() *Queue { return must(MD1K(4, 1.1)) }},
		{"M/D/2/K", Simulation{Workers: 2, Places: 3, Load: 2.1}, func() *Queue { return must(MD2K(3, 2.1)) }},
		{"M/M/c+D", Simulation{Workers: 10, Places: Unbounded, Load: 12, Longest: 0.5, Service: Law{Kind: Exponential}}, func() *Queue { return must(MMcD(10, 12, 0.5)) }},
		{"D/M/c/c", Simulation{Arrivals: ConstantArrivals, Workers: 10, Load: 10, Service: Law{Kind: Exponential}}, func() *Queue { return &Queue{Rejected: must(DMc(10, 10)), tail: zero} }},
		{"D/D/c/c", Simulation{Arrivals: ConstantArrivals, Workers: 10, Load: 12.5, Requests: 13 * 500}, func() *Queue { return must(DDc(10, 0, 12.5)) }},
	}
	for i, row := range rows {
		row.s.Seed, row.s.Runs, row.s.Confidence = uint64(i), 20, 0.999
		if row.s.Requests == 0 {
			row.s.Requests = 10_000
		}
		got, want := must(Simulate(row.s, 0.5, 0.9)), row.want()
		holds(t, row.about+": rejected", got.Rejected, want.Rejected, 0.0005)
		holds(t, row.about+": mean wait", got.WaitMean, want.WaitMean, 0)
		holds(t, row.about+": waits", got.WaitProbability, want.WaitProbability, 0)
		for i, p := range []float64{0.5, 0.9} {
			q, _ := want.WaitQuantile(p)
			holds(t, row.about+": quantile", got.WaitQuantiles[i], q, 1e-9)
		}
	}
}

func zero(float64) float64 { return 0 }

// holds says that an interval holds what is true, but for some slack.
func holds(t errorer, about string, e Estimate, truth, slack float64) {
	t.Helper()
	if !(e.Low-slack <= truth && truth <= e.High+slack) {
		t.Errorf("%s: %v is not from %v to %v", about, truth, e.Low, e.High)
	}
}

// Bounds that hold for M/D/c/K at any load, and no wait is longer than a queue of
// ranks.
func TestSimulatedMDcKIsWithinBounds(t *testing.T) {
	for i, row := range []struct {
		c, k int
		a    float64
	}{{3, 1, 2}, {3, 7, 4}, {10, 5, 8}, {100, 100, 150}} {
		s := must(Simulate(Simulation{Workers: row.c, Places: row.k, Load: row.a, Seed: uint64(i), Requests: 5_000}, 0.999999))
		least := max(0, 1-float64(row.c)/row.a)
		most := must(MMcK(row.c, row.k, row.a)).Rejected
		if s.Rejected.High < least || s.Rejected.Low > most {
			t.Errorf("%v: %v is not from %v to %v", row, s.Rejected, least, most)
		}
		if longest := math.Ceil(float64(row.k) / float64(row.c)); s.WaitQuantiles[0].Mean > longest+1e-9 {
			t.Errorf("%v: waits up to %v, at most %v are possible", row, s.WaitQuantiles[0], longest)
		}
	}
}

// That none is rejected in some thousand requests is no proof that none ever is.
func TestSimulationWithoutRejects(t *testing.T) {
	s := must(Simulate(Simulation{Workers: 10, Places: 10, Load: 1, Requests: 1_000}))
	if s.Rejected.Mean != 0 || !close(s.Rejected.High, 3.0/20_000, 0.01) {
		t.Errorf("rejected: %v", s.Rejected)
	}
}

func TestSimulationIsRepeatable(t *testing.T) {
	s := Simulation{Workers: 3, Places: 2, Load: 3, Seed: 7, Runs: 3, Requests: 1_000}
	a, b := must(Simulate(s, 0.9)), must(Simulate(s, 0.9))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%v and %v", a, b)
	}
	s.Seed++
	if c := must(Simulate(s, 0.9)); c.Rejected == a.Rejected {
		t.Errorf("another seed gives the same: %v", c.Rejected)
	}
}

// Constant services in overload keep the stagger that they start with: all workers
// started at once wait a third less than workers started one by one, and reject
// as much.
func TestLockStep(t *testing.T) {
	const c, k, a = 100, 100, 150.0
	run := func(first int) (rejected, wait float64) {
		l := newLine[float64](c, k, true)
		var served, lost int
		for i := range 200_000 {
			t := max(0, float64(i-first)/a)
			l.advance(t)
			if l.full(t) {
				lost++
				continue
			}
			start := l.enter(t, 1)
			if i > 20_000 {
				served++
				wait += start - t
			}
		}
		return float64(lost) / 200_000, wait / float64(served)
	}
	together, less := run(c)
	apart, more := run(0)
	wantClose(t, "rejected", together, apart, 0.002)
	wantClose(t, "apart", more, 1, 0.02)
	wantClose(t, "together", less, 0.66, 0.02)
}
