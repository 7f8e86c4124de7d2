package compare

import (
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
	if why := m.badAmong(s.BaseValues, s.CandidateValues); why != "" {
		return f.invalid(why)
	}
	nothing := slices.Max(s.BaseValues) <= 0 && slices.Max(s.CandidateValues) <= 0
	side := func(values []float64) ([]float64, error) {
		out := make([]float64, len(values))
		for i, v := range values {
			one := 1.0 // against the unit, so that sides can be subtracted
			if m.Scale == Points || nothing {
				one = 0
			}
			c, err := m.change(one, v)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	}
	base, err := side(s.BaseValues)
	candidate, err2 := side(s.CandidateValues)
	if err != nil || err2 != nil {
		return f.invalid(fmt.Sprintf("a value of %s is zero and has no ratio to another", m.Unit))
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

// badAmong describes the first bad value; "" where all are good.
func (m Metric) badAmong(base, candidate []float64) string {
	for _, side := range []struct {
		arm    Arm
		values []float64
	}{{Base, base}, {Candidate, candidate}} {
		for i, v := range side.values {
			if why := m.bad(v); why != "" {
				return fmt.Sprintf("value %d of the %s: %s is %s", i+1, side.arm, m.Unit, why)
			}
		}
	}
	return ""
}
