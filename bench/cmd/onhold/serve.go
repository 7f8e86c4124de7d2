package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/targets"
)

// shutdownLimit bounds how long serve finishes what is in flight.
const shutdownLimit = 10 * time.Second

func serveCommand() *cli.Command {
	var about strings.Builder
	for _, s := range targets.Styles {
		fmt.Fprintf(&about, "  %-10s %s\n", s.Name, s.About)
	}
	return &cli.Command{
		Name:      "serve",
		Usage:     "serve orders in one style, until SIGTERM",
		ArgsUsage: "STYLE",
		Description: "An order service, GET /api/orders?user_id=42, that waits for its backend in one\n" +
			"of these styles:\n\n" + about.String() + "\n" +
			"It also answers GET /healthz and GET /stats. When it listens it prints one line\n" +
			"of JSON with its address, process id and style. On SIGTERM or Ctrl-C it stops\n" +
			"accepting, finishes what is in flight and ends.\n\n" +
			"Example:\n\n" +
			"  onhold serve blocking --workers 50 --queue 20 --addr 127.0.0.1:8080",
		Flags: append([]cli.Flag{
			stringFlag(catTarget, "addr", targets.DefaultAddr, "HOST:PORT to listen on; port 0: any free one"),
		}, targetFlags()...),
		Action: serve,
	}
}

func serve(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return usageError("serve wants one STYLE (%s), got %d arguments", strings.Join(targets.Names(), ", "), c.NArg())
	}
	style, ok := targets.Find(c.Args().First())
	if !ok {
		return usageError("there is no style %q: want %s", c.Args().First(), strings.Join(targets.Names(), ", "))
	}
	options, err := targetOptions(c)
	if err != nil {
		return err
	}
	options.Addr = c.String("addr")
	if err := options.Validate(); err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	targets.TuneRuntime()
	server, err := style.Start(options)
	if err != nil {
		return &exitError{exitNotStarted, err}
	}
	ready, err := json.Marshal(targets.Ready{Addr: server.Addr(), PID: os.Getpid(), Style: style.Name})
	if err != nil {
		return err
	}
	_, lost := fmt.Fprintf(c.Root().Writer, "%s\n", ready)
	if lost == nil {
		<-ctx.Done()
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("not all that was in flight finished within %v: %w", shutdownLimit, err)
	}
	return lost // nobody can know the address
}
