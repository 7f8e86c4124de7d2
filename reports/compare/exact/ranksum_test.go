package exact

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Permeability of the chorioamnion at term and earlier: Hollander and Wolfe,
// Nonparametric Statistical Methods, 1973, p. 69f, as in the examples of R's
// wilcox.test.
var (
	atTerm  = []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	earlier = []float64{1.15, 0.88, 0.90, 0.74, 1.21}
)

// R's coin package prints -0.305, from -0.76 to 0.15 at 95 %, and a two-sided p
// of 0.2544; SAS's NPAR1WAY prints the same with a one-sided p of 0.1272.
func TestRankSum(t *testing.T) {
	estimate, lower, upper := RankSumBounds(atTerm, earlier, 0.025)
	if !close(estimate, -0.305, 1e-12) || !close(lower, -0.76, 1e-12) || !close(upper, 0.15, 1e-12) {
		t.Errorf("%v, from %v to %v; want -0.305, from -0.76 to 0.15", estimate, lower, upper)
	}
	if p := rankSumTail(sizes{5, 10})[int(higher(atTerm, earlier))]; !close(p, 382.0/3003, 1e-12) { // 3003 ways to choose 5 of 15
		t.Errorf("one-sided p is %v, want 0.1272", p)
	}
}

// shared calls f with all ways to share values out, n of them to b.
func shared(values []float64, n int, f func(a, b []float64)) (ways int) {
	for which := range 1 << len(values) {
		if bits.OnesCount(uint(which)) != n {
			continue
		}
		var a, b []float64
		for i, v := range values {
			if which>>i&1 == 1 {
				b = append(b, v)
			} else {
				a = append(a, v)
			}
		}
		ways++
		f(a, b)
	}
	return ways
}

// higher counts how often b is higher than a, ties as a half.
func higher(a, b []float64) (u float64) {
	for _, x := range a {
		for _, y := range b {
			switch {
			case y > x:
				u++
			case y == x:
				u += 0.5
			}
		}
	}
	return u
}

func TestRankSumTailAgainstAllWays(t *testing.T) {
	for m := 1; m <= 6; m++ {
		for n := 1; n <= 6; n++ {
			values := make([]float64, m+n)
			for i := range values {
				values[i] = float64(i)
			}
			count := make([]float64, m*n+1)
			ways := shared(values, n, func(a, b []float64) { count[int(higher(a, b))]++ })
			sum := 0.0
			for u, got := range rankSumTail(sizes{min(m, n), max(m, n)}) {
				if sum += count[u] / float64(ways); !close(got, sum, 1e-12) {
					t.Errorf("%d and %d values, count %d: p is %v, want %v", m, n, u, got, sum)
				}
			}
		}
	}
}

func TestRankSumBoundsCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := samples(9).Filter(func(v []float64) bool { return len(v) >= 2 }).Draw(t, "all")
		n := rapid.IntRange(1, len(all)-1).Draw(t, "n")
		alpha := rapid.Float64Range(0.01, 0.49).Draw(t, "alpha")
		low, high := 0, 0
		ways := shared(all, n, func(a, b []float64) {
			estimate, lower, upper := RankSumBounds(a, b, alpha)
			if !(lower <= estimate && estimate <= upper) {
				t.Errorf("the estimate %v is not within %v to %v", estimate, lower, upper)
			}
			if lower > 0 {
				low++
			}
			if upper < 0 {
				high++
			}
		})
		if worst := float64(max(low, high)) / float64(ways); worst > alpha {
			t.Errorf("%v of all bounds are wrong, want at most %v", worst, alpha)
		}
	})
}

func TestRankSumBoundsEdges(t *testing.T) {
	if estimate, lower, upper := RankSumBounds(nil, []float64{1}, 0.1); !math.IsNaN(estimate) || !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
		t.Errorf("of nothing: %v, from %v to %v", estimate, lower, upper)
	}
	// 20 ways to choose 3 of 6: the outermost has a chance of 5 %.
	three, more := []float64{1, 2, 3}, []float64{11, 12, 13}
	if estimate, lower, upper := RankSumBounds(three, more, 0.05); estimate != 10 || lower != 8 || upper != 12 {
		t.Errorf("just enough: %v, from %v to %v; want 10, from 8 to 12", estimate, lower, upper)
	}
	if estimate, lower, upper := RankSumBounds(three, more, 0.049); estimate != 10 || !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
		t.Errorf("too few: %v, from %v to %v; want 10 and no bounds", estimate, lower, upper)
	}
	same := []float64{7, 7, 7, 7, 7}
	if estimate, lower, upper := RankSumBounds(same, same, 0.01); estimate != 0 || lower != 0 || upper != 0 {
		t.Errorf("all equal: %v, from %v to %v; want 0", estimate, lower, upper)
	}
}

// Where the normal distribution takes over, it is the wider by a little.
func TestRankSumLarge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float64, 100), make([]float64, 101)
	for i := range a {
		a[i] = r.NormFloat64()
	}
	for i := range b {
		b[i] = r.NormFloat64()
	}
	_, lower, upper := RankSumBounds(a, b, 0.001)
	_, exactLower, exactUpper := RankSumBounds(a, b[:100], 0.001)
	if !close(lower, exactLower, 0.05) || !close(upper, exactUpper, 0.05) {
		t.Errorf("%v to %v, want about %v to %v", lower, upper, exactLower, exactUpper)
	}
	normal := func(alpha float64) int {
		return int(math.Floor(5000 - 0.5 - normalQuantile(alpha)*math.Sqrt(100*100*201/12.0)))
	}
	for _, alpha := range []float64{0.04, 0.01, 0.001, 0.0001} {
		if got, want := normal(alpha), critical(rankSumTail(sizes{100, 100}), alpha); got > want || got < want-40 {
			t.Errorf("at %v the normal distribution has %d, the exact one %d", alpha, got, want)
		}
	}
}
