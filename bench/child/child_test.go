package child

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("what a program started is ended with it on Linux only")
	}
	return exec.Command("/bin/sh", "-c", script)
}

// hold sets holdLimit for one test.
func hold(t *testing.T, limit time.Duration) {
	before := holdLimit
	holdLimit = limit
	t.Cleanup(func() { holdLimit = before })
}

// within fails where something does not come to an end.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		do()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute): // it takes milliseconds, or for ever
		t.Fatalf("%s hangs", what)
	}
}

// What a process leaves behind holds its output open. It is ended with it, or
// the process would not be known to have ended.
func TestOrphansEndWithTheirProcess(t *testing.T) {
	hold(t, time.Hour)
	for why, script := range map[string]string{
		"ended by itself": "sleep 600 & sleep 600 >&2 & echo ready",
		"asked to end":    "sleep 600 & sleep 600 >&2 & trap 'exit 0' TERM; echo ready; wait",
		"killed":          "sleep 600 & sleep 600 >&2 & echo ready; wait",
	} {
		ready := make(chan string, 1)
		p, err := Start(shell(t, script), nil, func(r io.Reader) {
			line, _ := bufio.NewReader(r).ReadString('\n')
			ready <- line
		})
		if err != nil {
			t.Fatal(err)
		}
		within(t, why, func() {
			if line := <-ready; line != "ready\n" {
				t.Errorf("%s: it printed %q", why, line)
			}
			switch why {
			case "killed":
				p.Kill()
			case "asked to end":
				if err := p.Stop(); err != nil {
					t.Errorf("%s: %v", why, err)
				}
			}
			<-p.Done()
		})
		if !p.freed {
			t.Errorf("%s: its number is still taken for its own", why)
		}
		if ended, how := p.Ended(); !ended || (how == "exit status 0") == (why == "killed") {
			t.Errorf("%s: ended %v, %s", why, ended, how)
		}
		p.Kill() // as good as none: another may have its number by now
	}
	within(t, "Run", func() {
		ran, err := Run(t.Context(), shell(t, "sleep 600 & sleep 600 >&2 & echo built"), nil, time.Hour, nil)
		if err != nil || string(ran.Out) != "built\n" {
			t.Errorf("printed %q, %v", ran.Out, err)
		}
	})
}

// Who left the group cannot be ended with it. Its hold on the output is not
// waited for either.
func TestWhoLeftTheGroupIsNotWaitedFor(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip(err)
	}
	hold(t, 20*time.Millisecond)
	// The script ends, or can be killed, once the other has left and its number
	// is in the file.
	leave := func(t *testing.T) (script, file string) {
		file = t.TempDir() + "/left"
		return "setsid sh -c 'echo $$ >" + file + ".new; mv " + file + ".new " + file + "; exec sleep 600' & until [ -e " + file + " ]; do sleep 0.01; done", file
	}
	end := func(file string) {
		b, err := os.ReadFile(file)
		pid, bad := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || bad != nil {
			t.Fatalf("who left the group wrote %q, %v", b, err)
		}
		if left, err := os.FindProcess(pid); err == nil {
			left.Kill()
		}
	}
	script, file := leave(t)
	ready := make(chan string, 1)
	p, err := Start(shell(t, script+"; echo ready; wait"), nil, func(r io.Reader) {
		line, _ := bufio.NewReader(r).ReadString('\n')
		ready <- line
	})
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	defer end(file)
	within(t, "Kill", p.Kill)

	script, file2 := leave(t)
	within(t, "Run", func() {
		if _, err := Run(t.Context(), shell(t, script), nil, time.Hour, nil); err != nil {
			t.Errorf("a program that ended well: %v", err)
		}
	})
	end(file2)
}

func TestEndsBadly(t *testing.T) {
	p, err := Start(shell(t, "echo no configuration >&2; exit 3"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "Done", func() { <-p.Done() })
	if ended, how := p.Ended(); !ended || how != "exit status 3; it said: no configuration" {
		t.Errorf("ended %v, %q", ended, how)
	}
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "ended badly: exit status 3") {
		t.Errorf("stopped after its end: %v", err)
	}
	if _, err := Start(exec.Command("/nowhere"), nil, func(io.Reader) {}); err == nil {
		t.Error("a program that is not there was started")
	}
}
