package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/calibrate"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/targets/orders"
)

// The load of a calibration: a server that is busy for a good part of its CPU, where
// its CPU time and its tail are both quiet.
const (
	calibrateServe  = "{out} serve goroutine --addr {addr} --backend-latency 20ms " + calibrate.Placeholder
	calibrateRate   = 6000
	calibrateStage  = 500 * time.Millisecond
	calibrateWarmup = 100 * time.Millisecond
	calibrateSettle = 500 * time.Millisecond
	calibratePairs  = 20
	calibrateShares = "p99=10%,cpu=10%"
)

func calibrateCommand() *cli.Command {
	return &cli.Command{
		Name:  "calibrate",
		Usage: "measure how often duet is wrong on this machine",
		Flags: slices.Concat([]cli.Flag{
			intFlag(catCompare, "identical", 1, "comparisons of the source with itself, or 0"),
			intFlag(catCompare, "injected", 1, "comparisons with an injected regression, or 0"),
			stringFlag(catServe, "serve", calibrateServe, "command that starts the server, as for duet; "+calibrate.Placeholder+" is replaced by the flags that inject a regression"),
			seedFlag(catCompare, "of everything random"),
			stringFlag(catOutput, "out", "", "folder for the record; by default reports/out/calibrate-TIME"),
		},
			policyFlags(calibrateShares, "p99,cpu", "metrics that decide, separated by commas"),
			comparisonFlags(calibratePairs, calibrateSettle, calibrateRate, calibrateStage)),
		Action: calibrateAction,
	}
}

func calibrateAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := noArguments(c); err != nil {
		return err
	}
	for _, flag := range []string{"identical", "injected"} {
		if n := c.Int(flag); n < 0 || n > 10_000 {
			return usageError("--%s=%d: want 0 to 10000", flag, n)
		}
	}
	if c.Int("identical") == 0 && c.Int("injected") == 0 {
		return usageError("--identical=0, --injected=0: want at least one of them above 0")
	}
	comparison, err := comparisonConfig(c)
	if err != nil {
		return err
	}
	config := calibrate.Config{
		Repo: ".", Identical: c.Int("identical"), Injected: c.Int("injected"), Out: comparison.Out, Seed: comparison.Seed, Duet: comparison,
		Serve: &duet.Serve{
			Build: "go build -o {out} ./bench/cmd/onhold", Command: c.String("serve"), Request: "GET " + orders.PathOneUser,
			Driver: func(addr string) (bench.Driver, error) {
				return epoll.Best(bench.HTTP{URL: "http://" + addr + orders.PathOneUser}, epoll.Options{})
			},
			Plan:   bench.Plan{Load: bench.Load{Rate: float64(c.Int("rate"))}, Duration: c.Duration("duration"), Warmup: calibrateWarmup, MaxLag: c.Duration("max-lag"), NoPin: c.Bool(flagNoPin)},
			Settle: c.Duration("settle"),
		},
	}
	if err := config.Serve.Validate(); err != nil {
		return &exitError{exitUsage, err}
	}
	p, err := pinned(c)
	if err != nil {
		return err
	}
	config.Duet.TargetCPUs = p.target
	errOut := c.Root().ErrWriter
	fmt.Fprintln(errOut, "onhold:", p.note)
	config.Progress = func(line string) { fmt.Fprintln(errOut, line) }
	all, err := calibrate.Calibrate(ctx, config)
	lost, err := lostOf(err)
	if len(all) > 0 {
		_, wrong := io.WriteString(c.Root().Writer, calibrate.Markdown(all))
		lost = errors.Join(lost, wrong)
	}
	switch {
	case ctx.Err() != nil:
		return settled(lost, &exitError{exitInterrupted, fmt.Errorf("interrupted: %d runs are recorded in %s", len(all), config.Out)})
	case err != nil:
		return settled(lost, err)
	}
	return settled(lost, calibrationError(all))
}

// calibrationError is the error where the rules of this version were wrong.
func calibrationError(all []calibrate.Run) error {
	c, invalid := calibrate.Count(all, compare.Version)
	if alarms, misses := c.Identical.Count, c.Injected.Count; alarms+misses > 0 {
		return &exitError{exitRegressed, fmt.Errorf("%d false alarms in %d comparisons of the source with itself, %d misses in %d with an injected regression", alarms, c.Identical.Runs, misses, c.Injected.Runs)}
	}
	if invalid > 0 {
		return &exitError{exitInvalid, fmt.Errorf("%d of %d comparisons were not valid; their folders give the reasons", invalid, len(all))}
	}
	return nil
}
