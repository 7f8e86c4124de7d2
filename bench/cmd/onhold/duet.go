package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/units"
)

const (
	catCompare = "The comparison"
	catSides   = "The two sides"
	catBench   = "Go benchmarks"
	catServe   = "A server under load"
)

// How many pairs are allowed: fewer than eight prove nothing.
const (
	minPairs = 8
	maxPairs = 1000
)

// policyFlags are the flags of what is asked of the metrics.
func policyFlags(tolerance, gate, gateUsage string) []cli.Flag {
	return []cli.Flag{
		stringFlag(catCompare, "tolerance", tolerance, "largest change that may pass, by metric: p99=5%,rejected=0.5%"),
		stringFlag(catCompare, "margin", "", "change that is too small to matter, by metric: p99=1%"),
		stringFlag(catCompare, "gate", gate, gateUsage),
		stringFlag(catCompare, "max-outliers", "", "largest share of the candidate's launches that may be outliers, with 95 % confidence, such as 10% (takes 29 pairs); without it, a pass is about the typical launch"),
	}
}

// comparisonFlags are the flags that duet and calibrate share.
func comparisonFlags(pairs int, settle time.Duration, rate int, duration time.Duration) []cli.Flag {
	return []cli.Flag{
		intFlag(catServe, "rate", rate, "arrivals per second: one rate, at which the server is busy and not full"),
		durationFlag(catServe, "duration", duration, "length of one stage"),
		durationFlag(catServe, "settle", settle, "driven after each launch and discarded"),
		durationFlag(catServe, "max-lag", 0, "largest p99 of the generator's lag; 0: the larger of 1 ms and 1 % of the median uncorrected latency"),
		noPinFlag(catServe),
		intFlag(catCompare, "pairs", pairs, fmt.Sprintf("most pairs, %d to %d", minPairs, maxPairs)),
		durationFlag(catCompare, "budget", duet.DefaultBudget, "most time for one comparison, builds included"),
		stringFlag(catCompare, "max-steal", "1%", "most CPU time that a hypervisor may take away in a stage; a stage with more is repeated, within limits"),
		boolFlag(catSides, "no-control", "do not launch the base a second time as a control: a third less time, and no check for a bias"),
	}
}

func duetCommand() *cli.Command {
	return &cli.Command{
		Name:      "duet",
		Usage:     "find out whether a change made benchmarks or a server slower",
		ArgsUsage: "[PACKAGES | ADDRESS]",
		Flags: slices.Concat([]cli.Flag{
			stringFlag(catSides, "base", "", "commit, tag or branch to compare with; for a branch, the commit where HEAD forked from it, or its tip if HEAD is an ancestor of it"),
			stringFlag(catBench, "bench", duet.DefaultBench, "benchmarks to run, as for go test"),
			stringFlag(catBench, "benchtime", duet.DefaultBenchTime, "time for each benchmark in a launch, as for go test; one that takes longer runs once"),
			boolFlag(catBench, "benchmem", "have every benchmark report allocations, as for go test: they can be decided where times are too noisy"),
			stringFlag(catBench, "tags", "", "build tags, separated by commas, as for go test"),
			boolFlag(catBench, "candidate-tests", "measure the base with the candidate's test files and testdata, so that new benchmarks are measured on both sides"),
			stringFlag(catServe, "build", "", "shell command that builds a side and writes the program to {out}; {layout} is a number that varies the code layout, which go build does by itself"),
			stringFlag(catServe, "serve", "", "command that starts the server: {out} is the program, {addr} the address to listen on, {host} and {port} its parts. The shell's exec runs it, so it is one program; set variables with env, as in 'env VAR=x {out} {addr}'"),
			stringFlag(catServe, "path", "/", "path of the requests, with its query; for gRPC, TLS and others give an ADDRESS instead"),
			stringFlag(catServe, "method", http.MethodGet, "method of the requests"),
			listFlag(catServe, "header", "a header line, or metadata of gRPC calls, as in 'Accept: text/html'; may be repeated"),
			stringFlag(catServe, "body", "", "body of the requests; of grpc:// the message, in JSON"),
		},
			dataFlags(catServe),
			protoFlags(catServe),
			[]cli.Flag{
				stringFlag(catServe, "arrivals", string(load.Poisson), "poisson (at random) or constant (at equal distances)"),
				durationFlag(catServe, "wait", 0, "constant time that each request is known to wait in the server: adds overhead-p99, latency without that wait"),
				intFlag(catServe, "rounds", duet.DefaultRounds, "stages of each arm in a pair"),
				durationFlag(catServe, "warmup", duet.DefaultWarmup, "driven before each stage and discarded"),
				boolFlag(catCompare, "patient", "go on where no later look is expected to decide"),
				boolFlag(catCompare, "measure-identical", "measure also where both sides are the same program, which is otherwise equal at once"),
				inconclusiveFlag(),
				&cli.Uint64Flag{Category: catCompare, Name: "seed", HideDefault: true, Usage: "of launch orders, paths, link layouts and arrivals; by default that of the record in --out, or random", OnlyOnce: true},
				stringFlag(catOutput, "out", "", "folder for the record and the report; by default reports/out/duet-TIME"),
				boolFlag(catOutput, "json", "print verdict.json in place of the table"),
			},
			exchangeFlags(catServe),
			duetFleetFlags(),
			policyFlags("", "", "metrics that decide, separated by commas; by default p99, overhead-p99, cpu, ok/s, rejected and allocs; for other benchmarks time and allocs/op"),
			comparisonFlags(compare.DefaultDesign().MaxPairs(), duet.DefaultSettle, 500, duet.DefaultStage)),
		Action: duetAction,
	}
}

