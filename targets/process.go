package targets

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/a628bb15/onhold/bench/process"
)

// Ready is the line of JSON that a target's own process prints when it listens.
type Ready struct {
	Addr  string `json:"addr"`
	PID   int    `json:"pid"`
	Style string `json:"style"`

	// Broker is the nats:// address of the broker, of a style that has one, without
	// passwords: whoever needs them gave them.
	Broker string `json:"broker,omitempty"`
}

// startLimit is the longest from launch to the ready line: 2,000 threads take a
// second on a slow machine.
const startLimit = 15 * time.Second

// Process is a target that runs as its own process, so that it and the
// generator share neither a garbage collector nor a CPU.
type Process struct {
	Ready
	*process.Process
}

// Launch starts cmd, which is to serve a target and print a Ready line,
// confined to cpus where there are any, and waits for that line. Its error
// tells what the process said on its standard error.
func Launch(ctx context.Context, cmd *exec.Cmd, cpus []int) (*Process, error) {
	p := &Process{}
	ready := make(chan error, 1)
	started, err := process.Start(cmd, cpus, func(r io.Reader) { ready <- p.readReady(bufio.NewReader(r)) })
	if err != nil {
		return nil, fmt.Errorf("starting a target: %w", err)
	}
	p.Process = started
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case err = <-ready:
		if err == nil {
			p.Ready.PID = started.ID() // not another's, whatever it says
			return p, nil
		}
		err = fmt.Errorf("before it was ready %w", err)
	case <-limit.C:
		err = fmt.Errorf("it was not ready within %v", startLimit)
	case <-ctx.Done():
		err = ctx.Err()
		_ = p.Stop() // it may have begun what it is to remove, such as a broker's folder
	}
	p.Kill()
	if said := p.Said(); said != "" {
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
	return nil
}
