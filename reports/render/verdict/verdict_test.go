package verdict

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
)

// Sides with the same limit share a line.
func TestLimitsAreNamed(t *testing.T) {
	r := madeComparison(compare.Equal, found(routine, "p99", compare.Equal, 200e6, 200e6, 0, -0.01, 0.01, 0.01))
	cpu := result.Limit{Who: result.ServerCPU, Used: 0.97, Of: 1, Why: "the server used 0.97 of 1 CPUs"}
	r.Limits = []compare.SideLimit{{Scenario: "a", Arm: compare.Base, Limit: cpu}, {Scenario: "a", Arm: compare.Candidate, Limit: cpu}}
	want := "Limit of a, base and candidate: server CPU 0.97 of 1 (the server used 0.97 of 1 CPUs)."
	if text := strings.Join(strings.Fields(outputsOf(t, r)["summary.md"]), " "); !strings.Contains(text, want) {
		t.Errorf("%s\nwant %s", text, want)
	}
}

// TestDirection: a drop of what should be high reads as worse everywhere, and
// a rise as better.
func TestDirection(t *testing.T) {
	gate := func(f *compare.Finding) { f.Gated = true }
	for _, c := range []struct {
		why, want, never string
		f                compare.Finding
		side             float64
	}{
		{"ok/s fell", "11 % worse", "better", with(found(routine, "ok/s", compare.Regressed, 500, 451, 0.108, 0.082, 0.133, 0.01), gate), 1},
		{"ok/s rose", "9.8 % better", "worse", with(found(routine, "ok/s", compare.Improved, 451, 500, -0.098, -0.12, -0.08, 0.01), gate), -1},
		{"p99 rose", "11 % worse", "better", found(routine, "p99", compare.Regressed, 200e6, 222e6, 0.108, 0.082, 0.133, 0.01), 1},
		{"p99 fell", "9.8 % better", "worse", found(routine, "p99", compare.Improved, 222e6, 200e6, -0.098, -0.12, -0.08, 0.01), -1},
		{"more rejected", "0.9 pp worse", "better", found(routine, "rejected", compare.Regressed, 1000, 10000, 0.009, 0.006, 0.012, 0.01), 1},
	} {
		r := madeComparison(c.f.Verdict, c.f)
		r.FalseAlarms, r.Misses = nil, nil
		for name, text := range outputsOf(t, r) {
			switch name {
			case File, "bench.txt", "regression.png":
				continue // figures and directions as they are
			case "alt":
				text = strings.NewReplacer("How much worse", "").Replace(text)
			default:
				text = strings.NewReplacer("%25", "%", "better: higher", "", "better: lower", "").Replace(text)
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("%s: %s does not say %q:\n%s", c.why, name, c.want, text)
			}
			if strings.Contains(text, c.never) {
				t.Errorf("%s: %s says %q:\n%s", c.why, name, c.never, text)
			}
		}
		var p regressionPanel
		if lower, upper := p.ends(row{Finding: c.f}); p.place(float64(c.f.Estimate))*c.side <= 0 || lower*c.side <= 0 || upper*c.side <= 0 {
			t.Errorf("%s: drawn from %g to %g", c.why, lower, upper)
		}
	}
}

// TestFromZero: from zero there is no per cent, in any output.
func TestFromZero(t *testing.T) {
	r := fromNothing()
	r.Findings = r.Findings[:1]
	for name, text := range outputsOf(t, r) {
		switch name {
		case "bench.txt", "regression.png":
			continue
		case File:
			if !strings.Contains(text, `"estimate": null`) || !strings.Contains(text, `"base": 0,`) || !strings.Contains(text, `"candidate": 3,`) {
				t.Errorf("%s:\n%s", name, text)
			}
			continue
		}
		if !strings.Contains(text, "0 → 3 allocs/op") {
			t.Errorf("%s does not tell it:\n%s", name, text)
		}
		for _, never := range []string{"% worse", "500 %", "Inf", "NaN"} {
			if strings.Contains(strings.ReplaceAll(text, "%25", "%"), never) {
				t.Errorf("%s says %q:\n%s", name, never, text)
			}
		}
	}
	if row := (row{Finding: r.Findings[0]}); row.drawn() || changed(row.Finding) != "0 → 3 allocs/op" {
		t.Errorf("drawn %v: %q", row.drawn(), changed(row.Finding))
	}
	if first := ranked(append(regressed().Findings, r.Findings...))[0]; first.Metric != "allocs/op" {
		t.Errorf("%s ranks above it", first.Metric)
	}
}

// TestUnstableInEveryOutput: a proven difference in outliers fails, and names how
// many there are.
func TestUnstableInEveryOutput(t *testing.T) {
	out := outputsOf(t, unstable())
	for name, want := range map[string]string{
		"text": "9 of 32", "summary.md": "9 of 32", "junit.xml": `type="unstable"`, "annotations.txt": "::error title=onhold%3A unstable::",
		File: `"pairs": [`, "benchmark-action-smaller.json": "outliers: 9 of 32", "alt": "Unstable: p99 of blocking at 500 arrivals/s",
	} {
		if !strings.Contains(out[name], want) {
			t.Errorf("%s does not have %q:\n%s", name, want, out[name])
		}
	}
	for _, name := range []string{"text", "summary.md", "junit.xml"} {
		if !strings.Contains(out[name], "2, 5, 9, 11, 17, 18") {
			t.Errorf("%s does not name the pairs:\n%s", name, out[name])
		}
	}
	if r := unstable(); r.Exit != compare.ExitRegressed {
		t.Errorf("exit code %d", r.Exit)
	}
}

