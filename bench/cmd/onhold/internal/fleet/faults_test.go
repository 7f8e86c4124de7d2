//go:build unix

package fleet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
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
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/result"
)

// link is a way to the bus that can be cut.
type link struct {
	addr string
	mu   sync.Mutex
	cut  bool
	open []net.Conn
}

// linkTo forwards connections to the bus until the test ends.
func linkTo(t *testing.T, bus string) *link {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{addr: ln.Addr().String()}
	t.Cleanup(func() { ln.Close(); l.set(true) })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			far, err := net.Dial("tcp", bus)
			if l.cut || err != nil {
				c.Close()
				if err == nil {
					far.Close()
				}
				l.mu.Unlock()
				continue
			}
			l.open = append(l.open, c, far)
			l.mu.Unlock()
			go io.Copy(far, c)
			go io.Copy(c, far)
		}
	}()
	return l
}

// set cuts the link, or restores it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

// Agents that are processes are killed, stopped and cut off at random instants: the run
// ends within its bound, accounts for all that was planned, and names the agent.
func TestSlowFleetSurvivesRealFaults(t *testing.T) {
	slow.Only(t)
	program := filepath.Join(t.TempDir(), "onhold")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	together := make(chan struct{}, 3)
	t.Run("all", func(t *testing.T) { // ends when all of them have
		for i, fault := range []string{"killed", "stopped", "cut off", "cut off for good", "killed", "stopped", "cut off", "cut off for good", "killed", "stopped", "cut off", "cut off for good", "none", "one more of its name", "another version"} {
			after := time.Duration(rand.Int64N(int64(4 * time.Second)))
			t.Run(fmt.Sprintf("%d: %s after %v", i+1, fault, after.Round(time.Millisecond)), func(t *testing.T) {
				t.Parallel()
				together <- struct{}{}
				defer func() { <-together }()
				meets(t, program, server.URL, fault, after)
			})
		}
	})
}

// environ is the environment without what the command takes for its flags.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ONHOLD_") })
}

// meets lets one run meet with a fault.
func meets(t *testing.T, program, url, fault string, after time.Duration) {
	bus, err := Embed()
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	token, addr, _ := strings.Cut(strings.TrimPrefix(bus.URL, "nats://"), "@")
	var victim *exec.Cmd
	var way *link
	start := func(name string) {
		way = linkTo(t, addr)
		victim = exec.Command(program, "agent", "--name", name)
		victim.Env = append(environ(), "ONHOLD_BUS=nats://"+token+"@"+way.addr)
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		ended := victim
		t.Cleanup(func() { ended.Process.Kill(); ended.Wait() })
	}
	for _, name := range []string{"a", "b"} {
		start(name)
	}
	switch fault {
	case "one more of its name":
		start("b")
	case "another version":
		s := &served{bus: bus}
		s.agent(t, AgentConfig{Name: "b2", Version: "another"})
	}
	out := filepath.Join(t.TempDir(), "run")
	run := exec.Command(program, "run", url, "--rate", "150", "--duration", "1s", "--warmup", "200ms", "--drain-timeout", "1s", "--repeats", "2", "--retries", "0",
		"--max-lag", "1m", "--agents", "2", "--agents-wait", "15s", "--no-report", "--out", out)
	run.Env = append(environ(), "ONHOLD_BUS="+bus.URL)
	var printed strings.Builder
	run.Stdout, run.Stderr = &printed, &printed
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	time.Sleep(after)
	switch fault {
	case "killed":
		victim.Process.Kill()
	case "stopped":
		victim.Process.Signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		victim.Process.Signal(syscall.SIGCONT)
	case "cut off":
		way.set(true)
		time.Sleep(2 * time.Second)
		way.set(false)
	case "cut off for good":
		way.set(true)
	}
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		run.Process.Kill()
		t.Fatalf("the run has not ended\n%s", printed.String())
	}
	code := run.ProcessState.ExitCode()
	t.Logf("exit code %d\n%s", code, printed.String())
	if code != 0 && code != 4 && code != 5 || code != 0 && !strings.Contains(printed.String(), "agent") {
		t.Errorf("exit code %d, and no agent is named", code)
	}
	_, stages, _, err := result.Open(out)
	if err != nil && code != 5 {
		if code != 4 || !strings.Contains(printed.String(), "agent b") {
			t.Error(err)
		}
		return
	}
	p := bench.Plan{Load: bench.Load{Rate: 150}, Warmup: 200 * time.Millisecond, Duration: time.Second, Seed: bench.DefaultSeed}
	for _, s := range stages {
		if n := s.Counts.Planned(); n != p.Planned(p.Duration, 0) {
			t.Errorf("%d arrivals are accounted for, want %d: %q", n, p.Planned(p.Duration, 0), s.Invalid)
		}
		if n := s.Counts[result.Unknown]; n > 0 && !strings.Contains(strings.Join(s.Invalid, " "), "agent b: was lost") {
			t.Errorf("%d arrivals are unknown, and no agent is named: %q", n, s.Invalid)
		}
	}
	if (fault == "none" || fault == "one more of its name") && (len(stages) != 2 || stages[1].Counts[result.Unknown] > 0) {
		t.Errorf("%s: %d stages", fault, len(stages))
	}
}