// The flags that apply to one of the two experiments only.
var (
	serveOnly = slices.Concat(flagNames(exchangeFlags("")), flagNames(protoFlags("")), []string{"path", "method", "header", "body", "requests", "data", "data-end", "rate", "arrivals", "wait", "duration", "rounds", "settle", "warmup", "max-lag", flagNoPin})
	benchOnly = []string{"bench", "benchtime", "tags", "candidate-tests", "benchmem"}
)

func duetAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	config, err := duetConfig(c)
	if err != nil {
		return err
	}
	errOut := c.Root().ErrWriter
	served, ok := config.Experiment.(*duet.Serve)
	if ok && c.Int("agents") > 0 {
		note, done, err := compareWithAgents(ctx, c, served)
		if err != nil {
			return err
		}
		defer done()
		fmt.Fprintln(errOut, "onhold:", note)
	}
	if ok {
		p, err := pinned(c)
		if err != nil {
			return err
		}
		config.TargetCPUs = p.target
		if c.Int("agents") > 0 {
			p.note = strings.Replace(p.note, "the generator", "this process", 1)
		}
		fmt.Fprintln(errOut, "onhold:", p.note)
	}
	began := time.Now()
	config.Progress = func(e duet.Event) {
		if e.Complete {
			fmt.Fprintf(errOut, "[%*d/%d] %s  %s\n", len(fmt.Sprint(e.Of)), e.Pair, e.Of, clockTime(time.Since(began)), e.What)
			return
		}
		fmt.Fprintln(errOut, "onhold:", e.What)
	}
	interrupted := whenInterrupted(ctx, errOut, "the report of the complete pairs follows")
	report, _, err := duet.Run(ctx, config)
	interrupted()
	wrong, err := lostOf(err)
	if report != nil {
		wrong = errors.Join(wrong, showComparison(c, config.Out, report))
	}
	return settled(wrong, duetError(ctx, c, config.Out, report, err))
}

// duetError is the error, with its exit code, of a comparison that has ended.
func duetError(ctx context.Context, c *cli.Command, out string, report *compare.Report, err error) error {
	_, wrong := errors.AsType[*duet.ConfigError](err)
	switch {
	case ctx.Err() != nil && (report == nil || report.Pairs == 0):
		return &exitError{exitInterrupted, errors.New("interrupted before the first pair was complete")}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted after %d pairs; the same command with --out %s continues", report.Pairs, out)}
	case wrong:
		return folderError(err)
	case err != nil:
		return &exitError{exitNotStarted, err}
	}
	return comparisonError(c, report)
}

