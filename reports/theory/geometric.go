package theory

import "math"

// truncatedGeometric is the law of a number from 0 to k-1 whose chances go as r^j,
// for an r of any size: how many wait before one that has to, in M/M/c/K. k is 1
// or more. All that it is asked takes a time of the square root of k at most.
type truncatedGeometric struct {
	k   int
	log float64 // of r; below 0 most are small, above 0 most are near k
}

// mean is exact to some ten digits. It is k·h(kx) - h(x) with x = ln r and
// h(y) = 1/(1-exp(-y)) - 1/y, in which nothing cancels.
func (g truncatedGeometric) mean() float64 {
	h := func(y float64) float64 {
		if math.Abs(y) < 0.01 {
			return 0.5 + y/12 - y*y*y/720 // the next is below 1e-14
		}
		return -1/math.Expm1(-y) - 1/y
	}
	k := float64(g.k)
	switch {
	case math.IsInf(g.log, -1):
		return 0
	case math.Abs(k*g.log) < 0.01:
		// The halves are taken out first, or for a small k they cancel.
		x := g.log
		return (k-1)/2 + x*(k*k-1)/12 - x*x*x*(k*k*k*k-1)/720
	}
	return min(max(k*h(k*g.log)-h(g.log), 0), k-1)
}

// atLeast is the chance of j or more, for j from 0 to k.
func (g truncatedGeometric) atLeast(j int) float64 {
	k, n := float64(g.k), float64(j)
	v := k * g.log
	switch {
	case j == 0:
		return 1
	case math.IsInf(g.log, -1):
		return 0
	case math.Abs(v) < 0.01:
		// The share that is left at r = 1, and what r makes of it, by series.
		u := (k - n) * g.log
		y := n * g.log / 2
		e := 1 + y*(1+y/2*(1+y/3*(1+y/4)))
		return (1 - n/k) * e * sinhc(u/2) / sinhc(v/2)
	case v < 0:
		return math.Exp(n*g.log) * math.Expm1((k-n)*g.log) / math.Expm1(v)
	}
	return math.Expm1((n-k)*g.log) / math.Expm1(-v)
}

// sinhc is sinh(y)/y for a y near 0.
func sinhc(y float64) float64 { return 1 + y*y/6*(1+y*y/20) }

// aboveEvents is the chance that the number is not below one of Poisson's law with
// mean x: the sum over n of the chance of n events times atLeast(n).
func (g truncatedGeometric) aboveEvents(x float64) float64 {
	k := float64(g.k)
	v := k * g.log
	last := g.k - 1
	switch {
	case x <= 0:
		return 1
	case math.IsInf(g.log, -1):
		return math.Exp(-x)
	case g.k < 1000:
		return share(poissonSum(x, last, g.atLeast))
	}
	r := math.Exp(g.log)
	upTo := poissonAtMost(last, x)
	if math.Abs(v) < 1e-4 {
		// atLeast is (1-n/k)(1 + n·l/2 + l²(n²/6 - kn/12)), with l = ln r and all but
		// twelve digits; and the sums of n, n² and n³ are of Poisson's law.
		l := g.log
		two, three := x*x*poissonAtMost(last-2, x), x*x*x*poissonAtMost(last-3, x)
		n1 := x * poissonAtMost(last-1, x)
		n2 := two + n1
		n3 := three + 3*two + n1
		return share(upTo + n1*(l/2-1/k-l*l*k/12) + n2*(l*l/4-l/(2*k)) - n3*l*l/(6*k))
	}
	if v < 0 {
		// (r^n - r^k)/(1 - r^k), and the sum of Poisson's terms times r^n is one of
		// his law of mean r·x.
		sum := math.Exp(x*math.Expm1(g.log))*poissonAtMost(last, r*x) - math.Exp(v)*upTo
		return share(sum / -math.Expm1(v))
	}
	// (1 - r^(n-k))/(1 - r^-k); of the second only the last n matter.
	var second float64
	if r*x <= k {
		second = math.Exp(x*math.Expm1(g.log)-v) * poissonAtMost(last, r*x)
	} else {
		term := poisson(last, x) / r
		for n := last; n >= 0 && term > 1e-25; n-- {
			second += term
			term *= float64(n) / (x * r)
		}
	}
	return share((upTo - second) / -math.Expm1(-v))
}