// checkComparison holds what must be true of any comparison.
func checkComparison(t interface{ Errorf(string, ...any) }, why string, r *compare.Report) {
	out := outputsOf(t, r)
	for line := range strings.Lines(out["text"]) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("%s: space at the end of %q", why, line)
		}
		if n := utf8.RuneCountInString(line); n > words.Width && strings.Contains(strings.TrimSpace(line), "  ") {
			t.Errorf("%s: %d columns: %s", why, n, line)
		}
		if strings.HasPrefix(line, "  metric ") && !strings.HasSuffix(line, "verdict") {
			t.Errorf("%s: the verdict is left out: %s", why, line)
		}
	}
	if n := strings.Count(out["summary.md"], "\n"); n > 60 {
		t.Errorf("%s: the summary has %d lines", why, n)
	}
	for line := range strings.Lines(out["summary.md"]) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		bare := strings.NewReplacer(`\\`, "", `\|`, "").Replace(line)
		if n := strings.Count(bare, "|"); n != len(columns)+2 {
			t.Errorf("%s: a row of %d cells: %s", why, n-1, line)
		}
		if strings.Contains(line, "<") {
			t.Errorf("%s: not escaped: %s", why, line)
		}
	}
	if n := strings.Count(out["annotations.txt"], "\n"); n == 0 || n > 10 {
		t.Errorf("%s: %d annotations", why, n)
	}
	for line := range strings.Lines(out["annotations.txt"]) {
		if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ") {
			t.Errorf("%s: not an annotation: %q", why, line)
		}
	}
	readJUnit(t, out["junit.xml"])
	benchLines(t, out["bench.txt"])
	for name, text := range out {
		if strings.HasSuffix(name, ".json") && !json.Valid([]byte(text)) {
			t.Errorf("%s: %s is no JSON", why, name)
		}
	}
}

func TestComparisonTakesAnything(t *testing.T) {
	inf, none := math.Inf(1), math.NaN()
	long := "target=https://example.org/" + strings.Repeat("a|b]<c>&\"\\", 40)
	for _, c := range []struct {
		why   string
		r     *compare.Report
		files string
	}{
		{"none", nil, "verdict.json summary.md junit.xml annotations.txt"},
		{"no findings", madeComparison(compare.Inconclusive), "verdict.json summary.md junit.xml annotations.txt"},
		{"all not valid", madeComparison(compare.Invalid,
			compare.Finding{Scenario: "a", Metric: "p99", Unit: "p99-ns", Scale: compare.Ratio, Gated: true, Verdict: compare.Invalid},
			compare.Finding{Scenario: "b", Metric: "p99", Unit: "p99-ns", Scale: compare.Ratio, Gated: true, Verdict: compare.Invalid},
		), "verdict.json regression.png summary.md junit.xml annotations.txt"},
		{"a finding without anything", madeComparison(compare.Equal, compare.Finding{}), "verdict.json regression.png summary.md junit.xml annotations.txt"},
		{"no bounds", madeComparison(compare.Inconclusive,
			found("a", "p99", compare.Inconclusive, 1, 1, 0.1, -inf, inf, 0.1), found("a", "cpu", compare.Inconclusive, 1, 1, 0.1, none, none, inf),
			found("a", "rejected", compare.Inconclusive, 1, 1, none, none, 1, none)),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"bounds the wrong way round", madeComparison(compare.Inconclusive, found("a", "p99", compare.Inconclusive, 1, 1, 0.1, inf, -inf, 0.1)),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"from nothing to something", madeComparison(compare.Regressed, found("a", "allocs", compare.Regressed, 0, 7, inf, inf, inf, 0)),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"better than possible", madeComparison(compare.Improved, found("a", "p99", compare.Improved, 5, 0, -1, -2, -0.9, 0)),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"sixty", manyFindings(60), "verdict.json regression.png regression-2.png regression-3.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"a long name with marks in it", madeComparison(compare.Regressed,
			found(long, "p99", compare.Regressed, 1e9, 16e9, 15, 14, 16, 3), found(long+"/x", "cpu", "great", 1, 1, 0.1, 0.05, 0.2, 0.1)),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
		{"marks of XML, of terminals, and what the fonts lack", madeComparison(compare.Regressed,
			with(found("呼び出し]]><b>&amp;\x00\x1b[31m\xff\n", "p99", compare.Regressed, 1, 2, 1, 0.5, 1.5, 0.1), func(f *compare.Finding) {
				f.Metric, f.Unit, f.Reason = "a|b ]]> c", "my unit", "because\n]]> & so"
			})),
			"verdict.json regression.png summary.md junit.xml annotations.txt benchmark-action-smaller.json bench.txt"},
	} {
		dir := t.TempDir()
		paths, err := comparisonAt(c.r, 12).write(dir)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		var names []string
		for _, path := range paths {
			names = append(names, filepath.Base(path))
		}
		// Each picture is there in two forms.
		if got, want := strings.Join(names, " "), regexp.MustCompile(`(\S+)\.png`).ReplaceAllString(c.files, "$1.png $1.svg"); got != want {
			t.Errorf("%s: wrote %s, want %s", c.why, got, want)
		}
		checkComparison(t, c.why, c.r)
	}
	paths, err := Write(filepath.Join(t.TempDir(), "missing"), equal())
	if len(paths) > 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrote %v, error %v", paths, err)
	}
}

