package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// worse converts an amount by which something is worse to the scale of the tests:
// the log of the ratio, or the difference itself.
func (s Scale) worse(share float64) float64 {
	if s == Points || math.IsInf(share, 0) {
		return share
	}
	return math.Log1p(share)
}

// share is the inverse of worse.
func (s Scale) share(d float64) float64 {
	if s == Points || math.IsInf(d, 0) { // a missing bound stays missing: its share would be −100 %
		return d
	}
	return math.Expm1(d)
}

// above compares two amounts on the scale of the tests, and ignores differences
// within rounding.
func above(a, limit float64) bool { return exact.Compare(a, limit, 1) > 0 }

// perMillion turns a share in parts per million into one of 1.
const perMillion = 1e-6

// bad is what is wrong with a value, "" for a good one.
func bad(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return "infinite"
	case v < 0:
		return fmt.Sprintf("%g, which is negative", v)
	}
	return ""
}

// change is how much worse the candidate's value is, on the scale of the tests.
func (m Metric) change(base, candidate float64) (float64, error) {
	for _, side := range []struct {
		arm Arm
		v   float64
	}{{Base, base}, {Candidate, candidate}} {
		if why := bad(side.v); why != "" {
			return 0, fmt.Errorf("%s of the %s is %s", m.Unit, side.arm, why)
		}
	}
	base, candidate = max(base, m.Floor), max(candidate, m.Floor)
	sign := 1.0
	if m.Higher {
		sign = -1
	}
	switch {
	case m.Scale == Points:
		return sign * (candidate - base) * perMillion, nil
	case base == candidate:
		return 0, nil // also where both are zero
	case base == 0 || candidate == 0:
		return 0, fmt.Errorf("%s is %g in the base and %g in the candidate: there is no ratio to zero", m.Unit, base, candidate)
	}
	return sign * math.Log(candidate/base), nil
}

func changesOf(s Series) ([]float64, error) {
	out := make([]float64, len(s.Pairs))
	for i, p := range s.Pairs {
		var err error
		if out[i], err = s.Metric.change(p.Base, p.Candidate); err != nil {
			return nil, fmt.Errorf("pair %d: %w", p.Number, err)
		}
	}
	return out, nil
}

// shareOf is a change as it is reported: how much worse the candidate's value is,
// as a share of the base. From zero it is infinite, whatever the floor.
func (m Metric) shareOf(base, candidate, change float64) float64 {
	if m.Scale == Points || change == 0 || base > 0 && candidate > 0 {
		return m.Scale.share(change)
	}
	if change > 0 {
		return math.Inf(1)
	}
	return -1
}

// typical is an estimate of the median of the launches. It uses all values, except
// where they are counts: there it is one of them. Bad values are left out; it is
// NaN where none is left.
func (m Metric) typical(values []float64) float64 {
	good := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return bad(v) != "" })
	switch {
	case len(good) == 0:
		return math.NaN()
	case m.Scale == Exact:
		slices.Sort(good)
		return good[(len(good)-1)/2]
	}
	return exact.HarrellDavis(good)
}
