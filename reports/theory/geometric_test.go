package theory

import (
	"math"
	"testing"
)

// What is in closed form is what the sums over all states are, on both sides of
// each border between two formulas.
func TestTruncatedGeometricIsItsSums(t *testing.T) {
	for _, k := range []int{1, 2, 3, 10, 100, 999, 1_000, 5_000} {
		for _, r := range []float64{0, 1e-9, 0.1, 0.5, 0.9, 0.999, 0.999999, 1 - 1e-9, 1, 1 + 1e-9, 1.000001, 1.001, 1.1, 2, 1e6} {
			weights := make([]float64, k)
			var sum, mean float64
			for j := range weights {
				weights[j] = math.Pow(r, float64(j))
				if r > 1 {
					weights[j] = math.Pow(r, float64(j-k))
				}
				sum += weights[j]
				mean += weights[j] * float64(j)
			}
			atLeast := make([]float64, k+1)
			for j := k - 1; j >= 0; j-- {
				atLeast[j] = atLeast[j+1] + weights[j]/sum
			}
			g := truncatedGeometric{k, math.Log(r)}
			if want := mean / sum; math.Abs(g.mean()-want) > 1e-9*(1+want) {
				t.Errorf("k = %d, r = %v: mean %v, want %v", k, r, g.mean(), want)
			}
			for _, x := range []float64{0, 0.1, 1, 0.3 * float64(k), 0.9 * float64(k), float64(k), 1.05 * float64(k), 2 * float64(k)} {
				want := poissonSum(x, k-1, func(n int) float64 { return atLeast[n] })
				if got := g.aboveEvents(x); math.Abs(got-want) > 1e-10 {
					t.Errorf("k = %d, r = %v, x = %v: %v, want %v", k, r, x, got, want)
				}
			}
		}
	}
}
