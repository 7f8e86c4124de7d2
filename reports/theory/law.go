package theory

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Law is how a time is distributed about its mean.
type Law struct {
	Kind string  // Constant, Exponential or Lognormal; Constant where empty
	CV   float64 // standard deviation over mean, of Lognormal alone
}

// Kinds of laws.
const (
	Constant    = "constant"
	Exponential = "exponential"
	Lognormal   = "lognormal"
)

// maxCV keeps the mean of a lognormal law from being made by one value in a
// million.
const maxCV = 100

// kind is the law's kind, with what is a constant in all but name as such.
func (l Law) kind() string {
	if l.Kind == "" || l.Kind == Lognormal && l.CV < 1e-9 {
		return Constant
	}
	return l.Kind
}

func (l Law) check(name, cv string) error {
	switch l.Kind {
	case "", Constant, Exponential:
		return bad(l.CV == 0, cv, l.CV, "left out unless the law is lognormal")
	case Lognormal:
		return bad(l.CV >= 0 && l.CV <= maxCV, cv, l.CV, fmt.Sprintf("from 0 to %d", maxCV))
	}
	return bad(false, name, l.Kind, "constant, exponential or lognormal")
}

// sampler draws times of mean 1.
func (l Law) sampler(r *rand.Rand) func() float64 {
	switch l.kind() {
	case Exponential:
		return r.ExpFloat64
	case Lognormal:
		mu, sigma := l.logs()
		return func() float64 { return math.Exp(mu + sigma*r.NormFloat64()) }
	}
	return func() float64 { return 1 }
}

// logs are the mean and the standard deviation of the logarithm of a lognormal
// time of mean 1.
func (l Law) logs() (mu, sigma float64) {
	s2 := math.Log1p(l.CV * l.CV)
	return -s2 / 2, math.Sqrt(s2)
}

// quantile is that of a time of mean 1.
func (l Law) quantile(p float64) float64 { return l.exceededBy(1 - p) }

// exceededBy is what a share q of times of mean 1 exceeds, with all digits where
// that is small.
func (l Law) exceededBy(q float64) float64 {
	switch l.kind() {
	case Exponential:
		return max(0, -math.Log(q))
	case Lognormal:
		mu, sigma := l.logs()
		return math.Exp(mu - sigma*distuv.UnitNormal.Quantile(q))
	}
	return 1
}

// variance is that of a time of mean 1.
func (l Law) variance() float64 {
	switch l.kind() {
	case Exponential:
		return 1
	case Lognormal:
		return l.CV * l.CV
	}
	return 0
}

// unseen is the share of the mean of the given power of a time that is made by
// times so long that n draws have less than one of them.
func (l Law) unseen(n int, power float64) float64 {
	if l.kind() != Lognormal {
		return 0
	}
	_, sigma := l.logs()
	return distuv.UnitNormal.CDF(power*sigma - distuv.UnitNormal.Quantile(1-1/float64(max(n, 2))))
}

// residual draws what is left of a time of mean 1 that goes on, at any instant.
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
