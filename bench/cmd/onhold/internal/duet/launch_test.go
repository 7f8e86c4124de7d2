package duet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// behaveTest has benchmarks that do what the file "how" in their folder says of
// them: "fatal A", a line each.
const behaveTest = `package behave

import (
	"fmt"
	"log"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

var sink []byte

func is(what string) bool {
	how, _ := os.ReadFile("how")
	return strings.Contains("\n"+string(how), "\n"+what+"\n")
}

func BenchmarkA(b *testing.B) { do(b, "A") }
func BenchmarkB(b *testing.B) { do(b, "B") }
func BenchmarkC(b *testing.B) { do(b, "C") }

func do(b *testing.B, name string) {
	if is("sub " + name) {
		for _, n := range []int{10, 20} {
			b.Run(fmt.Sprintf("n-%d", n), func(b *testing.B) {
				for b.Loop() {
					if n == 20 && is("slow n-20") {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		return
	}
	if is("subskip " + name) {
		b.Run("one", func(b *testing.B) { b.Skip("not here") })
		return
	}
	for _, way := range []struct {
		what string
		do   func()
	}{
		{"print", func() { fmt.Print("a line without an end") }},
		{"nul", func() { os.Stdout.Write(make([]byte, 100)) }},
		{"flood", func() { fmt.Print(strings.Repeat(strings.Repeat("x", 1000)+"\n", 12_000)) }},
		{"long", func() { fmt.Print(strings.Repeat("x", 12_000_000)) }},
		{"stderr", func() { fmt.Fprint(os.Stderr, strings.Repeat("noise\n", 100_000)) }},
		{"fatal", func() { b.Fatal("no connection\nto the database") }},
		{"panic", func() { panic("out of order") }},
		{"exit", func() { os.Exit(3) }},
		{"exit0", func() { os.Exit(0) }},
		{"vanish", func() { syscall.Exit(0) }},
		{"log", func() { log.Fatal("no configuration") }},
		{"kill", func() { syscall.Kill(syscall.Getpid(), syscall.SIGKILL) }},
		{"skip", func() { b.Skip("not here") }},
		{"close", func() { os.Stdout.Close() }},
		{"stage", func() { b.Fatal("the stage is not valid: the generator was late") }},
		{"allocate", func() { b.ReportAllocs() }},
		{"flaky", func() {
			if _, err := os.Stat("failed"); err != nil {
				os.WriteFile("failed", nil, 0o644)
				b.Fatal("only once")
			}
		}},
	} {
		if is(way.what + " " + name) {
			way.do()
		}
	}
	if is("imitate " + name) { // b.Loop would print all of it before the name
		for range b.N {
			fmt.Print("result:      100\t         5.0 ns/op\n")
		}
		return
	}
	for b.Loop() {
		if is("allocate " + name) {
			sink = make([]byte, 64)
		}
	}
	if is("nan " + name) {
		b.ReportMetric(math.NaN(), "odd/op")
		b.ReportMetric(math.Inf(1), "<b>%")
	}
}
`

var behave = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "onhold-behave-")
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"go.mod": "module example.com/behave\n\ngo 1.26\n", "a_test.go": behaveTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("go", "test", "-c", "-o", "behave.test", "-ldflags=-s -w", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	behaveDir = dir
	return filepath.Join(dir, "behave.test"), nil
})

// behaveDir is removed by TestMain.
var behaveDir string

// behaving is a comparison of two sides with the same program, that do what they
// are reported.
func behaving(t *testing.T, base, candidate string) (*session, *benched) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix system")
	}
	path, err := behave()
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t)
	s.Design, s.Control, s.MaxSteal, s.Patient = small, false, 1, true
	s.Policy = compare.Policy{Tolerance: map[string]float64{"time": 5}} // what is distinguished here is a thousandfold
	s.sides = &source.Sides{Root: t.TempDir(), Sub: "."}
	for arm, how := range map[compare.Arm]string{compare.Base: base, compare.Candidate: candidate} {
		write(t, s.sides.Dir(arm), map[string]string{"how": strings.ReplaceAll(how, ", ", "\n") + "\n"})
	}
	r := &benched{GoBench: &GoBench{BenchTime: "1x"}, s: s, packages: []*benchPackage{{
		dir: ".", declared: []string{"BenchmarkA", "BenchmarkB", "BenchmarkC"},
		builder: &builder{s: s, probed: true, fixed: map[compare.Arm]program{compare.Base: {path: path}, compare.Candidate: {path: path}}},
	}}}
	if _, err := r.stored(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	return s, r
}

