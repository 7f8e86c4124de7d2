package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/verify"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// How far a quantity may be off, and how long a window may be.
const (
	verifyPrecision = "10%"
	quickPrecision  = "20%"
	verifyWindow    = 45 * time.Second
	quickWindow     = 6 * time.Second
	verifyLeast     = 10 * time.Second
	quickLeast      = 4 * time.Second
	verifyStarts    = 8 * time.Second
	quickStarts     = 3 * time.Second
	shortestWindow  = time.Second
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check our servers against queueing theory",
		ArgsUsage: "[DIR]",
		Description: "Drives the blocking target, a pool of workers with a bounded queue, under loads for\n" +
			"which queueing theory knows the answer: Poisson arrivals with constant, exponential\n" +
			"and lognormal service, a constant rate, clients that return, bursts. Each cell is\n" +
			"confirmed, contradicted or inconclusive: confirmed means that all of its interval\n" +
			"lies within the precision. It first plays each cell through its model to choose the\n" +
			"window, and says which will be too short. It takes about five minutes, with --quick\n" +
			"one. The run folder gets the stages, their traces, " + conformance.File + ", verify.png\n" +
			"and summary.md.\n\n" +
			"The target's admission point is traced, and each request is replayed through an exact\n" +
			"queue, first come first served. With a DIR nothing is driven: the traces of a run\n" +
			"folder ('run --trace', or an earlier verify) are replayed, and every request with a\n" +
			"different fate is named.\n\n" +
			"Examples:\n\n" +
			"  onhold verify --quick\n" +
			"  onhold verify --cells loss-constant,burst --duration 2s --precision 25% --out reports/out/verified\n" +
			"  onhold verify reports/out/verified",
		Flags: []cli.Flag{
			boolFlag(catLoad, "quick", "half of the cells and short windows: --precision "+quickPrecision+" --duration "+quickWindow.String()+" where not set"),
			stringFlag(catLoad, "cells", "", "cells to run, separated by commas; where not set, all: "+strings.Join(cellNames(conformance.Grid(false)), ", ")),
			stringFlag(catLoad, "precision", verifyPrecision, "how far a quantity may be off and still be confirmed, as a share of what is expected"),
			// Not from the environment, whose --duration is that of a run's stages.
			&cli.DurationFlag{Category: catLoad, Name: "duration", Value: verifyWindow, Usage: "the longest window of a cell", OnlyOnce: true},
			durationFlag(catLoad, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median service time (burst: 10 %). The models use the instants at which requests arrived, so that a little more only bends the law of arrivals"),
			noPinFlag(catTarget),
			&cli.Uint64Flag{Category: catLoad, Name: "seed", Value: 1, Usage: "of all random draws", Sources: env("seed"), OnlyOnce: true},
			&cli.StringFlag{Category: catOutput, Name: "out", Usage: "run folder; where not set, " + defaultOut + "/verify-TIME", OnlyOnce: true},
			boolFlag(catOutput, "json", "print "+conformance.File+", with a DIR the replays, in place of the tables"),
		},
		Action: verifyAction,
	}
}

func cellNames(specs []conformance.Spec) (names []string) {
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

func verifyAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	switch c.NArg() {
	case 0:
		return verifyGrid(ctx, c)
	case 1:
		return verifyFolder(c, c.Args().First())
	}
	return usageError("verify takes one DIR or none, got %d arguments", c.NArg())
}

// verifyGrid drives the cells.
func verifyGrid(ctx context.Context, c *cli.Command) error {
	report, config, err := verifyConfig(c)
	if err != nil {
		return err
	}
	errOut := c.Root().ErrWriter
	p, err := pinned(c)
	if err != nil {
		return err
	}
	report.Notes = append(report.Notes, p.note)
	fmt.Fprintln(errOut, "onhold:", p.note)
	config.TargetCPUs, config.NoPin = p.target, c.Bool(flagNoPin)
	run := result.Run{
		ID: report.ID, Command: recordedCommand(), Started: report.Started, Planned: len(config.Plans),
		Environment: report.Environment, Notes: []string{p.note},
		Settings: result.Settings{{Key: "cells", Value: strings.Join(specNames(config.Plans), ",")},
			{Key: "precision", Value: fmt.Sprint(report.Precision)}, {Key: "seed", Value: fmt.Sprint(report.Seed)}},
	}
	if config.Starts > 0 {
		run.Planned += 2
	}
	dir := c.String("out")
	if dir == "" {
		dir = freshFolder("verify-" + report.ID)
	}
	if config.Folder, err = result.Create(dir, run); err != nil {
		return folderError(err)
	}
	config.Progress = func(line string) { fmt.Fprintln(errOut, line) }
	wrong, runErr := lostOf(verify.Run(ctx, config))
	wrong = errors.Join(wrong, showVerified(c, dir, report))
	return settled(wrong, verifyError(ctx, runErr, report, dir))
}

