package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Conclude makes the report of a comparison: it decides each series, judges the
// control, and says what it all comes to. Invalid are reasons, known before the
// ratios are looked at, why the comparison is not valid; notes are what else a
// reader must know.
func Conclude(d Design, all []Series, invalid, notes []string) *Report {
	d.Tests = Tests(all)
	r := &Report{Schema: Schema, Design: d, Version: Version, Findings: Decide(d, all), Reasons: slices.Clone(invalid)}
	if c, ok := Calibrated(); ok {
		r.FalseAlarms, r.Misses = &c.Identical, &c.Injected
	}
	for _, s := range all {
		r.Pairs = max(r.Pairs, len(s.Pairs))
		if len(s.Pairs) == 0 && !s.Same {
			r.Advisory = true
		}
		if len(s.Control) > 0 {
			r.Control = append(r.Control, controlFinding(d, s))
		}
	}
	bad := len(invalid) > 0
	if len(all) == 0 || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Gated }) {
		bad = true
		r.Reasons = append(r.Reasons, "there is nothing to decide by: no metric that decides was measured on both sides")
	}
	for _, f := range r.Control {
		if f.Verdict == Invalid && f.Gated {
			bad = true
			r.Reasons = append(r.Reasons, fmt.Sprintf("the control failed: %s of %s differs between two launches of the base, %s", f.Metric, f.Scenario, f.Reason))
		}
	}
	for _, f := range r.Findings {
		if f.Verdict == Invalid && f.Gated {
			bad = true
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s of %s cannot be compared: %s", f.Metric, f.Scenario, f.Reason))
		}
	}
	r.Reasons = append(r.Reasons, notes...)
	for _, f := range r.Control {
		if f.Verdict == Inconclusive {
			r.Reasons = append(r.Reasons, fmt.Sprintf("there is no control of %s of %s: %s", f.Metric, f.Scenario, f.Reason))
		}
	}
	if r.Reasons == nil {
		r.Reasons = []string{}
	}
	r.Verdict = overall(r.Findings)
	if bad {
		r.Verdict = Invalid
	}
	r.Exit = r.Verdict.ExitCode()
	if r.Verdict == Regressed && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Gated && f.Verdict == Regressed && len(f.Values) > 0 }) {
		r.Exit = ExitInconclusive // without pairs nothing is proven
	}
	return r
}

// overall is the first of these that any metric that decides has: a proven
// regression outranks what cannot be told.
func overall(findings []Finding) Verdict {
	for _, v := range []Verdict{Regressed, Unstable, Inconclusive, Minor, Improved} {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Gated && f.Verdict == v }) {
			return v
		}
	}
	return Equal
}

// controlFinding compares the base with itself, by the same tests, at the same
// looks and at the same alpha as the candidate: at every look that the pairs have
// reached, also one by which the candidate was decided already. It is Invalid
// where the two differ by more than half of the margin at any of them, or in
// their outliers, and Equal where that is not proven: it is a negative control,
// and shows a bias that noise does not explain, such as one of the arms' ports,
// folders or places in the order.
func controlFinding(d Design, s Series) Finding {
	c := Series{Scenario: s.Scenario, Metric: s.Metric, Pairs: s.Control}
	c.Metric.MaxOutliers = 0
	half := s.Metric.Margin / 2
	if s.Metric.Scale == Exact {
		half = s.Metric.Tolerance
	}
	f := newFinding(c)
	f.Pairs = len(c.Pairs)
	changes, err := changesOf(c)
	if err != nil {
		f = f.invalid(strings.Replace(err.Error(), "of the "+string(Candidate), "of the "+string(Control), 1))
		f.Verdict, f.Gated = Inconclusive, false
		return f
	}
	whole := decide(d, c)
	f.BaseValue, f.CandidateValue, f.Noise, f.Estimate = whole.BaseValue, whole.CandidateValue, whole.Noise, whole.Estimate
	limit := s.Metric.Scale.worse(half)
	on := s.Metric.Scale.worse
	for look, at := range d.Looks {
		if at > len(changes) {
			break
		}
		if d.alphaOf(c.Metric, look) == 0 {
			continue
		}
		judge(&f, d, c, changes[:at], look)
		switch {
		case f.Outliers.Proven():
			f.Verdict = Invalid
			f.Reason = "in its outliers: " + f.Outliers.Told()
			return f
		case s.Metric.Scale == Exact && (f.Verdict == Regressed || f.Verdict == Improved),
			s.Metric.Scale != Exact && (above(on(float64(f.Lower)), limit) || above(-limit, on(float64(f.Upper)))):
			f.Verdict = Invalid
			f.Reason = fmt.Sprintf("by %s (%s to %s)", f.amount(float64(f.Estimate)), signed(f, f.Lower), signed(f, f.Upper))
			return f
		}
	}
	f.Verdict, f.Reason = Equal, "no difference is proven"
	return f
}

func signed(f Finding, b Bound) string {
	if math.Signbit(float64(b)) {
		return "−" + f.amount(float64(b))
	}
	return "+" + f.amount(float64(b))
}
