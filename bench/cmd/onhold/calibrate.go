package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/calibrate"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/compare"
)

// The load of a calibration: a server that is busy for a good part of its CPU, where
// its CPU time and its tail are both quiet.
const (
	calibrateServe  = "{out} serve goroutine --addr {addr} --backend-latency 20ms " + calibrate.Placeholder
	calibrateLevel  = 6000
	calibrateSlice  = 500 * time.Millisecond
	calibrateSettle = 500 * time.Millisecond
	calibratePairs  = 20
	calibrateShares = "p99=10%,cpu=10%"
)

func calibrateCommand() *cli.Command {
	return &cli.Command{
		Name:  "calibrate",
		Usage: "measure how often duet is wrong on this machine",
		Description: "Runs complete comparisons with a known answer, in a clone of this project:\n" +
			"of its source with itself, where a regression is a false alarm, and with a\n" +
			"regression injected into the candidate, where any other verdict is a miss. It\n" +
			"injects in turn 40 µs more CPU per request, and 20 ms more wait for 2 % of the\n" +
			"requests. It prints a table with exact intervals. Runs in --out are kept and\n" +
			"counted.\n\n" +
			"Example:\n\n" +
			"  onhold calibrate --identical 40 --injected 20 --out reports/out/calibration",
		Flags: []cli.Flag{
			intFlag(catCompare, "identical", 1, "comparisons of the source with itself, or 0"),
			intFlag(catCompare, "injected", 1, "comparisons with an injected regression, or 0"),
			stringFlag(catServe, "serve", calibrateServe, "the server's command, as for duet; "+calibrate.Placeholder+" stands for the injected flags"),
			intFlag(catServe, "level", calibrateLevel, "arrivals per second"),
			durationFlag(catServe, "slice", calibrateSlice, "length of one slice"),
			durationFlag(catServe, "settle", calibrateSettle, "driven after each launch and discarded"),
			intFlag(catCompare, "pairs", calibratePairs, "most pairs of a comparison"),
			durationFlag(catCompare, "budget", duet.DefaultBudget, "most time for one comparison"),
			stringFlag(catCompare, "tolerance", calibrateShares, "the change that must not pass, by metric: p99=5%,rejected=0.5%"),
			stringFlag(catCompare, "margin", "", "the change that is not worth a word, by metric: p99=1%"),
			stringFlag(catCompare, "gate", "p99,cpu", "the metrics that decide, separated by commas"),
			maxOutliersFlag(),
			durationFlag(catServe, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median service time"),
			maxStealFlag(),
			boolFlag(catSides, "no-control", "do not launch the base a second time as a control"),
			noPinFlag(catSides),
			&cli.Uint64Flag{Category: catCompare, Name: "seed", Value: 1, Usage: "of all that is drawn", Sources: env("seed"), OnlyOnce: true},
			// Not from the environment: ONHOLD_OUT is where runs go.
			&cli.StringFlag{Category: catOutput, Name: "out", Usage: "folder for the record; where not set, reports/out/calibrate-TIME", OnlyOnce: true},
		},
		Action: calibrateAction,
	}
}

func calibrateAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := wantsUnix("calibrate", runtime.GOOS); err != nil {
		return err
	}
	if c.NArg() > 0 {
		return usageError("calibrate takes no arguments, got %q", c.Args().First())
	}
	for _, flag := range []string{"identical", "injected"} {
		if n := c.Int(flag); n < 0 || n > 10_000 {
			return usageError("--%s=%d: must be from 0 to 10000", flag, n)
		}
	}
	if c.Int("identical") == 0 && c.Int("injected") == 0 {
		return usageError("--identical=0, --injected=0: at least one of them must be above 0")
	}
	policy, err := policyOf(c)
	if err != nil {
		return err
	}
	design, err := designOf(c, policy)
	if err != nil {
		return err
	}
	steal, err := maxStealOf(c)
	if err != nil {
		return err
	}
	config := calibrate.Config{
		Repo: ".", Identical: c.Int("identical"), Injected: c.Int("injected"), Out: c.String("out"), Seed: c.Uint64("seed"),
		Serve: &duet.Serve{
			Build: "go build -o {out} ./bench/cmd/onhold", Command: c.String("serve"), Request: "GET /api/orders?user_id=42",
			Driver: func(addr string) (bench.Driver, error) {
				return epoll.Best(bench.HTTP{URL: "http://" + addr + "/api/orders?user_id=42"}, epoll.Options{})
			},
			Plan:   bench.Plan{Load: bench.Load{Rate: float64(c.Int("level"))}, Duration: c.Duration("slice"), Warmup: 100 * time.Millisecond, MaxLag: c.Duration("max-lag"), NoPin: c.Bool(flagNoPin)},
			Settle: c.Duration("settle"),
		},
		Duet: duet.Config{
			Command: recordedCommand(), Design: design, Policy: policy, Control: !c.Bool("no-control"), Budget: c.Duration("budget"), MaxSteal: steal,
		},
	}
	if err := config.Serve.Validate(); err != nil {
		return &exitError{exitUsage, err}
	}
	if config.Out == "" {
		config.Out = filepath.Join(defaultOut, "calibrate-"+time.Now().Format("20060102-150405"))
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
		lost = errors.Join(lost, calibrate.Markdown(c.Root().Writer, all))
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
