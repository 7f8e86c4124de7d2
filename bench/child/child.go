// Package child starts programs, confined to CPUs of their own where asked, and
// makes sure that they end: a [Process] that serves until it is stopped, or one
// that [Run] runs to its end. They do not see a terminal's Ctrl-C, which is ours
// to pass on, and on Linux they end with us.
package child

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
	killWait  = 5 * time.Second  // for what a killed program holds open
	tailBytes = 2 << 10          // of its standard error, kept for messages
	saidMax   = 300              // bytes of it in a message
)

// OutputMax is how many bytes are kept of what a program prints that is run to
// its end.
const OutputMax = 8 << 20

// Process is a program that was started and serves until it is stopped.
type Process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // of the process, once ended is closed
	stderr *tail
}

// Start starts cmd, confined to cpus where there are any. Where read is given
// it is handed what the process prints, in a goroutine of its own; what it
// leaves is thrown away.
func Start(cmd *exec.Cmd, cpus []int, read func(io.Reader)) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{}), stderr: &tail{}}
	cmd.Stderr = p.stderr
	apart(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	go func() {
		// The kernel ends the process when the thread that made it ends, so that
		// thread is held until there is no process any more.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := host.StartPinned(cmd, cpus)
		started <- err
		if err != nil {
			return
		}
		if read != nil {
			read(stdout)
		}
		io.Copy(io.Discard, stdout) // until the process ends
		p.err = cmd.Wait()
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

// Kill ends the process and what it started, at once, and waits for its end.
func (p *Process) Kill() {
	_ = kill(p.cmd.Process) // it may have ended already
	<-p.ended
}

// Ran is what a program did that was run to its end.
type Ran struct {
	Out   []byte // what it printed, the first 8 MB
	State *os.ProcessState
}

// Run runs cmd to its end, confined to cpus where there are any, for at most
// limit. Where watch is given it is called once the program runs, in a
// goroutine of its own, and must return when stop is closed. Run fails where
// the exit code is neither 0 nor one of ok, with the end of what the program
// said.
func Run(ctx context.Context, cmd *exec.Cmd, cpus []int, limit time.Duration, watch func(pid int, stop <-chan struct{}), ok ...int) (Ran, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, errOut bounded
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.WaitDelay = killWait
	apart(cmd)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // as in Start
		defer runtime.UnlockOSThread()
		if err := host.StartPinned(cmd, cpus); err != nil {
			ended <- err
			return
		}
		unkilled := context.AfterFunc(ctx, func() { _ = kill(cmd.Process) })
		var watching sync.WaitGroup
		stop := make(chan struct{})
		if watch != nil {
			watching.Go(func() { watch(cmd.Process.Pid, stop) })
		}
		err := cmd.Wait()
		unkilled()
		close(stop)
		watching.Wait()
		ended <- err
	}()
	err := <-ended
	ran := Ran{Out: out.kept.Bytes(), State: cmd.ProcessState}
	var exit *exec.ExitError
	switch {
	case err == nil && ctx.Err() == nil, errors.As(err, &exit) && ctx.Err() == nil && slices.Contains(ok, exit.ExitCode()):
		return ran, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ran, fmt.Errorf("it did not end within %v and was killed", limit)
	case ctx.Err() != nil:
		return ran, ctx.Err()
	}
	said := strings.TrimSpace(errOut.kept.String())
	if said == "" {
		said = strings.TrimSpace(out.kept.String())
	}
	if said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said[max(0, len(said)-saidMax):])
	}
	return ran, err
}

// bounded keeps the first OutputMax bytes of what is written to it.
//
// Note: the buffer is not embedded, for it would then be filled by its own
// ReadFrom, past the bound.
type bounded struct{ kept bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.kept.Write(p[:min(len(p), max(0, OutputMax-b.kept.Len()))])
	return len(p), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	t.buf = t.buf[max(0, len(t.buf)-tailBytes):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
