package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// part is the process that serves name among pid and all that it has started; 0
// where there is none.
func part(pid int, name string) int {
	for _, p := range family(pid) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		if args := strings.Split(string(line), "\x00"); err == nil && len(args) > 2 && args[1] == "serve" && args[2] == name {
			return p
		}
	}
	return 0
}

// leftovers are the folders of brokers in dir.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*onhold-broker-*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A server of style queue ends where a part of it dies, and takes with it what
// the parts made, whichever it was.
func TestNothingIsLeftOfAQueueWhosePartDies(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"payments", "broker"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := command(t, "", "serve", "queue")
			cmd.Env = append(cmd.Env, "TMPDIR="+temp)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || len(leftovers(t, temp)) != 1 {
				t.Fatalf("%q, %v, %v: want one folder of a broker", line, err, leftovers(t, temp))
			}
			if err := syscall.Kill(part(cmd.Process.Pid, victim), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || !strings.Contains(said.String(), "the "+victim+" process ended") {
				t.Errorf("%v: %s", err, said.String())
			}
			if left := leftovers(t, temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// Where the broker is gone nobody knows what became of accepted orders: none is
// said to be lost. Nothing of it is left behind.
func TestQueueWhoseBrokerDies(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	dir := filepath.Join(temp, "run")
	// Payments take so long that some are surely undone.
	cmd := command(t, "", "run", "queue", "--rate", "50", "--arrivals", "constant", "--duration", "3s", "--consumers", "1", "--backend-latency", "1s",
		"--drain-timeout", "1s", "--max-lag", "1m", "--no-report", "--out", dir)
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "ONHOLD_BACKEND_LATENCY=") })
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for broker := 0; broker == 0 && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if broker = part(cmd.Process.Pid, "broker"); broker != 0 && part(cmd.Process.Pid, "payments") != 0 {
			time.Sleep(1500 * time.Millisecond) // into the window
			syscall.Kill(broker, syscall.SIGKILL)
		} else {
			broker = 0
		}
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInvalid {
		t.Errorf("exit code %d, want %d\n%s", code, exitInvalid, said.String())
	}
	_, stages, _, err := result.Open(dir)
	if err != nil || len(stages) != 1 || stages[0].Completion == nil {
		t.Fatalf("%d stages, %v\n%s", len(stages), err, said.String())
	}
	s := stages[0]
	if q := s.Completion; s.Valid() || q.Lost > 0 || q.Accepted > 0 && q.Unknown == 0 {
		t.Errorf("valid %v, %+v, %q", s.Valid(), *q, s.Notes())
	}
	if left := leftovers(t, temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
