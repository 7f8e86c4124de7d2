// Package exact has the statistics of a comparison: exact tests and bounds for
// small samples, whatever the distribution of the noise.
//
// With pairs, the signed-rank test asks whether values are symmetric about
// something, and nothing else; its bounds ([SignedRankBounds]) are the changes
// that it does not reject, and [HodgesLehmann] is the estimate in their middle.
// Without pairs, [RankSumBounds] does the same for two samples. Values contain
// ties, because histograms round: no probability here is from a table for values
// without ties, or from a normal distribution, where that could make it too small.
//
// A level alpha is one-sided unless a name says otherwise. Values must be finite:
// with any other value p is 1, bounds are infinite, and an estimate is NaN.
package exact

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// near is what rounding can make of two equal values, as a share of the largest:
// ln(2/1) and -ln(1/2) need not agree in their last digit, and a missed tie makes a
// test a little too sure of itself.
const near = 1e-12

// Compare reports whether a is below (-1), equal to (0), or above (+1) the limit b.
// Values that differ by rounding only are equal: by a share of 1e-12 of the larger,
// or of unit where that is more. A change on the log scale, or a difference of
// shares, has the unit 1: it is made of figures of that size, however small it is
// itself. A measured figure has the unit 0. NaN is below everything.
func Compare(a, b, unit float64) int {
	if a != b && math.Abs(a-b) <= near*max(math.Abs(a), math.Abs(b), unit) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return 0
	}
	return cmp.Compare(a, b)
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

func sorted(values []float64) []float64 { return slices.Sorted(slices.Values(values)) }

// remembered calls a function once for each key: a simulation asks for the same few
// again and again.
func remembered[K comparable](of func(K) []float64) func(K) []float64 {
	var known sync.Map
	return func(key K) []float64 {
		v, ok := known.Load(key)
		if !ok {
			v, _ = known.LoadOrStore(key, of(key))
		}
		return v.([]float64)
	}
}

// critical is the largest sum whose probability in a cumulative distribution is at
// most alpha; -1 where that of 0 is larger.
func critical(cumulative []float64, alpha float64) int {
	most := alpha * (1 + near) // a probability is a sum of rounded terms
	at, _ := slices.BinarySearchFunc(cumulative, most, func(p, most float64) int {
		if p <= most {
			return -1
		}
		return 1
	})
	return at - 1
}

// normalCritical is critical of a normal distribution, with a correction for
// continuity. At an alpha of 4 % or less the true tail of a rank sum is lighter. It
// is always below the mean.
func normalCritical(mean, variance, alpha float64) int {
	return int(min(math.Floor(mean-0.5-normalQuantile(min(alpha, 0.5))*math.Sqrt(variance)), mean-0.5))
}

// cumulated sums up probabilities in place.
func cumulated(p []float64) []float64 {
	for i := 1; i < len(p); i++ {
		p[i] += p[i-1]
	}
	return p
}
