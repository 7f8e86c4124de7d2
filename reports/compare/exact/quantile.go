package exact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// HarrellDavis estimates the q-quantile of what x was drawn from by a mean of
// all values, each with the chance that it is that quantile of another sample
// of its size: less jumpy than any single order statistic (Harrell and Davis, A
// New Distribution-Free Quantile Estimator, Biometrika 69, 1982). q is from 0 to
// 1; at either end it is the smallest or largest value. NaN of no values.
func HarrellDavis(x []float64, q float64) float64 {
	n := len(x)
	if n == 0 || !finite(x) || !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	switch q {
	case 0:
		return slices.Min(x)
	case 1:
		return slices.Max(x)
	}
	a, b := float64(n+1)*q, float64(n+1)*(1-q)
	var sum, before float64
	for i, v := range slices.Sorted(slices.Values(x)) {
		upto := 1.0
		if i < n-1 {
			upto = mathext.RegIncBeta(a, b, float64(i+1)/float64(n))
		}
		sum += (upto - before) * v
		before = upto
	}
	return sum
}
