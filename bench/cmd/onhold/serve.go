package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// shutdownLimit bounds how long serve finishes what is in flight. With the few
// seconds that a backend may take to close it is less than the 15 s after which
// whoever started it kills it.
const shutdownLimit = 10 * time.Second

func serveCommand() *cli.Command {
	var about strings.Builder
	for _, s := range slices.Concat(targets.Styles, targets.Later) {
		fmt.Fprintf(&about, "  %-10s %s\n", s.Name, s.About)
	}
	return &cli.Command{
		Name:      "serve",
		Usage:     "serve orders in one style, until SIGTERM",
		ArgsUsage: "STYLE",
		Description: "An order service that waits for its backend in one of these styles:\n\n" + about.String() + "\n" +
			"  GET /api/orders?user_id=42     a user's orders, after one wait\n" +
			"  POST /api/orders               with {\"user_id\":42,\"total_cents\":1999}: pays an order, in one wait\n" +
			"  GET /api/invitations?friends=10&mode=sequential|concurrent   a wait for each friend,\n" +
			"                                 one after another or at once\n\n" +
			"It also answers GET /healthz and GET /stats. Style rpc has the first two and the\n" +
			"stats as calls of a gRPC service, onhold.orders.v1.Orders: Find, Place and Stats.\n" +
			"Who finds it full gets RESOURCE_EXHAUSTED.\n\n" +
			"With backend rest or rpc and no --backend-url it starts another order service\n" +
			"first, which it calls, and which ends with it. When it listens it prints one line\n" +
			"of JSON with its address, process id and style. On SIGTERM or Ctrl-C it stops\n" +
			"accepting, finishes what is in flight and ends.\n\n" +
			"With --trace it logs, where it decides whether a request is let in, the instant,\n" +
			"the decision, and when which worker began and was done; package reports/trace\n" +
			"reads the file. A lock is held while it decides, and without --trace there is none.\n\n" +
			"And one that is no order service, but serves any path, and counts what it\n" +
			"serves at /bare/stats, /bare/arrivals and /bare/reset:\n\n" +
			fmt.Sprintf("  %-10s %s\n\n", bare.Name, bare.About) +
			aboutQueue +
			"Examples:\n\n" +
			"  onhold serve blocking --trace blocking.trace --addr 127.0.0.1:8080\n" +
			"  onhold serve blocking --workers 50 --queue 20 --addr 127.0.0.1:8080\n" +
			"  onhold serve rpc --rpc-limit none --addr 127.0.0.1:8080\n" +
			"  onhold serve goroutine --backend rest --backend-conns 300 --addr 127.0.0.1:8080\n" +
			"  onhold serve eventloop --extra-cpu 40us --extra-delay 20ms@2% --addr 127.0.0.1:8080",
		Flags: append([]cli.Flag{
			stringFlag(catTarget, "addr", targets.DefaultAddr, "HOST:PORT to listen on; port 0: any free one"),
			stringFlag(catQueue, "broker-dir", "", "folder of a broker of ours; where not set, a temporary one that goes with it"),
			intFlag(catTarget, "arrivals", 0, "arrivals that bare logs, of which it gives the instants at /bare/arrivals; of bare, --backend-latency may be 0s"),
			stringFlag(catTrace, "trace", "", "FILE that gets the trace when the target ends; of style blocking, and of goroutine and eventloop with --max-inflight"),
		}, targetFlags()...),
		Action: serve,
	}
}

func serve(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return usageError("serve wants one STYLE (%s), got %d arguments", strings.Join(targets.AllNames(), ", "), c.NArg())
	}
	start, err := starter(c, c.Args().First())
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	name := c.Args().First()
	targets.TuneRuntime(targets.Options{Workers: c.Int("workers")}.Threads(name))
	server, err := start(ctx)
	if err != nil {
		return &exitError{exitNotStarted, err}
	}
	var brokerURL string
	var ended <-chan error
	if s, ok := server.(*ensemble); ok {
		brokerURL, ended = redact.Servers(s.url), s.ended
	}
	ready, err := json.Marshal(targets.Ready{Addr: server.Addr(), PID: os.Getpid(), Style: name, Broker: brokerURL})
	if err != nil {
		return err
	}
	_, lost := fmt.Fprintf(c.Root().Writer, "%s\n", ready)
	if lost == nil {
		select {
		case <-ctx.Done():
		case lost = <-ended:
		}
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("not all that was in flight finished within %v: %w", shutdownLimit, err)
		}
		return errors.Join(lost, err)
	}
	return lost // nobody can know the address, or a part of it has ended
}

// listening is a server that has started.
type listening interface {
	Addr() string
	Shutdown(ctx context.Context) error
}

// starter reads and checks every flag, and returns what starts the server.
func starter(c *cli.Command, name string) (func(context.Context) (listening, error), error) {
	if name == bare.Name {
		if c.String("trace") != "" {
			return nil, usageError("--trace=%s: bare has no gate to be traced", c.String("trace"))
		}
		if err := withoutExtra(c, "bare"); err != nil {
			return nil, err
		}
		config := bare.Config{Addr: c.String("addr"), Latency: c.Duration("backend-latency"), Arrivals: c.Int("arrivals")}
		if err := config.Validate(); err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return func(context.Context) (listening, error) { return bare.Start(config) }, nil
	}
	style, ok := targets.Find(name)
	switch name {
	case brokerName:
		return startBroker(c)
	case payments.Name:
		style, ok = targets.Payments, true
	}
	if !ok {
		return nil, usageError("there is no style %q: want %s", name, strings.Join(targets.AllNames(), ", "))
	}
	if c.IsSet("arrivals") {
		return nil, usageError("--arrivals=%d: goes with bare only", c.Int("arrivals"))
	}
	options, err := targetOptions(c)
	if err != nil {
		return nil, err
	}
	options.Addr, options.Trace = c.String("addr"), c.String("trace")
	if options.Trace != "" {
		if err := style.Traceable(options); err != nil {
			return nil, &exitError{exitUsage, err}
		}
	}
	if err := options.Validate(); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	switch name {
	case queue.Name:
		return func(ctx context.Context) (listening, error) { return startQueue(ctx, c, style, options) }, nil
	case payments.Name:
		if options.Queued.Broker == "" {
			return nil, usageError("--broker: payments needs one, like nats://127.0.0.1:4222")
		}
	}
	return func(ctx context.Context) (listening, error) { return startTarget(ctx, c, style, options) }, nil
}
