package main

import (
	"encoding/json"
	"encoding/xml"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/verdict"
)

// leftAll fails where a comparison did not leave all of its files, each with
// why it ended.
func leftAll(t *testing.T, how, dir, why string, exit int) {
	t.Helper()
	for _, name := range commandtest.ComparisonFiles {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %s: %v", how, name, err)
		}
	}
	r, err := verdict.Read(dir)
	if err != nil {
		t.Errorf("%s: %v", how, err)
		return
	}
	if r.Exit != exit || !strings.Contains(strings.Join(r.Reasons, "; "), why) {
		t.Errorf("%s: exit code %d, %q; want %d, %q", how, r.Exit, r.Reasons, exit, why)
	}
	text, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	var suites struct {
		Errors int `xml:"errors,attr"`
	}
	if err != nil || xml.Unmarshal(text, &suites) != nil || suites.Errors == 0 {
		t.Errorf("%s: junit.xml has no error: %v\n%s", how, err, text)
	}
}

// However a comparison ends before its first pair, its files are there and say
// why.
func TestDuetEndsWithItsFiles(t *testing.T) {
	startsMany(t)
	t.Parallel() // with what waits for processes, too
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/ends\n\ngo 1.26\n", "a_test.go": "package ends\n\nimport \"testing\"\n\nfunc BenchmarkA(b *testing.B) { b.Fatal(\"no <connection>\") }\n", ".gitignore": "out*\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	commandtest.Commit(t, dir)
	serve := []string{"--build", "touch {out}; chmod +x {out}"}
	for _, c := range []struct {
		how, why    string
		args        []string
		code, inner int
	}{
		{"no benchmark", "has benchmarks on both sides that match Nothing", []string{"--bench", "Nothing"}, exitUsage, exitInvalid},
		{"a build that fails", "building the base", []string{"--build", "echo no compiler >&2; false {out}", "--serve", "{out} {addr}"}, exitNotStarted, exitInvalid},
		{"a server that ends", "ended before it listened", append(serve, "--serve", "false {out} {addr}"), exitNotStarted, exitInvalid},
		{"no time", "the budget of 1ns was used up", append(serve, "--serve", "{out} {addr}", "--budget", "1ns"), exitInvalid, exitInvalid},
		{"a benchmark that fails", "benchmark BenchmarkA of . failed: a_test.go:5: no <connection>", nil, exitInvalid, exitInvalid},
	} {
		out := filepath.Join(dir, "out-"+strings.ReplaceAll(c.how, " ", "-"))
		stdout, stderr, code := onhold(t, dir, append([]string{"duet", "--base", "HEAD", "--out", out, "--json", "--no-control"}, c.args...)...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.how, code, c.code, stdout, stderr)
			continue
		}
		leftAll(t, c.how, out, c.why, c.inner)
		onDisk, err := os.ReadFile(filepath.Join(out, "verdict.json"))
		if err != nil || stdout != string(onDisk) {
			t.Errorf("%s: printed is\n%s\nand verdict.json is\n%s", c.how, stdout, onDisk)
		}
	}
	// Decided again it has the same fields.
	stored := filepath.Join(dir, "out-a-benchmark-that-fails")
	stdout, stderr, code := onhold(t, dir, "compare", stored, "--out", filepath.Join(dir, "out-again"), "--json")
	if code != exitInvalid {
		t.Errorf("decided again: exit code %d\n%s%s", code, stdout, stderr)
	}
	leftAllFields(t, stored, filepath.Join(dir, "out-again"))
}

// leftAllFields fails where two verdicts do not have the same fields.
func leftAllFields(t *testing.T, was, is string) {
	t.Helper()
	fields := func(dir string) []string {
		var v map[string]json.RawMessage
		text, err := os.ReadFile(filepath.Join(dir, "verdict.json"))
		if err == nil {
			err = json.Unmarshal(text, &v)
		}
		if err != nil {
			t.Error(err)
		}
		return slices.Sorted(maps.Keys(v))
	}
	if a, b := fields(was), fields(is); !slices.Equal(a, b) {
		t.Errorf("verdict.json has the fields %q, and decided again %q", a, b)
	}
}

// A signal that ends a comparison has it write what there is.
func TestDuetEndsBySignals(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("out*\nbuilding\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	commandtest.Commit(t, dir)
	for _, sent := range endingSignals() {
		out, building := filepath.Join(dir, "out-"+sent.String()), filepath.Join(dir, "building")
		os.Remove(building)
		cmd := command(t, dir, "duet", "--base", "HEAD", "--out", out, "--build", "touch "+building+"; sleep 600; : {out}", "--serve", "{out} {addr}")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(building); err == nil {
				break
			}
		}
		cmd.Process.Signal(sent)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
			t.Errorf("%v: exit code %d", sent, code)
			continue
		}
		leftAll(t, sent.String(), out, "interrupted before the first pair was complete", compare.ExitInvalid)
	}
}
