package theory

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/a628bb15/onhold/reports/field"
)

// Law is the distribution of a time about its mean.
type Law struct {
	Kind string  `json:"kind,omitzero"` // Constant, Exponential or Lognormal; Constant where empty
	CV   float64 `json:"cv,omitzero"`   // standard deviation over mean, only of Lognormal: 0 to 100

	// Of several calls together (see together); calls is 0 for one.
	calls      int
	concurrent bool
	scale      float64 // the mean of one call, where that of all together is 1
}

// Kinds of laws.
const (
	Constant    = "constant"
	Exponential = "exponential"
	Lognormal   = "lognormal"

	general = "general" // of several calls, where it is none of these
)

// maxCV keeps the mean of a lognormal law from depending on one value in a
// million.
const maxCV = 100

// Constant reports whether all times are the same.
func (l Law) Constant() bool { return l.kind() == Constant }

func (l Law) kind() string {
	switch {
	case l.Kind == "" || l.Kind == Lognormal && l.CV < 1e-9:
		return Constant
	case l.calls > 1:
		return general
	}
	return l.Kind
}

func (l Law) validate() error {
	switch l.Kind {
	case "", Constant, Exponential:
		return field.Check(l.CV == 0, "CV", l.CV, "left out, for the law is not lognormal")
	case Lognormal:
		return field.Check(l.CV >= 0 && l.CV <= maxCV, "CV", l.CV, fmt.Sprintf("0 to %d", maxCV))
	}
	return field.Check(false, "Kind", l.Kind, "constant, exponential or lognormal")
}

// logs are the mean and the standard deviation of the logarithm of a lognormal
// time with mean 1.
func (l Law) logs() (mu, sigma float64) {
	s2 := math.Log1p(l.CV * l.CV)
	return -s2 / 2, math.Sqrt(s2)
}

// together is the law of the time that independent calls take, one after the
// other or all at once, and its mean, in means of one call.
func (l Law) together(calls int, concurrent bool) (Law, float64) {
	if calls <= 1 {
		return l, 1
	}
	mean := float64(calls)
	if concurrent {
		mean = l.longest(calls, 1)
	}
	l.calls, l.concurrent, l.scale = calls, concurrent, 1/mean
	return l, mean
}

// longest is the mean, or the mean square, of the longest of n times with mean 1:
// power is 1 or 2.
func (l Law) longest(n int, power float64) float64 {
	switch l.kind() {
	case Constant:
		return 1
	case Exponential:
		var mean, variance float64
		for k := n; k >= 1; k-- {
			mean += 1 / float64(k)
			variance += 1 / float64(k) / float64(k)
		}
		if power == 1 {
			return mean
		}
		return mean*mean + variance
	}
	// Of the logarithm, which is the largest of n normal values: the integral of
	// exp(power·(mu+sigma·x)) times their density.
	mu, sigma := l.logs()
	density := func(x float64) float64 {
		below := 0.5 * math.Erfc(-x/math.Sqrt2)
		return float64(n) * math.Pow(below, float64(n-1)) * math.Exp(power*(mu+sigma*x)-x*x/2) / math.Sqrt(2*math.Pi)
	}
	return quad.Fixed(density, -12, 12+power*sigma, 600, quad.Legendre{}, 0)
}

// Sampler draws times with mean 1.
func (l Law) Sampler(r *rand.Rand) func() float64 {
	if l.kind() == general {
		one := Law{Kind: l.Kind, CV: l.CV}.Sampler(r)
		return func() (t float64) {
			for range l.calls {
				if l.concurrent {
					t = max(t, one())
				} else {
					t += one()
				}
			}
			return t * l.scale
		}
	}
	switch l.kind() {
	case Exponential:
		return r.ExpFloat64
	case Lognormal:
		mu, sigma := l.logs()
		return func() float64 { return math.Exp(mu + sigma*r.NormFloat64()) }
	}
	return func() float64 { return 1 }
}

// quantile is the time that a share p does not exceed, of times with mean 1; NaN
// where no formula is known.
func (l Law) quantile(p float64) float64 { return l.exceededBy(1 - p) }

// exceededBy is the time that a share q exceeds, with all digits where q is
// small.
func (l Law) exceededBy(q float64) float64 {
	one := Law{Kind: l.Kind, CV: l.CV}
	switch {
	case l.kind() == Constant:
		return 1
	case l.kind() == general && l.concurrent:
		// All calls are done with the chance p where each is with p^(1/n).
		return l.scale * one.exceededBy(-math.Expm1(math.Log1p(-q)/float64(l.calls)))
	case l.kind() == general && l.Kind == Exponential: // Erlang's law
		return l.scale * quantileOf(func(t float64) float64 { return poissonAtMost(l.calls-1, t) }, 1-q, float64(l.calls))
	case l.kind() == general: // no formula is known for a sum of lognormal times
		return math.NaN()
	case l.Kind == Exponential:
		return max(0, -math.Log(q))
	}
	mu, sigma := l.logs()
	return math.Exp(mu - sigma*distuv.UnitNormal.Quantile(q))
}

// variance is that of times with mean 1.
func (l Law) variance() float64 {
	one := Law{Kind: l.Kind, CV: l.CV}
	switch {
	case l.kind() == Constant:
		return 0
	case l.kind() == general && l.concurrent:
		return one.longest(l.calls, 2)*l.scale*l.scale - 1
	case l.kind() == general:
		return one.variance() / float64(l.calls)
	case l.Kind == Exponential:
		return 1
	}
	return l.CV * l.CV
}

// unseen is the share of the mean of the given power of a time that comes from
// times so long that n draws contain less than one of them. For several calls it
// is that of one, which is larger.
func (l Law) unseen(n int, power float64) float64 {
	if l.Kind != Lognormal || l.kind() == Constant {
		return 0
	}
	_, sigma := l.logs()
	return distuv.UnitNormal.CDF(power*sigma - distuv.UnitNormal.Quantile(1-1/float64(max(n, 2))))
}

// residual draws what is left of a time with mean 1 at a random instant. Of one
// call.
func (l Law) residual(r *rand.Rand) float64 {
	switch l.kind() {
	case Exponential:
		return r.ExpFloat64()
	case Lognormal:
		mu, sigma := l.logs()
		return math.Exp(mu+sigma*sigma+sigma*r.NormFloat64()) * r.Float64()
	}
	return r.Float64()
}
