package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

// notes stand below a table of findings: what is not decided and what that would take,
// what else must be known, and how to read the columns.
func (c *comparison) notes() []string {
	var all []string
	for i, reason := range c.Reasons {
		if i > 0 || c.overall() != compare.Invalid { // else it is in the headline
			all = append(all, words.UpperFirst(words.Sentence(reason)))
		}
	}
	all = append(append(all, c.undecided()...), c.covered())
	for _, f := range c.Findings {
		all = append(all, shifts(f))
	}
	all = append(append(all, c.limits()...), c.controlled(), c.errorRates(), words.If(len(c.Findings) > 0, c.howToRead()))
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, escape.Line(s))
		}
	}
	return out
}

// limits name who set the pace of each side, under each load.
func (c *comparison) limits() []string {
	var same words.Groups[string, string]
	for _, l := range c.Limits {
		same.Add(l.Scenario+"\n"+l.Limit.Explained(), string(l.Arm))
	}
	out := make([]string, len(same.Keys))
	for i, key := range same.Keys {
		scenario, limit, _ := strings.Cut(key, "\n")
		out[i] = fmt.Sprintf("Limit of %s, %s: %s.", words.Shorten(scenario, mostScenario), units.List(same.Of[key]), limit)
	}
	return words.AtMost(out, mostNamed, "%d more limits are in "+File)
}

func (c *comparison) undecided() []string {
	var same words.Groups[string, compare.Finding]
	for _, f := range ranked(c.Findings) {
		v := ofFinding(f)
		if v != compare.Unstable && v != compare.Invalid && v != compare.Inconclusive {
			continue
		}
		why := words.Join(": ", v.String(), strings.TrimSuffix(f.Reason, ".")) + "."
		if v == compare.Inconclusive {
			why = words.Join(" ", why, c.reach(f))
		}
		if why == v.String()+"." {
			continue // which the table shows
		}
		same.Add(why, f)
	}
	var out []string
	for _, why := range same.Keys {
		out = append(out, namesOf(same.Of[why])+": "+why)
	}
	return out
}

// mostNamed is how many metrics a sentence names.
const mostNamed = 5

// namesOf names findings, the scenario once where it is the same.
func namesOf(findings []compare.Finding) string {
	var names, metrics []string
	for _, f := range findings {
		names, metrics = append(names, nameOf(f)), append(metrics, metricOf(f))
	}
	first := findings[0].Scenario
	if len(findings) > 1 && first != "" && !slices.ContainsFunc(findings, func(f compare.Finding) bool { return f.Scenario != first }) {
		return units.List(words.AtMost(metrics, mostNamed, "%d more")) + " of " + words.Shorten(first, mostScenario)
	}
	return units.List(words.AtMost(names, mostNamed, "%d more"))
}

// covered is what a pass does not cover: of the metrics that decide, the one of which
// most launches may be outliers.
func (c *comparison) covered() string {
	var worst *compare.Finding
	for i, f := range c.Findings {
		switch ofFinding(f) {
		case compare.Equal, compare.Minor, compare.Improved:
			if f.Gated && f.Outliers != nil && (worst == nil || f.Outliers.Upper > worst.Outliers.Upper) {
				worst = &c.Findings[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("A pass covers the typical launch. For %s, %s; %s.", nameOf(*worst), worst.Outliers.Summary(), power(worst.Outliers))
}

func power(o *compare.Outliers) string {
	if !(o.Found > 0) {
		return "so few pairs cannot prove an excess over the base"
	}
	return fmt.Sprintf("an excess of %s over the base would be proven in 95 %% of comparisons", units.Percent(o.Found))
}

// reach is what an inconclusive metric could have shown, and what it would take to
// decide it; "" where that is unknown.
func (c *comparison) reach(f compare.Finding) string {
	if !(f.MDE > 0) || !isNumber(f.MDE) {
		return ""
	}
	pairs := "these pairs"
	if looks := c.Design.Looks; len(looks) > 0 {
		pairs = units.Plural(looks[len(looks)-1], "pair")
	}
	s := fmt.Sprintf("At this noise, %s find %s in 95 %% of comparisons", pairs, directed(f.Scale, f.MDE))
	if f.Needed > 0 {
		s += fmt.Sprintf("; finding the tolerance of %s takes %s", limit(f.Scale, f.Tolerance), units.Plural(f.Needed, "pair"))
	}
	return s + "."
}

// shifts is where in the distribution of latency a change is: whether all requests are
// slower, or a few.
func shifts(f compare.Finding) string {
	var parts []string
	for _, s := range f.Shift {
		part := directed(compare.Ratio, s.Estimate)
		if !s.Lower.None() && !s.Upper.None() && float64(s.Lower) <= 0 && float64(s.Upper) >= 0 {
			part = "not proven"
		}
		parts = append(parts, units.Percentile(s.Quantile)+" "+part)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Latency of %s by percentile, each with 95 %% confidence: %s.", words.Shorten(f.Scenario, mostScenario), strings.Join(parts, ", "))
}

// differing are those of the control that are not as they should be.
func (c *comparison) differing() []compare.Finding {
	return slices.DeleteFunc(ranked(c.Control), func(f compare.Finding) bool {
		v := ofFinding(f)
		return v == compare.Equal || v == compare.Inconclusive
	})
}

// controlled is how the base compares with itself.
func (c *comparison) controlled() string {
	if len(c.Control) == 0 {
		return ""
	}
	odd := c.differing()
	if len(odd) == 0 {
		return fmt.Sprintf("Control (the base against itself): no difference is proven in %s.", units.Plural(len(c.Control), "metric"))
	}
	var parts []string
	for _, f := range odd {
		if ofFinding(f) == compare.Invalid {
			parts = append(parts, c.statement(f))
		} else {
			parts = append(parts, c.change(f))
		}
	}
	return fmt.Sprintf("Control failed: the base differs from itself, so the machine or the method is at fault. %s.", units.List(words.AtMost(parts, 3, "%d more")))
}

func (c *comparison) errorRates() string {
	var parts []string
	for _, r := range []struct {
		rate     *compare.Rate
		what, of string
	}{{c.FalseAlarms, "false alarm", "without a change"}, {c.Misses, "missed regression", "with an injected regression"}} {
		if r.rate != nil && r.rate.Runs > 0 {
			parts = append(parts, fmt.Sprintf("%s in %s %s (below %s, 95 %% confidence)",
				units.Plural(r.rate.Count, r.what), units.Plural(r.rate.Runs, "comparison"), r.of, units.Limit(r.rate.Upper, false)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Measured error rates of this gate (version %d): %s.", c.Version, units.List(parts))
}

func (c *comparison) howToRead() string {
	s := "interval: where the change lies" + c.confidence(", with %s for all metrics that decide together") + ". noise: standard deviation of the change of a pair."
	if len(c.informative()) > 0 {
		s += " A verdict in brackets does not decide."
	}
	return s
}
