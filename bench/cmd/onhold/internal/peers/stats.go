package peers

import (
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// median is the middle of values, or the mean of the two in the middle; NaN
// where there are none.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// level is the least confidence of an interval, where there are values enough.
const level = 0.95

// interval holds the median of what values were drawn from, whatever the
// distribution: from the k-th smallest value to the k-th largest. Below 6 values
// no interval has the level, and it runs from the smallest to the largest.
func interval(values []float64) (low, high float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	k, _ := rank(len(values))
	return sorted[k-1], sorted[len(values)-k]
}

// rank is the k of an interval of n values, and its confidence.
func rank(n int) (k int, confidence float64) {
	// The median lies outside with the chance of fewer than k heads in n tosses, or
	// fewer than k tails.
	outside := func(k int) float64 { return 2 * exact.BinomialUpper(n-k+1, n, 0.5) }
	k = 1
	for 2*(k+1) <= n+1 && outside(k+1) <= 1-level {
		k++
	}
	return k, max(0, 1-outside(k))
}
