package verdict

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
)

// JUnit has one outcome a test case, its counts add up, and only what decides
// can fail.
func TestJUnitOutcomes(t *testing.T) {
	for _, c := range []struct {
		why                              string
		r                                *compare.Report
		options                          []Option
		tests, failures, errors, skipped int
	}{
		{"two regressed, one inconclusive, one only informs", regressed(), nil, 11, 2, 0, 2},
		{"what is inconclusive fails", regressed(), []Option{InconclusiveFails}, 11, 3, 0, 1},
		{"all inconclusive", unclear(), nil, 3, 0, 0, 3},
		{"all inconclusive, and fail", unclear(), []Option{InconclusiveFails}, 3, 3, 0, 0},
		{"minor passes", minor(), nil, 2, 0, 0, 0},
		{"equal passes", equal(), nil, 3, 0, 0, 0},
		{"improved passes", improved(), nil, 2, 0, 0, 0},
		{"where it is not valid, no regression is proven", invalid(), nil, 3, 0, 2, 1},
		{"advisory, and the exit code is fine", advisory(), nil, 3, 0, 0, 3},
		{"nothing was compared", madeComparison(compare.Equal), nil, 1, 0, 1, 0},
		{"nothing at all", nil, nil, 1, 0, 1, 0},
		{"no finding says why", madeComparison(compare.Regressed, equal().Findings...), nil, 4, 1, 0, 0},
	} {
		s := readJUnit(t, outputsOf(t, c.r, c.options...)["junit.xml"])
		if s.Tests != c.tests || s.Failures != c.failures || s.Errors != c.errors || s.Skipped != c.skipped {
			t.Errorf("%s: %d tests, %d failures, %d errors, %d skipped; want %d, %d, %d, %d",
				c.why, s.Tests, s.Failures, s.Errors, s.Skipped, c.tests, c.failures, c.errors, c.skipped)
		}
	}
}

type junitCounts struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type junitSuite struct {
	junitCounts
	Cases []struct {
		Name    string    `xml:"name,attr"`
		Skipped *string   `xml:"skipped"`
		Error   *struct{} `xml:"error"`
		Failure *struct{} `xml:"failure"`
	} `xml:"testcase"`
}

// readJUnit reads a report and holds its counts against its cases.
func readJUnit(t interface{ Errorf(string, ...any) }, text string) junitSuite {
	var all struct {
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &all); err != nil || len(all.Suites) != 1 {
		t.Errorf("junit.xml: %v, %d suites", err, len(all.Suites))
		return junitSuite{}
	}
	s := all.Suites[0]
	var n junitCounts
	n.Time = s.Time
	for _, k := range s.Cases {
		n.Tests++
		outcomes := 0
		if k.Failure != nil {
			n.Failures, outcomes = n.Failures+1, outcomes+1
		}
		if k.Error != nil {
			n.Errors, outcomes = n.Errors+1, outcomes+1
		}
		if k.Skipped != nil {
			n.Skipped, outcomes = n.Skipped+1, outcomes+1
			if strings.TrimSpace(*k.Skipped) == "" {
				t.Errorf("%s is skipped, and does not say why", k.Name)
			}
		}
		if outcomes > 1 {
			t.Errorf("%s has %d outcomes", k.Name, outcomes)
		}
	}
	if s.junitCounts != n || all.junitCounts != n {
		t.Errorf("counts %v and %v, but the cases are %v", all.junitCounts, s.junitCounts, n)
	}
	return s
}

