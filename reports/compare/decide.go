package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// Version is that of the rules by which is decided. False-alarm rates that were
// measured belong to one version.
const Version = 1

// Decide finds out what there is to be said of each series, by the design. It
// goes through the looks in order, and a series that one of them has decided
// stays decided, so the answer is the same whether it is asked after every look
// or once at the end. Pairs beyond the last look that was reached wait for the
// next: a comparison that ran out of time there, and is continued some day, must
// not have looked once more than was planned.
func Decide(d Design, all []Series) []Finding {
	out := make([]Finding, len(all))
	for i, s := range all {
		out[i] = decide(d, s)
	}
	return out
}

// Tests counts the series that share out a design's alpha: those that decide,
// and are not exact.
func Tests(all []Series) (n int) {
	for _, s := range all {
		if s.Metric.Gated && s.Metric.Scale != Exact && !s.Same {
			n++
		}
	}
	return max(n, 1)
}

// Open reports whether more pairs are of use: none of the metrics that decide
// has regressed, which settles the matter, and at least one is undecided.
func Open(findings []Finding) bool {
	open := false
	for _, f := range findings {
		if !f.Gated {
			continue
		}
		switch f.Verdict {
		case Regressed, Invalid:
			return false
		case Inconclusive:
			open = true
		}
	}
	return open
}

// newFinding has what does not depend on the values.
func newFinding(s Series) Finding {
	m := s.Metric
	return Finding{
		Scenario: s.Scenario, Metric: m.Name, Unit: m.Unit, Better: m.Better(), Scale: m.Scale, Gated: m.Gated,
		Lower: Bound(math.Inf(-1)), Upper: Bound(math.Inf(1)),
		Margin: m.Margin, Tolerance: m.Tolerance, Verdict: Inconclusive,
	}
}

func decide(d Design, s Series) Finding {
	f := newFinding(s)
	if s.Same {
		f.Same, f.Lower, f.Upper = true, 0, 0
		f.Verdict, f.Reason = Equal, "both sides are the same program"
		return f
	}
	if len(s.Pairs) == 0 {
		return unpaired(d, s, f)
	}
	var base, candidate []float64
	for _, p := range s.Pairs {
		base, candidate = append(base, p.Base), append(candidate, p.Candidate)
	}
	f.Pairs, f.Values = len(s.Pairs), s.Pairs
	f.BaseValue, f.CandidateValue = s.Metric.typical(base), s.Metric.typical(candidate)
	changes, err := changesOf(s)
	if err != nil {
		f.Verdict, f.Reason = Invalid, err.Error()
		return f
	}
	if s.Metric.Scale == Exact {
		return decideExact(d, f, changes)
	}
	f.Noise = exact.SD(changes)
	n := len(changes)
	for look, at := range d.Looks {
		if at > n {
			break
		}
		judge(&f, s.Metric, changes[:at], d.AlphaAt(look), look+1)
		if f.Verdict != Inconclusive {
			break
		}
	}
	if f.Look == 0 {
		f.Reason = fmt.Sprintf("%d pairs, and the first look is after %d", n, d.Looks[0])
		f.Estimate = s.Metric.fromWorse(exact.HodgesLehmann(changes))
	}
	forecast(&f, d, s.Metric, n)
	return f
}

// judge fills in what changes say at one look, and the verdict.
func judge(f *Finding, m Metric, changes []float64, alpha float64, look int) {
	lower, upper := exact.SignedRankBounds(changes, alpha)
	f.Pairs, f.Look, f.Alpha = len(changes), look, alpha
	f.Estimate = m.fromWorse(exact.HodgesLehmann(changes))
	f.Lower, f.Upper = Bound(m.fromWorse(lower)), Bound(m.fromWorse(upper))
	f.Verdict = verdictOf(lower, upper, m.worse(m.Margin), m.worse(m.Tolerance))
	f.Reason = reasonOf(*f)
}

// verdictOf is what the bounds of a change mean, all on one scale on which
// worse is positive. The rows are those of a table that is read from the top.
func verdictOf(lower, upper, margin, tolerance float64) Verdict {
	switch {
	case math.IsNaN(lower) || math.IsNaN(upper):
		return Invalid
	case lower > margin && upper >= tolerance:
		return Regressed
	case lower > margin:
		return Minor
	case upper < -margin:
		return Improved
	case lower > -tolerance && upper < tolerance:
		return Equal
	}
	return Inconclusive
}

func reasonOf(f Finding) string {
	switch f.Verdict {
	case Regressed:
		return fmt.Sprintf("at least %s worse, more than the margin of %s, and perhaps %s", f.share(float64(f.Lower)), f.share(f.Margin), f.share(float64(f.Upper)))
	case Minor:
		return fmt.Sprintf("worse by more than the margin of %s, and by less than the tolerance of %s", f.share(f.Margin), f.share(f.Tolerance))
	case Improved:
		return fmt.Sprintf("better by more than the margin of %s", f.share(f.Margin))
	case Equal:
		return fmt.Sprintf("within the tolerance of %s", f.share(f.Tolerance))
	case Invalid:
		return "there is no figure to compare"
	}
	return fmt.Sprintf("the interval holds both no change and one beyond the tolerance of %s", f.share(f.Tolerance))
}

