package exact

import (
	"math"
	"slices"
	"sync"

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
	var sum, before float64
	upto := shares(n, q)
	for i, v := range slices.Sorted(slices.Values(x)) {
		sum += (upto[i] - before) * v
		before = upto[i]
	}
	return sum
}

var allShares sync.Map // from sharesKey to the []float64 of shares

type sharesKey struct {
	n int
	q float64
}

// shares has how much the first, the first two and so on of n sorted values
// weigh. It is kept: it takes ten times as long as all the rest.
func shares(n int, q float64) []float64 {
	key := sharesKey{n, q}
	if known, ok := allShares.Load(key); ok {
		return known.([]float64)
	}
	a, b := float64(n+1)*q, float64(n+1)*(1-q)
	upto := make([]float64, n)
	for i := range upto[1:] {
		upto[i] = mathext.RegIncBeta(a, b, float64(i+1)/float64(n))
	}
	upto[n-1] = 1
	known, _ := allShares.LoadOrStore(key, upto)
	return known.([]float64)
}
