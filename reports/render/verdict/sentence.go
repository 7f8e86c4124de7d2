package verdict

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// mostScenario is how many characters of a scenario a sentence has room for.
const mostScenario = 70

// headline answers in one sentence what everybody asks of a comparison: is it worse,
// of what, by how much, and how sure is that.
func (c *comparison) headline() string {
	v := c.overall()
	return escape.Line(v.String() + words.If(c.Advisory, " (advisory)") + ": " + c.answer(v))
}

func (c *comparison) answer(v compare.Verdict) string {
	of := c.gated(v)
	reason := ""
	if len(c.Reasons) > 0 {
		reason = strings.TrimSuffix(c.Reasons[0], ".")
	}
	switch {
	case len(c.Findings) == 0:
		return words.Join(": ", "nothing was compared", reason)
	case v == compare.Invalid && reason != "":
		return reason
	case v == compare.Invalid && severity(c.Verdict) < 0:
		return fmt.Sprintf("unknown verdict %q", words.Shorten(string(c.Verdict), 40))
	case v == compare.Equal && len(of) > 0 && !slices.ContainsFunc(of, func(f compare.Finding) bool { return !f.Identical }):
		return "both sides are the same program, and nothing was measured"
	case v == compare.Equal && len(of) != 1:
		return fmt.Sprintf("none of the %d metrics that decide got worse by more than its tolerance in the typical launch%s", len(of), c.confidence(" (%s)"))
	case len(of) == 0:
		return cmp.Or(reason, "no metric says why")
	}
	s := c.statement(of[0])
	if v == compare.Invalid {
		s = words.Join(": ", nameOf(of[0]), of[0].Reason)
	}
	if n := len(of) - 1; n > 0 {
		s += fmt.Sprintf(". %d more %s", n, v)
	}
	return s
}

func (c *comparison) statement(f compare.Finding) string {
	tolerance := limit(f.Scale, f.Tolerance)
	switch ofFinding(f) {
	case compare.Invalid:
		return words.Join(": ", nameOf(f)+" is not valid", f.Reason)
	case compare.Unstable:
		return c.outlying(f)
	case compare.Inconclusive:
		return fmt.Sprintf("%s; the tolerance is %s", c.open(f), tolerance)
	case compare.Regressed:
		return fmt.Sprintf("%s; the tolerance is %s", c.change(f), tolerance)
	case compare.Minor:
		return fmt.Sprintf("%s, less than its tolerance of %s", c.change(f), tolerance)
	case compare.Equal:
		return fmt.Sprintf("%s, within its tolerance of %s in the typical launch", c.change(f), tolerance)
	}
	return c.change(f)
}

// short is a finding in one line, its verdict first.
func (c *comparison) short(f compare.Finding) string {
	switch v := ofFinding(f); v {
	case compare.Invalid:
		return c.statement(f)
	case compare.Inconclusive:
		return words.Join(". ", fmt.Sprintf("%s: %s", v, c.statement(f)), strings.TrimSuffix(c.reach(f), "."))
	default:
		return fmt.Sprintf("%s: %s", v, c.statement(f))
	}
}

// next is what to do about the verdict; "" where there is nothing to do.
func (c *comparison) next() string {
	v := c.overall()
	switch {
	case v == compare.Invalid:
		return "Nothing is decided. Remove the cause and compare again."
	case c.Advisory && v != compare.Equal:
		return "To decide, launch both sides in pairs."
	case v == compare.Regressed:
		return "Fix the regression, or raise the tolerance of the metric if the change is intended."
	case v == compare.Unstable:
		return "Look for what differs between launches of the candidate, such as layout, caches or timers."
	case v == compare.Inconclusive:
		return "To decide, run more pairs, or use a quieter machine."
	}
	return ""
}

// change is the change of a metric: p99 of X is 12 % worse (7.1 % to 17 %, 99 %
// confidence).
func (c *comparison) change(f compare.Finding) string {
	if f.FromZero() {
		return nameOf(f) + ": " + changed(f)
	}
	is := cmp.Or(words.If(f.Estimate == 0, " has "), " is ")
	return nameOf(f) + is + changed(f) + words.If(unbounded(f), ", without bounds") +
		words.If(!unbounded(f) && !exactly(f), " ("+interval(f)+c.confidence(", %s")+")")
}

func (c *comparison) outlying(f compare.Finding) string {
	o := f.Outliers
	if o == nil {
		return words.Join(": ", nameOf(f), f.Reason)
	}
	return fmt.Sprintf("%s: %d of %d launches of the candidate were outliers, at least %s than the typical one, and %d of %d of the base",
		nameOf(f), o.Candidate.Outliers, o.Candidate.N, directed(f.Scale, float64(o.Beyond)), o.Base.Outliers+o.Control.Outliers, o.Base.N+o.Control.N)
}