// TestAnyComparison: whatever was found, nothing panics, and every format can
// be read.
func TestAnyComparison(t *testing.T) {
	value := rapid.SampledFrom([]float64{0, 1, -1, 0.05, -0.02, 0.3, 17, -3, 1e-12, 1e300, -1e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1)})
	chosen := value.Filter(isNumber) // by a policy, a design or a clock
	name := rapid.SampledFrom([]string{"", "p99", "target=a/level=5", "target=b/level=5", "Encode-8", "a b", "|<&>", "\n", strings.Repeat("x", 300), "\x1b"})
	finding := rapid.Custom(func(t *rapid.T) compare.Finding {
		v := func(label string) float64 { return value.Draw(t, label) }
		return compare.Finding{
			Scenario: name.Draw(t, "scenario"), Metric: name.Draw(t, "metric"),
			Unit:   rapid.SampledFrom([]string{"", "p99-ns", "ok/s", "rejected-ppm", "B/op", "a b"}).Draw(t, "unit"),
			Better: rapid.SampledFrom([]string{"lower", "higher", ""}).Draw(t, "better"),
			Scale:  rapid.SampledFrom([]compare.Scale{compare.Ratio, compare.Points, compare.Exact, "odd"}).Draw(t, "scale"),
			Gated:  rapid.Bool().Draw(t, "gated"), Pairs: rapid.SampledFrom([]int{0, 1, 48, -3}).Draw(t, "pairs"),
			BaseValue: compare.Bound(v("base")), CandidateValue: compare.Bound(v("candidate")), Estimate: compare.Bound(v("estimate")),
			Lower: compare.Bound(v("lower")), Upper: compare.Bound(v("upper")), Noise: v("noise"), Margin: chosen.Draw(t, "margin"), Tolerance: chosen.Draw(t, "tolerance"),
			Verdict: rapid.SampledFrom(append(slices.Clone(bySeverity), "odd", "")).Draw(t, "verdict"), MDE: v("mde"),
			Needed: rapid.IntRange(-1, 200).Draw(t, "needed"), Reason: name.Draw(t, "reason"),
			Values: []compare.Pair{{Number: 1, Base: v("a"), Candidate: v("b")}},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		r := &compare.Report{
			Verdict:  rapid.SampledFrom(append(slices.Clone(bySeverity), "odd", "")).Draw(t, "verdict"),
			Findings: rapid.SliceOfN(finding, 0, 6).Draw(t, "findings"), Control: rapid.SliceOfN(finding, 0, 3).Draw(t, "control"),
			Reasons:  rapid.SliceOfN(name, 0, 3).Draw(t, "reasons"),
			Advisory: rapid.Bool().Draw(t, "advisory"), Base: compare.Side{Name: name.Draw(t, "side"), Commit: name.Draw(t, "commit")},
			Design: compare.Design{Alpha: chosen.Draw(t, "alpha"), Looks: rapid.SliceOfN(rapid.IntRange(-1, 50), 0, 3).Draw(t, "looks")},
			Took:   chosen.Draw(t, "took"), FalseAlarms: &compare.Rate{Runs: 3, Upper: chosen.Draw(t, "upper")},
		}
		checkComparison(t, "any", r)
	})
}

// What is the same program is equal, with no figure of any kind.
func TestSameProgram(t *testing.T) {
	series := compare.IdenticalSeries([]compare.Sample{{Scenario: "X", Unit: "ns/op"}, {Scenario: "X", Unit: "allocs/op"}, {Scenario: "X", Unit: "ns/op"}}, compare.Policy{})
	if len(series) != 2 {
		t.Fatalf("%d series", len(series))
	}
	r := compare.Conclude(compare.DefaultDesign(), series, nil, nil)
	if r.Verdict != compare.Equal || r.Exit != compare.ExitFine || r.Advisory || r.Pairs != 0 {
		t.Fatalf("%s, exit code %d, advisory %v, %d pairs, %q", r.Verdict, r.Exit, r.Advisory, r.Pairs, r.Reasons)
	}
	var text strings.Builder
	if err := Text(&text, r); err != nil || !strings.HasPrefix(text.String(), "equal: both sides are the same program, and nothing was measured\n") || strings.Contains(text.String(), "NaN") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if _, err := Write(t.TempDir(), r); err != nil {
		t.Error(err)
	}
}
