package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
)

// terminal is a terminal and its other side.
func terminal(t *testing.T) (tty, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { screen.Close() })
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { tty.Close() })
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 160}); err != nil {
		t.Fatal(err)
	}
	return tty, screen
}

// On a terminal the lines of complete stages stay, above a bar that goes.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	tty, screen := terminal(t)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	cmd := command(t, t.TempDir(), "run", server.URL, "--clients", "1,2", "--duration", "400ms", "--no-report")
	cmd.Stderr = tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); tty.Close() }() // then reading fails
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, screen)
	if err := <-ended; err != nil && cmd.ProcessState.ExitCode() != exitInvalid {
		t.Fatalf("%v\n%s", err, shown.String())
	}
	text := shown.String()
	for _, want := range []string{`\[1/2\] \S+, 1 client: ok \S+/s, p50 [^,]+, p99 [^,]+, rejected 0 %`, `\[2/2\] \S+, 2 clients: `, `\[2/2\] \S+, 2 clients +\[`, `lag p99 \S+ \S+, 00:0\d elapsed`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the terminal does not show %s:\n%q", want, text)
		}
	}
	if strings.Contains(text, "\x1b[3") {
		t.Errorf("it shows colours: %q", text)
	}
}

// The second Ctrl-C ends any subcommand at once.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	dir := t.TempDir()
	commandtest.Commit(t, func() string { _ = os.WriteFile(dir+"/f", nil, 0o644); return dir }())
	for name, args := range map[string][]string{
		"run":      {"run", server.URL, "--clients", "1", "--timeout", "1m", "--drain-timeout", "1m", "--duration", "1m", "--out", "out"},
		"serve":    {"serve", "goroutine", "--backend-latency", "1m"},
		"patterns": {"patterns", "--only", "phone-calls", "--scale", "10", "--out", "patterns"},
		"verify":   {"verify", "--cells", "loss-constant", "--out", "verify"},
		"doctor":   {"doctor", "--duration", "1m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, dir, args...)
			stop := make(chan struct{})
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go func() {
				for range 600 { // until it has begun, and then as often as it takes
					select {
					case <-stop:
						return
					case <-time.After(100 * time.Millisecond):
						_ = cmd.Process.Signal(os.Interrupt)
					}
				}
			}()
			began := time.Now()
			_ = cmd.Wait()
			close(stop)
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v to end", took)
			}
		})
	}
}