// open is where the change of a metric lies that could not be decided.
func (c *comparison) open(f compare.Finding) string {
	switch {
	case f.FromZero():
		return nameOf(f) + ": " + changed(f)
	case unbounded(f):
		return "there are too few values to bound the change of " + nameOf(f)
	case f.Lower.None() || f.Upper.None() || exactly(f):
		return fmt.Sprintf("%s is %s%s", nameOf(f), interval(f), c.confidence(" (%s)"))
	}
	from, to := directed(f.Scale, float64(f.Lower)), directed(f.Scale, float64(f.Upper))
	return fmt.Sprintf("%s is between %s and %s%s", nameOf(f), from, to, c.confidence(" (%s)"))
}

// confidence is the confidence of all bounds together, put into format; "" where it is
// not known.
func (c *comparison) confidence(format string) string {
	if a := c.Design.Alpha; a > 0 && a < 0.5 {
		return fmt.Sprintf(format, units.Limit(1-a, false)+" confidence")
	}
	return ""
}

// nameOf names a finding: p99 of blocking at 500 arrivals/s.
func nameOf(f compare.Finding) string {
	return metricOf(f) + words.If(f.Scenario != "", " of "+words.Shorten(scenarioWords(f.Scenario), mostScenario))
}

// scenarioWords are settings of a stage in words: target=blocking/load=constant/level=500
// is blocking at 500 arrivals/s. Any other name stays as it is.
func scenarioWords(scenario string) string {
	var target, load, level string
	var others []string
	settings := settingsIn(scenario)
	if settings == nil {
		return scenario // of a benchmark
	}
	for _, part := range settings {
		switch key, value, _ := strings.Cut(part, "="); {
		case key == result.KeyTarget:
			target = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(value, "http://"), "https://"), "/")
		case key == result.KeyLoad:
			load = value
		case key == result.KeyLevel:
			level = value
		default:
			others = append(others, key+" "+value)
		}
	}
	n, err := strconv.Atoi(level)
	switch {
	case level == "" && load != "":
		others = slices.Insert(others, 0, load+" load")
	case err == nil && load != "":
		level = "at " + sweep.AtLevel(load, n)
	case level != "":
		level = "level " + level
	}
	return words.Join(", ", append([]string{strings.TrimSpace(target + " " + level)}, others...)...)
}

var settingKey = regexp.MustCompile(`(?:^|[/ ])[a-z][a-z-]*=`)

// settingsIn are the settings that a scenario is made of, such as level=500; nil where
// it is another name. The value of one may be an address.
func settingsIn(scenario string) (parts []string) {
	at := settingKey.FindAllStringIndex(scenario, -1)
	for i, k := range at {
		end := len(scenario)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if i == 0 && k[0] > 0 {
			return nil
		}
		parts = append(parts, strings.TrimLeft(scenario[k[0]:end], "/ "))
	}
	return parts
}

func metricOf(f compare.Finding) string { return words.Shorten(cmp.Or(f.Metric, f.Unit), 40) }

// advice is what an advisory comparison is worth.
const advice = "advisory: the two sides ran one after the other, so a drift of the machine looks like a change"

func (c *comparison) sides() string {
	side := func(s compare.Side, arm string) string {
		name := words.Shorten(s.Name, 40)
		commit := s.Commit[:min(len(s.Commit), 12)]
		switch {
		case name == "" && commit == "":
			return arm
		case name == "" || name == commit || name == s.Commit:
			return arm + " " + commit
		case commit == "":
			return arm + " " + name
		}
		return fmt.Sprintf("%s %s (%s)", arm, name, commit)
	}
	return escape.Line(side(c.Candidate, "candidate") + " against " + side(c.Base, "base"))
}

// extent is how much was compared: pairs, looks, error rate.
func (c *comparison) extent() string {
	pairs, looks, rate := "", "", ""
	if !c.Advisory || c.Pairs > 0 {
		pairs = units.Plural(c.Pairs, "pair") + words.If(c.Repeated > 0, fmt.Sprintf(", %d repeated after a disturbance before their result was known", c.Repeated))
	}
	if c.Pairs > 0 && len(c.Design.Looks) > 0 {
		looks = "evaluated after " + units.List(strings.Fields(strings.Trim(fmt.Sprint(c.Design.Looks), "[]"))) + " pairs"
	}
	if a := c.Design.Alpha; a > 0 && len(c.Findings) > 0 {
		rate = fmt.Sprintf("error rate %s over %s", units.Limit(a, false), units.Plural(max(c.Design.Tests, 1), "test"))
	}
	return words.Join(" · ", pairs, looks, rate)
}