func TestAnnotationsEscape(t *testing.T) {
	r := madeComparison(compare.Regressed, found("a,b:c%0A\r\n::error::x", "p99", compare.Regressed, 1, 2, 1, 0.5, 1.5, 0.1))
	want := "::error title=onhold%3A regressed::regressed: p99 of a,b:c%250A ::error::x is 100 %25 worse (50 %25 to 150 %25, 99 %25 confidence); the tolerance is 5 %25\n"
	if got := Annotations(r); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := escape.Property("a:b,c%\n"); got != "a%3Ab%2Cc%25%0A" {
		t.Errorf("property %q", got)
	}
	for kind, options := range map[string][]Option{"::warning": nil, "::error": {InconclusiveFails}} {
		if got := Annotations(unclear(), options...); !strings.HasPrefix(got, kind+" title=onhold%3A inconclusive::") {
			t.Errorf("want %s:\n%s", kind, got)
		}
	}
	if err := Text(closedWriter{}, equal()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// benchLines reads benchmark text: by name and unit, the values by arm and
// pair. It knows as much of the format as it takes.
func benchLines(t interface{ Errorf(string, ...any) }, text string) (values map[string]float64, better map[string]string) {
	values, better = map[string]float64{}, map[string]string{}
	config := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || line[0] == '#':
		case strings.HasPrefix(line, "Benchmark"):
			if len(words) < 4 || len(words)%2 != 0 || words[1] != "1" {
				t.Errorf("not a result line: %s", line)
				continue
			}
			for i := 2; i < len(words); i += 2 {
				v, err := strconv.ParseFloat(words[i], 64)
				if err != nil {
					t.Errorf("%s: %v", line, err)
				}
				key := fmt.Sprintf("%s %s %s %s", words[0], words[i+1], config["arm"], config["pair"])
				values[key] = v
				if better[words[i+1]] == "" {
					t.Errorf("the unit %s was not declared before", words[i+1])
				}
			}
		case words[0] == "Unit":
			direction, ok := strings.CutPrefix(words[2], "better=")
			if !ok || len(words) != 3 || better[words[1]] != "" {
				t.Errorf("not a unit line, or a second one: %s", line)
			}
			better[words[1]] = direction
		default:
			key, value, ok := strings.Cut(line, ": ")
			if !ok || strings.ContainsAny(key, " \t") || strings.ToLower(key) != key {
				t.Errorf("neither configuration nor result: %q", line)
			}
			config[key] = value
		}
	}
	return values, better
}

func TestBenchText(t *testing.T) {
	r := regressed()
	values, better := benchLines(t, outputsOf(t, r)["bench.txt"])
	if better["p99-ns"] != "lower" || better["ok/s"] != "higher" {
		t.Errorf("directions: %v", better)
	}
	reported := 0
	for _, f := range r.Findings {
		for _, p := range f.Values {
			for arm, want := range map[string]float64{"base": p.Base, "candidate": p.Candidate} {
				key := fmt.Sprintf("BenchmarkLoad/%s %s %s %d", f.Scenario, f.Unit, arm, p.Number)
				if got, ok := values[key]; !ok || got != want {
					t.Errorf("%s: %g, want %g", key, got, want)
				}
				reported++
			}
		}
	}
	for _, f := range r.Control {
		reported += len(f.Values)
	}
	if len(values) != reported {
		t.Errorf("%d values, want %d", len(values), reported)
	}
	for scenario, want := range map[string]string{
		"target=a/level=5": "Load/target=a/level=5", "Encode/size=1k-8": "Encode/size=1k-8", "": "Load",
		"two words": "Load/two_words", "/x": "Load/x", "a\x00b": "Load/ab", "1k": "1k",
	} {
		if got := benchName(scenario); got != want {
			t.Errorf("%q is named %q, want %q", scenario, got, want)
		}
	}
}

func TestActionBenchmark(t *testing.T) {
	r := regressed()
	r.Findings = append(r.Findings, r.Findings[1]) // of one name the action sees the first only
	out := outputsOf(t, r)
	for name, want := range map[string]int{"benchmark-action-smaller.json": 11, "benchmark-action-bigger.json": 1} {
		var entries []actionEntry
		if err := json.Unmarshal([]byte(out[name]), &entries); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seen := map[string]bool{}
		for _, e := range entries {
			if seen[e.Name] || e.Unit == "" || e.Range == "" || !strings.Contains(e.Extra, "pairs: 32") {
				t.Errorf("%s: %+v", name, e)
			}
			seen[e.Name] = true
		}
		if len(entries) != want {
			t.Errorf("%s has %d metrics, want %d", name, len(entries), want)
		}
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }
