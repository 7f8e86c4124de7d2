package targets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// shutdownLimit bounds how long Serve finishes what is in flight. With the few
// seconds that a backend may take to close it is less than the 15 s after which the
// parent process kills this one.
const shutdownLimit = 10 * time.Second

// Serve serves a target in this process until ctx ends, and prints a [Ready]
// line to out when it listens. Processes that the target needs and that the
// options do not name are started with it: the upstream that its backend calls,
// a broker and a payment service. They end with it, and it ends where one of
// them does. The error is a [*NotStarted] where the target did not start.
func Serve(ctx context.Context, name string, o Options, out io.Writer) error {
	s, ok := find(slices.Concat(Styles, Helpers), name)
	if !ok {
		return unknownStyle(name)
	}
	TuneRuntime(s.Threads(o))
	g := &group{ended: make(chan error, maxParts)}
	if err := g.start(ctx, s, o); err != nil {
		return &NotStarted{errors.Join(err, g.stop())}
	}
	ready, err := json.Marshal(Ready{Addr: g.server.Addr(), PID: os.Getpid(), Style: name, Broker: redact.Servers(g.broker)})
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", ready)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-g.ended:
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	shutdownErr := g.server.Shutdown(ctx)
	if errors.Is(shutdownErr, context.DeadlineExceeded) {
		shutdownErr = fmt.Errorf("requests in flight did not finish within %v: %w", shutdownLimit, shutdownErr)
	}
	return errors.Join(err, shutdownErr, g.stop())
}

// maxParts is the most processes that a target starts for itself.
const maxParts = 3

// group is a server with the processes that were started for it.
type group struct {
	server Listener
	broker string // its address, of a style that has one
	parts  []*Process
	ended  chan error // of a part, while the server goes on
}

func (g *group) start(ctx context.Context, s Style, o Options) (err error) {
	if s.alone != nil {
		g.server, err = s.alone(ctx, o)
		return err
	}
	if s.Later && o.Queued.Broker == "" {
		p, err := g.launch(ctx, broker.Name, Options{Queued: o.Queued})
		if err != nil {
			return err
		}
		o.Queued.Broker = "nats://" + p.Addr
		paying := o
		paying.Addr, paying.Trace = "", ""
		if _, err := g.launch(ctx, payments.Name, paying); err != nil {
			return err
		}
	}
	g.broker = o.Queued.Broker
	b, err := FindBackend(o.withDefaults().Backend)
	if err != nil {
		return err
	}
	if b.Upstream != "" && o.BackendURL == "" {
		waits := o.Sim
		waits.Connections = 0 // of the target
		p, err := g.launch(ctx, b.Upstream, Options{Sim: waits, GRPCLimit: LimitNone})
		if err != nil {
			return fmt.Errorf("the upstream of backend %s: %w", b.Name, err)
		}
		o.BackendURL = b.Scheme + p.Addr
	}
	g.server, err = s.Start(o)
	return err
}

// launch starts one part, which may use the CPUs of this process.
func (g *group) launch(ctx context.Context, name string, o Options) (*Process, error) {
	p, err := Program{}.Launch(ctx, name, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	g.parts = append(g.parts, p)
	go func() {
		<-p.Done()
		_, how := p.Ended()
		g.ended <- fmt.Errorf("the %s process ended: %s", name, how)
	}()
	return p, nil
}

// stop ends the parts, the last one first: it needs those before it.
func (g *group) stop() (err error) {
	for i := len(g.parts) - 1; i >= 0; i-- {
		if ended, _ := g.parts[i].Ended(); !ended {
			err = errors.Join(err, g.parts[i].Stop())
		}
	}
	if len(g.parts) > 0 {
		broker.Sweep() // the folder of one that was killed
	}
	return err
}
