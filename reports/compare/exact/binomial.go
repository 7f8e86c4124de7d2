package exact

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ClopperPearson is the exact interval of a rate of which k in n were seen, at
// a two-sided confidence such as 0.95 (Clopper and Pearson, The Use of
// Confidence or Fiducial Limits Illustrated in the Case of the Binomial,
// Biometrika 26, 1934). It is all from 0 to 1 where n is 0, and NaN where k is
// not in 0 to n, or the confidence not between 0 and 1.
func ClopperPearson(k, n int, confidence float64) (lower, upper float64) {
	if k < 0 || k > n || !(confidence > 0 && confidence < 1) {
		return math.NaN(), math.NaN()
	}
	alpha := (1 - confidence) / 2
	upper = ClopperPearsonUpper(k, n, 1-alpha)
	switch {
	case k == 0:
		return 0, upper
	case k == n:
		return math.Pow(alpha, 1/float64(n)), upper
	}
	return mathext.InvRegIncBeta(float64(k), float64(n-k)+1, alpha), upper
}

// ClopperPearsonUpper is the exact upper bound of a rate of which k in n were
// seen, at a one-sided confidence: the rate at which so few would be seen with
// a chance of only 1-confidence. Of k and n as in [ClopperPearson].
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
