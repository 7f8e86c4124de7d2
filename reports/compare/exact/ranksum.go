package exact

import (
	"math"
	"slices"
	"sync"
)

// large is the product of two sample sizes above which the distribution of
// their rank sum is not worked out any more, which takes a time of its square.
const large = 10_000

// RankSumBounds estimates by how much b lies higher than a, two samples that
// were taken on their own, and bounds it, each side at level alpha. All are
// among the differences of each value of b and each of a: the estimate is
// their median (Hodges and Lehmann), the bounds are those that the exact
// Mann-Whitney test does not reject. Samples too small for any bound at alpha
// have infinite ones; without values the estimate is NaN.
//
// With ties the bounds are those for values without: they belong to what the
// interval includes. Were ties broken at random, by as little as one likes, the
// test would be exact, and the interval as good as this one. So they never hold
// less often than they say, and more often the more ties there are.
//
// Above 10,000 differences the chances are those of a normal distribution with
// a correction for continuity. At an alpha of 4 % or less they are too large
// rather than too small there, for the true tail is the lighter one.
func RankSumBounds(a, b []float64, alpha float64) (estimate, lower, upper float64) {
	if len(a) == 0 || len(b) == 0 || !finite(a) || !finite(b) {
		return math.NaN(), math.Inf(-1), math.Inf(1)
	}
	diffs := differences(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	estimate = diffs.median()
	k := -1
	switch {
	case !(alpha > 0):
	case diffs.n <= large:
		k = critical(rankSumTail(len(a), len(b)), alpha)
	default:
		m, n := float64(len(a)), float64(len(b))
		sd := math.Sqrt(m * n * (m + n + 1) / 12)
		k = min(int(math.Floor(m*n/2-0.5-normalQuantile(min(alpha, 0.5))*sd)), (diffs.n-1)/2)
	}
	if k < 0 {
		return estimate, math.Inf(-1), math.Inf(1)
	}
	return estimate, diffs.at(k), diffs.at(diffs.n - 1 - k)
}

var rankSumTails sync.Map // from [2]int to the []float64 of rankSumTail

// rankSumTail has the chances that the Mann-Whitney count of two samples of m
// and n values without ties is at most 0, 1, 2 and so on, up to the middle. By
// which sample has the largest value, a count of i and j values is one of i-1
// and j with j added, or one of i and j-1 (Mann and Whitney, On a Test of
// Whether one of Two Random Variables is Stochastically Larger than the Other,
// Annals of Mathematical Statistics 18, 1947).
func rankSumTail(m, n int) []float64 {
	m, n = min(m, n), max(m, n)
	if known, ok := rankSumTails.Load([2]int{m, n}); ok {
		return known.([]float64)
	}
	half := (m*n - 1) / 2
	rows := make([][]float64, m+1) // by how many of the smaller sample
	for i := range rows {
		rows[i] = make([]float64, half+1)
		rows[i][0] = 1
	}
	for j := 1; j <= n; j++ {
		for i := 1; i <= m; i++ {
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
	chance := rows[m]
	for u := 1; u <= half; u++ {
		chance[u] += chance[u-1]
	}
	known, _ := rankSumTails.LoadOrStore([2]int{m, n}, chance)
	return known.([]float64)
}
