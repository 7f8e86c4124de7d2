package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/doctor"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "measure what load this machine can drive",
		Description: "Drives a server that does nothing. Reports the minimum latency, the maximum\n" +
			"requests per second, how precisely arrivals are sent, which levels this machine\n" +
			"can drive, and what to raise for more. It takes about ten seconds.\n\n" +
			"Example:\n\n" +
			"  onhold doctor --duration 500ms",
		Flags: []cli.Flag{
			// Not from the environment: ONHOLD_DURATION is the duration of a stage.
			&cli.DurationFlag{Category: catLoad, Name: "duration", Value: doctor.DefaultDuration, Usage: "duration of each of the five measurements", OnlyOnce: true},
			noPinFlag(catTarget),
			boolFlag(catOutput, "json", "print the report as JSON"),
		},
		Action: examine,
	}
}

func examine(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if c.NArg() > 0 {
		return usageError("doctor takes no arguments, got %q", c.Args().First())
	}
	config := doctor.Config{Duration: c.Duration("duration"), Progress: func(what string) {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", what)
	}}
	p, err := pinned(c)
	if err != nil {
		return err
	}
	config.TargetCPUs, config.CPUs, config.NoPin = p.target, p.generator, c.Bool(flagNoPin)
	report, err := doctor.Examine(ctx, config)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted")}
	case err != nil:
		return err
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(c.Root().Writer)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return report.Text(c.Root().Writer)
}