// A benchmark that fails, or brings no figures, is named, with what it said and
// the side, and the comparison is not valid.
func TestBenchmarksThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, candidate, want string }{
		{"", "fatal B", "benchmark BenchmarkB of . failed: a_test.go:"},
		{"", "fatal B", "no connection to the database in the candidate, and not in the base"},
		{"fatal B", "", "in the base, and not in the candidate"},
		{"fatal B", "fatal B", "as well; fix it, or select other benchmarks"},
		{"", "panic C", "benchmark BenchmarkC of . (failed: exit status 2: panic: out of order|reported no metrics)"}, // it may end well before the panic ends it
		{"", "exit A", "benchmark BenchmarkA of . failed: exit status 3"},
		{"", "exit0 B", "benchmark BenchmarkB of . (failed: exit status 2: panic: unexpected call to os.Exit(0)|reported no metrics)"},
		{"", "vanish C", "benchmark BenchmarkC of . exited before the run was over, with exit code 0, in the candidate"},
		{"", "close B", "benchmark BenchmarkB of . "},
		{"", "log B", "benchmark BenchmarkB of . failed: exit status 1"},
		{"", "log B", "no configuration"},
		{"", "kill B", "benchmark BenchmarkB of . failed: signal: killed"},
		{"", "imitate B", "benchmark BenchmarkB of . printed text that looks like its own metrics in the candidate"},
		{"", "flood A, stderr A, exit A", "benchmark BenchmarkA of . failed: exit status 3: [noise ]+"},
		{"", "print A, fatal A", "benchmark BenchmarkA of . failed: a_test.go:"},
	} {
		s, r := behaving(t, c.base, c.candidate)
		if strings.HasPrefix(c.candidate, "imitate") {
			r.BenchTime = "2x" // at 1x, too, all is printed before the name
		}
		whole, err := s.drive(t.Context(), r)
		if whole || err == nil || !regexp.MustCompile(strings.ReplaceAll(c.want, "(0)", `\(0\)`)).MatchString(err.Error()) || s.pairs > 0 {
			t.Errorf("%q and %q: %v after %d pairs, want %q", c.base, c.candidate, err, s.pairs, c.want)
			continue
		}
		if report := s.conclude([]string{err.Error()}); report.Exit != compare.ExitInvalid {
			t.Errorf("%q and %q: exit code %d", c.base, c.candidate, report.Exit)
		}
		if h, _, err := readHistory(s.Out); err != nil || len(h.disturbances) != failTries-1 || h.disturbances[0].Kind != kindFailed {
			t.Errorf("%q and %q: on record is %+v, %v", c.base, c.candidate, h, err)
		}
	}
}

// Whatever a benchmark prints, and however much, those behind it are found, and
// the record grows by their lines alone.
func TestBenchmarksThatPrint(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"print A, print B, print C", "nul A, nul B", "stderr A, print A, flood B, long C"} {
		s, r := behaving(t, how, how)
		s.Design = compare.DefaultDesign().UpTo(9) // fewer prove nothing about three metrics
		if _, err := s.drive(t.Context(), r); err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		all, missing, _ := compare.Collect(s.allSamples(), s.Policy)
		if len(all) != 3 || len(missing) > 0 || s.pairs < 8 || len(all[0].Pairs) != s.pairs {
			t.Errorf("%s: %d series of %d pairs, missing %q", how, len(all), s.pairs, missing)
		}
		if info, err := os.Stat(filepath.Join(s.Out, LaunchesFile)); err != nil || info.Size() > int64(1000*s.pairs) {
			t.Errorf("%s: the record has %d bytes, %v", how, info.Size(), err)
		}
	}
}

