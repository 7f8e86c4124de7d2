package theory

import (
	"errors"
	"math"
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
func lawful(t errorer, about string, q *Queue) {
	t.Helper()
	if !(q.Rejected >= 0 && q.Rejected <= 1) || !(q.WaitMean >= 0) || math.IsInf(q.WaitMean, 0) ||
		!(q.WaitProbability >= 0 && q.WaitProbability <= 1) || !(q.Utilisation() >= 0 && q.Utilisation() <= 1) || !(q.Throughput() >= 0) || !(q.InFlight() >= 0) {
		t.Errorf("%s: %+v", about, q)
	}
	if q.tail == nil {
		return
	}
	last := 1.0
	for _, x := range []float64{0, 1e-300, 1e-9, 0.01, 0.5, 1, 1.5, 10, 1e3, 1e6, 1e9, 1e300, math.Inf(1)} {
		tail := q.WaitTail(x)
		if !(tail >= 0 && tail <= last+1e-9) {
			t.Errorf("%s: P(W > %v) = %v after %v", about, x, tail, last)
		}
		last = min(last, tail)
	}
	least := 0.0
	for _, p := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999999} {
		w, ok := q.WaitQuantile(p)
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
		c, k := anyNumber(1, within(MaxWorkers)).Draw(t, "c"), anyNumber(0, within(MaxPlaces)).Draw(t, "k")
		a := rapid.OneOf(anySize(MaxLoad), rapid.Map(rapid.Float64Range(-1e-3, 1e-3), func(d float64) float64 { return float64(c) * (1 + d) }), rapid.Just(float64(c))).Draw(t, "a")
		x := anySize(maxTime).Draw(t, "x")
		cv := anySize(maxCV).Draw(t, "cv")
		models := map[string]func(c, k int, a float64) (*Queue, error){
			"MMcK":        MMcK,
			"MMc":         func(c, _ int, a float64) (*Queue, error) { return MMcK(c, Unbounded, a) },
			"MDc":         func(c, _ int, a float64) (*Queue, error) { return MDc(c, a) },
			"MMcD":        func(c, _ int, a float64) (*Queue, error) { return MMcD(c, a, x) },
			"MD1K":        func(_, k int, a float64) (*Queue, error) { return MD1K(min(k, 200_000), a) },
			"MG1":         func(_, _ int, a float64) (*Queue, error) { return MG1(a/float64(c), cv) },
			"ClosedChain": func(c, k int, a float64) (*Queue, error) { return ClosedChain(max(1, k), c, k/2, x) },
			"MD2K":        func(_, k int, a float64) (*Queue, error) { return MD2K(min(k, 20), a) },
		}
		about := rapid.SampledFrom([]string{"MMcK", "MMc", "MDc", "MMcD", "MD1K", "MG1", "ClosedChain", "MD2K"}).Draw(t, "model")
		model := models[about]
		q, err := model(c, k, a)
		if err != nil {
			var out *RangeError
			if !errors.As(err, &out) {
				t.Errorf("%s: %v", about, err)
			}
			return
		}
		lawful(t, about, q)
		if about == "ClosedChain" || about == "MG1" {
			return
		}
		if more, err := model(c, k, a*1.01); err == nil && more.Rejected < q.Rejected-1e-9 {
			t.Errorf("%s: a load of %v loses %v, and one of %v %v", about, a, q.Rejected, 1.01*a, more.Rejected)
		}
		if more, err := model(c, k+1, a); err == nil && more.Rejected > q.Rejected+1e-9 {
			t.Errorf("%s: %d places lose %v, and %d %v", about, k, q.Rejected, k+1, more.Rejected)
		}
	})
}

// Found by use, each of a kind.
func TestInputsFoundByUse(t *testing.T) {
	for about, model := range map[string]func() (*Queue, error){
		"no wait allowed":               func() (*Queue, error) { return MMcD(100_000, 1.96, 0) },
		"hardly a wait allowed":         func() (*Queue, error) { return MMcD(100_000, 1.96, 1e-300) },
		"ten million places":            func() (*Queue, error) { return MMcK(10, MaxPlaces, 10) },
		"ten million places, free":      func() (*Queue, error) { return MMcK(10, MaxPlaces, 9.5) },
		"ten million places, overload":  func() (*Queue, error) { return MMcK(10, MaxPlaces, 12) },
		"a million workers":             func() (*Queue, error) { return MMcK(MaxWorkers, MaxPlaces, MaxWorkers) },
		"ten million clients":           func() (*Queue, error) { return ClosedChain(MaxPlaces, 10, Unbounded, 1e6) },
		"ten million clients, few free": func() (*Queue, error) { return ClosedChain(MaxPlaces, 10, Unbounded, 1e3) },
	} {
		q, err := model()
		if err != nil {
			t.Errorf("%s: %v", about, err)
			continue
		}
		lawful(t, about, q)
		if q.tail != nil {
			latency, ok := q.ExponentialLatency(percentiles...)
			for i := 1; ok && i < len(latency); i++ {
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
		if confidence != 0 { // which is the default
			if _, err := Simulate(Simulation{Workers: 1, Load: 1, Confidence: confidence, Requests: 10}); err == nil {
				t.Errorf("Simulate takes a confidence of %v", confidence)
			}
			if _, err := SimulateClosed(ClosedSimulation{Clients: 1, Workers: 1, Confidence: confidence, Requests: 10}); err == nil {
				t.Errorf("SimulateClosed takes a confidence of %v", confidence)
			}
		}
	}
}
