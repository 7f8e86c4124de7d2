package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
)

const (
	grace     = 60 * time.Second      // beyond the length of its load, for a tool to begin and to end
	killWait  = 5 * time.Second       // for what a killed tool holds open
	peakEvery = 20 * time.Millisecond // how often a tool's memory is read
	outputMax = 8 << 20               // bytes kept of what a tool prints
	tailMax   = 300                   // bytes of it in a message
)

// usage is what a tool used from its start to its end, seen from outside.
type usage struct {
	cpu time.Duration // user and system time
	rss int64         // bytes resident, the highest
	out []byte
}

// runChild runs a command line to its end, confined to cpus where there are
// any. It fails where the command's exit code is neither 0 nor one of ok.
func runChild(ctx context.Context, args []string, cpus []int, limit time.Duration, ok ...int) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, errOut bounded
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = killWait
	apart(cmd)
	var peak int64
	ended := make(chan error, 1)
	go func() {
		// The kernel ends the process when the thread that made it ends, so that
		// thread is held until there is no process any more.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := host.StartPinned(cmd, cpus); err != nil {
			ended <- err
			return
		}
		watched := make(chan int64, 1)
		stop := make(chan struct{})
		go func() { watched <- watch(cmd.Process.Pid, stop) }()
		err := cmd.Wait()
		close(stop)
		peak = <-watched
		ended <- err
	}()
	err := <-ended
	u := usage{out: out.kept.Bytes(), rss: peak}
	if s := cmd.ProcessState; s != nil {
		u.cpu = s.UserTime() + s.SystemTime()
		u.rss = max(u.rss, maxRSS(s))
	}
	var exit *exec.ExitError
	switch {
	case err == nil, errors.As(err, &exit) && ctx.Err() == nil && slices.Contains(ok, exit.ExitCode()):
		return u, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return u, fmt.Errorf("it did not end within %v and was killed", limit)
	case ctx.Err() != nil:
		return u, ctx.Err()
	}
	said := strings.TrimSpace(errOut.kept.String())
	if said == "" {
		said = strings.TrimSpace(out.kept.String())
	}
	if said != "" {
		err = fmt.Errorf("%w; it said: %s", err, said[max(0, len(said)-tailMax):])
	}
	return u, err
}

// watch reads the highest memory of a process until it ends.
func watch(pid int, stop <-chan struct{}) (peak int64) {
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	for {
		if rss, err := host.PeakRSS(pid); err == nil {
			peak = max(peak, rss)
		}
		select {
		case <-tick.C:
		case <-stop:
			return peak
		}
	}
}

// bounded keeps the first outputMax bytes of what is written to it.
//
// Note: the buffer is not embedded, for it would then be filled by its own
// ReadFrom, past the bound.
type bounded struct{ kept bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.kept.Write(p[:min(len(p), max(0, outputMax-b.kept.Len()))])
	return len(p), nil
}

// killGroup ends the process and what it started.
func killGroup(p *os.Process) error {
	if err := killAll(p); err != nil {
		return p.Kill()
	}
	return nil
}
