// Package exact has the statistics of a comparison: exact tests and bounds for
// small samples, that hold whatever the noise is distributed like.
//
// Of pairs, the signed-rank test asks whether values are symmetric about
// something, and nothing else; its bounds ([SignedRankBounds]) are the changes
// that it does not reject, and the estimate in their middle is that of
// [HodgesLehmann]. Without pairs, [RankSumBounds] does the same for two
// samples. Figures come with ties, for histograms round them: no chance here is
// taken from a table for values without ties, or from a normal distribution,
// where that could make it too small.
//
// A level alpha is one-sided unless a name says otherwise. Values must be
// finite: of a sample that has anything else in it nothing is said, which means
// a p of 1, infinite bounds, and an estimate that is not a number.
package exact

import (
	"math"
	"slices"
)

// near is what rounding can make of two values that are the same, as a share of
// the largest: ln(2/1) and -ln(1/2) need not agree in their last digit, and a
// tie that is missed makes a test a little too sure of itself.
const near = 1e-12

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// resolution is the distance below which values of this size are tied.
func resolution(values []float64) float64 {
	var most float64
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	return near * most
}

// negated has all values with the other sign, the last first: what was sorted
// is sorted again.
func negated(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[len(values)-1-i] = -v
	}
	return out
}
