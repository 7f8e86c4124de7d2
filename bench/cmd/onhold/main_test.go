package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/rogpeppe/go-internal/testscript"
)

// asCommand makes the test binary the command itself. It is in the
// environment of what the command starts, too: its targets.
const asCommand = "ONHOLD_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	// Tests wait for processes and their stages far more than they compute.
	if p := flag.Lookup("test.parallel"); p.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	testscript.Main(pgtest.Tests{M: m}, map[string]func(){"onhold": main})
}

// The short form of whatever is run: flags that a command line gives itself
// come first. The lag is not judged: other tests share the machine.
var short = []string{
	"ONHOLD_LEVELS=1,50", "ONHOLD_STAGE=200ms", "ONHOLD_WARMUP=50ms", "ONHOLD_EVERY=100ms",
	"ONHOLD_BACKEND_LATENCY=20ms", "ONHOLD_MAX_LAG=1m", "ONHOLD_ONLY=phone-calls", "ONHOLD_SCALE=0.02",
}

func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{asCommand + "=1"}, short, quickDuet(strings.Join(args, " ")))
	return cmd
}

// onhold runs the command to its end.
func onhold(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return onholdWith(t, nil, dir, args...)
}

// withServices runs a test of a command line with the environment that leads to
// what it needs, and skips it alone where that is not installed.
func withServices(t *testing.T, line string, test func(t *testing.T, env []string)) {
	t.Helper()
	if !strings.Contains(line, "--backend postgres") {
		test(t, nil)
		return
	}
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Shared(t).Env()) })
}

func onholdWith(t *testing.T, env []string, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(t, dir, args...)
	cmd.Env = append(cmd.Env, env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// Scripts run the command as a user would; see testdata/script.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

func TestSlowScripts(t *testing.T) {
	slow.Only(t)
	runScripts(t, "testdata/slow")
}

func runScripts(t *testing.T, dir string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, short...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// truncate FILE: cuts its last 100 bytes off, as a crash might.
			"truncate": func(ts *testscript.TestScript, neg bool, args []string) {
				path := ts.MkAbs(args[0])
				info, err := os.Stat(path)
				ts.Check(err)
				ts.Check(os.Truncate(path, info.Size()-100))
			},
			// exits CODE[,CODE…] ARGS…: runs onhold and wants one of the exit codes.
			// What it prints is kept for stdout and stderr.
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				var exit *exec.ExitError
				got := 0
				if err := ts.Exec("onhold", args[1:]...); errors.As(err, &exit) {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if !slices.Contains(strings.Split(args[0], ","), strconv.Itoa(got)) {
					ts.Fatalf("exit code %d, want %s", got, args[0])
				}
			},
		},
	})
}