// verifyError is what a run of cells comes to.
func verifyError(ctx context.Context, runErr error, report *conformance.Report, dir string) error {
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d cells are complete and in %s", len(report.Cells), report.Planned, dir)}
	case runErr != nil:
		return runErr
	}
	return verified(report)
}

func specNames(plans []conformance.Planned) (names []string) {
	for _, p := range plans {
		names = append(names, p.Spec.Name)
	}
	return names
}

// verifyConfig reads the flags, and plans each cell.
func verifyConfig(c *cli.Command) (*conformance.Report, verify.Config, error) {
	config := verify.Config{Starts: verifyStarts, MaxLag: c.Duration("max-lag")}
	quick := c.Bool("quick")
	percentage, lengths := text(c, "precision", verifyPrecision), conformance.Lengths{Least: verifyLeast, Most: c.Duration("duration")}
	if quick {
		lengths.Least, config.Starts = quickLeast, quickStarts
		if !c.IsSet("precision") {
			percentage = quickPrecision
		}
		if !c.IsSet("duration") {
			lengths.Most = quickWindow
		}
	}
	if lengths.Most < shortestWindow || lengths.Most > time.Hour {
		return nil, config, usageError("--duration=%v: want %v to 1h", lengths.Most, shortestWindow)
	}
	if config.MaxLag < 0 {
		return nil, config, usageError("--max-lag=%v: want 0 or more", config.MaxLag)
	}
	lengths.Least = min(lengths.Least, lengths.Most)
	precision, err := parsePrecision(percentage)
	if err != nil {
		return nil, config, err
	}
	specs := conformance.Grid(quick)
	if names := c.String("cells"); names != "" {
		config.Starts = 0
		if specs, err = chosen(conformance.Grid(false), names); err != nil {
			return nil, config, err
		}
	}
	now := time.Now()
	r := &conformance.Report{ID: now.Format("20060102-150405"), Started: now, Environment: host.Environment(), Seed: c.Uint64("seed"), Quick: quick,
		Precision: precision, Confidence: conformance.Confidence(conformance.Judged(specs)), Cells: []*conformance.Cell{}}
	if config.MaxLag > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("stages with a lag of up to %v count as valid (--max-lag)", config.MaxLag))
	}
	total := 2 * config.Starts
	errOut := c.Root().ErrWriter
	for _, s := range specs {
		p, err := conformance.Plan(s, lengths, precision, r.Confidence)
		if err != nil {
			return nil, config, err
		}
		if p.Short {
			note := fmt.Sprintf("%s: a window of %v reaches only ±%.0f %%; %v would be needed for ±%s: it may be inconclusive; --duration and --precision change that",
				s.Name, p.Window, 100*p.Reaches, p.Needs, percentage)
			r.Notes = append(r.Notes, note)
			fmt.Fprintln(errOut, "onhold:", note)
		}
		total += p.Window + s.Warmup() + 600*time.Millisecond
		config.Plans = append(config.Plans, p)
	}
	fmt.Fprintf(errOut, "onhold: %d cells, about %v\n", len(specs), total.Round(time.Second))
	config.Report = r
	return r, config, nil
}

// parsePrecision reads a percentage.
func parsePrecision(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || math.IsNaN(v) || v < 0.5 || v > 50 {
		return 0, usageError("--precision=%s: want a percentage from 0.5%% to 50%%, like 10%%", s)
	}
	return v / 100, nil
}

