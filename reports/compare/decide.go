package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/compare/exact"
)

// Version is that of the rules by which is decided. False-alarm rates that were
// measured belong to one version. In version 1 exact metrics spent nothing of
// alpha, outlying launches were not counted, and the last look of a design of
// more than 48 pairs had no share.
const Version = 2

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

// Tests counts the series that share out a design's alpha: those that decide.
func Tests(all []Series) (n int) {
	for _, s := range all {
		if s.Metric.Gated && !s.Same {
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
		case Regressed, Unstable, Invalid:
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

// invalid is the finding where there is nothing to compare.
func (f Finding) invalid(why string) Finding {
	f.Verdict, f.Reason, f.Estimate = Invalid, why, Bound(math.NaN())
	return f
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
		if alpha := d.alphaOf(m, look); alpha > 0 {
			judge(&f, d, s, changes[:at], look)
		}
	}
	if f.Look == 0 {
		f.Reason = fmt.Sprintf("%s, and the first look is after %d", pairsOf(n), d.Looks[d.first(m)])
		f.Estimate = Bound(m.Scale.share(exact.HodgesLehmann(changes)))
	}
	f.tellZero()
	forecast(&f, d, m, n)
	return f
}

func pairsOf(n int) string {
	if n == 1 {
		return "1 pair"
	}
	return fmt.Sprintf("%d pairs", n)
}

// alphaOf is the chance of a false alarm about the typical launch at a look.
func (d Design) alphaOf(m Metric, look int) float64 {
	if m.Scale == Exact {
		return d.ExactAlphaAt(look)
	}
	return d.AlphaAt(look)
}

// first is the first look at which so many pairs can prove anything; the last
// where none can.
func (d Design) first(m Metric) int {
	for look := range d.Looks {
		if d.alphaOf(m, look) > 0 {
			return look
		}
	}
	return len(d.Looks) - 1
}

// judge fills in what changes say at one look, and the verdict: first on the
// typical launch, then on outlying ones.
func judge(f *Finding, d Design, s Series, changes []float64, look int) {
	m, n := s.Metric, len(changes)
	f.Pairs, f.Look, f.Alpha = n, look+1, d.alphaOf(m, look)
	if m.Scale == Exact {
		judgeExact(f, d, s, changes, look)
	} else {
		lower, upper := exact.SignedRankBounds(changes, f.Alpha)
		f.Estimate = Bound(m.Scale.share(exact.HodgesLehmann(changes)))
		f.Lower, f.Upper = Bound(m.Scale.share(lower)), Bound(m.Scale.share(upper))
		f.Verdict = verdictOf(lower, upper, m.Scale.worse(m.Margin), m.Scale.worse(m.Tolerance))
		f.Reason = reasonOf(*f)
	}
	f.Outliers = outliersOf(s, n, d.OutlierAlphaAt(look))
	f.heedOutliers(d)
	if least := exact.LeastPairs(f.Alpha); f.Verdict == Inconclusive && least > n {
		f.Reason = fmt.Sprintf("%s prove nothing: that all of them are on one side by chance is %.2g, more than the %.2g that each of %d metrics that decide may have; it takes at least %d",
			pairsOf(n), math.Ldexp(1, -n), f.Alpha, max(d.Tests, 1), least)
	}
}

// heedOutliers is what outlying launches make of a verdict on the typical one.
// Where the candidate has more of them than chance allows, that is the verdict:
// it is unstable, or has regressed where most of its launches are outliers.
// Where it seems to have more, or might have more than were allowed, it does not
// pass yet.
func (f *Finding) heedOutliers(d Design) {
	o := f.Outliers
	if f.Verdict == Regressed || f.Verdict == Invalid {
		return
	}
	if o.Proven() {
		f.Verdict = Unstable
		if 2*o.Candidate.Outliers > o.Candidate.N { // then the typical launch is one
			f.Verdict = Regressed
		}
		f.Reason = fmt.Sprintf("%s, each at least %s worse than the typical one: in pairs %s", o.Told(), f.amount(float64(o.Beyond)), numbers(o.Candidate.Pairs))
		return
	}
	if f.Verdict == Inconclusive {
		return
	}
	switch {
	case f.Verdict == Equal && o.Candidate.Outliers > 0 && o.Chance <= doubt/float64(max(d.Tests, 1)):
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("the typical launch is %s, but %s, those of pairs %s: the chance of so many is %.2g, and proven it would be from %.2g on",
			f.Reason, o.Told(), numbers(o.Candidate.Pairs), o.Chance, o.Alpha)
	case o.Allowed > 0 && exact.Compare(o.Upper, o.Allowed, 0) > 0:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("the typical launch is %s, but %s, and only %s were to be", f.Reason, o.Told(), percentOf(o.Allowed))
	case f.Verdict == Equal:
		f.Reason += ", which is about the typical launch: " + o.Told()
	case o.Candidate.Outliers > 0:
		f.Reason += "; " + o.Told()
	}
}

// numbers lists the numbers of pairs.
func numbers(pairs []int) string {
	const most = 12
	out := ""
	for i, n := range pairs {
		switch {
		case i == most:
			return fmt.Sprintf("%s and %d more", out, len(pairs)-most)
		case i > 0:
			out += ", "
		}
		out += fmt.Sprint(n)
	}
	return out
}

// verdictOf is what the bounds of a change mean, all on one scale on which
// worse is positive. The rows are those of a table that is read from the top.
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
		return fmt.Sprintf("at least %s worse, more than the margin of %s, and perhaps %s", f.amount(float64(f.Lower)), f.amount(f.Margin), f.amount(float64(f.Upper)))
	case Minor:
		return fmt.Sprintf("worse by more than the margin of %s, and by less than the tolerance of %s", f.amount(f.Margin), f.amount(f.Tolerance))
	case Improved:
		return fmt.Sprintf("better by more than the margin of %s", f.amount(f.Margin))
	case Equal:
		return fmt.Sprintf("within the tolerance of %s", f.amount(f.Tolerance))
	case Invalid:
		return "there is no figure to compare"
	}
	return fmt.Sprintf("the interval holds both no change and one beyond the tolerance of %s", f.amount(f.Tolerance))
}

