package exact

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// HarrellDavis estimates the median of what x was drawn from by a mean of all
// values, each with the probability that it is the median of another sample of its
// size: less jumpy than any single order statistic (Harrell and Davis, A New
// Distribution-Free Quantile Estimator, Biometrika 69, 1982). NaN of no values.
func HarrellDavis(x []float64) float64 {
	if len(x) == 0 || !finite(x) {
		return math.NaN()
	}
	var sum, before float64
	upTo := shares(len(x))
	for i, v := range sorted(x) {
		sum += (upTo[i] - before) * v
		before = upTo[i]
	}
	return sum
}

// shares has how much the first, the first two and so on of n sorted values weigh.
var shares = remembered(func(n int) []float64 {
	half := float64(n+1) / 2
	upTo := make([]float64, n)
	for i := range upTo[1:] {
		upTo[i] = mathext.RegIncBeta(half, half, float64(i+1)/float64(n))
	}
	upTo[n-1] = 1
	return upTo
})
