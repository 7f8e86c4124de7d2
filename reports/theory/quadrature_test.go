package theory

import (
	"math"
	"testing"
)

// The weights must sum to the length, and give the moments that they promise.
// With 26 points those of gonum 0.17 do not: where that is mended, gauss need not
// warn of it.
func TestGauss(t *testing.T) {
	for n := 2; n <= 120; n++ {
		x, w := gauss(n, 0, 1)
		wrong := 0.0
		for m := range min(2*n, 20) {
			sum := 0.0
			for i := range x {
				sum += w[i] * math.Pow(x[i], float64(m))
			}
			wrong = max(wrong, math.Abs(sum-1/float64(m+1)))
		}
		switch {
		case n == 26 && wrong < 1e-12:
			t.Logf("26 points are right in this version of gonum")
		case n != 26 && wrong > 1e-12:
			t.Errorf("%d points are off by %v", n, wrong)
		}
	}
}