// wantsUnix is an error where the system has no shell and no signals.
func wantsUnix(command, system string) error {
	switch system {
	case "windows", "plan9", "js", "wasip1":
		return usageError("%s is not supported on %s: it requires a Unix system, such as Linux", command, system)
	}
	return nil
}

// comparisonConfig reads the flags that duet and calibrate share.
func comparisonConfig(c *cli.Command) (config duet.Config, err error) {
	config = duet.Config{Command: recordedCommand(), Repo: ".", Control: !c.Bool("no-control"), Budget: c.Duration("budget"), Seed: c.Uint64("seed"), Out: c.String("out")}
	if err := wantsUnix(c.Name, runtime.GOOS); err != nil {
		return config, err
	}
	if config.Out == "" {
		config.Out = filepath.Join(defaultOut, c.Name+"-"+time.Now().Format("20060102-150405"))
	}
	if config.Policy, err = policyOf(c); err != nil {
		return config, err
	}
	steal, stealErr := shareOf(c, "max-steal")
	config.MaxSteal = steal
	pairs := c.Int("pairs")
	err = field.First(
		field.Check(config.Budget > 0, "Budget", config.Budget, "more than 0"),
		stealErr,
		field.Check(pairs >= minPairs && pairs <= maxPairs, "Pairs", pairs, fmt.Sprintf("%d to %d", minPairs, maxPairs)),
	)
	if err != nil {
		return config, err
	}
	config.Design, err = compare.DefaultDesign().UpTo(pairs).ForOutliers(config.Policy.MaxOutliers)
	if err != nil {
		return config, usageError("--max-outliers=%s: %w; increase --pairs", c.String("max-outliers"), err)
	}
	return config, nil
}

// shareOf reads a share above 0 % and at most 100 %; "" is 0.
func shareOf(c *cli.Command, flag string) (float64, error) {
	text := c.String(flag)
	if text == "" {
		return 0, nil
	}
	share, ok := units.ParseShare(text)
	if !ok || share <= 0 || share > 1 {
		return 0, usageError("--%s=%s: want a share above 0%% and at most 100%%, like 1%%", flag, text)
	}
	return share, nil
}

// duetConfig reads and checks every flag, before anything is started.
func duetConfig(c *cli.Command) (config duet.Config, err error) {
	if c.String("base") == "" {
		return config, usageError("--base is required: the git reference to compare with, such as --base main, or --base HEAD for uncommitted changes")
	}
	if c.IsSet("seed") && c.Uint64("seed") == 0 {
		return config, usageError("--seed=0: want more than 0")
	}
	if config, err = comparisonConfig(c); err != nil {
		return config, err
	}
	config.Base, config.Patient, config.MeasureIdentical = c.String("base"), c.Bool("patient"), c.Bool("measure-identical")
	if err := inconclusiveOf(c); err != nil {
		return config, err
	}
	served := c.String("build") != "" || c.String("serve") != ""
	others, requires := serveOnly, "requires --build and --serve"
	if served {
		others, requires = benchOnly, "cannot be used with --build and --serve, only with Go benchmarks"
	}
	for _, flag := range others {
		if given(c, flag) {
			return config, usageError("--%s=%v: %s", flag, c.Value(flag), requires)
		}
	}
	if err := checkDuetFleet(c, served); err != nil {
		return config, err
	}
	if !served {
		if err := noAddress(c); err != nil {
			return config, err
		}
		config.Experiment = &duet.GoBench{Packages: c.Args().Slice(), Bench: text(c, "bench", duet.DefaultBench), BenchTime: text(c, "benchtime", duet.DefaultBenchTime),
			Tags: c.String("tags"), BenchMem: c.Bool("benchmem"), CandidateTests: c.Bool("candidate-tests")}
	} else if config.Experiment, err = serveExperiment(c); err != nil {
		return config, err
	}
	if err := config.Experiment.Validate(); err != nil {
		return config, &exitError{exitUsage, err}
	}
	return config, nil
}