// share tells a change without its sign: 5 %, or 0.5 pp of a difference.
func (f Finding) share(v float64) string {
	v = 100 * math.Abs(v)
	unit := " %"
	if f.Scale == Points {
		unit = " pp"
	}
	if math.IsInf(v, 0) {
		return "any amount"
	}
	digits := 2
	if v >= 10 {
		digits = 0
	} else if v >= 1 {
		digits = 1
	}
	return fmt.Sprintf("%.*f%s", digits, v, unit)
}

// forecast tells what could be found at this noise at the design's last look,
// also where there were not so many pairs: that is what going on would be for.
func forecast(f *Finding, d Design, m Metric, n int) {
	if n < 2 {
		return
	}
	alpha := d.AlphaAt(len(d.Looks) - 1)
	margin, tolerance := m.worse(m.Margin), m.worse(m.Tolerance)
	f.MDE = m.fromWorse(exact.MDE(margin, alpha, f.Noise, d.Max()))
	if math.IsInf(f.MDE, 0) {
		f.MDE = 0 // so few pairs prove nothing, however large
	}
	if f.MDE == 0 || f.MDE > m.Tolerance {
		if f.Needed = exact.PairsFor(margin, tolerance, alpha, f.Noise); f.Needed == math.MaxInt {
			f.Needed = 0 // no number of pairs would do
		}
	}
}

// typical is the middle of what launches gave: an estimate of the median that
// uses all of them, but where values are counts, one of these.
func (m Metric) typical(values []float64) float64 {
	if m.Scale == Exact {
		return slices.Sorted(slices.Values(values))[(len(values)-1)/2]
	}
	return exact.HarrellDavis(values, 0.5)
}

// worse puts an amount by which something is worse onto the scale on which is
// decided: the log of the ratio, or the difference itself.
func (m Metric) worse(share float64) float64 {
	if m.Scale == Points {
		return share
	}
	return math.Log1p(share)
}

// fromWorse is the inverse of worse.
func (m Metric) fromWorse(d float64) float64 {
	if m.Scale == Points || math.IsInf(d, 0) { // no bound stays none: its share would be −100 %
		return d
	}
	return math.Expm1(d)
}

// perMillion turns a share in parts per million into one of 1.
const perMillion = 1e-6

// change is by how much the candidate's value is worse, on the scale on which
// is decided.
func (m Metric) change(base, candidate float64) (float64, error) {
	for _, v := range []float64{base, candidate} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return 0, fmt.Errorf("%g is no %s", v, m.Unit)
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

// decideExact judges a figure that has no noise to speak of, such as
// allocations. It spends no alpha: it calls a change only where all pairs
// agree, which n pairs without one do by chance 1 time in 2^n.
func decideExact(d Design, f Finding, changes []float64) Finding {
	f.Reason = fmt.Sprintf("%d pairs, and the first look is after %d", f.Pairs, d.Looks[0])
	f.Estimate, f.Noise = math.Expm1(exact.HodgesLehmann(changes)), exact.SD(changes)
	for look, at := range d.Looks {
		if at > len(changes) || f.Verdict != Inconclusive {
			break
		}
		judgeExact(&f, changes[:at], look+1)
	}
	return f
}

func judgeExact(f *Finding, changes []float64, look int) {
	limit := math.Log1p(f.Tolerance)
	lowest, highest := slices.Min(changes), slices.Max(changes)
	middle := exact.HodgesLehmann(changes)
	f.Estimate, f.Lower, f.Upper = math.Expm1(middle), Bound(math.Expm1(lowest)), Bound(math.Expm1(highest))
	f.Pairs, f.Look = len(changes), look
	switch {
	case lowest > limit:
		f.Verdict, f.Reason = Regressed, fmt.Sprintf("in every pair worse by more than %s", f.share(f.Tolerance))
	case highest < -limit:
		f.Verdict, f.Reason = Improved, fmt.Sprintf("in every pair better by more than %s", f.share(f.Tolerance))
	case math.Abs(middle) <= limit:
		f.Verdict, f.Reason = Equal, fmt.Sprintf("typically within %s", f.share(f.Tolerance))
	default:
		f.Reason = fmt.Sprintf("the pairs disagree: from %s better to %s worse", f.share(float64(f.Lower)), f.share(float64(f.Upper)))
	}
}

// unpaired compares values that were measured one side after the other. All
// that drifted in between is in the change, so it is advisory.
func unpaired(d Design, s Series, f Finding) Finding {
	f.Pairs = min(len(s.BaseValues), len(s.CandidateValues))
	if f.Pairs == 0 {
		f.Verdict, f.Reason = Invalid, "one of the sides has no value"
		return f
	}
	m := s.Metric
	f.BaseValue, f.CandidateValue = m.typical(s.BaseValues), m.typical(s.CandidateValues)
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
		f.Verdict, f.Reason = Invalid, fmt.Sprintf("a value of %s is zero, negative or none, which has no ratio to another", m.Unit)
		return f
	}
	f.Alpha = d.Alpha / float64(max(d.Tests, 1))
	f.Look = 1
	estimate, lower, upper := exact.RankSumBounds(base, candidate, f.Alpha)
	f.Estimate, f.Lower, f.Upper = m.fromWorse(estimate), Bound(m.fromWorse(lower)), Bound(m.fromWorse(upper))
	f.Verdict = verdictOf(lower, upper, m.worse(m.Margin), m.worse(m.Tolerance))
	f.Reason = reasonOf(f)
	if math.IsInf(lower, 0) || math.IsInf(upper, 0) {
		f.Reason = fmt.Sprintf("%d and %d values are too few for any bound", len(base), len(candidate))
	}
	return f
}
