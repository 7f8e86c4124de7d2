package verdict

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/ci"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
)

// What systems of continuous integration read: workflow commands of GitHub, JUnit
// reports, and the history that github-action-benchmark keeps.

// Annotations are a comparison as GitHub workflow commands, one line for each verdict
// that a metric has.
func Annotations(r *compare.Report, options ...Option) string {
	return newComparison(r, options).annotations()
}

func (c *comparison) annotations() string {
	var b strings.Builder
	line := func(kind, title string, lines ...string) { b.WriteString(ci.Annotation(kind, title, lines...)) }
	said := false // a line has the verdict of the comparison
	for _, v := range bySeverity {
		of := c.gated(v)
		switch {
		case v == compare.Invalid && c.overall() == v:
			line("error", v.String(), append([]string{c.headline()}, c.named(of)...)...)
			said = true
		case len(of) > 0:
			line(c.kind(v), v.String(), c.named(of)...)
			said = said || v == c.overall()
		}
	}
	if !said {
		line(c.kind(c.overall()), c.overall().String(), c.headline())
	}
	if c.Advisory {
		line("warning", "advisory", advice)
	}
	if len(c.differing()) > 0 {
		line("warning", "control failed", c.controlled())
	}
	worse := slices.DeleteFunc(c.informative(), func(f compare.Finding) bool {
		v := ofFinding(f)
		return v != compare.Regressed && v != compare.Unstable && v != compare.Minor
	})
	if len(worse) > 0 {
		line("notice", "worse, but does not decide", c.named(worse)...)
	}
	return b.String()
}

func (c *comparison) kind(v compare.Verdict) string {
	switch {
	case v == compare.Invalid || c.failed(v):
		return "error"
	case v == compare.Regressed || v == compare.Unstable || v == compare.Inconclusive || v == compare.Minor:
		return "warning"
	}
	return "notice"
}

// named are findings, a line for each: GitHub shows ten annotations of a kind for each
// step, so one stands for all metrics of a verdict.
func (c *comparison) named(of []compare.Finding) []string {
	var out []string
	for _, f := range of {
		out = append(out, c.short(f))
	}
	return words.AtMost(out, mostNamed, "and %d more")
}

const junitName = "onhold compare"

// junit has a test case for each finding: a regression is a failure, what is not valid
// an error, what is inconclusive is skipped. A metric that does not decide never fails.
func (c *comparison) junit() string {
	var cases []ci.Case
	said := false // a case has the verdict of the comparison
	for _, f := range c.Findings {
		k := ci.Case{Class: cmp.Or(f.Scenario, junitName), Name: f.Metric, Out: c.details(f)}
		v := ofFinding(f)
		switch {
		case f.Gated:
			c.mark(&k, v, c.short(f), f.Reason)
			said = said || v == c.overall()
		case v == compare.Regressed || v == compare.Unstable || v == compare.Inconclusive || v == compare.Invalid:
			k.Outcome, k.Text = "skipped", "does not decide: "+c.short(f)
		}
		cases = append(cases, k)
	}
	if v := c.overall(); !said && v != compare.Equal || v == compare.Invalid {
		// What is in no finding, like a failed control, must not be lost.
		k := ci.Case{Class: junitName, Name: "comparison"}
		c.mark(&k, v, c.headline(), strings.Join(c.Reasons, "\n"))
		cases = append(cases, k)
	}
	return ci.Suite{
		Name: junitName, Cases: cases, Took: time.Duration(c.Took * float64(time.Second)), Time: c.Time,
		Properties: [][2]string{
			{"run", c.ID},
			{"verdict", string(c.overall())},
			{"advisory", strconv.FormatBool(c.Advisory)},
			{"base", strings.TrimSpace(c.Base.Name + " " + c.Base.Commit)},
			{"candidate", strings.TrimSpace(c.Candidate.Name + " " + c.Candidate.Commit)},
			{"seed", strconv.FormatUint(c.Seed, 10)},
			{"alpha", strconv.FormatFloat(c.Design.Alpha, 'g', -1, 64)},
			{"looks", strings.Trim(fmt.Sprint(c.Design.Looks), "[]")},
			{"tests", strconv.Itoa(c.Design.Tests)},
			{"pairs", strconv.Itoa(c.Pairs)},
			{"repeated", strconv.Itoa(c.Repeated)},
			{"gate_version", strconv.Itoa(c.Version)},
			{"scenario", c.Report.Scenario},
			{"environment", c.Environment},
		},
	}.JUnit()
}

// mark gives a test case its outcome.
func (c *comparison) mark(k *ci.Case, v compare.Verdict, message, reason string) {
	k.Type, k.Message, k.Text = string(v), escape.Line(message), reason
	if c.overall() == compare.Invalid && v != compare.Invalid {
		k.Message += "; the comparison is not valid"
	}
	switch {
	case v == compare.Invalid:
		k.Outcome = "error"
	case c.failed(v):
		k.Outcome = "failure"
	case v == compare.Regressed || v == compare.Unstable || v == compare.Inconclusive:
		k.Outcome, k.Text = "skipped", words.Join("; ", k.Message, reason)
	}
}

