package theory

import "gonum.org/v1/gonum/integrate/quad"

// gauss has n points of Gauss and Legendre from low to high, low below high, and
// their weights. n must not be 26: for that gonum 0.17 has weights that sum up to
// 1 % too little, see the test.
func gauss(n int, low, high float64) (x, w []float64) {
	x, w = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(x, w, low, high)
	return x, w
}

// interpolation is by the polynomial through what is known at some points of 0 to
// 1 (Berrut and Trefethen, Barycentric Lagrange Interpolation, 2004).
type interpolation struct{ x, weight []float64 }

func newInterpolation(x []float64) interpolation {
	c := interpolation{x: x, weight: make([]float64, len(x))}
	for j := range x {
		c.weight[j] = 1
		for m := range x {
			if m != j {
				c.weight[j] /= 4 * (x[j] - x[m]) // 4, or it overflows for many points
			}
		}
	}
	return c
}

// at is what share each of the points has at x.
func (c interpolation) at(x float64) []float64 {
	out := make([]float64, len(c.x))
	var sum float64
	for j := range out {
		if x == c.x[j] {
			clear(out)
			out[j] = 1
			return out
		}
		out[j] = c.weight[j] / (x - c.x[j])
		sum += out[j]
	}
	for j := range out {
		out[j] /= sum
	}
	return out
}