// With one CPU names have no number of CPUs at their ends, so those that are
// there are the benchmarks' own.
func TestNamesThatEndInNumbers(t *testing.T) {
	for procs, names := range map[string]string{"1": "A/n-10 A/n-20 B C", "2": "A/n-10 A/n-20 B C"} {
		t.Setenv("GOMAXPROCS", procs)
		s, r := behaving(t, "sub A", "sub A, slow n-20")
		s.Design = compare.Design{Alpha: 0.01, Looks: []int{12}, Spend: []float64{1}} // enough for four series
		if _, err := s.drive(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		report := s.conclude(nil)
		var got []string
		for _, f := range report.Findings {
			got = append(got, f.Scenario)
			if (f.Verdict == compare.Regressed) != (f.Scenario == "A/n-20") {
				t.Errorf("GOMAXPROCS=%s: %s is %s: %s", procs, f.Scenario, f.Verdict, f.Reason)
			}
		}
		if strings.Join(got, " ") != names || report.Verdict != compare.Regressed {
			t.Errorf("GOMAXPROCS=%s: %s of %q, %q", procs, report.Verdict, got, report.Reasons)
		}
		// It is the same when it is read again.
		write(t, s.Out, map[string]string{result.RunFile: `{"schema":2}`})
		held, err := Read(s.Out)
		if all, _, _ := compare.Collect(held.Samples, s.Policy); err != nil || len(all) != 4 || all[1].Scenario != "A/n-20" {
			t.Errorf("GOMAXPROCS=%s: read again: %d series, %v", procs, len(all), err)
		}
	}
}

// Skipping is no failure, where both sides do; where the candidate alone does,
// what the base measures is gone.
func TestBenchmarksThatAreSkipped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, candidate, note string
		invalid               string
	}{
		{"skip B", "skip B", "benchmark BenchmarkB of . is skipped in the base", ""},
		{"subskip B", "subskip B", "benchmark BenchmarkB of . is skipped in the candidate", ""},
		{"", "skip B", "benchmark BenchmarkB of . is skipped in the candidate", "time of B: the base has it, the candidate does not"},
		{"skip B", "", "benchmark BenchmarkB of . is skipped in the base", ""},
	} {
		s, r := behaving(t, c.base, c.candidate)
		if _, err := s.drive(t.Context(), r); err != nil {
			t.Errorf("%q and %q: %v", c.base, c.candidate, err)
			continue
		}
		report := s.conclude(nil)
		said := strings.Join(report.Reasons, "; ")
		if !strings.Contains(said, c.note) || !strings.Contains(said, c.invalid) || (report.Verdict == compare.Invalid) != (c.invalid != "") || strings.Count(said, "is skipped in the base") > 1 {
			t.Errorf("%q and %q: %s, %q", c.base, c.candidate, report.Verdict, report.Reasons)
		}
	}
}

// A failure that does not come again does not end the comparison, but is on
// record: where only the candidate fails, that is not valid.
func TestBenchmarksThatFailOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, candidate string
		invalid         bool
		want            string
	}{
		{"", "flaky B", true, "benchmarks failed in 0 launches of the base and 1 of the candidate"},
		{"flaky B", "", false, "benchmarks failed in 1 launches of the base and 0 of the candidate"},
		{"flaky B", "flaky B", false, "benchmarks failed in 1 launches of the base and 1 of the candidate"},
	} {
		s, r := behaving(t, c.base, c.candidate)
		if _, err := s.drive(t.Context(), r); err != nil {
			t.Errorf("%q and %q: %v", c.base, c.candidate, err)
			continue
		}
		report := s.conclude(nil)
		if said := strings.Join(report.Reasons, "; "); (report.Verdict == compare.Invalid) != c.invalid || !strings.Contains(said, c.want) || !strings.Contains(said, "only once") {
			t.Errorf("%q and %q: %s, %q", c.base, c.candidate, report.Verdict, said)
		}
	}
}

