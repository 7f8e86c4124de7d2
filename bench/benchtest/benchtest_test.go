package benchtest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"

	"github.com/a628bb15/onhold/reports/result"
)

// goTest runs benchmarks as go test does, in a process of their own. Nothing
// that is asserted of them depends on how late they are, so tests run at once.
func goTest(t *testing.T, env string, pattern string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.run=^$", "-test.bench=" + pattern, "-test.benchtime=1x"}, args...)...)
	cmd.Env = append(os.Environ(), fixtureEnv+"=1", env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// parsed is what a reader of the format makes of the text; each line that it
// cannot read fails the test.
func parsed(t *testing.T, text string) (lines []*benchfmt.Result, units benchfmt.UnitMetadataMap) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(text), "stdout")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			lines = append(lines, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Errorf("cannot be read: %v", rec)
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	return lines, r.Units()
}

// The text is one that the real parser reads: with and without a TestMain, with
// what go test accepts, and the units before everything that has one.
func TestLinesAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   string
		args  []string
		lines int
	}{
		"with Main":        {"", nil, 2},
		"without TestMain": {plainEnv + "=1", nil, 2},
		"verbose":          {plainEnv + "=1", []string{"-test.v"}, 2},
		"cpu and count":    {plainEnv + "=1", []string{"-test.cpu=1,2", "-test.count=2"}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := goTest(t, c.env, "FixtureNames", c.args...)
			if code != 0 || strings.TrimSpace(stderr) != "" {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			lines, units := parsed(t, stdout)
			if len(lines) != c.lines {
				t.Errorf("%d lines, want %d\n%s", len(lines), c.lines, stdout)
			}
			if n := strings.Count(stdout, "Unit p99-ns better=lower\n"); n != 1 {
				t.Errorf("the unit p99-ns is printed %d times, want once\n%s", n, stdout)
			}
			for _, l := range lines {
				base, parts := l.Name.Parts()
				want := []string{"/target=a_shop_with_100__7", "/load=constant", "/level=400"}
				if string(parts[2]) == "/level=500" {
					want[2] = "/level=500"
				}
				var got []string
				for _, p := range parts[:3] {
					got = append(got, string(p))
				}
				if diff := cmp.Diff(want, got); string(base) != "FixtureNames" || diff != "" {
					t.Errorf("%s: (-want +got):\n%s", l.Name, diff)
				}
				if l.Iters != 1 {
					t.Errorf("%s: %d stages, want 1", l.Name, l.Iters)
				}
				for _, v := range l.Values {
					if units.Get(v.Unit, "better") == nil {
						t.Errorf("%s: nothing says which direction of %s is better", l.Name, v.Unit)
					}
				}
			}
		})
	}
}

// valuesOf are the metrics of the one line, by the units in which they were
// printed.
func valuesOf(t *testing.T, pattern string, args ...string) map[string]float64 {
	t.Helper()
	stdout, stderr, code := goTest(t, "", pattern, args...)
	lines, _ := parsed(t, stdout)
	if code != 0 || len(lines) != 1 {
		t.Fatalf("exit code %d, %d lines, want one\n%s%s", code, len(lines), stdout, stderr)
	}
	values := map[string]float64{}
	for _, v := range lines[0].Values {
		unit, value := v.Unit, v.Value
		if v.OrigUnit != "" {
			unit, value = v.OrigUnit, v.OrigValue
		}
		values[unit] = value
	}
	return values
}

func has(values map[string]float64, units ...string) bool {
	return !slices.ContainsFunc(units, func(u string) bool { _, ok := values[u]; return !ok })
}

func TestMetricsOfAHandler(t *testing.T) {
	t.Parallel()
	v := valuesOf(t, "FixtureAllocs")
	if !has(v, "p50-ns", "p90-ns", "p99-ns", "overhead-p99-ns", "ok/s", "rejected-ppm", "allocs/req") || has(v, "ns/op") {
		t.Errorf("metrics %v", v)
	}
	if _, ok := v["cpu-ns/req"]; ok != (epollSupported) {
		t.Errorf("metrics %v: cpu-ns/req is there: %v, want %v", v, ok, epollSupported)
	}
	// What the handler allocates, and next to nothing of the server, the
	// generator and the meters. Fewer is what a late start of counting misses.
	if got := v["allocs/req"]; got < 15 || got > 22 {
		t.Errorf("%v allocations a request, want the handler's 20", got)
	}
}

