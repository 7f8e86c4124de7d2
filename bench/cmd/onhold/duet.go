package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
)

const (
	catCompare = "What is asked"
	catSides   = "The two sides"
	catBench   = "Go benchmarks"
	catServe   = "A server under load"
)

// How many pairs may be asked for: fewer than eight prove nothing.
const (
	minPairs = 8
	maxPairs = 1000
)

func maxStealFlag() cli.Flag {
	return stringFlag(catCompare, "max-steal", "1%", "the most CPU time that a hypervisor may take away in a slice; one with more is run again, as far as that is of use")
}

func maxStealOf(c *cli.Command) (float64, error) {
	shares, err := compare.ParseShares("steal=" + c.String("max-steal"))
	if err != nil || shares["steal"] > 1 {
		return 0, usageError("--max-steal=%s: want a share above 0%% and at most 100%%, like 1%%", c.String("max-steal"))
	}
	return shares["steal"], nil
}

func duetCommand() *cli.Command {
	looks := compare.DefaultDesign().Looks
	return &cli.Command{
		Name:      "duet",
		Usage:     "find out whether a change made benchmarks or a server slower",
		ArgsUsage: "[PACKAGES]",
		Description: "Lays out the base from git and the candidate as the work tree is, builds both,\n" +
			"and launches them in pairs, in an order that is drawn: the benchmarks of Go\n" +
			"packages, or with --build and --serve a server under load. After " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(looks)), ", "), "[]") + "\n" +
			"pairs it looks whether it is decided. It says of each metric: regressed, minor\n" +
			"(worse than the margin, within the tolerance), improved, equal, or inconclusive; or\n" +
			"unstable, where the typical launch is not worse but more launches are outliers. A\n" +
			"false alarm has a chance of at most 1 % a comparison, over all metrics, tests and\n" +
			"looks.\n\n" +
			"The candidate is the working tree as 'git add --all' would commit it: with changes\n" +
			"and new files, without what git ignores. Both sides are written to the temporary\n" +
			"folder by git, as they are stored: no hook, filter or configuration of git changes\n" +
			"them. duet requires a Unix system.\n\n" +
			"The folder --out holds every launch, verdict.json, regression.png, junit.xml,\n" +
			"summary.md and benchmark text. With the same --out a comparison is continued,\n" +
			"never begun anew. In GitHub Actions it adds to the step's summary and annotates.\n\n" +
			"Examples:\n\n" +
			"  onhold duet --base main --bench Orders ./...\n" +
			"  onhold duet --base main --build 'go build -o {out} ./cmd/server' --serve '{out} --addr {addr}' --path /api/orders --level 500",
		Flags: []cli.Flag{
			stringFlag(catSides, "base", "", "commit, tag or branch to compare with; of a branch the commit where HEAD parted from it, or its tip where HEAD is an ancestor of it"),
			stringFlag(catBench, "bench", duet.DefaultBench, "benchmarks to run, as for go test"),
			stringFlag(catBench, "benchtime", duet.DefaultBenchTime, "how long to run each benchmark in a launch, as for go test; what takes longer runs once"),
			boolFlag(catBench, "benchmem", "have every benchmark report what it allocates, as for go test: allocations are decided where times are too noisy"),
			stringFlag(catBench, "tags", "", "build tags, separated by commas, as for go test"),
			boolFlag(catBench, "candidate-tests", "measure the base with the candidate's test files and testdata: a benchmark that is new in the candidate is measured on both sides"),
			stringFlag(catServe, "build", "", "shell command that builds a side: it writes a program to {out}; {layout} is a number that tells one code layout from another, which go build is told anyway"),
			stringFlag(catServe, "serve", "", "command that starts the server: {out} is the program, {addr} the address to listen on, {host} and {port} its parts. The shell's exec runs it: it is one program, and variables want env, as in 'env VAR=x {out} {addr}'"),
			stringFlag(catServe, "path", "/", "path of the requests, with its query"),
			stringFlag(catServe, "method", http.MethodGet, "of the requests"),
			listFlag(catServe, "header", "a further header line, as in 'Accept: text/html'; may be given more than once"),
			stringFlag(catServe, "body", "", "of the requests"),
			stringFlag(catServe, "load", string(load.Poisson), "constant or poisson"),
			intFlag(catServe, "level", 500, "arrivals per second: one rate, at which the server is busy and not full"),
			durationFlag(catServe, "wait", 0, "what each request is known to wait for, a constant: adds overhead-p99, latency less that wait"),
			durationFlag(catServe, "slice", duet.DefaultSlice, "length of one slice"),
			intFlag(catServe, "slices", duet.DefaultSlices, "slices of each arm in a pair"),
			durationFlag(catServe, "settle", duet.DefaultSettle, "driven after each launch and discarded"),
			durationFlag(catServe, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median service time"),
			durationFlag(catServe, "slice-warmup", 200*time.Millisecond, "driven before each slice and discarded"),
			boolFlag(catSides, "no-control", "do not launch the base a second time as a control: a third less time, and no sign of a bias"),
			noPinFlag(catServe),
			stringFlag(catCompare, "tolerance", "", "the change that must not pass, by metric: p99=5%,rejected=0.5%"),
			stringFlag(catCompare, "margin", "", "the change that is not worth a word, by metric: p99=1%"),
			stringFlag(catCompare, "gate", "", "the metrics that decide, separated by commas; where not set, p99, overhead-p99, cpu, ok, rejected and allocs, of other benchmarks time and allocs/op"),
			intFlag(catCompare, "pairs", compare.DefaultDesign().MaxPairs(), "most pairs: the last look"),
			durationFlag(catCompare, "budget", duet.DefaultBudget, "most time for all of it, laying out and building included"),
			boolFlag(catCompare, "patient", "go on where the prognosis, at each look, is that no later look would decide"),
			boolFlag(catCompare, "measure-identical", "measure also where both sides are the same program, which is otherwise equal at once"),
			maxOutliersFlag(),
			maxStealFlag(),
			inconclusiveFlag(),
			&cli.Uint64Flag{Category: catCompare, Name: "seed", HideDefault: true, Usage: "of orders, folders, link layouts and arrivals; where not set, that of the record in --out, or one that is drawn", Sources: env("seed"), OnlyOnce: true},
			stringFlag(catOutput, "out", "", "folder for the record and the report; where not set, reports/out/duet-TIME"),
			boolFlag(catOutput, "json", "print verdict.json in place of the table"),
		},
		Action: duetAction,
	}
}

