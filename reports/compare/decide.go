package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/units"
)

// Version is the version of the decision rules. Measured false-alarm rates belong
// to one version. In version 1 exact metrics spent no alpha, outliers were not
// counted, and the last look of a design of more than 48 pairs had no share.
const Version = 2

// Decide makes the finding of each series. It goes through the looks of the design
// in order, and a series stays decided once a look has decided it, so the answer
// is the same whether it is called after every look or once at the end. Pairs
// beyond the last look that was reached are not used before the next one: a
// comparison that stopped in between and is continued must not have an unplanned
// look.
func Decide(d Design, all []Series) []Finding {
	out := make([]Finding, len(all))
	for i, s := range all {
		out[i] = decide(d, s)
	}
	return out
}

// Tests counts the series that share a design's alpha: the gated ones.
func Tests(all []Series) (n int) {
	for _, s := range all {
		if s.Metric.Gated && !s.Identical {
			n++
		}
	}
	return max(n, 1)
}

// Open reports whether more pairs are useful: no gated metric has regressed, and
// at least one is undecided.
func Open(findings []Finding) bool {
	open := false
	for _, f := range findings {
		if !f.Gated {
			continue
		}
		switch f.Verdict {
		case Regressed, Unstable, Invalid:
			return false
		case Inconclusive:
			open = true
		}
	}
	return open
}

// newFinding fills in what does not depend on the values.
func newFinding(s Series) Finding {
	m := s.Metric
	return Finding{
		Scenario: s.Scenario, Metric: m.Name, Unit: m.Unit, Better: m.Better(), Scale: m.Scale, Gated: m.Gated,
		Lower: Bound(math.Inf(-1)), Upper: Bound(math.Inf(1)),
		Margin: m.Margin, Tolerance: m.Tolerance, Verdict: Inconclusive,
	}
}

// invalid is the finding where the values cannot be compared.
func (f Finding) invalid(why string) Finding {
	f.Verdict, f.Reason, f.Estimate = Invalid, why, Bound(math.NaN())
	return f
}

