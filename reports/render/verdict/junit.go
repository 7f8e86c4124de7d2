package verdict

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// The elements of a JUnit report, in the order in which strict schemas want
// them. Skipped is plain text there: a message attribute would not be valid.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string      `xml:"classname,attr"`
		Name    string      `xml:"name,attr"`
		Time    string      `xml:"time,attr"`
		Skipped *junitText  `xml:"skipped"`
		Error   *junitFault `xml:"error"`
		Failure *junitFault `xml:"failure"`
		Out     *junitData  `xml:"system-out"`
	}
	junitFault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitText struct {
		Text string `xml:",chardata"`
	}
	junitData struct {
		Text string `xml:",cdata"` // lines stay lines
	}
)

const junitName = "onhold compare"

// junitFiles writes a test case for each finding: a regression is a failure, what is
// not valid an error, what is inconclusive is skipped. A metric that does not decide
// never fails.
func junitFiles(c *comparison) ([]sweep.File, error) {
	s := junitSuite{Name: junitName, Properties: c.junitProperties()}
	if !c.Time.IsZero() {
		s.Timestamp = c.Time.UTC().Format("2006-01-02T15:04:05")
	}
	s.Time = seconds(c.Took)
	said := false // a case has the verdict of the comparison
	for _, f := range c.Findings {
		s.Cases = append(s.Cases, c.junitCase(f))
		said = said || f.Gated && ofFinding(f) == c.overall()
	}
	if v := c.overall(); !said && v != compare.Equal || v == compare.Invalid {
		// What is in no finding, like a failed control, must not be lost.
		k := junitCase{Class: junitName, Name: "comparison", Time: "0"}
		c.mark(&k, v, c.headline(), strings.Join(c.Reasons, "\n"))
		s.Cases = append(s.Cases, k)
	}
	for i := range s.Cases {
		k := &s.Cases[i]
		s.Tests++
		switch {
		case k.Failure != nil:
			s.Failures++
		case k.Error != nil:
			s.Errors++
		case k.Skipped != nil:
			s.Skipped++
		}
	}
	all := junitSuites{Name: junitName, junitCounts: s.junitCounts, Suites: []junitSuite{s}}
	data, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return []sweep.File{{Name: "junit.xml", Data: []byte(xml.Header + string(data) + "\n")}}, nil
}

func (c *comparison) junitCase(f compare.Finding) junitCase {
	k := junitCase{Class: escape.XML(f.Scenario), Name: escape.XML(f.Metric), Time: "0", Out: &junitData{escape.XML(c.details(f))}}
	if k.Class == "" {
		k.Class = junitName
	}
	v := ofFinding(f)
	if f.Gated {
		c.mark(&k, v, c.short(f), f.Reason)
		return k
	}
	switch v {
	case compare.Regressed, compare.Unstable, compare.Inconclusive, compare.Invalid:
		k.Skipped = &junitText{escape.XML("does not decide: " + c.short(f))}
	}
	return k
}

// mark gives a test case its outcome.
func (c *comparison) mark(k *junitCase, v compare.Verdict, message, reason string) {
	message, reason = escape.XML(escape.Line(message)), escape.XML(reason)
	if c.overall() == compare.Invalid && v != compare.Invalid {
		message = joined("; ", message, "the comparison is not valid")
	}
	switch {
	case v == compare.Invalid:
		k.Error = &junitFault{message, string(v), reason}
	case c.failed(v):
		k.Failure = &junitFault{message, string(v), reason}
	case v == compare.Regressed || v == compare.Unstable || v == compare.Inconclusive:
		k.Skipped = &junitText{joined("; ", message, reason)}
	}
}

// details are all that is known of a finding, a line for each.
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

func (c *comparison) junitProperties() []junitProperty {
	var out []junitProperty
	add := func(name, value string) {
		if value != "" {
			out = append(out, junitProperty{name, escape.XML(value)})
		}
	}
	add("run", c.ID)
	add("verdict", string(c.overall()))
	add("advisory", strconv.FormatBool(c.Advisory))
	add("base", strings.TrimSpace(c.Base.Name+" "+c.Base.Commit))
	add("candidate", strings.TrimSpace(c.Candidate.Name+" "+c.Candidate.Commit))
	add("seed", strconv.FormatUint(c.Seed, 10))
	add("alpha", strconv.FormatFloat(c.Design.Alpha, 'g', -1, 64))
	add("looks", strings.Trim(fmt.Sprint(c.Design.Looks), "[]"))
	add("tests", strconv.Itoa(c.Design.Tests))
	add("pairs", strconv.Itoa(c.Pairs))
	add("repeated", strconv.Itoa(c.Repeated))
	add("gate_version", strconv.Itoa(c.Version))
	add("scenario", c.Report.Scenario)
	add("environment", c.Environment)
	return out
}

func seconds(s float64) string {
	if !isNumber(s) {
		s = 0
	}
	return strconv.FormatFloat(s, 'f', 3, 64)
}
