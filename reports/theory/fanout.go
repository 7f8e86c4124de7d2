package theory

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// FanOut is a request that makes calls to others, each of which takes a time of
// the same law and mean, independently of the rest. Times are in the unit of
// Mean. Queueing at what is called is not in it: if all calls share one pool they
// come in batches, which is burstier than Poisson.
type FanOut struct {
	Calls int // from 1 to 100,000
	Mean  float64
	Law   Law
}

const maxCalls = 100_000

func (f FanOut) check() error {
	return firstOf(bad(f.Calls >= 1 && f.Calls <= maxCalls, "calls", f.Calls, "from 1 to 100000"), bad(f.Mean >= 0 && !math.IsInf(f.Mean, 0), "mean", f.Mean, "a number from 0"), f.Law.check("law", "cv"))
}

// Sequential is how long calls take one after the other: the mean, exact for any
// law, and the p-quantile, for p from 0 and below 1, which is exact for constant
// and exponential calls (Erlang's law); of lognormal ones no formula is known, and
// ok is false.
func (f FanOut) Sequential(p float64) (mean, quantile float64, ok bool, err error) {
	if err := firstOf(f.check(), bad(p >= 0 && p < 1, "p", p, "from 0 and below 1")); err != nil {
		return 0, 0, false, err
	}
	mean = f.Mean * float64(f.Calls)
	switch f.Law.kind() {
	case Constant:
		return mean, mean, true, nil
	case Exponential:
		return mean, f.Mean * quantileOf(func(t float64) float64 { return poissonAtMost(f.Calls-1, t) }, p, float64(f.Calls)), true, nil
	}
	if f.Calls == 1 {
		return mean, f.Mean * f.Law.quantile(p), true, nil
	}
	return mean, 0, false, nil
}

// Concurrent is how long calls take all at once, which is the longest of them:
// mean and p-quantile, for p from 0 and below 1. Both are exact, but the mean of
// lognormal ones, which is integrated to some six digits. A call's own quantile at
// p^(1/calls) is all that it takes (order statistics).
func (f FanOut) Concurrent(p float64) (mean, quantile float64, err error) {
	if err := firstOf(f.check(), bad(p >= 0 && p < 1, "p", p, "from 0 and below 1")); err != nil {
		return 0, 0, err
	}
	n := float64(f.Calls)
	// All calls are done with the chance p if each is with p^(1/n); by logarithms, or
	// digits are lost for large n.
	quantile = f.Mean * f.Law.exceededBy(-math.Expm1(math.Log(p)/n))
	switch f.Law.kind() {
	case Constant:
		return f.Mean, f.Mean, nil
	case Exponential:
		for k := f.Calls; k >= 1; k-- {
			mean += 1 / float64(k)
		}
		return f.Mean * mean, quantile, nil
	}
	// Over the logarithm, in which it is the largest of n normal ones: the mean is
	// the integral of exp(mu+sigma·x) times their density. With sigma taken into
	// it, the density moves to the right.
	mu, sigma := f.Law.logs()
	density := func(x float64) float64 {
		below := 0.5 * math.Erfc(-x/math.Sqrt2)
		return n * math.Pow(below, n-1) * math.Exp(mu+sigma*x-x*x/2) / math.Sqrt(2*math.Pi)
	}
	mean = quad.Fixed(density, -12, 12+sigma, 600, quad.Legendre{}, 0)
	return f.Mean * mean, quantile, nil
}

// AnySlow is the share of requests in which at least one of n calls is slow, where
// a share slow of calls is. It is exact for independent calls. n is from 1.
func AnySlow(n int, slow float64) (float64, error) {
	if err := firstOf(bad(n >= 1, "calls", n, "1 or more"), bad(slow >= 0 && slow <= 1, "slow", slow, "from 0 to 1")); err != nil {
		return 0, err
	}
	return -math.Expm1(float64(n) * math.Log1p(-slow)), nil
}
