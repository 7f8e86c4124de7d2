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
		fmt.Fprintf(&about, "  %-10s %s\n", s.Name, wrapped(s.About, 13))
	}
	return &cli.Command{
		Name:      "serve",
		Usage:     "run one of our servers by hand, until Ctrl-C",
		ArgsUsage: "STYLE",
		Description: "Serves orders, and waits for its backend in one of these styles:\n\n" + about.String() + "\n" +
			"  GET /api/orders?user_id=42   one wait\n" +
			"  POST /api/orders             one wait; the body is {\"user_id\":42,\"total_cents\":1999}\n" +
			"  GET /api/invitations?friends=10&mode=sequential   or mode=concurrent: one wait per friend\n" +
			"  GET /healthz, GET /stats\n\n" +
			"Style grpc serves the first two and the stats as onhold.orders.v1.Orders: Find, Place and\n" +
			"Stats. A full server answers 503, or RESOURCE_EXHAUSTED. When it listens, it prints one line\n" +
			"of JSON with its address, process id and style. On SIGTERM or Ctrl-C it stops accepting,\n" +
			"finishes the requests in flight and exits.\n\n" +
			"With backend http or grpc and no --backend-url it starts an order service of its own, which\n" +
			"ends with it. With --trace its admission point logs each request: when it arrived, the\n" +
			"decision, and when which worker began and finished. That takes a lock, which is not there\n" +
			"without --trace.\n\n" +
			fmt.Sprintf("  %-10s %s\n\n", bare.Name, wrapped(bare.About+"; it serves any path, and counts at /bare/stats, /bare/arrivals and /bare/reset", 13)) +
			aboutQueue +
			"Examples:\n\n" +
			"  onhold serve blocking --trace blocking.trace --addr 127.0.0.1:8080\n" +
			"  onhold serve blocking --workers 50 --queue 20 --addr 127.0.0.1:8080\n" +
			"  onhold serve grpc --grpc-limit none --addr 127.0.0.1:8080\n" +
			"  onhold serve goroutine --backend http --backend-connections 300 --addr 127.0.0.1:8080\n" +
			"  onhold serve eventloop --inject-cpu 40us --inject-delay 20ms@2% --addr 127.0.0.1:8080",
		Flags: append([]cli.Flag{
			stringFlag(catTarget, "addr", targets.DefaultAddr, "`HOST:PORT` address to listen on; port 0: any free one"),
			stringFlag(catQueue, "broker-dir", "", "`FOLDER` folder for the broker that it starts; where not set, a temporary one, removed at the end"),
			intFlag(catTarget, "log-arrivals", 0, "with bare: how many arrivals to log; /bare/arrivals lists their instants"),
			&cli.StringFlag{Category: catTrace, Name: "trace", Usage: "`FILE` file for the trace, written when the target ends; works for blocking, and for goroutine and eventloop with --max-inflight. ONHOLD_TRACE does not set it: that is the switch of 'onhold run'", OnlyOnce: true},
		}, targetFlags()...),
		Action:        serve,
		ShellComplete: completeWords(append(targets.Names(targets.Styles), bare.Name, "broker", "payments")...),
	}
}

func serve(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return usageError("serve requires one STYLE (%s), got %d arguments", strings.Join(targets.Names(targets.Styles), ", "), c.NArg())
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
		if err := withoutInjection(c, "bare"); err != nil {
			return o, err
		}
		o.Bare = bare.Config{Latency: c.Duration("backend-latency"), Arrivals: c.Int("log-arrivals")}
	} else if given(c, "log-arrivals") {
		return o, usageError("--log-arrivals=%d: requires bare", c.Int("log-arrivals"))
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
