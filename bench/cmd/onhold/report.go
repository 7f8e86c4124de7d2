package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
	"github.com/a628bb15/onhold/reports/units"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "draw a run folder again, or several together",
		ArgsUsage: "FOLDER...",
		Description: "Several folders are merged: stages of equal settings are repeats of one level, others stand side by side.\n" +
			"Two that differ in settings or commit are compared as well: differences.png, and in report.html.",
		Flags: []cli.Flag{
			stringFlag(catOutput, "out", "", "`FOLDER` new run folder, for several"),
			requireFlag(),
		},
		Action: report,
	}
}

func report(_ context.Context, c *cli.Command) error {
	dirs := c.Args().Slice()
	out := c.String("out")
	switch {
	case len(dirs) == 0:
		return usageError("report requires a run folder, or several and --out")
	case len(dirs) > 1 && out == "":
		return usageError("report of %d folders requires --out FOLDER, a new folder for all of them", len(dirs))
	case len(dirs) == 1 && c.IsSet("out"):
		return usageError("--out=%s: is for several folders; %s is drawn in its own place", out, dirs[0])
	}
	required, err := requirements(c)
	if err != nil {
		return err
	}
	if len(dirs) == 1 && exists(filepath.Join(dirs[0], pattern.File)) {
		run, all, err := pattern.Read(dirs[0])
		if err != nil {
			return &exitError{exitUsage, err}
		}
		return settled(showPatterns(c, dirs[0], run, all), nil)
	}
	if len(dirs) == 1 && exists(filepath.Join(dirs[0], search.File)) {
		return reportCapacity(c, dirs[0])
	}
	var merged result.Run
	var all []*result.Stage
	var sides []difference.Side
	for i, dir := range dirs {
		run, stages, warnings, err := result.Open(dir)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		for _, w := range warnings {
			fmt.Fprintln(c.Root().ErrWriter, "onhold: skipped:", w)
		}
		all = append(all, stages...)
		sides = append(sides, difference.Side{Name: sideName(dirs, i), Run: run, Stages: stages})
		if i == 0 {
			merged = run
			continue
		}
		merged.Merge(run)
	}
	dir := dirs[0]
	var wrong error
	if len(dirs) > 1 {
		dir = out
		if wrong = write(dir, &merged, all); wrong != nil {
			if _, other := lostOf(wrong); other != nil {
				return other
			}
		}
	}
	wrong = errors.Join(wrong, show(c, dir, merged, all, sides...))
	missed, err := judge(c, required, all)
	wrong = errors.Join(wrong, err)
	if len(all) < merged.Planned {
		return settled(wrong, &exitError{exitInvalid, fmt.Errorf("only %d of %d stages are complete", len(all), merged.Planned)})
	}
	return settled(wrong, verdictError(c, all, missed))
}

// write makes a run folder of stages that were run before.
func write(dir string, run *result.Run, stages []*result.Stage) error {
	partial, finished := run.Partial, run.Finished
	folder, err := result.Create(dir, *run)
	if err != nil && diskFault(err) {
		return err
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	for _, s := range stages {
		if err := folder.Append(s); err != nil {
			return err
		}
	}
	return folder.Finish(finished, !partial)
}

// show writes the figures of a run and prints its tables. Where it is merged of two, sides
// are these.
func show(c *cli.Command, dir string, run result.Run, stages []*result.Stage, sides ...difference.Side) error {
	out := c.Root().Writer
	paths, wrong := render.Write(dir, run, stages, sides...)
	if !stdoutTaken(c) {
		wrong = errors.Join(wrong, page.Text(out, run, stages))
		fmt.Fprintln(out)
		for _, path := range paths {
			fmt.Fprintln(out, path)
		}
	}
	return wrong
}

// verdictError is the error of a run in which a target served nothing at all, which
// is no measurement of it, or no stage is valid; of any other it is missed, that of
// its requirements. It names the stages that are not valid.
func verdictError(c *cli.Command, stages []*result.Stage, missed error) error {
	for _, g := range result.GroupBy(stages, result.KeyTarget) {
		all := *result.Merge(g.Stages)
		all.Invalid, all.Warnings = g.Stages[0].Invalid, g.Stages[0].Warnings
		if nothing := all.ServedNothing(); nothing != "" {
			return &exitError{exitInvalid, fmt.Errorf("%s %s", g.Value, nothing)}
		}
	}
	invalid := slices.DeleteFunc(slices.Clone(stages), (*result.Stage).Valid)
	if n := len(invalid); n > 0 {
		why := fmt.Sprintf("%d of %d stages are not valid: %s; the first because %s", n, len(stages), names(invalid), invalid[0].Invalid[0])
		switch {
		case len(stages) == 1:
			why = "the stage is not valid: " + invalid[0].Invalid[0]
		case n == 1:
			why = fmt.Sprintf("1 of %d stages is not valid: %s", len(stages), invalid[0].Invalid[0])
		}
		if n == len(stages) {
			return &exitError{exitInvalid, errors.New(why)}
		}
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", why)
	}
	return missed
}

// names names the first stages by target and level.
func names(stages []*result.Stage) string {
	var out []string
	for i, s := range stages {
		if i == 8 {
			out = append(out, fmt.Sprintf("and %d more", len(stages)-i))
			break
		}
		out = append(out, fmt.Sprintf("%s at %s %s", s.TargetName(), units.Int(s.Level()), result.LevelUnit(s.Load(), s.Level())))
	}
	return strings.Join(out, ", ")
}
