package targets

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/host"
)

// Ready is the line of JSON that a target's own process prints when it listens.
type Ready struct {
	Addr  string `json:"addr"`
	PID   int    `json:"pid"`
	Style string `json:"style"`
}

const (
	startLimit = 15 * time.Second // from launch to the ready line: 2,000 threads take a second on a slow machine
	stopLimit  = 15 * time.Second // from SIGTERM to the end, before the process is killed
	tailBytes  = 2 << 10          // of its standard error, kept for messages
)

// Process is a target that runs as its own process, so that it and the
// generator share neither a garbage collector nor a CPU.
type Process struct {
	Ready
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // of the process, once ended is closed
	stderr *tail
}

// Launch starts cmd, which is to serve a target and print a Ready line,
// confined to cpus where there are any, and waits for that line. Its error
// tells what the process said on its standard error.
func Launch(ctx context.Context, cmd *exec.Cmd, cpus []int) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{}), stderr: &tail{}}
	cmd.Stderr = p.stderr
	apart(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started, ready := make(chan error, 1), make(chan error, 1)
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
		r := bufio.NewReader(stdout)
		ready <- p.readReady(r)
		io.Copy(io.Discard, r) // until the process ends
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting a target: %w", err)
	}
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case err = <-ready:
		if err == nil {
			return p, nil
		}
		err = fmt.Errorf("before it was ready %w", err)
	case <-limit.C:
		err = fmt.Errorf("it was not ready within %v", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.kill()
	if said := p.stderr.String(); said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said)
	}
	return nil, fmt.Errorf("a target did not start: %w", err)
}

// readReady reads the line that says that the process is ready.
func (p *Process) readReady(r *bufio.Reader) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return errors.New("it ended")
	}
	if err := json.Unmarshal(line, &p.Ready); err != nil || p.Addr == "" {
		return fmt.Errorf("it printed %q, which is no ready line", bytes.TrimSpace(line))
	}
	p.PID = p.cmd.Process.Pid // not another's, whatever it says
	return nil
}

// Ended reports whether the process has ended by itself, and how.
func (p *Process) Ended() (bool, string) {
	select {
	case <-p.ended:
		how := "exit status 0"
		if p.err != nil {
			how = p.err.Error()
		}
		if said := p.stderr.String(); said != "" {
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
		p.kill()
		return err
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.kill()
		return fmt.Errorf("target %s (process %d) did not end within %v and was killed", p.Style, p.PID, stopLimit)
	}
	if p.err != nil && gently {
		_, how := p.Ended()
		return fmt.Errorf("target %s (process %d) ended badly: %s", p.Style, p.PID, how)
	}
	return nil
}

func (p *Process) kill() {
	kill(p.cmd.Process)
	<-p.ended
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
