package theory

import (
	"math"
	"reflect"
	"testing"

	"github.com/a628bb15/onhold/reports/load"
)

// Each row holds a simulation against what is exact. Seeds are fixed, so that it
// does not fail by chance; intervals are of 99.9 %, so that a seed that fails is
// one in some hundred, and shows an error.
func TestSimulationAgainstFormulas(t *testing.T) {
	rows := []struct {
		about string
		s     openSim
		want  func() *queue
	}{
		{"M/D/c/c", openSim{Workers: 10, Load: 9.68}, func() *queue { return &queue{rejected: erlangB(10, 9.68), tail: zero} }},
		{"M/M/c/c", openSim{Workers: 10, Load: 9.68, Service: Law{Kind: Exponential}}, func() *queue { return &queue{rejected: erlangB(10, 9.68), tail: zero} }},
		{"M/G/c/c", openSim{Workers: 10, Load: 18.3, Service: Law{Kind: Lognormal, CV: 2}}, func() *queue { return &queue{rejected: erlangB(10, 18.3), tail: zero} }},
		{"M/M/c/K", openSim{Workers: 10, Places: 10, Load: 12, Service: Law{Kind: Exponential}}, func() *queue { return mmcK(10, 10, 12) }},
		{"M/M/c", openSim{Workers: 4, Places: Unbounded, Load: 3, Service: Law{Kind: Exponential}}, func() *queue { return mmcK(4, Unbounded, 3) }},
		{"M/D/c", openSim{Workers: 10, Places: Unbounded, Load: 9}, func() *queue { return mdc(10, 9) }},
		{"M/D/1/K", openSim{Workers: 1, Places: 4, Load: 1.1}, func() *queue { return md1K(4, 1.1) }},
		{"M/D/2/K", openSim{Workers: 2, Places: 3, Load: 2.1}, func() *queue { return md2K(3, 2.1) }},
		{"M/M/c+D", openSim{Workers: 10, Places: Unbounded, Load: 12, Longest: 0.5, Service: Law{Kind: Exponential}}, func() *queue { return mmcD(10, 12, 0.5) }},
		{"D/M/c/c", openSim{Arrivals: load.Constant, Workers: 10, Load: 10, Service: Law{Kind: Exponential}}, func() *queue { return &queue{rejected: dmc(10, 10), tail: zero} }},
		{"D/D/c/c", openSim{Arrivals: load.Constant, Workers: 10, Load: 12.5, Requests: 13 * 500}, func() *queue { return ddc(10, 0, 12.5) }},
	}
	for i, row := range rows {
		row.s.Seed, row.s.Runs, row.s.Confidence = uint64(i), 20, 0.999
		if row.s.Requests == 0 {
			row.s.Requests = 10_000
		}
		got, want := must(simulateOpen(row.s, 0.5, 0.9)), row.want()
		holds(t, row.about+": rejected", got.rejected, want.rejected, 0.0005)
		holds(t, row.about+": mean wait", got.waitMean, want.waitMean, 0)
		holds(t, row.about+": waits", got.waitProbability, want.waitProbability, 0)
		for i, p := range []float64{0.5, 0.9} {
			q, _ := want.waitQuantile(p)
			holds(t, row.about+": quantile", got.waitQuantiles[i], q, 1e-9)
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
		s := must(simulateOpen(openSim{Workers: row.c, Places: row.k, Load: row.a, Seed: uint64(i), Requests: 5_000}, 0.999999))
		least := max(0, 1-float64(row.c)/row.a)
		most := mmcK(row.c, row.k, row.a).rejected
		if s.rejected.High < least || s.rejected.Low > most {
			t.Errorf("%v: %v is not from %v to %v", row, s.rejected, least, most)
		}
		if longest := math.Ceil(float64(row.k) / float64(row.c)); s.waitQuantiles[0].Mean > longest+1e-9 {
			t.Errorf("%v: waits up to %v, at most %v are possible", row, s.waitQuantiles[0], longest)
		}
	}
}

// That none is rejected in some thousand requests is no proof that none ever is.
func TestSimulationWithoutRejects(t *testing.T) {
	s := must(simulateOpen(openSim{Workers: 10, Places: 10, Load: 1, Requests: 1_000}))
	if s.rejected.Mean != 0 || !close(s.rejected.High, 3.0/20_000, 0.01) {
		t.Errorf("rejected: %v", s.rejected)
	}
}

func TestSimulationIsRepeatable(t *testing.T) {
	s := openSim{Workers: 3, Places: 2, Load: 3, Seed: 7, Runs: 3, Requests: 1_000}
	a, b := must(simulateOpen(s, 0.9)), must(simulateOpen(s, 0.9))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%v and %v", a, b)
	}
	s.Seed++
	if c := must(simulateOpen(s, 0.9)); c.rejected == a.rejected {
		t.Errorf("another seed gives the same: %v", c.rejected)
	}
}

// Constant services in overload keep the stagger that they start with: all workers
// started at once wait a third less than workers started one by one, and reject
// as much.
func TestLockStep(t *testing.T) {
	const c, k, a = 100, 100, 150.0
	run := func(first int) (rejected, wait float64) {
		l := newLine[float64](c, k)
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
