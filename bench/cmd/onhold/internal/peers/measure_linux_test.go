package peers

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func shell(ctx context.Context, script string, limit time.Duration, ok ...int) (m Measurement, out []byte, err error) {
	out, err = new(runner).run(ctx, &m, []string{"/bin/sh", "-c", script}, limit, ok...)
	return m, out, err
}

func TestChildIsMeasuredFromOutside(t *testing.T) {
	m, out, err := shell(t.Context(), "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != "done\n" || m.CPU <= 0 || m.RSS <= 0 {
		t.Errorf("got %q, %v, %d bytes", out, m.CPU, m.RSS)
	}
	// Its memory is not that of this process, which is far larger than a shell.
	if m.RSS > 8<<20 {
		t.Errorf("a shell has %d bytes resident", m.RSS)
	}
}

func TestChildThatFails(t *testing.T) {
	if _, _, err := shell(t.Context(), "echo no ports left >&2; exit 3", time.Minute); err == nil || !strings.Contains(err.Error(), "no ports left") {
		t.Errorf("got %v", err)
	}
	if _, _, err := shell(t.Context(), "exit 4", time.Minute, oursInvalid); err != nil {
		t.Errorf("an exit code that is allowed: %v", err)
	}
	// The sleep is a child of the shell's: it has to go, too.
	mark := t.TempDir() + "/late"
	if _, _, err := shell(t.Context(), "(sleep 1; touch "+mark+") & wait", 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("past its limit: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := shell(ctx, "sleep 60", time.Minute); err == nil {
		t.Error("an interrupted child is said to have ended well")
	}
	time.Sleep(1200 * time.Millisecond)
	if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed child had started went on: %v", err)
	}
}

// Output beyond the limit is an error.
func TestOutputIsBounded(t *testing.T) {
	if _, _, err := shell(t.Context(), "head -c 20000000 /dev/zero", time.Minute); err == nil || !strings.Contains(err.Error(), "larger than 8 MiB") {
		t.Errorf("20 MB: %v", err)
	}
}
