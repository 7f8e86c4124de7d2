package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/slow"
)

// notRun are the README's commands that a test cannot run, and why.
var notRun = map[string]string{
	"bin/onhold duet --base main --build 'go build -o {out} ./bench/cmd/onhold' --serve '{out} serve goroutine --backend-latency 20ms --addr {addr}' --path '/api/orders?user_id=42' --level 4000": "takes 40 s; TestEveryExampleInHelp does the same with a smaller server, and .ci/run with this one",
	"bin/onhold patterns --only user-1001":         "takes 8 s; .ci/run runs all patterns",
	"bin/onhold patterns --only held-or-free":      "takes 20 s; .ci/run runs all patterns",
	"bin/onhold patterns --only what-is-behind":    "takes 15 s; .ci/run runs all patterns",
	"bin/onhold patterns --only the-pool":          "takes 15 s; .ci/run runs all patterns",
	"bin/onhold patterns --only handshake":         "takes 8 s; .ci/run runs all patterns",
	"git clone https://github.com/a628bb15/onhold": "the test stands in a clone",
	"cd onhold":         "the test stands in a clone",
	"go test ./...":     "this test is part of it",
	"bin/onhold verify": "takes five minutes; TestVerifyACell runs a cell of it",
	"sudo apt-get install wrk apache2-utils nghttp2-client": "installs other people's programs",
	"go install github.com/codesenberg/bombardier@latest":   "likewise",
	"go install github.com/rakyll/hey@latest":               "likewise",
	"go install github.com/tsenart/vegeta/v12@latest":       "likewise",
	"go install go.k6.io/k6@latest":                         "likewise",
}

// readmeCommands are the lines of the README's shell blocks, block by block.
func readmeCommands(t *testing.T, root string) (blocks [][]string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		var lines []string
		for line := range strings.Lines(block[1]) {
			lines = append(lines, strings.TrimSpace(line))
		}
		blocks = append(blocks, lines)
	}
	return blocks
}

// long are the commands that build programs, compute or measure for more than a
// second or two, or need a server of their own, and what reads their results.
var long = regexp.MustCompile(`^\./run\.sh|^go (test|tool) |onhold (duet|doctor|peers)|--only pay-later|--stage (2|10)s|--repeats|--backend |--clients 1000000|reports/out/(orders|open|before)`)

// Every quick command in the README works, run by the test binary itself.
func TestReadmeCommands(t *testing.T) {
	testReadme(t, 9, func(line string) bool { return !long.MatchString(line) }, func(bin string) []string {
		exe, err := os.Executable()
		if err == nil {
			err = os.Symlink(exe, bin)
		}
		if err != nil {
			t.Fatal(err)
		}
		return []string{asCommand + "=1"}
	})
}

// Every command in the README works, and its own build of the command does.
func TestSlowReadmeCommands(t *testing.T) {
	slow.Only(t)
	testReadme(t, 30, func(string) bool { return true }, func(bin string) []string {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./bench/cmd/onhold")
		cmd.Dir = filepath.Dir(filepath.Dir(bin))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return nil
	})
}

// testReadme runs those of the README's commands that are wanted, in their quick
// form: fewer levels and shorter stages, set by the environment. Blocks run side
// by side, the lines of one in turn. There must be at least least of them. install
// puts the command where the README has it, and says what it needs.
func testReadme(t *testing.T, least int, wanted func(line string) bool, install func(bin string) (env []string)) {
	if testing.Short() {
		t.Skip("takes half a minute; left to the long run")
	}
	t.Parallel() // with what waits for processes, too
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands are for a Unix shell")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if all := r.URL.Query().Has("all"); r.URL.Path != "/api/orders" || r.URL.Query().Get("user_id") != "42" || all && r.Header.Get("Accept") != "application/json" {
			http.Error(w, "the quotes were lost", http.StatusBadRequest)
		}
	}))
	defer upstream.Close()
	// A copy of the tree, for the commands leave things in it.
	work := t.TempDir()
	files, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("not in a git checkout:", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(work, name))
	}
	commitAll(t, work)
	for _, name := range []string{"bin", "out"} { // where commands write what the README does not say where
		if err := os.MkdirAll(filepath.Join(work, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := install(filepath.Join(work, "bin", "onhold"))
	var ran atomic.Int32
	t.Run("blocks", func(t *testing.T) { // ends when all of them have
		for i, block := range readmeCommands(t, root) {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				for j, line := range block {
					if notRun[line] != "" || !wanted(line) {
						continue
					}
					readmeCommand(t, env, work, fmt.Sprintf("%s/out/%d-%d", work, i, j), upstream.URL, line)
					ran.Add(1)
				}
			})
		}
	})
	if n := int(ran.Load()); n < least {
		t.Errorf("only %d commands found in the README", n)
	}
}

