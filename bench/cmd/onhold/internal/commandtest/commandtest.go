// Package commandtest has what the tests of the command share, in whichever
// package they are: short forms of what it runs, and things to run it on.
package commandtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	ordersgrpc "github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// ComparisonFiles are those that every comparison leaves, also one without a pair
// that could be drawn.
var ComparisonFiles = []string{"verdict.json", "summary.md", "junit.xml", "annotations.txt", "run.json"}

// Built builds the command in the folder, runs the tests with it, and removes it.
func Built(folder string, tests func(program string) int) int {
	dir, err := os.MkdirTemp("", "onhold-built-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "onhold")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, folder).CombinedOutput(); err != nil {
		panic(string(out))
	}
	return tests(program)
}

// Run runs a command to its end.
func Run(t *testing.T, cmd *exec.Cmd) (printed string, code int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Short is the environment of the short form of whatever is run: flags that a command line gives itself
// come first. The lag is not judged: other tests share the machine.
var Short = []string{
	"ONHOLD_CLIENTS=1,50", "ONHOLD_DURATION=200ms", "ONHOLD_WARMUP=50ms", "ONHOLD_BURST_INTERVAL=100ms",
	"ONHOLD_BACKEND_LATENCY=20ms", "ONHOLD_MAX_LAG=1m", "ONHOLD_ONLY=phone-calls", "ONHOLD_SCALE=0.02",
}

// QuickDuet makes the comparison of two builds in a command line short: eight
// pairs prove little, and whatever they prove, the command has worked. Of a
// server's stages that short there is no p99 that could decide.
func QuickDuet(line string) []string {
	env := []string{
		"ONHOLD_PAIRS=8", "ONHOLD_NO_CONTROL=true", "ONHOLD_SETTLE=50ms",
		"ONHOLD_MAX_STEAL=100%", "ONHOLD_INCONCLUSIVE=warn",
	}
	if strings.Contains(line, "--serve") {
		env = append(env, "ONHOLD_GATE=cpu,ok/s,rejected")
	}
	if !strings.Contains(line, "--tolerance") {
		// Of eight pairs all are worse by chance once in 256 times, and a test must
		// not fail for that.
		env = append(env, "ONHOLD_TOLERANCE=time=1000%,cpu=1000%,ok/s=1000%")
	}
	return env
}

// Serving starts a target and reads its ready line.
func Serving(t *testing.T, cmd *exec.Cmd) (ready targets.Ready) {
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

// Served waits until a target serves, asks it for orders, and ends it.
func Served(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ready := Serving(t, cmd)
	Ask(t, ready)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// Ask asks a target for orders, in the protocol of its style.
func Ask(t *testing.T, ready targets.Ready) {
	t.Helper()
	style, ok := targets.Find(ready.Style)
	if !ok {
		t.Fatalf("there is no style %q", ready.Style)
	}
	driver, err := bench.HTTP{URL: "http://" + ready.Addr + orders.PathOneUser}.Driver()
	if style.Protocol == targets.GRPC {
		var call ordersgrpc.Call
		if call, err = (ordersgrpc.Client{Addr: ready.Addr, Request: orders.Request{UserID: 42}}).Call(); err == nil {
			driver, err = grpc.Calls{URL: call.URL, Method: call.Method, Body: call.Body}.Driver()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r := conn.Do(20 * time.Second); r.Outcome != result.OK {
		t.Errorf("%v: %s", r.Outcome, r.Why)
	}
}

// Commit makes a folder a git repository of its own, with one commit on
// branch main.
func Commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "base"}} {
		Git(t, dir, args...)
	}
}

// Repo is a folder that is a repository of these files.
func Repo(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	Write(t, dir, files)
	Commit(t, dir)
	return dir
}

// Git runs git in a folder, whatever repository the environment names, and returns
// what it prints.
func Git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=test", "-c", "user.email=test@localhost"}, args...)...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GIT_DIR=") || strings.HasPrefix(v, "GIT_WORK_TREE=") || strings.HasPrefix(v, "GIT_INDEX_FILE=")
	})
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// ToyRepo makes dir a repository that the examples can do with: a package with
// a benchmark, a server, and what two runs left.
func ToyRepo(t *testing.T, dir string) {
	t.Helper()
	Write(t, dir, map[string]string{
		".gitignore":         "reports/\n",
		"go.mod":             "module example.com/toy\n\ngo 1.26\n",
		"orders.go":          "package toy\n\nfunc Orders() (n int) {\n\tfor i := range 1000 {\n\t\tn += i % 7\n\t}\n\treturn n\n}\n",
		"orders_test.go":     "package toy\n\nimport \"testing\"\n\nfunc BenchmarkOrders(b *testing.B) {\n\tfor b.Loop() {\n\t\tOrders()\n\t}\n}\n",
		"cmd/server/main.go": "package main\n\nimport (\n\t\"flag\"\n\t\"net/http\"\n)\n\nfunc main() {\n\taddr := flag.String(\"addr\", \"\", \"\")\n\tflag.Parse()\n\thttp.HandleFunc(\"/api/orders\", func(http.ResponseWriter, *http.Request) {})\n\thttp.ListenAndServe(*addr, nil)\n}\n",
		"old.txt":            strings.Repeat("BenchmarkX 1 1000 ns/op\n", 12),
		"new.txt":            strings.Repeat("BenchmarkX 1 1001 ns/op\n", 12),
	})
	Commit(t, dir)
}

// Write writes files, which may be programs, by their paths below dir.
func Write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Output is what a process prints, which can be read while it runs.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
