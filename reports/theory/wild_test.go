package theory

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/a628bb15/onhold/bench/slow"
	"pgregory.net/rapid"
)

// anySize draws a number of any order of magnitude up to most, and both ends.
func anySize(most float64) *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Just(0.0), rapid.Just(most), rapid.Map(rapid.Float64Range(-12, math.Log10(most)), func(e float64) float64 { return math.Pow(10, e) }))
}

func anyNumber(least int, most float64) *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(least, 20), rapid.Map(anySize(most), func(v float64) int { return max(least, int(v)) }))
}

// lawful is what holds of any model: shares are shares, the law of the wait falls,
// and its quantiles rise.
func lawful(t errorer, about string, q *queue) {
	t.Helper()
	if !(q.rejected >= 0 && q.rejected <= 1) || !(q.waitMean >= 0) || math.IsInf(q.waitMean, 0) ||
		!(q.waitProbability >= 0 && q.waitProbability <= 1) || !(q.utilisation() >= 0 && q.utilisation() <= 1) || !(q.throughput() >= 0) || !(q.inFlight() >= 0) {
		t.Errorf("%s: %+v", about, q)
	}
	if q.tail == nil {
		return
	}
	last := 1.0
	for _, x := range []float64{0, 1e-300, 1e-9, 0.01, 0.5, 1, 1.5, 10, 1e3, 1e6, 1e9, 1e300, math.Inf(1)} {
		tail := q.waitTail(x)
		if !(tail >= 0 && tail <= last+1e-9) {
			t.Errorf("%s: P(W > %v) = %v after %v", about, x, tail, last)
		}
		last = min(last, tail)
	}
	least := 0.0
	for _, p := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999999} {
		w, ok := q.waitQuantile(p)
		if !ok || !(w >= least*(1-1e-6)) || math.IsInf(w, 0) {
			t.Errorf("%s: the p%v is %v, %v, after %v", about, 100*p, w, ok, least)
		}
		least = max(least, w)
	}
}

// Within the range of the package no input makes a model say what cannot be, take
// long, or panic; and more load is never less loss, more places never more.
func TestWildInputs(t *testing.T) { testWild(t, 1e3) }

// The same for the largest that there may be.
func TestSlowWildInputs(t *testing.T) {
	slow.Only(t)
	testWild(t, math.Inf(1))
}

func testWild(t *testing.T, most float64) {
	within := func(n float64) float64 { return min(n, most) }
	rapid.Check(t, func(t *rapid.T) {
		c, k := anyNumber(1, within(MaxWorkers)).Draw(t, "c"), anyNumber(0, within(MaxQueue)).Draw(t, "k")
		a := rapid.OneOf(anySize(MaxLoad), rapid.Map(rapid.Float64Range(-1e-3, 1e-3), func(d float64) float64 { return float64(c) * (1 + d) }), rapid.Just(float64(c))).Draw(t, "a")
		x := anySize(maxTime).Draw(t, "x")
		cv := anySize(maxCV).Draw(t, "cv")
		steady := func(c int, a float64) float64 { return min(a, float64(c)*(1-1e-9)) }
		models := map[string]func(c, k int, a float64) *queue{
			"M/M/c/K": mmcK,
			"M/M/c":   func(c, _ int, a float64) *queue { return mmcK(c, Unbounded, steady(c, a)) },
			"M/D/c":   func(c, _ int, a float64) *queue { return mdc(c, steady(c, a)) },
			"M/M/c+D": func(c, _ int, a float64) *queue { return mmcD(c, a, x) },
			"M/D/1/K": func(_, k int, a float64) *queue { return md1K(min(k, 200_000), a) },
			"M/G/1":   func(_, _ int, a float64) *queue { return mg1(steady(1, a/float64(c)), max(cv, 0.01)) },
			"closed":  func(c, k int, _ float64) *queue { return closedChain(max(1, k), c, k/2, max(x, 1e-9)) },
			"M/D/2/K": func(_, k int, a float64) *queue { return md2K(min(k, 20), min(a, maxMD2KLoad)) },
		}
		about := rapid.SampledFrom(slices.Sorted(maps.Keys(models))).Draw(t, "model")
		model := models[about]
		q := model(c, k, a)
		lawful(t, about, q)
		if about == "closed" || about == "M/G/1" {
			return
		}
		if more := model(c, k, min(a*1.01, MaxLoad)); more.rejected < q.rejected-1e-9 {
			t.Errorf("%s: a load of %v loses %v, and one of %v %v", about, a, q.rejected, 1.01*a, more.rejected)
		}
		if more := model(c, k+1, a); more.rejected > q.rejected+1e-9 {
			t.Errorf("%s: %d places lose %v, and %d %v", about, k, q.rejected, k+1, more.rejected)
		}
	})
}

// Found by use, each of a kind.
func TestInputsFoundByUse(t *testing.T) {
	for about, q := range map[string]*queue{
		"no wait allowed":               mmcD(100_000, 1.96, 0),
		"hardly a wait allowed":         mmcD(100_000, 1.96, 1e-300),
		"ten million places":            mmcK(10, MaxQueue, 10),
		"ten million places, free":      mmcK(10, MaxQueue, 9.5),
		"ten million places, overload":  mmcK(10, MaxQueue, 12),
		"a million workers":             mmcK(MaxWorkers, MaxQueue, MaxWorkers),
		"ten million clients":           closedChain(MaxQueue, 10, Unbounded, 1e6),
		"ten million clients, few free": closedChain(MaxQueue, 10, Unbounded, 1e3),
	} {
		lawful(t, about, q)
		if q.tail != nil {
			latency := q.latencyQuantiles(Law{Kind: Exponential}, percentiles...)
			for i := 1; i < len(latency); i++ {
				if !(latency[i] >= latency[i-1]) {
					t.Errorf("%s: latencies %v", about, latency)
				}
			}
		}
	}
	for _, confidence := range []float64{-1, 0, 1, 2, math.NaN(), math.Inf(1)} {
		if _, err := BatchMeans([]float64{1, 2}, confidence); err == nil {
			t.Errorf("BatchMeans takes a confidence of %v", confidence)
		}
	}
}
