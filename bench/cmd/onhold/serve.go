package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

func serveCommand() *cli.Command {
	var about strings.Builder
	for _, s := range targets.Styles {
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
			"It also answers GET /healthz and GET /stats. Style grpc has the first two and the\n" +
			"stats as calls of a gRPC service, onhold.orders.v1.Orders: Find, Place and Stats.\n" +
			"Who finds it full gets RESOURCE_EXHAUSTED.\n\n" +
			"With backend http or grpc and no --backend-url it starts another order service\n" +
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
			"  onhold serve grpc --grpc-limit none --addr 127.0.0.1:8080\n" +
			"  onhold serve goroutine --backend http --backend-connections 300 --addr 127.0.0.1:8080\n" +
			"  onhold serve eventloop --inject-cpu 40us --inject-delay 20ms@2% --addr 127.0.0.1:8080",
		Flags: append([]cli.Flag{
			stringFlag(catTarget, "addr", targets.DefaultAddr, "HOST:PORT to listen on; port 0: any free one"),
			stringFlag(catQueue, "broker-dir", "", "folder of a broker of ours; where not set, a temporary one that goes with it"),
			intFlag(catTarget, "arrivals", 0, "arrivals that bare logs, of which it gives the instants at /bare/arrivals; of bare, --backend-latency may be 0s"),
			stringFlag(catTrace, "trace", "", "FILE that gets the trace when the target ends; of style blocking, and of goroutine and eventloop with --max-inflight"),
		}, targetFlags()...),
		Action:        serve,
		ShellComplete: completeWords(append(targets.Names(targets.Styles), bare.Name, "broker", "payments")...),
	}
}

func serve(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return usageError("serve wants one STYLE (%s), got %d arguments", strings.Join(targets.Names(targets.Styles), ", "), c.NArg())
	}
	name := c.Args().First()
	options, err := servedOptions(c, name)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	return targets.Serve(ctx, name, options, c.Root().Writer)
}

// servedOptions reads and checks every flag.
func servedOptions(c *cli.Command, name string) (o targets.Options, err error) {
	if name == bare.Name {
		if err := withoutExtra(c, "bare"); err != nil {
			return o, err
		}
		o.Bare = bare.Config{Latency: c.Duration("backend-latency"), Arrivals: c.Int("arrivals")}
	} else if c.IsSet("arrivals") {
		return o, usageError("--arrivals=%d: goes with bare only", c.Int("arrivals"))
	} else if o, err = targetOptions(c); err != nil {
		return o, err
	}
	o.Addr, o.Trace = c.String("addr"), c.String("trace")
	o.Queued.Streams.Dir = c.String("broker-dir")
	if err := targets.Check(name, o); err != nil {
		return o, &exitError{exitUsage, err}
	}
	return o, nil
}
