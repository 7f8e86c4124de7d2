package exact

import "math"

// large is the product of two sample sizes above which the exact distribution of
// their rank sum, which takes a time of its square, is replaced by a normal one.
const large = 10_000

// RankSumBounds estimates by how much b lies higher than a, two independent
// samples, and bounds it, each side at level alpha. All are among the differences
// of each value of b and each of a: the estimate is their median (Hodges and
// Lehmann), the bounds are those that the exact Mann-Whitney test does not reject.
// Samples too small for any bound at alpha have infinite ones; without values the
// estimate is NaN.
//
// With ties the bounds are those for values without, as in [SignedRankBounds]: they
// never hold less often than they say, and more often the more ties there are.
func RankSumBounds(a, b []float64, alpha float64) (estimate, lower, upper float64) {
	if len(a) == 0 || len(b) == 0 || !finite(a) || !finite(b) {
		return math.NaN(), math.Inf(-1), math.Inf(1)
	}
	diffs := differences(a, b)
	estimate = diffs.median()
	k := -1
	switch {
	case !(alpha > 0):
	case diffs.n <= large:
		k = critical(rankSumTail(sizes{min(len(a), len(b)), max(len(a), len(b))}), alpha)
	default:
		mn := float64(diffs.n)
		k = normalCritical(mn/2, mn*float64(len(a)+len(b)+1)/12, alpha)
	}
	if k < 0 {
		return estimate, math.Inf(-1), math.Inf(1)
	}
	return estimate, diffs.at(k), diffs.at(diffs.n - 1 - k)
}

// sizes are those of two samples; m is at most n.
type sizes struct{ m, n int }

// rankSumTail has the probabilities that the Mann-Whitney count of two samples
// without ties is at most 0, 1, 2 and so on, up to the middle. By which sample has
// the largest value, a count of i and j values is one of i-1 and j with j added, or
// one of i and j-1 (Mann and Whitney, On a Test of Whether one of Two Random
// Variables is Stochastically Larger than the Other, Annals of Mathematical
// Statistics 18, 1947).
var rankSumTail = remembered(func(of sizes) []float64 {
	half := (of.m*of.n - 1) / 2
	rows := make([][]float64, of.m+1) // by how many of the smaller sample
	for i := range rows {
		rows[i] = make([]float64, half+1)
		rows[i][0] = 1
	}
	for j := 1; j <= of.n; j++ {
		for i := 1; i <= of.m; i++ {
			// rows[i] is that of j-1 still, rows[i-1] that of j already.
			mine, fewer := rows[i], rows[i-1]
			largest := float64(i) / float64(i+j)
			for u := half; u >= 0; u-- {
				mine[u] *= 1 - largest
				if u >= j {
					mine[u] += largest * fewer[u-j]
				}
			}
		}
	}
	return cumulated(rows[of.m])
})