func (c *comparison) details(f compare.Finding) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, value) }
	line("verdict", ofFinding(f).String())
	line("base", typical(f, f.BaseValue))
	line("candidate", typical(f, f.CandidateValue))
	line("change", changed(f))
	line("interval", interval(f))
	line("margin", limit(f.Scale, f.Margin))
	line("tolerance", limit(f.Scale, f.Tolerance))
	line("noise of a pair", noise(f))
	line("pairs", strconv.Itoa(f.Pairs))
	if f.Look > 0 {
		line("look", fmt.Sprintf("%d of %d, alpha %s per side", f.Look, len(c.Design.Looks), strconv.FormatFloat(f.Alpha, 'g', 3, 64)))
	}
	if o := f.Outliers; o != nil {
		line("outliers", o.Summary()+"; "+power(o))
	}
	line("better", f.Better)
	if f.Reason != "" {
		line("reason", escape.Line(f.Reason))
	}
	return b.String()
}

// actionEntry is a metric in the custom format of github-action-benchmark.
type actionEntry struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"`
	Extra string  `json:"extra,omitempty"`
}

// actionFiles are the candidate's values for the history that
// github-action-benchmark keeps. It takes the direction from the file, so each
// metric goes into the file of its own. A file without a metric is left out:
// the action takes an empty one for an error.
func actionFiles(c *comparison) (made []sweep.File, err error) {
	entries := map[string][]actionEntry{} // by direction
	seen := map[string]int{}
	for _, f := range c.Findings {
		if f.CandidateValue.None() || f.Pairs == 0 {
			continue
		}
		name := escape.Line(strings.TrimSpace(f.Scenario + " " + f.Metric))
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, seen[name]) // of one name the action sees the first only
		}
		direction := "smaller"
		if f.Better == "higher" {
			direction = "bigger"
		}
		entries[direction] = append(entries[direction], actionEntry{
			Name: name, Unit: f.Unit, Value: float64(f.CandidateValue), Range: interval(f), Extra: c.details(f),
		})
	}
	for _, direction := range []string{"smaller", "bigger"} {
		if of := entries[direction]; len(of) > 0 {
			data, encodeErr := files.JSON(of, "  ")
			made, err = append(made, sweep.File{Name: "benchmark-action-" + direction + ".json", Data: data}), errors.Join(err, encodeErr)
		}
	}
	return made, err
}

// bench has all pairs as Go benchmark text, for benchstat -col arm -ignore pair.
// The commits are comments: as configuration they would differ between the arms, and
// benchstat would put the arms into different tables.
func (c *comparison) bench() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", c.sides())
	type group struct { // what the configuration above the lines says
		pair int
		arm  compare.Arm
	}
	groups := map[group]*words.Groups[string, string]{} // values by name
	units := map[string]bool{}
	add := func(f compare.Finding, pair int, arm compare.Arm, v float64) {
		if !isNumber(v) {
			return
		}
		unit, name := benchWord(f.Unit, "value"), benchName(f.Scenario)
		if !units[unit] {
			units[unit] = true
			fmt.Fprintf(&b, "Unit %s better=%s\n", unit, cmp.Or(f.Better, "lower"))
		}
		at := group{pair, arm}
		if groups[at] == nil {
			groups[at] = &words.Groups[string, string]{}
		}
		groups[at].Add(name, strconv.FormatFloat(v, 'f', -1, 64)+" "+unit)
	}
	for _, f := range c.Findings {
		for _, p := range f.Values {
			add(f, p.Number, compare.Base, p.Base)
			add(f, p.Number, compare.Candidate, p.Candidate)
		}
	}
	for _, f := range c.Control {
		for _, p := range f.Values {
			add(f, p.Number, compare.Control, p.Candidate) // its base is that of the pair
		}
	}
	if len(groups) == 0 {
		return ""
	}
	fmt.Fprintf(&b, "%s: none\n", compare.ProcsKey) // a scenario's name may end in -8, which is its own
	if c.ID != "" {
		fmt.Fprintf(&b, "run: %s\n", escape.Line(c.ID))
	}
	arms := []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	for _, at := range slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.pair, b.pair), cmp.Compare(slices.Index(arms, a.arm), slices.Index(arms, b.arm)))
	}) {
		fmt.Fprintf(&b, "\narm: %s\npair: %d\n", at.arm, at.pair)
		for _, name := range groups[at].Keys {
			fmt.Fprintf(&b, "Benchmark%s 1 %s\n", name, strings.Join(groups[at].Of[name], " "))
		}
	}
	return b.String()
}

// benchName is the name of a scenario behind the word Benchmark: settings
// alone are below Load.
func benchName(scenario string) string {
	name := strings.TrimLeft(benchWord(scenario, ""), "/")
	first, _, _ := strings.Cut(name, "/")
	start, _ := utf8.DecodeRuneInString(name)
	switch {
	case name == "":
		return "Load"
	case strings.Contains(first, "=") || !unicode.IsUpper(start) && !unicode.IsDigit(start):
		return "Load/" + name
	}
	return name
}

// benchWord is s as one word: the format separates words by space.
func benchWord(s, otherwise string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return '_'
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if s == "" {
		return otherwise
	}
	return s
}
