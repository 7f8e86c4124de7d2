// Package process starts programs, confined to CPUs of their own where asked, and
// makes sure that they end: a [Process] that serves until it is stopped, or one
// that [Run] runs to its end. They do not see a terminal's Ctrl-C, which is ours
// to pass on. On Linux they end with us, and what they started ends with them.
package process

import (
	"bytes"
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
	killLimit = 15 * time.Second // from SIGKILL to the end, before it is not waited for any more
	tailBytes = 2 << 10          // of its output, kept for messages
	saidMax   = 1000             // bytes of it in a message
)

// holdLimit is how long what a program prints is waited for once it has ended:
// somebody whom it started, and who could not be ended with it, may hold its
// output open for ever. A variable for the tests.
var holdLimit = 5 * time.Second

// OutputMax is how many bytes are kept of what a program prints that is run to
// its end. Who needs all of it, or what comes behind, reads it as a stream.
const OutputMax = 8 << 20

// family is a program that runs, and what it started.
type family struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	freed bool // the process was waited for: its number may be another's
}

// start starts the program, confined to cpus where there are any. The kernel
// ends it when the thread that made it ends, so that thread must be held until
// wait has returned.
func (f *family) start(cpus []int) error {
	f.cmd.WaitDelay = holdLimit
	apart(f.cmd)
	return host.StartPinned(f.cmd, cpus)
}

// kill ends all of it that has not ended.
func (f *family) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.freed {
		_ = kill(f.cmd.Process) // it may have ended already
	}
}

// wait waits for the end of the program, and then ends what it left behind: an
// orphan would take time from what is measured next, and may hold open what the
// program printed to.
func (f *family) wait() error {
	ended := awaitEnd(f.cmd.Process)
	f.mu.Lock()
	if ended {
		_ = kill(f.cmd.Process)
		f.freed = true // by what follows; its group has nobody left to be ended
	}
	f.mu.Unlock()
	err := f.cmd.Wait()
	f.mu.Lock()
	f.freed = true
	f.mu.Unlock()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // the program itself ended well
	}
	return err
}

// Process is a program that was started and serves until it is stopped.
type Process struct {
	family
	ended  chan struct{}
	err    error // of the process, once ended is closed
	stderr *tail
}

// Start starts cmd, confined to cpus where there are any. Where read is given
// it is handed what the process prints, in a goroutine of its own; what it
// leaves is thrown away.
func Start(cmd *exec.Cmd, cpus []int, read func(io.Reader)) (*Process, error) {
	p := &Process{family: family{cmd: cmd}, ended: make(chan struct{}), stderr: &tail{}}
	cmd.Stderr = p.stderr
	printed, printer := io.Pipe()
	if read != nil {
		cmd.Stdout = printer
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.start(cpus)
		started <- err
		if err != nil {
			return
		}
		if read != nil {
			go func() {
				read(printed)
				io.Copy(io.Discard, printed) // until the process has ended
			}()
		}
		p.err = p.wait()
		printer.Close()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// ID is the process's number.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Said is the end of what the process wrote to its standard error.
func (p *Process) Said() string { return p.stderr.String() }

// Ended reports whether the process has ended, and how.
func (p *Process) Ended() (bool, string) {
	select {
	case <-p.ended:
		how := "exit status 0"
		if p.err != nil {
			how = p.err.Error()
		}
		if said := p.Said(); said != "" {
			how += "; it said: " + said
		}
		return true, how
	default:
		return false, ""
	}
}

// Stop asks the process to finish what is in flight and end, waits for it, and
// kills it where it takes too long. It fails where the process did not end
// well.
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
		return fmt.Errorf("process %d ended badly: %s", p.ID(), how)
	}
	return nil
}

// Kill ends the process and what it started, at once, and waits for its end;
// not for ever, for a process that hangs in the kernel does not end.
func (p *Process) Kill() {
	p.kill()
	limit := time.NewTimer(killLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
	}
}

// Ran is what a program did that was run to its end.
type Ran struct {
	Out   []byte // what it printed, the first OutputMax bytes; none where the caller has it written elsewhere
	Cut   bool   // it printed more
	State *os.ProcessState
}

// Whole is what the program printed. It fails where that was more than is kept.
func (r Ran) Whole() ([]byte, error) {
	if r.Cut {
		return nil, fmt.Errorf("it printed more than %d MiB, and the rest was not kept", OutputMax>>20)
	}
	return r.Out, nil
}

// Run runs cmd to its end, confined to cpus where there are any, for at most
// limit. Where watch is given it is called once the program runs, in a
// goroutine of its own, and must return when stop is closed. A caller that sets
// Stdout or Stderr of cmd gets that output as a stream. Run fails where the exit
// code is neither 0 nor one of ok, with the end of what the program said on what
// the caller did not take.
func Run(ctx context.Context, cmd *exec.Cmd, cpus []int, limit time.Duration, watch func(pid int, stop <-chan struct{}), ok ...int) (Ran, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, errOut := &bounded{}, &tail{}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = errOut
	}
	f := &family{cmd: cmd}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := f.start(cpus); err != nil {
			ended <- err
			return
		}
		unkilled := context.AfterFunc(ctx, f.kill)
		var watching sync.WaitGroup
		stop := make(chan struct{})
		if watch != nil {
			watching.Go(func() { watch(cmd.Process.Pid, stop) })
		}
		err := f.wait()
		unkilled()
		close(stop)
		watching.Wait()
		ended <- err
	}()
	err := <-ended
	ran := Ran{Out: out.kept.Bytes(), Cut: out.cut, State: cmd.ProcessState}
	var exit *exec.ExitError
	switch {
	case err == nil && ctx.Err() == nil, errors.As(err, &exit) && ctx.Err() == nil && slices.Contains(ok, exit.ExitCode()):
		return ran, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ran, fmt.Errorf("it did not end within %v and was killed", limit)
	case ctx.Err() != nil:
		return ran, ctx.Err()
	}
	said := errOut.String()
	if said == "" {
		said = out.end.String()
	}
	if said = lastLines(said, saidMax); said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said)
	}
	return ran, err
}

// lastLines is the end of a text, at most so many bytes of it, from where a line
// begins if there is such a place.
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
// Note: the buffer is not embedded, for it would then be filled by its own
// ReadFrom, past the bound.
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