// The flags that mean something to one of the two experiments only.
var (
	serveOnly = []string{"path", "method", "header", "body", "load", "level", "wait", "slice", "slices", "settle", "slice-warmup", "max-lag", flagNoPin}
	benchOnly = []string{"bench", "benchtime", "tags", "candidate-tests", "benchmem"}
)

func duetAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := wantsUnix("duet", runtime.GOOS); err != nil {
		return err
	}
	config, err := duetConfig(c)
	if err != nil {
		return err
	}
	errOut := c.Root().ErrWriter
	if _, ok := config.Experiment.(*duet.Serve); ok {
		p, err := pinned(c)
		if err != nil {
			return err
		}
		config.TargetCPUs = p.target
		fmt.Fprintln(errOut, "onhold:", p.note)
	}
	began := time.Now()
	config.Progress = func(e duet.Event) {
		if e.Whole {
			fmt.Fprintf(errOut, "[%*d/%d] %s  %s\n", len(fmt.Sprint(e.Of)), e.Pair, e.Of, clockTime(time.Since(began)), e.What)
			return
		}
		fmt.Fprintln(errOut, "onhold:", e.What)
	}
	told := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		fmt.Fprintln(errOut, "onhold: interrupted: the report of what is whole follows; Ctrl-C again ends it at once")
	})
	report, _, err := duet.Run(ctx, config)
	told()
	wrong, err := lostOf(err)
	if report != nil {
		wrong = errors.Join(wrong, showComparison(c, config.Out, report))
	}
	return settled(wrong, duetEnded(ctx, c, config.Out, report, err))
}

// duetEnded is the error, with its exit code, that a comparison ends with.
func duetEnded(ctx context.Context, c *cli.Command, out string, report *compare.Report, err error) error {
	var wrong *duet.ConfigError
	switch {
	case ctx.Err() != nil && (report == nil || report.Pairs == 0):
		return &exitError{exitInterrupted, errors.New("interrupted before the first pair was complete")}
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted after %d pairs; the same command with --out %s goes on from there", report.Pairs, out)}
	case errors.As(err, &wrong):
		return folderError(err)
	case err != nil:
		return &exitError{exitNotStarted, err}
	}
	return comparisonError(c, report)
}

