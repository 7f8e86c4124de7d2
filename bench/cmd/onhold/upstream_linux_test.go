package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
)

// The upstream that is started for a target ends with it, asked or killed.
func TestUpstreamEndsWithItsTarget(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for backend, upstream := range map[string]string{"http": "goroutine", "grpc": "grpc"} {
			t.Run(fmt.Sprint(backend, " ", sig), func(t *testing.T) {
				t.Parallel()
				cmd := command(t, t.TempDir(), "serve", "eventloop", "--backend", backend)
				ready := commandtest.Serving(t, cmd)
				commandtest.Ask(t, ready)
				pid := targetOf(ready.PID)
				if !strings.Contains(commandLine(pid), "\x00serve\x00"+upstream+"\x00") {
					t.Errorf("it has started process %d: %q", pid, commandLine(pid))
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				err := cmd.Wait()
				if sig == syscall.SIGTERM && err != nil {
					t.Errorf("after SIGTERM: %v", err)
				}
				for range 500 {
					if commandLine(pid) == "" {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				t.Errorf("process %d still runs: %q", pid, commandLine(pid))
				_ = syscall.Kill(pid, syscall.SIGKILL)
			})
		}
	}
}

// commandLine is that of a process; empty where it has ended.
func commandLine(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return string(line)
}
