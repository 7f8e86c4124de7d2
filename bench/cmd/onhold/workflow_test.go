package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
)

// workflowScript is the shell part of the README's workflow for GitHub.
func workflowScript(t *testing.T, root string) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "bench/cmd/onhold/internal/duet/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("the README has no workflow")
	}
	_, rest, ok := strings.Cut(string(block[1]), "        run: |\n")
	if !ok {
		t.Fatalf("the workflow has no script:\n%s", block[1])
	}
	var script strings.Builder
	for line := range strings.Lines(rest) {
		inside, ok := strings.CutPrefix(line, "          ")
		if !ok {
			break
		}
		script.WriteString(inside)
	}
	return script.String()
}

// The workflow that the README shows does what it says when its shell part is
// run as GitHub does, in a clone of a branch that allocates more than its base:
// the step fails, annotates, and adds to its summary.
func TestSlowReadmeWorkflow(t *testing.T) {
	slow.Only(t)
	t.Parallel() // with what waits for processes, too
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a Unix shell")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	origin := t.TempDir()
	test := "package toy\n\nimport \"testing\"\n\nvar sink []byte\n\nfunc BenchmarkTake(b *testing.B) {\n\tb.ReportAllocs()\n\tfor b.Loop() {\n\t\tTake()\n\t}\n}\n"
	take := "package toy\n\nfunc Take() {\n\tfor range 10 {\n\t\tsink = make([]byte, 64)\n\t}\n}\n"
	for name, text := range map[string]string{"go.mod": "module example.com/toy\n\ngo 1.26\n", "toy.go": take + "\nvar sink []byte\n", "toy_test.go": strings.Replace(test, "var sink []byte\n\n", "", 1)} {
		if err := os.WriteFile(filepath.Join(origin, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	commandtest.Commit(t, origin)
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", origin, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(clone, "toy.go"), []byte(strings.Replace(take, "range 10", "range 12", 1)+"\nvar sink []byte\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	// What is not released yet is installed from here.
	script := workflowScript(t, root)
	install := regexp.MustCompile(`(?m)^go install (\S+)@latest$`)
	if !install.MatchString(script) {
		t.Fatalf("the workflow does not install the command:\n%s", script)
	}
	script = install.ReplaceAllString(script, "(cd "+root+" && go install $1)")
	bin := t.TempDir()
	summary := filepath.Join(bin, "summary.md")
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = clone
	cmd.Env = append(os.Environ(), "GITHUB_ACTIONS=true", "GITHUB_BASE_REF=main", "GITHUB_STEP_SUMMARY="+summary, "GOBIN="+bin,
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"ONHOLD_PAIRS=8", "ONHOLD_NO_CONTROL=true", "ONHOLD_MAX_STEAL=100%", "ONHOLD_GATE=allocs/op", "ONHOLD_BENCHTIME=1000x")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitRegressed {
		t.Fatalf("%v, want exit code %d\n%s", err, exitRegressed, out)
	}
	if !strings.Contains(string(out), "::error title=") {
		t.Errorf("no annotation:\n%s", out)
	}
	if b, err := os.ReadFile(summary); err != nil || !strings.Contains(string(b), "allocs/op") {
		t.Errorf("the summary of the step: %v\n%s", err, b)
	}
	var report compare.Report
	b, err := os.ReadFile(filepath.Join(clone, "duet", "verdict.json"))
	if err != nil || json.Unmarshal(b, &report) != nil || report.Verdict != compare.Regressed || report.Exit != exitRegressed {
		t.Errorf("verdict.json: %v, %s", err, b)
	}
	var junit struct {
		Failures int `xml:"failures,attr"`
	}
	b, err = os.ReadFile(filepath.Join(clone, "duet", "junit.xml"))
	if err != nil || xml.Unmarshal(b, &junit) != nil || junit.Failures != 1 {
		t.Errorf("junit.xml: %v\n%s", err, b)
	}
	if info, err := os.Stat(filepath.Join(clone, "duet", "regression.png")); err != nil || info.Size() == 0 {
		t.Errorf("regression.png: %v", err)
	}
}
