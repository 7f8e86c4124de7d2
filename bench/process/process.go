// Package process starts programs, optionally confined to some CPUs, and makes sure
// that they end: [Start] starts a [Process] that serves until it is stopped, and
// [Run] runs a program to its end. A terminal's Ctrl-C does not reach them. On Linux
// they end when this process does, and what they started ends with them.
package process

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/host"
)

const (
	stopLimit = 15 * time.Second // from SIGTERM to the end, before the process is killed
	killLimit = 15 * time.Second // from SIGKILL to the end, before we stop waiting
	tailBytes = 2 << 10          // of its output, kept for messages
	tailMax   = 1000             // bytes of it in a message
)

// holdLimit is how long we read the output of a program that has ended: a process
// that it started, and that could not be killed with it, may hold its output open.
// A variable for the tests.
var holdLimit = 5 * time.Second

// OutputMax is how many bytes of output [Run] keeps. A caller that needs more reads
// it as a stream.
const OutputMax = 8 << 20

// Process is a program that was started and serves until it is stopped.
type Process struct {
	cmd    *exec.Cmd
	stderr *tail
	ended  chan struct{}
	err    error // of the process, once ended is closed

	mu     sync.Mutex
	waited bool // the process was waited for: its id may be reused
}

// Start starts cmd, confined to cpus where there are any. Unless it is nil,
// read reads what the process prints, in its own goroutine; the rest is discarded.
func Start(cmd *exec.Cmd, cpus []int, read func(io.Reader)) (*Process, error) {
	stderr := &tail{}
	cmd.Stderr = stderr
	if read == nil {
		return start(cmd, cpus, stderr)
	}
	printed, printer := io.Pipe()
	cmd.Stdout = printer
	p, err := start(cmd, cpus, stderr)
	if err != nil {
		return nil, err
	}
	go func() {
		read(printed)
		io.Copy(io.Discard, printed) // until the process has ended
	}()
	go func() {
		<-p.ended
		printer.Close()
	}()
	return p, nil
}

// start starts the program, and waits for its end in a goroutine. The kernel ends
// the program when the thread that made it ends, so that thread is held.
func start(cmd *exec.Cmd, cpus []int, stderr *tail) (*Process, error) {
	p := &Process{cmd: cmd, stderr: stderr, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd.WaitDelay = holdLimit
		isolate(cmd)
		err := host.StartPinned(cmd, cpus)
		if started <- err; err == nil {
			p.err = p.wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

// kill ends what is still running.
func (p *Process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waited {
		_ = kill(p.cmd.Process) // it may have ended already
	}
}

// wait waits for the end of the program, and then kills what it left behind: an
// orphan would disturb the next measurement, and may hold the output open.
func (p *Process) wait() error {
	ended := awaitEnd(p.cmd.Process)
	p.mu.Lock()
	if ended {
		_ = kill(p.cmd.Process)
		p.waited = true // by cmd.Wait; the group is empty
	}
	p.mu.Unlock()
	err := p.cmd.Wait()
	p.mu.Lock()
	p.waited = true
	p.mu.Unlock()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // the program itself ended well
	}
	return err
}

// ID is the process id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Stderr is the end of what the process wrote to its standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Ended reports whether the process has ended, and how.
func (p *Process) Ended() (bool, string) {
	select {
	case <-p.ended:
		how := "exit status 0"
		if p.err != nil {
			how = p.err.Error()
		}
		if text := p.Stderr(); text != "" {
			how += "; its output: " + text
		}
		return true, how
	default:
		return false, ""
	}
}

// Stop asks the process to finish what is in flight and to end, and kills it after
// a time limit. It fails where the process ended with an error.
func (p *Process) Stop() error {
	gently, err := terminate(p.cmd.Process)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.Kill()
		return err
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.Kill()
		return fmt.Errorf("process %d did not end within %v and was killed", p.ID(), stopLimit)
	}
	if p.err != nil && gently {
		_, how := p.Ended()
		return fmt.Errorf("process %d failed: %s", p.ID(), how)
	}
	return nil
}

// Kill kills the process and what it started, and waits for its end for a limited
// time: a process that hangs in the kernel does not end.
func (p *Process) Kill() {
	p.kill()
	limit := time.NewTimer(killLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
	}
}

// Result is the output and state of a program that [Run] ran.
type Result struct {
	Out   []byte // the first OutputMax bytes that it printed; none where the caller set Stdout
	Cut   bool   // it printed more
	State *os.ProcessState
}

// Output is what the program printed. It fails where that was more than OutputMax.
func (r Result) Output() ([]byte, error) {
	if r.Cut {
		return nil, fmt.Errorf("its output is larger than %d MiB", OutputMax>>20)
	}
	return r.Out, nil
}

// Run runs cmd to its end, confined to cpus where there are any, for at most
// limit. Unless it is nil, watch is called in its own goroutine once the program
// runs, and must return when stop is closed. A caller that sets Stdout or Stderr of
// cmd gets that output as a stream. Run fails where the exit code is neither 0 nor
// one of ok; the error has the end of the output that Run kept.
func Run(ctx context.Context, cmd *exec.Cmd, cpus []int, limit time.Duration, watch func(pid int, stop <-chan struct{}), ok ...int) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, errOut := &bounded{}, &tail{}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = errOut
	}
	p, err := start(cmd, cpus, errOut)
	if err != nil {
		return Result{}, err
	}
	unkilled := context.AfterFunc(ctx, p.kill)
	var watching sync.WaitGroup
	if watch != nil {
		watching.Go(func() { watch(p.ID(), p.ended) })
	}
	<-p.ended
	unkilled()
	watching.Wait()
	err = p.err
	ran := Result{Out: out.kept.Bytes(), Cut: out.cut, State: cmd.ProcessState}
	var exit *exec.ExitError
	switch {
	case err == nil && ctx.Err() == nil, errors.As(err, &exit) && ctx.Err() == nil && slices.Contains(ok, exit.ExitCode()):
		return ran, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ran, &TooLongError{Limit: limit}
	case ctx.Err() != nil:
		return ran, ctx.Err()
	}
	text := cmp.Or(errOut.String(), out.end.String())
	if text = lastLines(text, tailMax); text != "" {
		err = fmt.Errorf("%w; its output: %s", err, text)
	}
	return ran, err
}

// lastLines is the end of a text, at most so many bytes, from the beginning of a
// line where possible.
func lastLines(text string, most int) string {
	text = text[max(0, len(text)-most):]
	if len(text) == most {
		if _, rest, ok := strings.Cut(text, "\n"); ok {
			return rest
		}
	}
	return text
}

// bounded keeps the first OutputMax bytes of what is written to it, and the end.
//
// The buffer is not embedded: its ReadFrom would fill it past the bound.
type bounded struct {
	kept bytes.Buffer
	cut  bool
	end  tail
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), OutputMax-b.kept.Len())
	b.kept.Write(p[:n])
	b.cut = b.cut || n < len(p)
	return b.end.Write(p)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-tailBytes):]...)
	if over := len(t.buf) - tailBytes; over > tailBytes {
		t.buf = t.buf[:copy(t.buf, t.buf[over:])]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf[max(0, len(t.buf)-tailBytes):]))
}

// TooLongError is the error of a program that [Run] killed at its time limit.
type TooLongError struct{ Limit time.Duration }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("it did not end within %v and was killed", e.Limit)
}