// amount tells a change without its sign: 5 %, or 0.5 pp of a difference.
func (f Finding) amount(v float64) string {
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

// FromZero reports whether the change has no per cent, for the typical value of
// just one side is zero.
func (f Finding) FromZero() bool {
	return f.Scale != Points && f.Verdict != Invalid && f.Pairs > 0 && (f.BaseValue == 0) != (f.CandidateValue == 0)
}

// tellZero leaves no share of zero in the finding.
func (f *Finding) tellZero() {
	if !f.FromZero() {
		return
	}
	more := f.CandidateValue > 0
	worse := more == (f.Better != "higher")
	if f.Verdict != Equal { // then both count as nothing
		f.Estimate = -1
		if worse {
			f.Estimate = Bound(math.Inf(1))
		}
	}
	if f.Scale != Exact { // what they were made of is a floor, which nobody measured
		f.Lower, f.Upper = Bound(math.Inf(-1)), Bound(math.Inf(1))
	}
	switch f.Verdict {
	case Regressed, Minor, Improved:
		f.Reason = fmt.Sprintf("typically %.6g in the base and %.6g in the candidate: from zero there is no per cent", float64(f.BaseValue), float64(f.CandidateValue))
	}
}

// forecast tells what could be found at this noise at the design's last look,
// also where there were not so many pairs: that is what going on would be for.
func forecast(f *Finding, d Design, m Metric, n int) {
	if n < 2 || m.Scale == Exact {
		return
	}
	alpha := d.AlphaAt(len(d.Looks) - 1)
	margin, tolerance := m.Scale.worse(m.Margin), m.Scale.worse(m.Tolerance)
	f.MDE = m.Scale.share(exact.MDE(margin, alpha, f.Noise, d.Max()))
	if math.IsInf(f.MDE, 0) {
		f.MDE = 0 // so few pairs prove nothing, however large
	}
	if f.MDE == 0 || f.MDE > m.Tolerance {
		if f.Needed = exact.PairsFor(margin, tolerance, alpha, f.Noise); f.Needed == math.MaxInt {
			f.Needed = 0 // no number of pairs would do
		}
	}
}

// judgeExact judges a figure that has no noise to speak of, such as allocations,
// by the sign test: how many pairs are worse by more than the tolerance. Most of
// its alpha is spent at the first look, where all pairs agree if ever they do.
// It is equal where most launches are within the tolerance.
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
	// What so few pairs prove nothing about is told as the range that they span.
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
		f.Verdict, f.Reason = Regressed, fmt.Sprintf("in %d of %d pairs worse by more than %s", beyond, n, f.amount(f.Tolerance))
	case proven(below):
		f.Verdict, f.Reason = Improved, fmt.Sprintf("in %d of %d pairs better by more than %s", below, n, f.amount(f.Tolerance))
	case exact.LeastPairs(f.Alpha) <= n && !above(high, limit) && !above(-limit, low):
		f.Verdict, f.Reason = Equal, fmt.Sprintf("within %s in most launches", f.amount(f.Tolerance))
	default:
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("the pairs disagree: %d of %d are worse and %d better by more than %s", beyond, n, below, f.amount(f.Tolerance))
	}
}