func decide(d Design, s Series) Finding {
	f := newFinding(s)
	if s.Identical {
		f.Identical, f.Lower, f.Upper = true, 0, 0
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
	m, n := s.Metric, len(s.Pairs)
	f.Pairs, f.Values = n, s.Pairs
	f.BaseValue, f.CandidateValue = Bound(m.typical(base)), Bound(m.typical(candidate))
	changes, err := changesOf(s)
	if err != nil {
		return f.invalid(err.Error())
	}
	f.Noise = exact.SD(changes)
	for look, at := range d.Looks {
		if at > n || f.Verdict != Inconclusive {
			break
		}
		if alpha := d.alpha(m.Scale, look); alpha > 0 {
			judge(&f, d, s, changes[:at], look)
		}
	}
	if f.Look == 0 {
		f.Reason = fmt.Sprintf("%s; the first look is after %d", units.Plural(n, "pair"), d.Looks[d.first(m)])
		f.Estimate = Bound(m.Scale.share(exact.HodgesLehmann(changes)))
	}
	f.setFromZero()
	forecast(&f, d, m, n)
	return f
}

// first is the first look at which its pairs can prove anything, or the last look
// where none can.
func (d Design) first(m Metric) int {
	for look := range d.Looks {
		if d.alpha(m.Scale, look) > 0 {
			return look
		}
	}
	return len(d.Looks) - 1
}

// judge fills in the bounds and the verdict of one look: first of the typical
// launch, then of outliers.
func judge(f *Finding, d Design, s Series, changes []float64, look int) {
	m, n := s.Metric, len(changes)
	f.Pairs, f.Look, f.Alpha = n, look+1, d.alpha(m.Scale, look)
	if m.Scale == Exact {
		judgeExact(f, d, s, changes, look)
	} else {
		lower, upper := exact.SignedRankBounds(changes, f.Alpha)
		f.Estimate = Bound(m.Scale.share(exact.HodgesLehmann(changes)))
		f.Lower, f.Upper = Bound(m.Scale.share(lower)), Bound(m.Scale.share(upper))
		f.Verdict = verdictOf(lower, upper, m.Scale.worse(m.Margin), m.Scale.worse(m.Tolerance))
		f.Reason = reasonOf(*f)
	}
	f.Outliers = outliersOf(s, n, d.outlierAlpha(look))
	f.applyOutliers(d)
	if least := exact.LeastPairs(f.Alpha); f.Verdict == Inconclusive && least > n {
		f.Reason = fmt.Sprintf("%s cannot prove a change: without one, all of them are on one side with probability %.2g, above the %.2g allowed for each of %d gated metrics; at least %d pairs are needed",
			units.Plural(n, "pair"), math.Ldexp(1, -n), f.Alpha, max(d.Tests, 1), least)
	}
}

// applyOutliers adjusts the verdict on the typical launch. Where the candidate has
// more outliers than chance allows, it is unstable, or regressed where most of its
// launches are outliers. Where it seems to have more, or might have more than are
// allowed, it does not pass yet.
func (f *Finding) applyOutliers(d Design) {
	o := f.Outliers
	if f.Verdict == Regressed || f.Verdict == Invalid {
		return
	}
	if o.Proven() {
		f.Verdict = Unstable
		if 2*o.Candidate.Outliers > o.Candidate.N { // then the typical launch is one
			f.Verdict = Regressed
		}
		f.Reason = fmt.Sprintf("%s; each is at least %s worse than the typical one (pairs %s)", o.Summary(), f.amount(float64(o.Beyond)), numbers(o.Candidate.Pairs))
		return
	}
	if f.Verdict == Inconclusive {
		return
	}
	switch {
	case f.Verdict == Equal && o.Candidate.Outliers > 0 && o.Chance <= doubt/float64(max(d.Tests, 1)):
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("the typical launch is %s, but %s (pairs %s): p is %.2g, and an excess is proven at %.2g or less",
			f.Reason, o.Summary(), numbers(o.Candidate.Pairs), o.Chance, o.Alpha)
	case o.Allowed > 0 && exact.Compare(o.Upper, o.Allowed, 0) > 0:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("the typical launch is %s, but %s, and at most %s are allowed", f.Reason, o.Summary(), units.Percent(o.Allowed))
	case f.Verdict == Equal:
		f.Reason += " in the typical launch; " + o.Summary()
	case o.Candidate.Outliers > 0:
		f.Reason += "; " + o.Summary()
	}
}

// numbers lists the numbers of pairs.
func numbers(pairs []int) string {
	const most = 12
	more := ""
	if n := len(pairs) - most; n > 0 {
		pairs, more = pairs[:most], fmt.Sprintf(" and %d more", n)
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(pairs), "[]"), " ", ", ") + more
}

// verdictOf is the verdict for the bounds of a change, all on one scale on which
// worse is positive. The first case that applies counts.
func verdictOf(lower, upper, margin, tolerance float64) Verdict {
	switch {
	case math.IsNaN(lower) || math.IsNaN(upper):
		return Invalid
	case above(lower, margin) && !above(tolerance, upper):
		return Regressed
	case above(lower, margin):
		return Minor
	case above(-margin, upper):
		return Improved
	case above(lower, -tolerance) && above(tolerance, upper):
		return Equal
	}
	return Inconclusive
}

func reasonOf(f Finding) string {
	switch f.Verdict {
	case Regressed:
		return fmt.Sprintf("at least %s worse, above the margin of %s, and possibly %s", f.amount(float64(f.Lower)), f.limit(f.Margin), f.amount(float64(f.Upper)))
	case Minor:
		return fmt.Sprintf("worse by more than the margin of %s, and by less than the tolerance of %s", f.limit(f.Margin), f.limit(f.Tolerance))
	case Improved:
		return fmt.Sprintf("better by more than the margin of %s", f.limit(f.Margin))
	case Equal:
		return fmt.Sprintf("within the tolerance of %s", f.limit(f.Tolerance))
	case Invalid:
		return "there is no value to compare"
	}
	return fmt.Sprintf("the interval includes both no change and a change beyond the tolerance of %s", f.limit(f.Tolerance))
}

// amount writes a change without its sign: 5.0 %, or 0.5 pp of a difference.
func (f Finding) amount(v float64) string {
	if math.IsInf(v, 0) {
		return "any amount"
	}
	return units.Change(v, f.Scale == Points)
}

