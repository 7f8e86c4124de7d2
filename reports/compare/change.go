package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// worse puts an amount by which something is worse onto the scale on which is
// decided: the log of the ratio, or the difference itself.
func (s Scale) worse(share float64) float64 {
	if s == Points || math.IsInf(share, 0) {
		return share
	}
	return math.Log1p(share)
}

// share is the inverse of worse.
func (s Scale) share(d float64) float64 {
	if s == Points || math.IsInf(d, 0) { // no bound stays none: its share would be −100 %
		return d
	}
	return math.Expm1(d)
}

// above compares two amounts on the scale on which is decided. What rounding
// makes of the figures they came from is no difference.
func above(a, limit float64) bool { return exact.Compare(a, limit, 1) > 0 }

// perMillion turns a share in parts per million into one of 1.
const perMillion = 1e-6

// bad says what is wrong with a value; "" where nothing is.
func (m Metric) bad(v float64) string {
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

// change is by how much the candidate's value is worse, on the scale on which
// is decided.
func (m Metric) change(base, candidate float64) (float64, error) {
	for _, side := range []struct {
		arm Arm
		v   float64
	}{{Base, base}, {Candidate, candidate}} {
		if why := m.bad(side.v); why != "" {
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
		return 0, fmt.Errorf("%s is %g in the base and %g in the candidate: nothing is so much more than zero", m.Unit, base, candidate)
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

// shareOf is a change as it is told: how much worse the candidate's value is, as
// a share of the base. From zero it is infinite, for from zero there is no per
// cent; a floor, which counts the least values as the same, makes none of it.
func (m Metric) shareOf(base, candidate, change float64) float64 {
	if m.Scale == Points || change == 0 || base > 0 && candidate > 0 {
		return m.Scale.share(change)
	}
	if change > 0 {
		return math.Inf(1)
	}
	return -1
}

// typical is the middle of what launches gave: an estimate of the median that
// uses all of them, but where values are counts, one of these. What is no value
// is left out; NaN where there is none.
func (m Metric) typical(values []float64) float64 {
	good := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return m.bad(v) != "" })
	switch {
	case len(good) == 0:
		return math.NaN()
	case m.Scale == Exact:
		slices.Sort(good)
		return good[(len(good)-1)/2]
	}
	return exact.HarrellDavis(good, 0.5)
}
