package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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
	"github.com/a628bb15/onhold/reports/units"
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
		Flags: []cli.Flag{
			boolFlag(catLoad, "quick", "half of the cells and short windows: --precision "+quickPrecision+" --duration "+quickWindow.String()+" where not set"),
			stringFlag(catLoad, "cells", "", "cells to run, separated by commas; where not set, all: "+strings.Join(cellNames(), ", ")),
			stringFlag(catLoad, "precision", verifyPrecision, "how far a quantity may be off and still be confirmed, as a share of what is expected"),
			durationFlag(catLoad, "duration", verifyWindow, "the longest window of a cell"),
			durationFlag(catLoad, "max-lag", 0, "most that the generator may be late; 0: as in run. The models use the instants at which requests arrived, so that a little more only changes the distribution of arrivals"),
			noPinFlag(catTarget),
			seedFlag(catLoad, "of all random draws"),
			stringFlag(catOutput, "out", "", "run folder; where not set, "+defaultOut+"/verify-TIME"),
			boolFlag(catOutput, "json", "print "+conformance.File+", with a DIR the replays, in place of the tables"),
		},
		Action: verifyAction,
	}
}

// cellNames are those of all cells.
func cellNames() (names []string) {
	for _, s := range conformance.Grid(false) {
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
	config, err := verifyConfig(c)
	if err != nil {
		return err
	}
	errOut, report := c.Root().ErrWriter, config.Report
	p, err := pinned(c)
	if err != nil {
		return err
	}
	report.Notes = append(report.Notes, p.note)
	fmt.Fprintln(errOut, "onhold:", p.note)
	config.TargetCPUs, config.NoPin = p.target, c.Bool(flagNoPin)
	var names []string
	for _, p := range config.Plans {
		names = append(names, p.Spec.Name)
	}
	run := result.Run{
		ID: report.ID, Command: recordedCommand(), Started: report.Started, Planned: len(config.Plans),
		Environment: report.Environment, Notes: []string{p.note},
		Settings: result.Settings{{Key: "cells", Value: strings.Join(names, ",")},
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
	switch {
	case ctx.Err() != nil:
		runErr = &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d cells are complete and in %s", len(report.Cells), report.Planned, dir)}
	case runErr == nil:
		runErr = verified(report)
	}
	return settled(wrong, runErr)
}

// verifyConfig reads the flags, and plans each cell.
func verifyConfig(c *cli.Command) (config verify.Config, err error) {
	quick := c.Bool("quick")
	percentage, lengths := text(c, "precision", verifyPrecision), conformance.Lengths{Least: verifyLeast, Most: c.Duration("duration")}
	config.Starts, config.MaxLag = verifyStarts, c.Duration("max-lag")
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
		return config, usageError("--duration=%v: want %v to 1h", lengths.Most, shortestWindow)
	}
	lengths.Least = min(lengths.Least, lengths.Most)
	precision, ok := units.ParseShare(percentage)
	if !ok || !strings.HasSuffix(percentage, "%") || precision < 0.005 || precision > 0.5 {
		return config, usageError("--precision=%s: want a percentage from 0.5%% to 50%%, like 10%%", percentage)
	}
	specs, all := conformance.Grid(quick), conformance.Grid(false)
	names, err := namesOf(c, "cells", cellNames())
	if err != nil {
		return config, err
	}
	if len(names) > 0 {
		config.Starts = 0
		specs = slices.DeleteFunc(all, func(s conformance.Spec) bool { return !slices.Contains(names, s.Name) })
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
			return config, err
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
	return config, nil
}

// showVerified prints the report, and draws it into the folder.
func showVerified(c *cli.Command, dir string, r *conformance.Report) error {
	paths, wrong := render.Verification(dir, r)
	if c.Bool("json") {
		return errors.Join(wrong, printJSON(c, r))
	}
	wrong = errors.Join(wrong, page.VerificationText(c.Root().Writer, r))
	if wrong == nil {
		fmt.Fprintf(c.Root().ErrWriter, "onhold: wrote %s\n", strings.Join(append(paths, filepath.Join(dir, conformance.File)), ", "))
	}
	return wrong
}

// printJSON prints v over several lines.
func printJSON(c *cli.Command, v any) error {
	encoder := json.NewEncoder(c.Root().Writer)
	encoder.SetIndent("", " ")
	return encoder.Encode(v)
}

// verified is the error of what is not confirmed.
func verified(r *conformance.Report) error {
	n, unexplained := r.Answers(), r.Decisions().Unexplained()
	contradicted, inconclusive, invalid := n[theory.Contradicted], n[theory.Inconclusive], n[conformance.NotValid]
	switch {
	case contradicted > 0 || unexplained > 0:
		return &exitError{exitRegressed, fmt.Errorf("%d quantities are contradicted and %d decisions are unexplained", contradicted, unexplained)}
	case invalid > 0 && len(n) == 1:
		return &exitError{exitInvalid, errors.New("no cell is valid: the generator or the machine was the limit")}
	case inconclusive > 0:
		return &exitError{exitCannotTell, fmt.Errorf("%d quantities are inconclusive and %d not valid: the table shows how long a window each needs", inconclusive, invalid)}
	case invalid > 0:
		return &exitError{exitCannotTell, fmt.Errorf("%d quantities are not valid: the generator or the machine was the limit", invalid)}
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
	all := []*conformance.Decisions{}
	for _, name := range names {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return &exitError{exitInvalid, fmt.Errorf("%s names a trace outside of it: %q", dir, name)}
		}
		t, err := trace.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return &exitError{exitInvalid, err}
		}
		f, err := conformance.CompareDecisions(t)
		if err != nil {
			return &exitError{exitInvalid, fmt.Errorf("%s: %w", name, err)}
		}
		f.Trace = name
		all = append(all, f)
	}
	if c.Bool("json") {
		err = printJSON(c, all)
	} else {
		err = page.ReplayText(c.Root().Writer, all)
	}
	if err != nil {
		return err
	}
	return replayed(conformance.Total(all))
}

// replayed is the error of decisions that are not as they had to be.
func replayed(f *conformance.Decisions) error {
	switch {
	case f.Unexplained() > 0:
		return &exitError{exitRegressed, fmt.Errorf("%d of %d decisions are unexplained", f.Unexplained(), f.Requests)}
	case len(f.Warnings) > 0:
		return &exitError{exitCannotTell, errors.New(f.Warnings[0])}
	case f.EqualShare() < conformance.DecisionsAim:
		return &exitError{exitCannotTell, fmt.Errorf("%.3f %% of the decisions match the replay, fewer than %.4g %%: each difference has a cause, but the workers start too slowly for a better answer",
			100*f.EqualShare(), 100*conformance.DecisionsAim)}
	}
	return nil
}
