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

// The load of proofs: a server that is busy for a good part of its CPU, where
// its CPU time and its tail are both quiet.
const (
	proveServe  = "{out} serve goroutine --addr {addr} --backend-latency 20ms " + calibrate.PlantWord
	proveLevel  = 6000
	proveSlice  = 500 * time.Millisecond
	proveSettle = 500 * time.Millisecond
	provePairs  = 20
	proveShares = "p99=10%,cpu=10%"
)

func proveCommand() *cli.Command {
	return &cli.Command{
		Name:  "prove",
		Usage: "measure how often 'onhold duet' cries wolf, and how often it misses",
		Description: "Makes whole comparisons, in a clone of this project: of its source with itself,\n" +
			"where a regression is a false alarm, and with one planted in the candidate (40 µs\n" +
			"more CPU per request, or 20 ms more wait for 2 % of the requests), where anything\n" +
			"but a regression is a miss. It prints a table with exact intervals. Runs that\n" +
			"--out holds already are kept and count.\n\n" +
			"Exit codes: 0 fine, 1 a false alarm or a miss, 2 usage, 4 a comparison was not\n" +
			"valid, 130 interrupted (what is whole is on record).\n\n" +
			"Example:\n\n" +
			"  onhold prove --same 40 --planted 20 --out reports/out/proof",
		Flags: []cli.Flag{
			intFlag(catCompare, "same", 1, "comparisons of the source with itself, or 0"),
			intFlag(catCompare, "planted", 1, "comparisons with a planted regression, or 0"),
			stringFlag(catServe, "serve", proveServe, "the server's command, as for duet; "+calibrate.PlantWord+" stands for the planted flags"),
			intFlag(catServe, "level", proveLevel, "arrivals per second"),
			durationFlag(catServe, "slice", proveSlice, "length of one slice"),
			durationFlag(catServe, "settle", proveSettle, "driven after each launch and discarded"),
			intFlag(catCompare, "pairs", provePairs, "most pairs of a comparison"),
			durationFlag(catCompare, "budget", duet.DefaultBudget, "most time for one comparison"),
			stringFlag(catCompare, "tolerance", proveShares, "the change that must not pass, by metric: p99=5%,rejected=0.5%"),
			stringFlag(catCompare, "margin", "", "the change that is not worth a word, by metric: p99=1%"),
			stringFlag(catCompare, "gate", "p99,cpu", "the metrics that decide, separated by commas"),
			maxOutliersFlag(),
			durationFlag(catServe, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median service time"),
			maxStealFlag(),
			boolFlag(catSides, "no-control", "do not launch the base a second time as a control"),
			noPinFlag(catSides),
			&cli.Uint64Flag{Category: catCompare, Name: "seed", Value: 1, Usage: "of all that is drawn", Sources: env("seed"), OnlyOnce: true},
			// Not from the environment: ONHOLD_OUT is where runs go.
			&cli.StringFlag{Category: catOutput, Name: "out", Usage: "folder for the record; where not set, reports/out/prove-TIME", OnlyOnce: true},
		},
		Action: proveAction,
	}
}

func proveAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := wantsUnix("prove", runtime.GOOS); err != nil {
		return err
	}
	if c.NArg() > 0 {
		return usageError("prove takes no arguments, got %q", c.Args().First())
	}
	for _, flag := range []string{"same", "planted"} {
		if n := c.Int(flag); n < 0 || n > 10_000 {
			return usageError("--%s=%d: must be from 0 to 10000", flag, n)
		}
	}
	if c.Int("same") == 0 && c.Int("planted") == 0 {
		return usageError("--same=0 and --planted=0: there is nothing to prove: one of them must be at least 1")
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
		Repo: ".", Same: c.Int("same"), Planted: c.Int("planted"), Out: c.String("out"), Seed: c.Uint64("seed"),
		Serve: &duet.Serve{
			Build: "go build -o {out} ./bench/cmd/onhold", Command: c.String("serve"), Request: "GET /api/orders?user_id=42",
			Driver: func(addr string) (bench.Driver, error) {
				return epoll.Best(bench.HTTP{URL: "http://" + addr + "/api/orders?user_id=42"}, 0, 0)
			},
			Plan:   bench.Plan{Load: bench.LoadPoisson, Level: c.Int("level"), Duration: c.Duration("slice"), Warmup: 100 * time.Millisecond, MaxLag: c.Duration("max-lag"), NoPin: c.Bool(flagNoPin)},
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
		config.Out = filepath.Join(defaultOut, "prove-"+time.Now().Format("20060102-150405"))
	}
	p, err := pinned(c)
	if err != nil {
		return err
	}
	config.Duet.TargetCPUs = p.target
	errOut := c.Root().ErrWriter
	fmt.Fprintln(errOut, "onhold:", p.note)
	config.Progress = func(line string) { fmt.Fprintln(errOut, line) }
	all, err := calibrate.Run(ctx, config)
	lost, err := lostOf(err)
	if len(all) > 0 {
		lost = errors.Join(lost, calibrate.Markdown(c.Root().Writer, all))
	}
	switch {
	case ctx.Err() != nil:
		return settled(lost, &exitError{exitInterrupted, fmt.Errorf("interrupted: %d runs are on record in %s", len(all), config.Out)})
	case err != nil:
		return settled(lost, err)
	}
	return settled(lost, proven(all))
}

// proven is the error of a record in which the comparison was wrong.
func proven(all []calibrate.Outcome) error {
	alarms, misses, invalid := 0, 0, 0
	for _, o := range all {
		switch {
		case o.Version != compare.Version: // by other rules
		case o.Verdict == compare.Invalid:
			invalid++
		case o.Plant == "" && o.Verdict.ExitCode() == compare.ExitRegressed:
			alarms++
		case o.Plant != "" && o.Verdict.ExitCode() != compare.ExitRegressed:
			misses++
		}
	}
	if alarms+misses > 0 {
		return &exitError{exitRegressed, fmt.Errorf("%d false alarms and %d misses in %d runs", alarms, misses, len(all))}
	}
	if invalid > 0 {
		return &exitError{exitInvalid, fmt.Errorf("%d of %d comparisons were not valid; their folders say why", invalid, len(all))}
	}
	return nil
}
