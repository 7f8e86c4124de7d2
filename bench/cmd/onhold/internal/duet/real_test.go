package duet

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// serveEnv makes the test binary a server: "ADDR DELAY".
const serveEnv = "ONHOLD_TEST_SERVE"

func TestMain(m *testing.M) {
	what := os.Getenv(serveEnv)
	if what == "" {
		code := m.Run()
		if behaveDir != "" {
			os.RemoveAll(behaveDir)
		}
		os.Exit(code)
	}
	addr, how, _ := strings.Cut(what, " ")
	if how == "dies" {
		fmt.Fprintln(os.Stderr, "no configuration")
		os.Exit(3)
	}
	delay, err := time.ParseDuration(how)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/work" {
			http.NotFound(w, r)
			return
		}
		time.Sleep(delay)
	}))
}

// small is a design that decides after eight pairs.
var small = compare.Design{Alpha: 0.01, Looks: []int{8, 10}, Spend: []float64{0.8, 0.2}}

// server compares two delays of the test binary as a server: what is built is
// a script that starts it.
func server(t *testing.T, base, candidate string) Config {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexport " + serveEnv + "=\"$1 %s\"\nexec '" + exe + "'\n"
	dir := repo(t, map[string]string{"server.sh": fmt.Sprintf(script, base)})
	write(t, dir, map[string]string{"server.sh": fmt.Sprintf(script, candidate)})
	return Config{
		Repo: dir, Base: "main", Design: small, Control: true, MeasureIdentical: true, Budget: 10 * time.Minute, Seed: 3, Out: filepath.Join(dir, "out"), MaxSteal: 1,
		Policy: compare.Policy{Gate: []string{"p50", "rejected"}, Tolerance: map[string]float64{"p50": 0.5}},
		Experiment: &Serve{
			Build: "cp server.sh {out}", Command: "{out} {addr}", Request: "GET /work", Rounds: 2, Settle: 50 * time.Millisecond,
			Driver: func(addr string) (bench.Driver, error) {
				return epoll.Best(bench.HTTP{URL: "http://" + addr + "/work"}, epoll.Options{})
			},
			// The lag is not judged: other tests share the machine.
			Plan: bench.Plan{Load: bench.Load{Rate: 500, Arrivals: load.Constant}, Duration: 60 * time.Millisecond, MaxLag: time.Minute},
		},
	}
}

// A server that keeps its callers ten times as long is found out, one that is
// as it was is not called worse, and what is stored decides the same again.
func TestServers(t *testing.T) {
	t.Parallel()
	servers(t, serverCase{"30ms", func(v compare.Verdict) bool { return v == compare.Regressed }})
}

func TestSlowServers(t *testing.T) {
	slow.Only(t)
	servers(t, serverCase{"3ms", func(v compare.Verdict) bool { return v == compare.Equal || v == compare.Inconclusive }})
}

type serverCase struct {
	candidate string
	want      func(compare.Verdict) bool
}

