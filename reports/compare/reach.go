package compare

import (
	"math"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

const (
	// noiseConfidence is the confidence that the noise is at least as large as
	// assumed: few pairs measure it roughly, and in doubt the comparison goes on.
	noiseConfidence = 0.9
	// changeErrors is by how many standard errors the change may be larger than it
	// seems. A change that the last look finds in 95 % of comparisons is abandoned
	// earlier in at most 2 %.
	changeErrors = 1.5
)

// Reachable reports whether a later look of the design, with its number of tests
// set, may still decide f: prove a change, prove it equal, or prove its outliers.
// It uses the ratios outside of a look, which is safe: stopping early can only lose
// a verdict, never make one.
func Reachable(d Design, f Finding) bool {
	n, most := len(f.Values), d.MaxPairs()
	switch {
	case f.Verdict != Inconclusive || n >= most || d.MinPairs() > most:
		return false
	case f.Look == 0: // the first look may decide anything
		return true
	case f.Scale == Exact || f.settled():
		// Its outliers keep it from passing. There may be no further ones.
		o := f.Outliers
		return o == nil || o.Allowed == 0 || exact.ClopperPearsonUpper(o.Candidate.Outliers, most, seen) <= o.Allowed
	}
	last := len(d.Looks) - 1
	if o := f.Outliers; o != nil && math.Pow(o.Chance, float64(most)/float64(n)) <= d.outlierAlpha(last) {
		return true // outliers at the present rate will be proven
	}
	alpha := d.alpha(Ratio, last)
	margin, tolerance := f.Scale.worse(f.Margin), f.Scale.worse(f.Tolerance)
	if exact.MDE(margin, alpha, exact.LeastSD(f.Noise, n, noiseConfidence), most) <= tolerance {
		return true
	}
	change := math.Abs(f.Scale.worse(float64(f.Estimate))) + changeErrors*f.Noise/math.Sqrt(float64(n))
	return change >= exact.Provable(margin, alpha, f.Noise, most)
}

// settled reports whether the bounds of the typical launch decide.
func (f Finding) settled() bool {
	on := f.Scale.worse
	return verdictOf(on(float64(f.Lower)), on(float64(f.Upper)), on(f.Margin), on(f.Tolerance)) != Inconclusive
}
