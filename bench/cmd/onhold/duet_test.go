package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render"
)

// Ctrl-C ends a comparison in good order: the pairs that are whole are
// reported, git and the temporary folders are as they were, and the same
// command goes on from there.
func TestInterruptDuet(t *testing.T) {
	if testing.Short() {
		t.Skip("builds twenty programs; left to the long run")
	}
	t.Parallel() // with what waits for processes, too
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT")
	}
	dir, temp := t.TempDir(), t.TempDir()
	toyRepo(t, dir)
	args := []string{"duet", "--base", "main", "--bench", "Orders", "--benchtime", "20ms", "--out", "duet", "--patient"}
	cmd := command(t, dir, args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "[2/8]") {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d (%v), want %d\n%s", code, err, exitInterrupted, said.String())
	}
	report, err := render.ReadVerdict(filepath.Join(dir, "duet"))
	if err != nil || report.Pairs < 2 || report.Pairs == 8 || report.Verdict != compare.Inconclusive {
		t.Errorf("%+v, %v", report, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	if out, err := exec.CommandContext(t.Context(), "git", "-C", dir, "worktree", "list").Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("worktrees: %s, %v", out, err)
	}
	stdout, errOut, code := onhold(t, dir, args...)
	if code != exitOK && code != exitRegressed || !strings.Contains(errOut, "continues with") {
		t.Errorf("continued: exit code %d\n%s%s", code, stdout, errOut)
	}
	if report, err := render.ReadVerdict(filepath.Join(dir, "duet")); err != nil || report.Pairs != 8 {
		t.Errorf("continued: %+v, %v", report, err)
	}
}
