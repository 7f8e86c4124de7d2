package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
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
		flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	}
	testscript.Main(pgtest.Tests{M: m}, map[string]func(){"onhold": main})
}

func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{asCommand + "=1"}, commandtest.Short, commandtest.QuickDuet(strings.Join(args, " ")))
	return cmd
}

// onhold runs the command to its end.
func onhold(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return onholdWith(t, nil, dir, args...)
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

// startsMany skips a test that starts many commands where the suite is to be short: under
// the race detector, which asks for that, each of them takes seconds to begin.
func startsMany(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts many commands: left to the long run")
	}
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
			e.Vars = append(e.Vars, commandtest.Short...)
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

// Ctrl-C ends the run gracefully: the stages that are complete are reported,
// stamped partial, the targets are gone, and the exit code is 130.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "run", "goroutine", "--clients", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20", "--duration", "400ms", "--out", "out")
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

// Ctrl-C ends a comparison gracefully, too.
func TestInterruptPeers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the bare server needs Linux")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "peers", "--peers", "none", "--sections", "pacing", "--pairs", "50", "--duration", "1s", "--out", "report.md", "--raw", "raw.jsonl")
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
	t.Parallel()
	cmd := command(t, t.TempDir(), "peers", "--peers", "hey,wrk")
	cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), "--peers=hey,wrk: not found on PATH: wrk, hey") {
		t.Errorf("exit code %d (%v), want %d\n%s", code, err, exitUsage, out)
	}
}

// A target that dies in mid-stage is a finding about that stage; the run goes
// on, and names the stage: others are valid.
func TestTargetThatDies(t *testing.T) {
	startsMany(t)
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("finds the target by its command line in /proc")
	}
	dir := t.TempDir()
	cmd := command(t, dir, "run", "goroutine", "--clients", "2,3", "--duration", "1s", "--out", "out")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			if pid := targetOf(cmd.Process.Pid); pid != 0 && sockets(pid) >= 3 { // it listens, and has both clients
				time.Sleep(300 * time.Millisecond) // into the window
				if target, err := os.FindProcess(pid); err == nil {
					target.Kill()
				}
				return
			}
		}
	}()
	var said bytes.Buffer
	said.ReadFrom(stderr)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitOK || !strings.Contains(said.String(), "1 of 2 stages is not valid: ") {
		t.Errorf("exit code %d, want %d\n%s", code, exitOK, said.String())
	}
	_, stages, _, err := result.Open(filepath.Join(dir, "out"))
	if err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	if first := strings.Join(stages[0].Notes(), " "); stages[0].Valid() || !strings.HasPrefix(first, "the target died in mid-stage: signal: killed") {
		t.Errorf("the stage of the dead target: valid %v, %q", stages[0].Valid(), first)
	}
	if s := stages[1]; !s.Valid() || s.Counts[result.OK] != s.Counts.Planned() {
		t.Errorf("the stage after it: valid %v, %v, %q", s.Valid(), s.Counts, s.Notes())
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
	stdout, stderr, code := onhold(t, dir, "run", address, "--clients", "2", "--out", "out")
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

// sockets is how many sockets a process has open.
func sockets(pid int) (n int) {
	fds, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// hangupIgnored reports whether a hangup was ignored when the tests began, as under
// nohup: what they start ignores it too.
var hangupIgnored = signal.Ignored(syscall.SIGHUP)

// endingSignals are the signals that end a command here.
func endingSignals() []syscall.Signal {
	all := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}
	if !hangupIgnored {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
