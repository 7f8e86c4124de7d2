package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "run one of our servers by hand, until Ctrl-C",
		ArgsUsage: "STYLE",
		Flags: append([]cli.Flag{
			stringFlag(catTarget, "addr", targets.DefaultAddr, "`HOST:PORT` address to listen on; port 0: any free one"),
			stringFlag(catQueue, "broker-dir", "", "`FOLDER` folder for the broker that it starts; where not set, a temporary one, removed at the end"),
			intFlag(catTarget, "log-arrivals", 0, "with bare: how many arrivals to log; /bare/arrivals lists their instants"),
			stringFlag(catTrace, "trace", "", "`FILE` file for the trace, written when the target ends; works for blocking, and for goroutine and eventloop with --max-inflight"),
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
		if err := refuse(c, "cannot be injected into bare, only into our styles", "inject-cpu", "inject-delay"); err != nil {
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
