package theory

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFanOut(t *testing.T) {
	exponential := FanOut{Calls: 3, Mean: 2, Law: Law{Kind: Exponential}}
	m, q, ok, err := exponential.Sequential(0.99)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantClose(t, "sequential mean", m, 6, 1e-12)
	wantClose(t, "sequential p99", q, 16.8, 0.001)
	m, q, err = exponential.Concurrent(0.99)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, "concurrent mean", m, 11.0/3, 1e-12)
	wantClose(t, "concurrent p99", q, 11.4, 0.001)

	constant := FanOut{Calls: 3, Mean: 2}
	m, q, _, _ = constant.Sequential(0.5)
	wantClose(t, "constant, sequential", m, 6, 0)
	wantClose(t, "constant, sequential", q, 6, 0)
	m, q, _ = constant.Concurrent(0.5)
	wantClose(t, "constant, concurrent", m, 2, 0)
	wantClose(t, "constant, concurrent", q, 2, 0)

	// Lognormal ones by drawing: 200,000 times, to some percent.
	for _, cv := range []float64{0.3, 1, 2} {
		one := FanOut{Calls: 1, Mean: 5, Law: Law{Lognormal, cv}}
		m, q, _ = one.Concurrent(0.9)
		_, alone, _, _ := one.Sequential(0.9)
		wantClose(t, "one call", m, 5, 1e-6)
		wantClose(t, "one call", q, alone, 1e-12)
		f := FanOut{Calls: 8, Mean: 5, Law: Law{Lognormal, cv}}
		draw := f.Law.sampler(rand.New(rand.NewPCG(1, 1)))
		var longest []float64
		for range 100_000 {
			most := 0.0
			for range f.Calls {
				most = max(most, 5*draw())
			}
			longest = append(longest, most)
		}
		slices.Sort(longest)
		m, q, _ = f.Concurrent(0.9)
		wantClose(t, "mean of eight", m, mean(longest), 0.03)
		wantClose(t, "p90 of eight", q, nearestRank(longest, 0.9), 0.03)
		if _, _, ok, _ := f.Sequential(0.9); ok {
			t.Error("there is no formula for a sum of lognormal times")
		}
	}
	m, _, _ = FanOut{Calls: 100_000, Mean: 1, Law: Law{Kind: Exponential}}.Concurrent(0)
	wantClose(t, "harmonic", m, math.Log(100_000)+0.5772156649+0.5e-5, 1e-9)
	// Dean and Barroso, The Tail at Scale, 2013: with 1 in 100 slow, 63 % of requests
	// that call 100 servers are.
	wantClose(t, "tail at scale", must(AnySlow(100, 0.01)), 0.634, 0.001)
}

func TestMG1(t *testing.T) {
	wantClose(t, "M/M/1", must(MG1Wait(0.8, 1)), must(MMcK(1, Unbounded, 0.8)).WaitMean, 1e-12)
	wantClose(t, "M/D/1", must(MG1Wait(0.8, 0)), must(MDc(1, 0.8)).WaitMean, 1e-10)
	// The interpolation is exact at both ends, and for one worker throughout.
	wantClose(t, "constant", must(MGcWait(5, 4, 0)), must(MDc(5, 4)).WaitMean, 1e-12)
	wantClose(t, "exponential", must(MGcWait(5, 4, 1)), must(MMcK(5, Unbounded, 4)).WaitMean, 1e-12)
	wantClose(t, "one worker", must(MGcWait(1, 0.7, 0.6)), must(MG1Wait(0.7, 0.6)), 1e-9)
}