// limit writes a margin or a tolerance.
func (f Finding) limit(v float64) string { return units.Limit(v, f.Scale == Points) }

// FromZero reports whether the change has no percentage because the typical value
// of exactly one side is zero.
func (f Finding) FromZero() bool {
	return f.Scale != Points && f.Verdict != Invalid && f.Pairs > 0 && (f.BaseValue == 0) != (f.CandidateValue == 0)
}

// setFromZero removes shares of zero from the finding.
func (f *Finding) setFromZero() {
	if !f.FromZero() {
		return
	}
	more := f.CandidateValue > 0
	worse := more == (f.Better != "higher")
	if f.Verdict != Equal { // equal: both are below the floor
		f.Estimate = -1
		if worse {
			f.Estimate = Bound(math.Inf(1))
		}
	}
	if f.Scale != Exact { // they were computed from the floor, which is not a measured value
		f.Lower, f.Upper = Bound(math.Inf(-1)), Bound(math.Inf(1))
	}
	switch f.Verdict {
	case Regressed, Minor, Improved:
		f.Reason = fmt.Sprintf("typically %.6g in the base and %.6g in the candidate: a change from or to zero has no percentage", float64(f.BaseValue), float64(f.CandidateValue))
	}
}

// forecast computes what could be found at this noise at the design's last look,
// also where fewer pairs were run.
func forecast(f *Finding, d Design, m Metric, n int) {
	if n < 2 || m.Scale == Exact {
		return
	}
	alpha := d.alpha(Ratio, len(d.Looks)-1)
	margin, tolerance := m.Scale.worse(m.Margin), m.Scale.worse(m.Tolerance)
	f.MDE = m.Scale.share(exact.MDE(margin, alpha, f.Noise, d.MaxPairs()))
	if math.IsInf(f.MDE, 0) {
		f.MDE = 0 // too few pairs to prove any change
	}
	if f.MDE == 0 || f.MDE > m.Tolerance {
		if f.Needed = exact.PairsFor(margin, tolerance, alpha, f.Noise); f.Needed == math.MaxInt {
			f.Needed = 0 // no number of pairs is enough
		}
	}
}

// judgeExact judges a metric with almost no noise, such as allocations, by the
// sign test: how many pairs are worse by more than the tolerance. Most of its
// alpha is spent at the first look, where all pairs agree if they ever do. It is
// equal where most launches are within the tolerance.
func judgeExact(f *Finding, d Design, s Series, changes []float64, look int) {
	m, n := s.Metric, len(changes)
	limit := m.Scale.worse(m.Tolerance)
	shares := make([]float64, n)
	beyond, below := 0, 0
	for i, c := range changes {
		shares[i] = m.shareOf(s.Pairs[i].Base, s.Pairs[i].Candidate, c)
		if above(c, limit) {
			beyond++
		}
		if above(-limit, c) {
			below++
		}
	}
	// With too few pairs for the bounds, they are the range of the values.
	alpha := max(f.Alpha, math.Ldexp(1, -n))
	lower, upper := exact.MedianBounds(shares, alpha)
	f.Lower, f.Upper = Bound(lower), Bound(upper)
	slices.Sort(shares)
	f.Estimate = Bound(shares[(n-1)/2])
	proven := func(count int) bool {
		return exact.Compare(exact.BinomialUpper(count, n, 0.5), f.Alpha, 0) <= 0
	}
	low, high := exact.MedianBounds(changes, equalAlpha*d.exactSpend()[look])
	switch {
	case proven(beyond):
		f.Verdict, f.Reason = Regressed, fmt.Sprintf("worse by more than %s in %d of %d pairs", f.limit(f.Tolerance), beyond, n)
	case proven(below):
		f.Verdict, f.Reason = Improved, fmt.Sprintf("better by more than %s in %d of %d pairs", f.limit(f.Tolerance), below, n)
	case exact.LeastPairs(f.Alpha) <= n && !above(high, limit) && !above(-limit, low):
		f.Verdict, f.Reason = Equal, fmt.Sprintf("within %s in most launches", f.limit(f.Tolerance))
	default:
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("the pairs disagree: %d of %d are worse and %d better by more than %s", beyond, n, below, f.limit(f.Tolerance))
	}
}