// A stage of load that the machine disturbed fails its benchmark; it is not the
// benchmark's fault.
func TestStagesThatAreNotValidAreTheMachines(t *testing.T) {
	t.Parallel()
	s, r := behaving(t, "stage B", "stage B")
	if _, err := s.drive(t.Context(), r); err == nil || !strings.Contains(err.Error(), "was not valid: the generator was late: this machine is too disturbed to measure now") {
		t.Errorf("%v", err)
	}
	if len(s.disturbances) != invalidRow*pairTries || s.disturbances[0].Kind != kindInvalid {
		t.Errorf("%d launches were run again: %+v", len(s.disturbances), s.disturbances[0])
	}
}

// A figure that is no number costs that figure alone.
func TestFiguresThatAreNoNumbers(t *testing.T) {
	t.Parallel()
	s, r := behaving(t, "nan B, allocate A", "nan B, allocate A")
	if _, err := s.drive(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	report := s.conclude(nil)
	if report.Verdict == compare.Invalid || len(report.Findings) != 7 {
		t.Errorf("%s, %d findings: %q", report.Verdict, len(report.Findings), report.Reasons)
	}
	// On record it stays what it was.
	text, err := os.ReadFile(filepath.Join(s.Out, LaunchesFile))
	if err != nil || !strings.Contains(string(text), "NaN odd/op") || !strings.Contains(string(text), "+Inf <b>%") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestCrashText(t *testing.T) {
	for why, c := range map[string]struct{ said, want, benchmark string }{
		"a panic":             {strings.Repeat("noise\n", 5000) + "panic: boom\n\ngoroutine 7 [running]:\ntesting.Benchmark(0x2)\nexample.com/toy.BenchmarkX.func1(0x1)\n" + strings.Repeat("more\n", 5000), "panic: boom\n", "BenchmarkX"},
		"in a closed package": {"fatal error: all goroutines are asleep\nexample.com/a/b.BenchmarkY(0xc0)\n", "fatal error: all", "BenchmarkY"},
		"none":                {strings.Repeat("noise\n", 5000) + "the end", "the end", ""},
		"nothing":             {"", "", ""},
	} {
		for _, step := range []int{1 << 20, 3} {
			var c2 crash
			for rest := c.said; len(rest) > 0; {
				n := min(step, len(rest))
				io.WriteString(&c2, rest[:n])
				rest = rest[n:]
			}
			if got := c2.String(); !strings.Contains(got, c.want) || c.benchmark != "" && !strings.HasPrefix(got, c.want) || c2.benchmark([]string{"BenchmarkX", "BenchmarkY"}) != c.benchmark || len(got) > crashBytes {
				t.Errorf("%s, in writes of %d bytes: %.100q, %q", why, step, got, c2.benchmark([]string{"BenchmarkX", "BenchmarkY"}))
			}
		}
	}
}

// A launch that reached its limit is not tried again; one whose benchmark only
// prints such words is.
func TestLateIsNoMatterOfWords(t *testing.T) {
	exit := errors.New("exit status 2")
	for why, c := range map[string]struct {
		said string
		err  error
		late bool
	}{
		"killed":                    {"", &process.TooLongError{Limit: time.Hour}, true},
		"killed, and wrapped":       {"", fmt.Errorf("launch: %w", &process.TooLongError{Limit: time.Hour}), true},
		"package testing's timeout": {"panic: test timed out after 1h0m0s\nrunning tests:\n", exit, true},
		"a panic about a timeout":   {"panic: the server did not end within 5s\n", exit, false},
		"words before a panic":      {"test timed out after 3 tries\npanic: boom\n", exit, false},
	} {
		out := (&benchPackage{}).newOutput()
		io.WriteString(&out.crash, c.said)
		if f := out.failed(".", compare.Base, c.err); f == nil || f.late != c.late {
			t.Errorf("%s: %+v, want late: %v", why, f, c.late)
		}
	}
}