// readmeCommand runs one line of the README in its quick form.
func readmeCommand(t *testing.T, env []string, work, out, upstream, line string) {
	t.Helper()
	quick := strings.ReplaceAll(line, "http://127.0.0.1:8080", upstream)
	quick = strings.Replace(quick, "--stage 10s --backend-stall 2s@5s", "--stage 2s --backend-stall 500ms@1s", 1)
	quick = strings.Replace(quick, "onhold peers", "onhold peers --peers none --sections pacing --pairs 1 --length 1s", 1)
	quick = strings.NewReplacer("--repeats 6", "--repeats 2", "--levels 50,200 --stage 2s", "--levels 50,200 --stage 500ms", "--levels 10,50,100 --stage 2s", "--levels 10,50,100 --stage 500ms", "--benchtime 100ms", "--benchtime 1x", "--warmup 2s --stage 10s", "--warmup 100ms --stage 300ms",
		// With linker flags of its own the build has no layouts, so there are three and not twenty.
		"'go build -o {out}", "'go build -ldflags=-s -o {out}").Replace(quick)
	quick = strings.Replace(quick, "onhold doctor", "onhold doctor --length 300ms", 1)
	quick = strings.Replace(quick, "-bench Styles", "-short -bench Styles/target=goroutine/load=closed/level=1$", 1)
	quick = strings.Replace(quick, "-bench 'Orders$'", "-bench Lines", 1) // a second, and valid on a busy machine too
	quick = strings.Replace(quick, "-count 10", "-count 2", 1)
	// A machine that others use may move more than a fate in a thousand (exit code 3).
	quick = strings.Replace(quick, "onhold verify reports/out/traced", "onhold verify reports/out/traced || [ $? = 3 ]", 1)
	withServices(t, line, func(t *testing.T, services []string) {
		var printed []byte
		var err error
		validAtLast(t, func(try int) int {
			if m := outFlag.FindStringSubmatch(quick); try > 1 && m != nil {
				os.RemoveAll(filepath.Join(work, m[1]))
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -o pipefail; "+quick)
			cmd.Dir = work
			cmd.Env = append(slices.Concat(os.Environ(), short, quickDuet(quick), env, services), fmt.Sprintf("ONHOLD_OUT=%s-%d", out, try))
			began := time.Now()
			printed, err = cmd.CombinedOutput()
			t.Logf("%5.1f s  %s", time.Since(began).Seconds(), quick)
			return cmd.ProcessState.ExitCode()
		})
		if err != nil && !machineBusy(err, printed) {
			t.Errorf("%s\nrun as %s\n%v\n%s", line, quick, err, printed)
		}
	})
}

var outFlag = regexp.MustCompile(`--out (\S+)`)

// validAtLast tries again what ended with the exit code of a run that is not
// valid: with stages as short as those of tests, other packages' tests on the
// same machine can keep a stage from being one. What is wrong stays so.
func validAtLast(t *testing.T, try func(n int) (code int)) {
	t.Helper()
	for n := 1; try(n) == exitInvalid && n < 3; n++ {
		t.Log("not valid; again")
	}
}

// machineBusy says that a command failed for no other reason than that its stages
// are not valid, as the machine left the generator too little time: right on a
// machine on which other tests run.
func machineBusy(err error, printed []byte) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == exitInvalid && busyWords.Match(printed)
}

var busyWords = regexp.MustCompile(`the generator was late: p|of the CPU time it may use, above|of the generator was busy for|stopped the generator`)

// quickDuet makes the comparison of two builds in a command line short: eight
// pairs prove little, and whatever they prove, the command has worked. Of a
// server's slices that short there is no p99 that could decide.
func quickDuet(line string) []string {
	env := []string{
		"ONHOLD_PAIRS=8", "ONHOLD_NO_CONTROL=true", "ONHOLD_SLICE=50ms", "ONHOLD_SETTLE=50ms", "ONHOLD_SLICE_WARMUP=0s",
		"ONHOLD_MAX_STEAL=100%", "ONHOLD_INCONCLUSIVE=warn",
	}
	if strings.Contains(line, "--serve") {
		env = append(env, "ONHOLD_GATE=cpu,ok,rejected")
	}
	if !strings.Contains(line, "--tolerance") {
		// Of eight pairs all are worse by chance once in 256 times, and a test must
		// not fail for that.
		env = append(env, "ONHOLD_TOLERANCE=time=1000%,cpu=1000%,ok/s=1000%")
	}
	return env
}

// commitAll makes a folder a git repository of its own, with one commit on
// branch main.
func commitAll(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "base"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@localhost"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, info.Mode()); err != nil {
		t.Fatal(err)
	}
}
