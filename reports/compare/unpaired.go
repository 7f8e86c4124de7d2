package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// unpaired compares values that were measured one side after the other. Drift of
// the machine is part of the change, so the result is advisory.
func unpaired(d Design, s Series, f Finding) Finding {
	f.Pairs = min(len(s.BaseValues), len(s.CandidateValues))
	if f.Pairs == 0 {
		return f.invalid("one side has no value")
	}
	m := s.Metric
	f.BaseValue, f.CandidateValue = Bound(m.typical(s.BaseValues)), Bound(m.typical(s.CandidateValues))
	nothing := slices.Max(s.BaseValues) <= 0 && slices.Max(s.CandidateValues) <= 0
	side := func(arm Arm, values []float64) (out []float64, why string) {
		for i, v := range values {
			if why := bad(v); why != "" {
				return nil, fmt.Sprintf("value %d of the %s: %s is %s", i+1, arm, m.Unit, why)
			}
			one := 1.0 // against the unit, so that sides can be subtracted
			if m.Scale == Points || nothing {
				one = 0
			}
			c, err := m.change(one, v)
			if err != nil {
				return nil, fmt.Sprintf("a value of %s is zero and has no ratio to another", m.Unit)
			}
			out = append(out, c)
		}
		return out, ""
	}
	base, why := side(Base, s.BaseValues)
	candidate, why2 := side(Candidate, s.CandidateValues)
	if why = cmp.Or(why, why2); why != "" {
		return f.invalid(why)
	}
	f.Alpha = d.part()
	f.Look = 1
	estimate, lower, upper := exact.RankSumBounds(base, candidate, f.Alpha)
	f.Estimate, f.Lower, f.Upper = Bound(m.Scale.share(estimate)), Bound(m.Scale.share(lower)), Bound(m.Scale.share(upper))
	margin, tolerance := m.Scale.worse(m.Margin), m.Scale.worse(m.Tolerance)
	if m.Scale == Exact {
		margin = tolerance // a change of exactly the tolerance is within it, as with pairs
	}
	f.Verdict = verdictOf(lower, upper, margin, tolerance)
	if m.Scale == Exact && f.Verdict == Inconclusive && !above(-tolerance, lower) && !above(upper, tolerance) {
		f.Verdict = Equal
	}
	f.Reason = reasonOf(f)
	f.setFromZero()
	if math.IsInf(lower, 0) || math.IsInf(upper, 0) {
		f.Reason = fmt.Sprintf("%d and %d values are too few for a bound; at least %d of each side are needed, such as repeats of a run or -count of go test", len(base), len(candidate), leastValues(f.Alpha))
	}
	return f
}

// leastValues is the fewest values of each side whose complete separation has at
// most that chance.
func leastValues(alpha float64) int {
	chance := 1.0
	for n := 1.0; ; n++ {
		if chance *= n * n / (2 * n * (2*n - 1)); chance <= alpha {
			return int(n)
		}
	}
}