// examples are the command lines that a help text shows.
func examples(t *testing.T, help string) []string {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^\s+(onhold [a-z]+ .*)$`).FindAllStringSubmatch(help[strings.Index(help, "Example"):], -1)
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimSpace(l[1]))
	}
	return out
}

// Every example in the --help of what is quick works as it stands there, and the
// one of run that these read.
func TestEveryExampleInHelp(t *testing.T) {
	testExamples(t, func(example string) bool {
		return !strings.HasPrefix(example, "onhold run ") || outFlag.MatchString(example)
	}, "run", "serve", "report", "compare", "predict")
}

// Every example in the --help of what builds programs, or measures for longer,
// works as it stands there.
func TestSlowEveryExampleInHelp(t *testing.T) {
	slow.Only(t)
	testExamples(t, func(string) bool { return true }, "run", "duet", "patterns", "verify", "peers", "doctor")
}

func testExamples(t *testing.T, wanted func(example string) bool, subcommands ...string) {
	if testing.Short() {
		t.Skip("takes 15 s; left to the long run")
	}
	t.Parallel() // with what waits for processes, too
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/api/orders?user_id=42" {
			http.Error(w, "the quotes were lost", http.StatusBadRequest)
		}
	}))
	defer upstream.Close()
	dir := t.TempDir()
	toyRepo(t, dir)
	ran := 0
	for _, sub := range subcommands {
		if (sub == "peers" || sub == "doctor") && runtime.GOOS != "linux" {
			continue // its server needs Linux
		}
		help, _, code := onhold(t, dir, sub, "--help")
		if code != 0 {
			t.Fatalf("%s --help: exit code %d", sub, code)
		}
		found := examples(t, help)
		if len(found) == 0 {
			t.Errorf("%s --help shows no example:\n%s", sub, help)
		}
		for _, example := range found {
			if !wanted(example) {
				continue
			}
			// The address of a server that the reader has, and a port that may be
			// taken here, are the only things put in.
			line := strings.Replace(example, "http://127.0.0.1:8080", upstream.URL, 1)
			line = strings.Replace(line, "--addr 127.0.0.1:8080", "--addr 127.0.0.1:0", 1)
			args := words(line)[1:]
			if line == "onhold verify --quick" { // a minute
				args = append(args, "--cells", "loss-constant", "--longest", "1s")
			}
			if sub == "duet" {
				args = append(args, "--out", filepath.Join(t.TempDir(), "duet"))
			}
			ran++
			if sub == "serve" {
				served(t, command(t, dir, args...))
				continue
			}
			withServices(t, example, func(t *testing.T, env []string) {
				var stdout, stderr string
				var code int
				validAtLast(t, func(try int) int {
					if m := outFlag.FindStringSubmatch(line); try > 1 && m != nil {
						os.RemoveAll(filepath.Join(dir, m[1]))
					}
					stdout, stderr, code = onholdWith(t, env, dir, args...)
					return code
				})
				// Windows as short as those of a test may be too short to tell anything.
				busy := code == exitInvalid && busyWords.MatchString(stdout+stderr)
				if code != 0 && !busy && !(sub == "verify" && code == exitCannotTell) {
					t.Errorf("%s\nexit code %d\n%s%s", example, code, stdout, stderr)
				}
			})
		}
	}
	if ran < len(subcommands) {
		t.Errorf("only %d examples found", ran)
	}
}

// words splits a command line as a shell does, with single quotes.
func words(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 { // within quotes
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// toyRepo makes dir a repository that the examples can do with: a package with
// a benchmark, a server, and what two runs left.
func toyRepo(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{
		".gitignore":         "reports/\n",
		"go.mod":             "module example.com/toy\n\ngo 1.26\n",
		"orders.go":          "package toy\n\nfunc Orders() (n int) {\n\tfor i := range 1000 {\n\t\tn += i % 7\n\t}\n\treturn n\n}\n",
		"orders_test.go":     "package toy\n\nimport \"testing\"\n\nfunc BenchmarkOrders(b *testing.B) {\n\tfor b.Loop() {\n\t\tOrders()\n\t}\n}\n",
		"cmd/server/main.go": "package main\n\nimport (\n\t\"flag\"\n\t\"net/http\"\n)\n\nfunc main() {\n\taddr := flag.String(\"addr\", \"\", \"\")\n\tflag.Parse()\n\thttp.HandleFunc(\"/api/orders\", func(http.ResponseWriter, *http.Request) {})\n\thttp.ListenAndServe(*addr, nil)\n}\n",
		"old.txt":            strings.Repeat("BenchmarkX 1 1000 ns/op\n", 12),
		"new.txt":            strings.Repeat("BenchmarkX 1 1001 ns/op\n", 12),
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	commitAll(t, dir)
	for _, name := range []string{"before", "after"} {
		if _, stderr, code := onhold(t, dir, "run", "--targets", "goroutine", "--levels", "50", "--no-report", "--out", "reports/out/"+name); code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
	}
}

// serving starts a target and reads its ready line.
func serving(t *testing.T, cmd *exec.Cmd) (ready targets.Ready) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &ready); err != nil || ready.PID != cmd.Process.Pid || ready.Style == "" {
		t.Fatalf("ready line %q: %v", line, err)
	}
	return ready
}

// served waits until a target serves, asks it for orders, and ends it.
func served(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ready := serving(t, cmd)
	ask(t, ready)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// ask asks a target for orders, in the protocol of its style.
func ask(t *testing.T, ready targets.Ready) {
	t.Helper()
	style, ok := targets.Find(ready.Style)
	if !ok {
		t.Fatalf("there is no style %q", ready.Style)
	}
	var dial bench.Dial
	var err error
	if style.Protocol == targets.GRPC {
		dial, err = grpc.Client{Addr: ready.Addr, Request: orders.Request{UserID: 42}}.Dial()
	} else {
		dial, err = bench.HTTP{URL: "http://" + ready.Addr + "/api/orders?user_id=42"}.Dial()
	}
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r := conn.Do(20 * time.Second); r.Outcome != result.OK {
		t.Errorf("%v: %s", r.Outcome, r.Why)
	}
}

// Ctrl-C ends the run in good order: the stages that are whole are reported,
// stamped partial, the targets are gone, and the exit code is 130.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "run", "--targets", "goroutine", "--levels", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20", "--stage", "400ms", "--out", "out")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	target := 0
	said := interruptAt(t, cmd, "[ 2/20]", func() {
		for range 100 { // until the third stage has its target
			if target = targetOf(cmd.Process.Pid); target != 0 || runtime.GOOS != "linux" {
				break
			}
			time.Sleep(time.Millisecond)
		}
	})
	if _, err := os.Stat("/proc/" + strconv.Itoa(target)); target != 0 && err == nil {
		t.Errorf("the target, process %d, is still there", target)
	}
	run, stages, _, err := result.Open(filepath.Join(dir, "out"))
	if err != nil || !run.Partial || len(stages) < 2 || len(stages) == 20 {
		t.Fatalf("partial %v, %d stages, %v", run.Partial, len(stages), err)
	}
	for _, f := range []string{"capacity.png", "percentiles.png", "summary.md"} {
		if _, err := os.Stat(filepath.Join(dir, "out", f)); err != nil {
			t.Error(err)
		}
	}
	summary, _ := os.ReadFile(filepath.Join(dir, "out", "summary.md"))
	for name, text := range map[string]string{"summary.md": string(summary), "stdout": stdout.String()} {
		if !strings.Contains(strings.ToLower(text), "partial") {
			t.Errorf("%s is not stamped partial:\n%s", name, text)
		}
	}
	if !strings.Contains(said, "interrupted: ") {
		t.Errorf("stderr does not say so:\n%s", said)
	}
}

// interruptAt starts the command, and interrupts it at the line of its stderr
// that begins so, after what else is to be done by then. It returns what stderr
// said.
func interruptAt(t *testing.T, cmd *exec.Cmd, line string, before func()) (said string) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), line) {
			if before != nil {
				before()
			}
			cmd.Process.Signal(os.Interrupt)
		}
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d (%v), want %d\n%s", code, err, exitInterrupted, all.String())
	}
	return all.String()
}

// Ctrl-C ends a comparison in good order, too.
func TestInterruptPeers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the bare server needs Linux")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "peers", "--peers", "none", "--sections", "pacing", "--pairs", "50", "--length", "1s", "--out", "report.md", "--raw", "raw.jsonl")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	interruptAt(t, cmd, "[  1/200]", nil)
	report, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil || !bytes.Equal(report, stdout.Bytes()) || !strings.Contains(stdout.String(), "**Partial: 1 of 200 measurements.**") {
		t.Errorf("the report: %v\n%s", err, stdout.String())
	}
	raw, err := os.ReadFile(filepath.Join(dir, "raw.jsonl"))
	if err != nil || bytes.Count(raw, []byte("\n")) != 1 || !bytes.Contains(raw, []byte(`"pacing":{"arrivals":`)) {
		t.Errorf("the raw file: %v\n%s", err, raw)
	}
}

// A peer that is asked for by name has to be there.
func TestPeerThatIsMissing(t *testing.T) {
	cmd := command(t, t.TempDir(), "peers", "--peers", "hey,wrk")
	cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), "--peers=hey,wrk: not found on PATH: wrk, hey") {
		t.Errorf("exit code %d (%v), want %d\n%s", code, err, exitUsage, out)
	}
}

// A target that dies in mid-stage is a finding about that stage; the run goes
// on, and its exit code is that of a run that is not valid.
func TestTargetThatDies(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("finds the target by its command line in /proc")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "run", "--targets", "goroutine", "--levels", "2,3", "--stage", "1s", "--out", "out")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 500 {
			if pid := targetOf(cmd.Process.Pid); pid != 0 {
				time.Sleep(400 * time.Millisecond) // into the window
				if target, err := os.FindProcess(pid); err == nil {
					target.Kill()
				}
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	var said bytes.Buffer
	said.ReadFrom(stderr)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInvalid {
		t.Errorf("exit code %d, want %d\n%s", code, exitInvalid, said.String())
	}
	_, stages, _, err := result.Open(filepath.Join(dir, "out"))
	if err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	if first := strings.Join(stages[0].Warnings, " "); stages[0].Valid || !strings.Contains(first, "the target died in mid-stage: signal: killed") {
		t.Errorf("the stage of the dead target: valid %v, %q", stages[0].Valid, first)
	}
	if s := stages[1]; !s.Valid || s.Counts[result.OK] != s.Counts.Planned() {
		t.Errorf("the stage after it: valid %v, %v, %q", s.Valid, s.Counts, s.Warnings)
	}
}

// A server that serves nobody gives no measurement of itself, and a password
// in its address is kept out of all that is written.
func TestServerThatServesNothing(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	}))
	defer upstream.Close()
	dir := t.TempDir()
	address := strings.Replace(upstream.URL, "://", "://joe:s3cret@", 1)
	stdout, stderr, code := onhold(t, dir, "run", "--url", address, "--levels", "2", "--out", "out")
	if code != exitInvalid || !strings.Contains(stderr, "served none of") || !strings.Contains(stderr, "for example: HTTP status 500") {
		t.Errorf("exit code %d, want %d and the reason\n%s", code, exitInvalid, stderr)
	}
	for _, file := range []string{"run.json", "stages.jsonl", "summary.md"} {
		b, err := os.ReadFile(filepath.Join(dir, "out", file))
		if err != nil {
			t.Error(err)
		}
		if bytes.Contains(b, []byte("s3cret")) {
			t.Errorf("the password stands in %s", file)
		}
	}
	if strings.Contains(stdout+stderr, "s3cret") {
		t.Errorf("the password was printed:\n%s%s", stdout, stderr)
	}
}

// targetOf finds the target's process among the children of pid.
func targetOf(pid int) int {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		for child := range strings.FieldsSeq(string(b)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if strings.Contains(string(line), "\x00serve\x00") {
				id, _ := strconv.Atoi(child)
				return id
			}
		}
	}
	return 0
}
