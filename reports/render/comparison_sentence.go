package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/units"
)

// mostScenario is how many characters of a scenario a sentence has room for.
const mostScenario = 70

// headline answers in one sentence what everybody asks of a comparison: is it
// worse, of what, by how much, and how sure is that.
func (c *comparison) headline() string {
	v := c.overall()
	word := v.String()
	if c.Advisory {
		word += " (advisory)"
	}
	return escape.Line(word + ": " + c.answer(v))
}

func (c *comparison) answer(v compare.Verdict) string {
	of := c.gated(v)
	switch {
	case len(c.Findings) == 0:
		return joined("nothing was compared", strings.Join(firstOf(c.Reasons), ""))
	case v == compare.Invalid && len(c.Reasons) > 0:
		return strings.TrimSuffix(c.Reasons[0], ".")
	case v == compare.Invalid && severity(c.Verdict) < 0:
		return fmt.Sprintf("there is no verdict %q", shorten(string(c.Verdict), 40))
	case v == compare.Equal && len(of) > 0 && !slices.ContainsFunc(of, func(f compare.Finding) bool { return !f.Identical }):
		return "both sides are the same program, and nothing was measured"
	case v == compare.Equal && len(of) != 1:
		return fmt.Sprintf("none of the %d metrics that decide is worse by its tolerance in the typical launch%s", len(of), c.sureness(" (%s)"))
	case len(of) == 0:
		return strings.TrimSuffix(strings.Join(append(firstOf(c.Reasons), "no metric says why")[:1], ""), ".")
	}
	f := of[0]
	s := ""
	switch v {
	case compare.Invalid:
		s = joined(findingName(f), f.Reason)
	case compare.Regressed:
		s = c.change(f) + ", tolerance " + allowed(f.Scale, f.Tolerance)
	case compare.Unstable:
		s = c.outlying(f)
	case compare.Minor:
		s = c.change(f) + ", which is below its tolerance of " + allowed(f.Scale, f.Tolerance)
	case compare.Improved:
		s = c.change(f)
	case compare.Equal:
		s = c.change(f) + ", within its tolerance of " + allowed(f.Scale, f.Tolerance) + " in the typical launch"
	case compare.Inconclusive:
		s = c.open(f) + ", tolerance " + allowed(f.Scale, f.Tolerance)
	}
	more := v.String()
	if v == compare.Inconclusive {
		more = "cannot be told"
	}
	if n := len(of) - 1; n > 0 && v != compare.Equal {
		s += fmt.Sprintf("; and %d more %s", n, more)
	}
	return s
}

// change tells the change of a metric: p99 of X is 12 % worse (7.1 % to 17 %,
// 99 % confidence).
func (c *comparison) change(f compare.Finding) string {
	if f.FromZero() {
		return findingName(f) + ": " + changed(f)
	}
	s := findingName(f) + " is " + changed(f)
	if f.Estimate == 0 {
		s = findingName(f) + " has " + changed(f)
	}
	switch in := interval(f); in {
	case units.None:
		return s + ", without bounds"
	case "exact":
		return s
	default:
		return s + " (" + in + c.sureness(", %s") + ")"
	}
}

// outlying tells how many launches of the candidate were far worse than typical.
func (c *comparison) outlying(f compare.Finding) string {
	o := f.Outliers
	if o == nil {
		return joined(findingName(f), f.Reason)
	}
	return fmt.Sprintf("%s: %d of %d launches of the candidate were outliers, at least %s than the typical one, and %d of %d of the base",
		findingName(f), o.Candidate.Outliers, o.Candidate.N, directed(f.Scale, float64(o.Beyond)), o.Base.Outliers+o.Control.Outliers, o.Base.N+o.Control.N)
}

// open tells where the change of a metric may lie that could not be decided.
func (c *comparison) open(f compare.Finding) string {
	switch in := interval(f); {
	case f.FromZero():
		return findingName(f) + ": " + changed(f)
	case in == units.None:
		return fmt.Sprintf("%s has no bounds after %s", findingName(f), counted(f.Pairs, "pair"))
	case f.Lower.None() || f.Upper.None() || in == "exact":
		return fmt.Sprintf("%s is %s%s", findingName(f), in, c.sureness(" (%s)"))
	}
	from, to := directed(f.Scale, float64(f.Lower)), directed(f.Scale, float64(f.Upper))
	return fmt.Sprintf("%s may be anything from %s to %s%s", findingName(f), from, to, c.sureness(" (%s)"))
}

// sureness is the confidence in words, put into format; "" where it is not
// known. It holds for all bounds of the comparison at once.
func (c *comparison) sureness(format string) string {
	if a := c.Design.Alpha; a > 0 && a < 0.5 {
		return fmt.Sprintf(format, allowed("", 1-a)+" confidence")
	}
	return ""
}

// findingName names a finding: p99 of target=blocking/level=500.
func findingName(f compare.Finding) string {
	metric := shorten(f.Metric, 40)
	if metric == "" {
		metric = shorten(f.Unit, 40)
	}
	if f.Scenario == "" {
		return metric
	}
	return metric + " of " + shorten(f.Scenario, mostScenario)
}

// advice says what an advisory comparison is worth.
const advice = "advisory: the two sides ran one after the other, so that a drift of the machine cannot be told from a change"

// sides says what was compared with what.
func (c *comparison) sides() string {
	side := func(s compare.Side, otherwise string) string {
		name := shorten(s.Name, 40)
		commit := s.Commit[:min(len(s.Commit), 12)]
		switch {
		case name == "" && commit == "":
			return otherwise
		case name == "" || name == commit || name == s.Commit:
			return otherwise + " " + commit
		case commit == "":
			return otherwise + " " + name
		}
		return fmt.Sprintf("%s %s (%s)", otherwise, name, commit)
	}
	return escape.Line(side(c.Candidate, "candidate") + " against " + side(c.Base, "base"))
}

// extent is how much was compared: pairs, looks, chance of a false alarm.
func (c *comparison) extent() string {
	var parts []string
	if !c.Advisory || c.Pairs > 0 {
		pairs := counted(c.Pairs, "pair")
		if c.Repeated > 0 {
			pairs += fmt.Sprintf(", %s run again, unseen, after a disturbance", counted(c.Repeated, "slice"))
		}
		parts = append(parts, pairs)
	}
	if looks := c.Design.Looks; len(looks) > 0 && c.Pairs > 0 {
		parts = append(parts, "looked at after "+listed(looks))
	}
	if a := c.Design.Alpha; a > 0 {
		parts = append(parts, fmt.Sprintf("alpha %s over %s", allowed("", a), counted(max(c.Design.Tests, 1), "test")))
	}
	return strings.Join(parts, " · ")
}

func listed(ns []int) string {
	var names []string
	for _, n := range ns {
		names = append(names, count(int64(n)))
	}
	return and(names)
}

func firstOf(s []string) []string { return s[:min(len(s), 1)] }
