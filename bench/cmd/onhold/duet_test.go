package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/verdict"
)

// Ctrl-C ends a comparison gracefully: the pairs that are complete are
// reported, git and the temporary folders are as they were, and the same
// command goes on from there.
func TestSlowInterruptDuet(t *testing.T) {
	slow.Longest(t)
	t.Parallel() // with what waits for processes, too
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT")
	}
	dir, temp := t.TempDir(), t.TempDir()
	commandtest.ToyRepo(t, dir)
	args := []string{"duet", "--base", "main", "--bench", "Orders", "--benchtime", "20ms", "--out", "duet", "--patient", "--measure-identical"}
	cmd := command(t, dir, args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	said := interruptAt(t, cmd, "[2/8]", nil)
	if !strings.Contains(said, "random seed: ") {
		t.Errorf("the random seed is not printed:\n%s", said)
	}
	report, err := verdict.Read(filepath.Join(dir, "duet"))
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
	if code != exitOK && code != exitRegressed || !strings.Contains(errOut, "continuing after") {
		t.Errorf("continued: exit code %d\n%s%s", code, stdout, errOut)
	}
	if again, err := verdict.Read(filepath.Join(dir, "duet")); err != nil || again.Pairs != 8 || again.Seed != report.Seed || again.Seed == 0 {
		t.Errorf("continued: %+v, %v; was %+v", again, err, report)
	}
	// It is decided again as it was, and by other settings it is not gone on with.
	if stdout, errOut, again := onhold(t, dir, "compare", "duet"); again != code {
		t.Errorf("decided again: exit code %d, was %d\n%s%s", again, code, stdout, errOut)
	}
	if _, errOut, code := onhold(t, dir, append(args, "--seed", "1", "--max-steal", "2%")...); code != exitUsage || !strings.Contains(errOut, "in the record") {
		t.Errorf("by another seed: exit code %d\n%s", code, errOut)
	}
}

func TestWantsUnix(t *testing.T) {
	var wrong *exitError
	if err := wantsUnix("duet", "windows"); !errors.As(err, &wrong) || wrong.code != exitUsage || !strings.Contains(err.Error(), "duet is not supported on windows") {
		t.Errorf("windows: %v", err)
	}
	for _, system := range []string{"linux", "darwin", "freebsd"} {
		if err := wantsUnix("duet", system); err != nil {
			t.Errorf("%s: %v", system, err)
		}
	}
}
