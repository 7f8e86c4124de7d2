package exact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// MedianBounds bounds the median of what d was drawn from, each side at level
// alpha: the order statistics that the sign test does not reject. They hold
// whatever d is distributed like, also where it is not symmetric. They are
// infinite where even all values on one side would not be enough, 2^-n > alpha.
// alpha counts as at most a half.
func MedianBounds(d []float64, alpha float64) (lower, upper float64) {
	n := len(d)
	if slices.ContainsFunc(d, math.IsNaN) || !(alpha > 0) {
		return math.Inf(-1), math.Inf(1)
	}
	k := -1
	for k+1 < (n+1)/2 && BinomialUpper(n-k-1, n, 0.5) <= alpha*(1+near) {
		k++
	}
	if k < 0 {
		return math.Inf(-1), math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[k], sorted[n-1-k]
}

// BinomialUpper is the chance of at least k in n where each has the chance q,
// from 0 to 1.
func BinomialUpper(k, n int, q float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || !(q > 0):
		return 0
	case q >= 1:
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), q)
}

// DrawnUpper is the chance that at least k of the draws hit, where draw i hits
// with the chance q[i], from 0 to 1, and they know nothing of each other. It
// takes a time of their number squared.
func DrawnUpper(k int, q []float64) float64 {
	if k <= 0 {
		return 1
	}
	if k > len(q) {
		return 0
	}
	chance := make([]float64, k+1) // of so many hits so far; the last: at least k
	chance[0] = 1
	for _, hit := range q {
		chance[k] += hit * chance[k-1]
		for i := k - 1; i > 0; i-- {
			chance[i] = chance[i]*(1-hit) + hit*chance[i-1]
		}
		chance[0] *= 1 - hit
	}
	return min(1, chance[k])
}
