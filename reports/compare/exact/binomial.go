package exact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// ClopperPearson is the exact interval of a rate of which k in n were seen, at
// a two-sided confidence such as 0.95 (Clopper and Pearson, The Use of
// Confidence or Fiducial Limits Illustrated in the Case of the Binomial,
// Biometrika 26, 1934). It is all from 0 to 1 where n is 0, and NaN where k is
// not in 0 to n, or the confidence not between 0 and 1.
func ClopperPearson(k, n int, confidence float64) (lower, upper float64) {
	one := (1 + confidence) / 2
	if !(confidence > 0) {
		one = math.NaN()
	}
	return 1 - ClopperPearsonUpper(n-k, n, one), ClopperPearsonUpper(k, n, one)
}

// ClopperPearsonUpper is the exact upper bound of a rate of which k in n were
// seen, at a one-sided confidence: the rate at which so few would be seen with
// a probability of only 1-confidence. Of k and n as in [ClopperPearson].
func ClopperPearsonUpper(k, n int, confidence float64) float64 {
	switch {
	case k < 0 || k > n || !(confidence > 0 && confidence < 1):
		return math.NaN()
	case k == n:
		return 1
	case k == 0:
		return -math.Expm1(math.Log1p(-confidence) / float64(n)) // (1-rate)^n = 1-confidence
	}
	return mathext.InvRegIncBeta(float64(k)+1, float64(n-k), confidence)
}

// BinomialUpper is the probability of at least k in n where each has the
// probability q, from 0 to 1.
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

// MedianBounds bounds the median of what d was drawn from, each side at level
// alpha: the order statistics that the sign test does not reject. They hold for any
// distribution, also where it is not symmetric. They are infinite where even all
// values on one side are not enough, 2^-n > alpha. alpha counts as at most a half.
func MedianBounds(d []float64, alpha float64) (lower, upper float64) {
	n := len(d)
	k := -1
	for k+1 < (n+1)/2 && BinomialUpper(n-k-1, n, 0.5) <= alpha*(1+near) {
		k++
	}
	if k < 0 || slices.ContainsFunc(d, math.IsNaN) {
		return math.Inf(-1), math.Inf(1)
	}
	d = sorted(d)
	return d[k], d[n-1-k]
}

// DrawnUpper is the probability that at least k of the draws hit, where draw i hits
// with the probability q[i], from 0 to 1, independent of the others. It takes a time
// of their number squared.
func DrawnUpper(k int, q []float64) float64 {
	if k <= 0 {
		return 1
	}
	if k > len(q) {
		return 0
	}
	p := make([]float64, k+1) // of so many hits so far; the last: at least k
	p[0] = 1
	for _, hit := range q {
		p[k] += hit * p[k-1]
		for i := k - 1; i > 0; i-- {
			p[i] = p[i]*(1-hit) + hit*p[i-1]
		}
		p[0] *= 1 - hit
	}
	return min(1, p[k])
}