func servers(t *testing.T, cases ...serverCase) {
	t.Helper()
	for _, c := range cases {
		config := server(t, "3ms", c.candidate)
		config.Patient = true
		report, run, err := Run(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if !c.want(report.Verdict) || report.Pairs < 8 {
			t.Errorf("3 ms against %s: %s after %d pairs: %q", c.candidate, report.Verdict, report.Pairs, report.Reasons)
		}
		if run.Partial || report.Base.Commit == "" || !strings.HasSuffix(report.Candidate.Commit, "+") == (c.candidate != "3ms") {
			t.Errorf("partial %v, base %q, candidate %q", run.Partial, report.Base.Commit, report.Candidate.Commit)
		}
		_, stages, warnings, err := result.Open(config.Out)
		if err != nil || len(warnings) > 0 || len(stages) < report.Pairs*6 {
			t.Errorf("%d stages of %d pairs are stored, %q, %v", len(stages), report.Pairs, warnings, err)
		}
		used := map[string]time.Duration{} // of a slice alone it may be less than a tick of the kernel's clock
		for _, s := range stages {
			if s.Settings.Get("binary-sha256") == "" {
				t.Fatalf("a stage lacks its program's hash: %v", s.Settings)
			}
			used[s.Settings.Get(result.KeyArm)] += s.Target.CPU
		}
		for _, arm := range []compare.Arm{compare.Base, compare.Candidate, compare.Control} {
			if used[string(arm)] <= 0 && runtime.GOOS == "linux" {
				t.Errorf("the stages of %s used no CPU time: %v", arm, used)
			}
		}
		if c.candidate == "30ms" {
			again := config
			again.Progress = func(e Event) {
				if e.Complete {
					t.Errorf("a comparison that was decided ran pair %d", e.Pair)
				}
			}
			second, _, err := Run(t.Context(), again)
			if err != nil || second.Verdict != report.Verdict || second.Pairs != report.Pairs || second.Findings[0].Estimate != report.Findings[0].Estimate {
				t.Errorf("continued: %+v, %v; was %+v", second, err, report)
			}
			again.Seed++
			if _, _, err := Run(t.Context(), again); err == nil || !strings.Contains(err.Error(), "holds the pairs of another comparison") {
				t.Errorf("another seed in the same folder: %v", err)
			}
		}
	}
}

func TestServersThatDoNotServe(t *testing.T) {
	t.Parallel()
	config := server(t, "1ms", "dies")
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "the server of the candidate ended before it listened") || !strings.Contains(err.Error(), "no configuration") {
		t.Errorf("a candidate that dies: %v", err)
	}
	config = server(t, "1ms", "1ms")
	config.Experiment.(*Serve).Driver = func(addr string) (bench.Driver, error) {
		return epoll.Best(bench.HTTP{URL: "http://" + addr + "/elsewhere"}, epoll.Options{})
	}
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "served none of") || !strings.Contains(err.Error(), "404") {
		t.Errorf("a path that is not there: %v", err)
	}
	config = server(t, "1ms", "1ms")
	config.Experiment.(*Serve).Build = "echo nothing to build >&2; false # {out}"
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "building the base") || !strings.Contains(err.Error(), "nothing to build") {
		t.Errorf("a build that fails: %v", err)
	}
	config = server(t, "1ms", "1ms")
	config.Experiment.(*Serve).Build = "true {out}"
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "left no program") {
		t.Errorf("a build that builds nothing: %v", err)
	}
}

const toyTest = `package toy

import "testing"

var sink []byte

func BenchmarkTake(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Take()
	}
}

func BenchmarkOther(b *testing.B) { b.Fatal("was not asked for") }
`

func toy(allocations int) string {
	return "package toy\n\nfunc Take() {\n\tfor range " + fmt.Sprint(allocations) + " {\n\t\tsink = make([]byte, 64)\n\t}\n}\n"
}

// Benchmarks are compared as they are: fresh processes, code layouts of their
// own, and an allocation more is found however noisy the machine.
func TestSlowBenchmarks(t *testing.T) {
	slow.Only(t) // links 30 programs
	dir := repo(t, map[string]string{"go.mod": "module example.com/toy\n\ngo 1.26\n", "toy.go": strings.Replace(toy(10), "func", "var sink []byte\n\nfunc", 1), "toy_test.go": strings.Replace(toyTest, "var sink []byte\n\n", "", 1)})
	write(t, dir, map[string]string{"toy.go": strings.Replace(toy(11), "func", "var sink []byte\n\nfunc", 1)})
	config := Config{
		Repo: dir, Base: "HEAD", Design: small, Budget: 10 * time.Minute, Seed: 5, Out: filepath.Join(dir, "out"), MaxSteal: 1,
		Policy:     compare.Policy{Gate: []string{"allocs/op"}},
		Experiment: &GoBench{Packages: []string{"./..."}, Bench: "Take", BenchTime: "1000x"},
	}
	report, _, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict != compare.Regressed || report.Pairs != 8 {
		t.Errorf("10 and 11 allocations: %s after %d pairs: %q", report.Verdict, report.Pairs, report.Reasons)
	}
	text, err := os.ReadFile(filepath.Join(config.Out, LaunchesFile))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "arm: candidate"); n != 8 {
		t.Errorf("%d launches of the candidate are on record", n)
	}
	seeds := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if seed, ok := strings.CutPrefix(line, "layout-seed: "); ok {
			seeds[seed] = true
		}
	}
	if len(seeds) != 16 {
		t.Errorf("%d code layouts for 16 launches", len(seeds))
	}
	config.Out, config.Experiment = filepath.Join(dir, "out2"), &GoBench{Bench: "Nothing"}
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "has benchmarks on both sides") {
		t.Errorf("no such benchmark: %v", err)
	}
}
