package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Judge makes the report of a comparison from its samples, and from samples of
// what is identical on both sides and was not measured. Invalid are reasons, known
// before any ratio is computed, why the comparison is not valid; notes are remarks.
// A design without looks has one, after all pairs.
func Judge(d Design, p Policy, samples, identical []Sample, invalid, notes []string) *Report {
	all, missing, fresh := Collect(samples, p)
	all = append(all, IdenticalSeries(identical, p)...)
	if len(d.Looks) == 0 {
		most := 1
		for _, s := range all {
			most = max(most, len(s.Pairs))
		}
		d.Looks, d.Spend = []int{most}, []float64{1}
	}
	unmeasured, remarks := p.Unmeasured(all)
	return Conclude(d, all, slices.Concat(invalid, missing, unmeasured), slices.Concat(notes, fresh, remarks))
}

// Conclude decides each series, judges the control, and makes the report.
func Conclude(d Design, all []Series, invalid, notes []string) *Report {
	d.Tests = Tests(all)
	r := &Report{Schema: Schema, Design: d, Version: Version, Findings: Decide(d, all), Reasons: slices.Clone(invalid)}
	if c, ok := Calibrated(); ok {
		r.FalseAlarms, r.Misses = &c.Identical, &c.Injected
	}
	for _, s := range all {
		r.Pairs = max(r.Pairs, len(s.Pairs))
		if len(s.Pairs) == 0 && !s.Identical {
			r.Advisory = true
		}
		if len(s.Control) > 0 {
			r.Control = append(r.Control, controlFinding(d, s))
		}
	}
	bad := len(invalid) > 0
	if len(all) == 0 || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Gated }) {
		bad = true
		r.Reasons = append(r.Reasons, "no gated metric was measured on both sides")
	}
	fail := func(all []Finding, format string) {
		for _, f := range all {
			if f.Verdict == Invalid && f.Gated {
				bad = true
				r.Reasons = append(r.Reasons, fmt.Sprintf(format, f.Metric, f.Scenario, f.Reason))
			}
		}
	}
	fail(r.Control, "the control failed: %s of %s differs between two launches of the base %s")
	fail(r.Findings, "%s of %s cannot be compared: %s")
	r.Reasons = append(r.Reasons, notes...)
	for _, f := range r.Control {
		if f.Verdict == Inconclusive {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s of %s has no control: %s", f.Metric, f.Scenario, f.Reason))
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

// overall is the first of these verdicts that any gated metric has: a proven
// regression outranks an inconclusive metric.
func overall(findings []Finding) Verdict {
	for _, v := range []Verdict{Regressed, Unstable, Inconclusive, Minor, Improved} {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Gated && f.Verdict == v }) {
			return v
		}
	}
	return Equal
}

// controlFinding compares the base with itself, by the same tests, at the same
// looks and with the same alpha as the candidate, and at every look that the pairs
// reached, also after the candidate was decided. It is Invalid where the two are
// proven to differ by more than half of the margin, or in their outliers, else
// Equal. It is a negative control: it shows a bias that noise does not explain,
// such as one of ports, folders or launch order.
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
	all := decide(d, c)
	f.BaseValue, f.CandidateValue, f.Noise, f.Estimate = all.BaseValue, all.CandidateValue, all.Noise, all.Estimate
	limit := s.Metric.Scale.worse(half)
	on := s.Metric.Scale.worse
	for look, at := range d.Looks {
		if at > len(changes) {
			break
		}
		if d.alpha(c.Metric.Scale, look) == 0 {
			continue
		}
		judge(&f, d, c, changes[:at], look)
		switch {
		case f.Outliers.Proven():
			f.Verdict = Invalid
			f.Reason = "in its outliers: " + f.Outliers.Summary()
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
