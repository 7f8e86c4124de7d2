package process

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
		if !p.waited {
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
	if ended, how := p.Ended(); !ended || how != "exit status 3; its output: no configuration" {
		t.Errorf("ended %v, %q", ended, how)
	}
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "failed: exit status 3") {
		t.Errorf("stopped after its end: %v", err)
	}
	if _, err := Start(exec.Command("/nowhere"), nil, func(io.Reader) {}); err == nil {
		t.Error("a program that is not there was started")
	}
}

// A caller that takes the output as a stream gets all of it, and what is kept of
// it for others says that it is not all.
func TestOutputIsAStream(t *testing.T) {
	const size = 3 * OutputMax
	script := "head -c " + strconv.Itoa(size) + " /dev/zero; echo; echo the end; echo why >&2; exit 3"
	var out, errOut counter
	cmd := shell(t, script)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	ran, err := Run(t.Context(), cmd, nil, time.Minute, nil)
	if err == nil || err.Error() != "exit status 3" || out != size+9 || errOut != 4 || len(ran.Out) > 0 || ran.Cut {
		t.Errorf("taken: %d and %d bytes, %v; kept %d", out, errOut, err, len(ran.Out))
	}
	ran, err = Run(t.Context(), shell(t, script), nil, time.Minute, nil)
	if _, cut := ran.Output(); err == nil || !strings.Contains(err.Error(), "its output: why") || len(ran.Out) != OutputMax || cut == nil {
		t.Errorf("kept: %d bytes, %v", len(ran.Out), err)
	}
	// The reason stands at the end, also where it is on the standard output.
	_, err = Run(t.Context(), shell(t, "head -c "+strconv.Itoa(size)+" /dev/zero; echo; echo the end; exit 3"), nil, time.Minute, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "the end") || len(err.Error()) > tailMax+100 {
		t.Errorf("%v", err)
	}
	if out, err := (Result{Out: []byte("x")}).Output(); err != nil || string(out) != "x" {
		t.Errorf("%q, %v", out, err)
	}
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func TestLastLines(t *testing.T) {
	for text, want := range map[string]string{"": "", "one\ntwo": "one\ntwo", "first line\nsecond": "second", "a long line only": "g line only"} {
		if got := lastLines(text, 11); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
