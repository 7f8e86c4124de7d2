package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/doctor"
)

// shortestExamination is the least length of one measurement that tells anything.
const shortestExamination = 200 * time.Millisecond

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "measure what this machine can drive, and how well",
		Description: "Drives a server that does nothing, and tells the least latency that can be\n" +
			"measured here, the most requests a second, how far from the clock arrivals are\n" +
			"sent, which levels this machine can drive, and what to raise for more. It takes\n" +
			"about ten seconds.\n\n" +
			"Example:\n\n" +
			"  onhold doctor --duration 500ms",
		Flags: []cli.Flag{
			// Not from the environment: ONHOLD_DURATION is that of a stage.
			&cli.DurationFlag{Category: catLoad, Name: "duration", Value: doctor.DefaultLength, Usage: "of each of five measurements", OnlyOnce: true},
			noPinFlag(catTarget),
			boolFlag(catOutput, "json", "print one JSON object in place of the text"),
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
	config := doctor.Config{Length: c.Duration("duration"), Progress: func(what string) {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", what)
	}}
	if config.Length < shortestExamination || config.Length > time.Minute {
		return usageError("--duration=%v: must be from %v to 1m", config.Length, shortestExamination)
	}
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