// wantsUnix is the error of a command that runs programs by a shell and asks
// them to end, where the system has neither.
func wantsUnix(command, system string) error {
	switch system {
	case "windows", "plan9", "js", "wasip1":
		return usageError("%s is not supported on %s: it wants a Unix system, such as Linux", command, system)
	}
	return nil
}

// duetConfig reads and checks every flag, before anything is started.
func duetConfig(c *cli.Command) (config duet.Config, err error) {
	config = duet.Config{
		Command: recordedCommand(), Repo: ".", Base: c.String("base"), Control: !c.Bool("no-control"), Budget: c.Duration("budget"),
		Seed: c.Uint64("seed"), Out: c.String("out"), Patient: c.Bool("patient"), MeasureIdentical: c.Bool("measure-identical"),
	}
	if config.Base == "" {
		return config, usageError("--base is needed: the git reference to compare with, as in --base main")
	}
	if config.Out == "" {
		config.Out = filepath.Join(defaultOut, "duet-"+time.Now().Format("20060102-150405"))
	}
	if c.IsSet("seed") && config.Seed == 0 {
		return config, usageError("--seed=0: must be above 0")
	}
	if config.Budget <= 0 {
		return config, usageError("--budget=%v: must be above 0", config.Budget)
	}
	if config.MaxSteal, err = maxStealOf(c); err != nil {
		return config, err
	}
	if config.Policy, err = policyOf(c); err != nil {
		return config, err
	}
	if config.Design, err = designOf(c, config.Policy); err != nil {
		return config, err
	}
	if err := inconclusiveOf(c); err != nil {
		return config, err
	}
	if c.String("build") == "" && c.String("serve") == "" {
		for _, flag := range serveOnly {
			if given(c, flag) {
				return config, usageError("--%s=%v: goes with --build and --serve only, and these are benchmarks", flag, c.Value(flag))
			}
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

// designOf is the design of as many pairs as the flags ask for, with a look at
// which the policy's share of outliers can be shown.
func designOf(c *cli.Command, p compare.Policy) (compare.Design, error) {
	n := c.Int("pairs")
	if n < minPairs || n > maxPairs {
		return compare.Design{}, usageError("--pairs=%d: must be from %d to %d", n, minPairs, maxPairs)
	}
	d, err := compare.DefaultDesign().UpTo(n).ForOutliers(p.MaxOutliers)
	if err != nil {
		return d, usageError("--max-outliers=%s: %w; increase --pairs", c.String("max-outliers"), err)
	}
	return d, nil
}

// serveExperiment is a server under load, as the flags have it.
func serveExperiment(c *cli.Command) (duet.Experiment, error) {
	if c.NArg() > 0 {
		return nil, usageError("packages go with benchmarks only, and not with --build and --serve, got %q", c.Args().First())
	}
	for _, flag := range benchOnly {
		if given(c, flag) {
			return nil, usageError("--%s=%v: goes with benchmarks only, and not with --build and --serve", flag, c.Value(flag))
		}
	}
	for _, flag := range []string{"slice", "settle"} {
		if d := c.Duration(flag); d <= 0 {
			return nil, usageError("--%s=%v: must be above 0", flag, d)
		}
	}
	if n := c.Int("slices"); n < 1 {
		return nil, usageError("--slices=%d: must be at least 1", n)
	}
	if !strings.HasPrefix(c.String("path"), "/") {
		return nil, usageError("--path=%s: must begin with /", c.String("path"))
	}
	driver := func(addr string) (bench.Driver, error) {
		return epoll.Best(bench.HTTP{URL: "http://" + addr + c.String("path"), Method: c.String("method"), Header: c.StringSlice("header"), Body: []byte(c.String("body"))}, epoll.Options{})
	}
	if _, err := driver("127.0.0.1:1"); err != nil {
		return nil, err
	}
	return &duet.Serve{
		Build: c.String("build"), Command: c.String("serve"), Driver: driver,
		Request: fmt.Sprintf("%s %s", c.String("method"), c.String("path")),
		Plan: bench.Plan{
			Load: load.Of(load.Model(text(c, "load", string(load.Poisson))), float64(c.Int("level"))), Duration: c.Duration("slice"), Warmup: c.Duration("slice-warmup"),
			Wait: c.Duration("wait"), MaxLag: c.Duration("max-lag"), NoPin: c.Bool(flagNoPin),
		},
		Settle: c.Duration("settle"), Slices: c.Int("slices"),
	}, nil
}
