package compare

import (
	"math"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

const (
	// surely is the confidence with which the noise is at least as large as it is
	// taken to be: a few pairs are a rough measure, and in doubt it goes on.
	surely = 0.9
	// apart is how many standard errors the change may be further from nothing than
	// it seems. A change that the last look finds in 95 % is given up at an earlier
	// one in 2 % at most.
	apart = 1.5
)

// Reachable reports whether a later look of the design, which has its number of
// tests, may still decide what is undecided in f: prove a change as large as it
// may be, worse or better, prove it equal, or prove its outliers. It looks at the
// ratios, which is no look of the design: to give up can only lose a verdict,
// never make one.
func Reachable(d Design, f Finding) bool {
	n, most := len(f.Values), d.Max()
	switch {
	case f.Verdict != Inconclusive || n >= most || d.Least() > most:
		return false
	case f.Look == 0: // the first look may decide anything
		return true
	case f.Scale == Exact || f.settled():
		// Outliers keep it from passing: they may turn out to be no more than these.
		o := f.Outliers
		return o == nil || o.Allowed == 0 || exact.ClopperPearsonUpper(o.Candidate.Outliers, most, seen) <= o.Allowed
	}
	last := len(d.Looks) - 1
	if o := f.Outliers; o != nil && math.Pow(o.Chance, float64(most)/float64(n)) <= d.OutlierAlphaAt(last) {
		return true // outliers that go on as they began will be proven
	}
	alpha := d.AlphaAt(last)
	margin, tolerance := f.Scale.worse(f.Margin), f.Scale.worse(f.Tolerance)
	if exact.MDE(margin, alpha, exact.LeastSD(f.Noise, n, surely), most) <= tolerance {
		return true
	}
	change := math.Abs(f.Scale.worse(float64(f.Estimate))) + apart*f.Noise/math.Sqrt(float64(n))
	return change >= exact.Provable(margin, alpha, f.Noise, most)
}

// settled reports whether the bounds of the typical launch would decide.
func (f Finding) settled() bool {
	on := f.Scale.worse
	return verdictOf(on(float64(f.Lower)), on(float64(f.Upper)), on(f.Margin), on(f.Tolerance)) != Inconclusive
}