// chosen are the specs of those names, in the order of the grid.
func chosen(all []conformance.Spec, names string) (out []conformance.Spec, err error) {
	want := strings.Split(names, ",")
	known := cellNames(all)
	for _, name := range want {
		if !slices.Contains(known, name) {
			return nil, usageError("--cells=%s: there is no cell %q: want some of %s", names, name, strings.Join(known, ", "))
		}
	}
	for _, s := range all {
		if slices.Contains(want, s.Name) {
			out = append(out, s)
		}
	}
	return out, nil
}

// showVerified prints the report, and draws it into the folder.
func showVerified(c *cli.Command, dir string, r *conformance.Report) error {
	paths, wrong := render.Verification(dir, r)
	if c.Bool("json") {
		encoder := json.NewEncoder(c.Root().Writer)
		encoder.SetIndent("", " ")
		return errors.Join(wrong, encoder.Encode(r))
	}
	wrong = errors.Join(wrong, page.VerificationText(c.Root().Writer, r))
	if wrong == nil {
		fmt.Fprintf(c.Root().ErrWriter, "onhold: wrote %s\n", strings.Join(append(paths, filepath.Join(dir, conformance.File)), ", "))
	}
	return wrong
}

// verified is the error of what is not confirmed.
func verified(r *conformance.Report) error {
	n, fates := r.Answers(), r.Fates()
	switch {
	case n[theory.Contradicted.String()] > 0 || fates.Unexplained() > 0:
		return &exitError{exitRegressed, fmt.Errorf("%d quantities are contradicted and %d fates are unexplained", n[theory.Contradicted.String()], fates.Unexplained())}
	case n[conformance.NotValid] > 0:
		return &exitError{exitInvalid, fmt.Errorf("%d quantities belong to cells that are not valid: the generator or the machine was the limit", n[conformance.NotValid])}
	case n[theory.Inconclusive.String()] > 0:
		return &exitError{exitCannotTell, fmt.Errorf("%d quantities are inconclusive: the table shows how long a window each needs", n[theory.Inconclusive.String()])}
	}
	return nil
}

// verifyFolder replays the traces of a run folder.
func verifyFolder(c *cli.Command, dir string) error {
	for _, flag := range []string{"quick", "cells", "precision", "duration", "max-lag", flagNoPin, "out"} {
		if given(c, flag) {
			return usageError("--%s: does not work with a DIR, which is only replayed", flag)
		}
	}
	_, stages, warnings, err := result.Open(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	for _, w := range warnings {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", w)
	}
	names := []string{}
	for _, s := range stages {
		if name := s.Settings.Get(result.KeyTrace); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return usageError("%s has no traces: 'onhold run --trace' records them", dir)
	}
	all := []*conformance.Fates{}
	for _, name := range names {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return &exitError{exitInvalid, fmt.Errorf("%s names a trace outside of it: %q", dir, name)}
		}
		t, err := trace.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return &exitError{exitInvalid, err}
		}
		f, err := conformance.CompareFates(t)
		if err != nil {
			return &exitError{exitInvalid, fmt.Errorf("%s: %w", name, err)}
		}
		f.Trace = name
		all = append(all, f)
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(c.Root().Writer)
		encoder.SetIndent("", " ")
		err = encoder.Encode(all)
	} else {
		err = page.ReplayText(c.Root().Writer, all)
	}
	if err != nil {
		return err
	}
	return replayed(conformance.Total(all))
}

// replayed is the error of fates that are not as they had to be.
func replayed(f *conformance.Fates) error {
	switch {
	case f.Unexplained() > 0:
		return &exitError{exitRegressed, fmt.Errorf("%d fates of %d are unexplained", f.Unexplained(), f.Requests)}
	case len(f.Warnings) > 0:
		return &exitError{exitCannotTell, errors.New(f.Warnings[0])}
	case f.EqualShare() < conformance.FatesAim:
		return &exitError{exitCannotTell, fmt.Errorf("%.3f %% of the fates match the replay, fewer than %.4g %%: each difference has a cause, but the workers start too slowly for a better answer",
			100*f.EqualShare(), 100*conformance.FatesAim)}
	}
	return nil
}
