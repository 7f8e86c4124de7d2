package theory

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// poisson is the chance of exactly n events where x are expected. It is
// accurate to some 15 digits for any n and x, unlike the exponential of a
// logarithm of factorials, which loses as many digits as that has before the
// point (Loader, Fast and Accurate Computation of Binomial Probabilities, 2000).
func poisson(n int, x float64) float64 {
	switch {
	case n < 0:
		return 0
	case x <= 0:
		if n == 0 {
			return 1
		}
		return 0
	case n == 0:
		return math.Exp(-x)
	}
	return math.Exp(-stirlingError(n)-deviance(float64(n), x)) / math.Sqrt(2*math.Pi*float64(n))
}

// stirlingError is ln n! less Stirling's formula for it.
func stirlingError(n int) float64 {
	v := float64(n)
	if n < 16 {
		lg, _ := math.Lgamma(v + 1)
		return lg - (v+0.5)*math.Log(v) + v - 0.5*math.Log(2*math.Pi)
	}
	s := 1 / (v * v)
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-s/1188)*s)*s)*s) / v
}

// deviance is n·ln(n/x) + x - n, without cancellation where n is near x.
func deviance(n, x float64) float64 {
	if d := n - x; math.Abs(d) < 0.1*(n+x) {
		v := d / (n + x)
		s, term := d*v, 2*n*v
		for j := 3.0; ; j += 2 {
			term *= v * v
			next := s + term/j
			if next == s {
				return s
			}
			s = next
		}
	}
	return n*math.Log(n/x) + x - n
}

// poissonAtMost is the chance of at most n events where x are expected.
func poissonAtMost(n int, x float64) float64 {
	switch {
	case n < 0:
		return 0
	case x <= 0:
		return 1
	}
	return mathext.GammaIncRegComp(float64(n)+1, x)
}

// poissonAbove is the chance of more than n events where x are expected, to all
// digits where it is small.
func poissonAbove(n int, x float64) float64 {
	switch {
	case n < 0:
		return 1
	case x <= 0:
		return 0
	}
	return mathext.GammaIncReg(float64(n)+1, x)
}

// poissonSum is the sum of weight(n) over n from 0 to last, each times its
// chance where x are expected. It goes outwards from the likeliest until what is
// left cannot matter, as long as no weight is above 1.
func poissonSum(x float64, last int, weight func(n int) float64) float64 {
	if last < 0 {
		return 0
	}
	mode := min(last, int(x))
	start := poisson(mode, x)
	sum := start * weight(mode)
	for n, p := mode, start; n > 0 && p > 1e-25; n-- {
		p *= float64(n) / x
		sum += p * weight(n-1)
	}
	for n, p := mode+1, start; n <= last; n++ {
		p *= x / float64(n)
		if p < 1e-25 {
			break
		}
		sum += p * weight(n)
	}
	return sum
}

// poissonLaw has the chances of 0, 1, 2 events and so on where x are expected,
// down to 1e-290, and above those of more.
func poissonLaw(x float64) (exactly, above []float64) {
	last := int(x)
	for poisson(last, x) > 1e-290 { // beyond, numbers lose digits, and take long
		last += 1 + last/16
	}
	exactly = make([]float64, last+1)
	for n := range exactly {
		exactly[n] = poisson(n, x)
	}
	return exactly, fromEnd(exactly)[1:]
}

// fromEnd has the sums of v from each index on; the last is 0, of none.
func fromEnd(v []float64) []float64 {
	sums := make([]float64, len(v)+1)
	for i := len(v) - 1; i >= 0; i-- {
		sums[i] = sums[i+1] + v[i]
	}
	return sums
}
