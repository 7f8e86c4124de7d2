package peers

import (
	"math"
	"slices"
)

// Median is the middle of values, or the mean of the two in the middle; NaN
// where there are none.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// wanted is the least confidence of an Interval, where there are values enough.
const wanted = 0.95

// Interval is the exact interval of the median of what values were drawn from:
// from the k-th smallest of them to the k-th largest, whatever the
// distribution. The true median lies outside of that where fewer than k values
// fell on one side of it, which is a matter of tossing coins. k is the largest
// that leaves a confidence of 95 %; below 6 values nothing does, and it is 1:
// from the smallest to the largest.
func Interval(values []float64) (low, high, confidence float64) {
	n := len(values)
	if n == 0 {
		return math.NaN(), math.NaN(), 0
	}
	k, confidence := rankFor(n)
	sorted := slices.Sorted(slices.Values(values))
	return sorted[k-1], sorted[n-k], confidence
}

// rankFor is the k of an Interval of n values, and its confidence.
func rankFor(n int) (k int, confidence float64) {
	// The chance of at most k-1 heads in n tosses, twice: for either side.
	toss := math.Pow(0.5, float64(n)) // of exactly k-1 heads
	k, outside := 1, 2*toss
	for 2*(k+1) <= n+1 {
		toss *= float64(n-k+1) / float64(k)
		if outside+2*toss > 1-wanted {
			break
		}
		outside += 2 * toss
		k++
	}
	return k, max(0, 1-outside)
}