// Where the target's process is not known, or it is the generator's and the two
// cannot be separated, a metric is absent and not 0.
func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"FixtureDial", "FixtureServer"} {
		v := valuesOf(t, name)
		if !has(v, "p99-ns", "ok/s") || has(v, "cpu-ns/req") || has(v, "allocs/req") || has(v, "overhead-p99-ns") {
			t.Errorf("%s: metrics %v", name, v)
		}
	}
}

// Several ops are one figure of all of their stages.
func TestOpsAreMerged(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	v := valuesOf(t, "FixtureDial", "-test.benchtime=3x", "-onhold.out="+dir)
	_, stages, _, err := result.Open(dir)
	if err != nil || len(stages) != 3 {
		t.Fatalf("%d stages, %v; want 3", len(stages), err)
	}
	want := result.Merge(stages)
	if got := v["p50-ns"]; got < 0.99*float64(want.Latency.Quantile(0.5)) || got > 1.01*float64(want.Latency.Quantile(0.5)) {
		t.Errorf("p50 is %v, want that of all three, %v", got, want.Latency.Quantile(0.5))
	}
}

// What is no measurement fails, says why, and has no numbers.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"FixtureLate":          "the stage is not valid: the generator was late",
		"FixtureNoLevel$":      "Load.Clients is -1, want 1 to",
		"FixtureNoLevels":      "levels: there are none",
		"FixtureNoPath":        `target handler: url is "api/orders", want a path that begins with /`,
		"FixtureNothingServed": "the target served none of 120 requests: 120 of 120 arrivals ended in error, for example: HTTP status 404",
		"FixtureNobodyThere":   "target 127.0.0.1: no connection can be made",
		"FixtureTooMany":       "this process serves the target and holds both ends",
	} {
		stdout, stderr, code := goTest(t, "", name)
		if code != 1 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, want 1 and %q\n%s%s", name, code, want, stdout, stderr)
		}
		if lines, _ := parsed(t, stdout); len(lines) > 0 {
			t.Errorf("%s: failed and has numbers\n%s", name, stdout)
		}
	}
}

// Package testing does not make a process fail for what fails in the second
// run of a benchmark.
func TestEveryRepeatCanFail(t *testing.T) {
	t.Parallel()
	stdout, _, code := goTest(t, "", "FixtureFailsLater", "-test.count=2")
	if code != 1 || !strings.Contains(stdout, "the target served none of") || strings.Count(stdout, " p50-ns") != 2 {
		t.Errorf("exit code %d, want 1, and the first of two fine\n%s", code, stdout)
	}
}

func TestRunFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	stdout, stderr, code := goTest(t, plainEnv+"=1", "FixtureNames|FixtureFasthttp", "-test.count=2", "-onhold.out="+dir)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	run, stages, warnings, err := result.Open(dir)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if run.Partial || run.Planned != 6 || run.Environment.Go == "" || run.Finished.Before(run.Started) {
		t.Errorf("%+v", run)
	}
	var got []string
	for _, s := range stages {
		get := s.Settings.Get
		got = append(got, strings.Join([]string{get("target"), get("level"), get("repeat"), get("wait")}, " "))
	}
	want := []string{
		"fasthttp 1000 1 1µs", "fasthttp 1000 2 1µs",
		"a_shop_with_100__7 400 1 ", "a_shop_with_100__7 400 2 ", "a_shop_with_100__7 500 1 ", "a_shop_with_100__7 500 2 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	// Never another run into the same folder.
	for _, env := range []string{"", plainEnv + "=1"} {
		stdout, stderr, code := goTest(t, env, "FixtureDial", "-onhold.out="+dir)
		if code == 0 || !strings.Contains(stdout+stderr, "already holds a run") {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
	}
}

// A stage that is not valid is in the folder, for the report to show it as one.
func TestRunFolderOfAFailure(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	goTest(t, "", "FixtureLate", "-onhold.out="+dir)
	run, stages, _, err := result.Open(dir)
	if err != nil || len(stages) != 1 || stages[0].Valid() || run.Partial {
		t.Errorf("%v, %d stages, %+v", err, len(stages), run)
	}
}

func TestBenchstatReadsIt(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds benchstat")
	}
	stdout, _, _ := goTest(t, "", "FixtureFasthttp", "-test.count=2")
	file := filepath.Join(t.TempDir(), "new.txt")
	if err := os.WriteFile(file, []byte(stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools.mod", "benchstat", file)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("benchstat does not read it: %v\n%s\nof\n%s", err, out, stdout)
	}
	for _, want := range []string{"p99-sec", "overhead-p99-sec", "allocs/req", "Fasthttp/target=fasthttp/load=constant/level=1000"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}
