package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/result"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "draw a run folder again, without running",
		ArgsUsage: "DIR",
		Description: "Reads run.json and stages.jsonl in DIR, writes the figures and summary.md anew,\n" +
			"and prints the tables. The exit code is 4 where the run is not valid or not all\n" +
			"of its stages are there.\n\n" +
			"Example:\n\n" +
			"  onhold report reports/out/demo",
		Action: func(_ context.Context, c *cli.Command) error {
			if c.NArg() != 1 {
				return usageError("report wants one run folder, got %d", c.NArg())
			}
			dir := c.Args().First()
			run, stages, warnings, err := result.Open(dir)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			for _, w := range warnings {
				fmt.Fprintln(c.Root().ErrWriter, "onhold: left out:", w)
			}
			if err := show(c, dir, run, stages); err != nil {
				return err
			}
			if len(stages) < run.Planned {
				return &exitError{exitInvalid, fmt.Errorf("only %d of %d stages are whole", len(stages), run.Planned)}
			}
			return verdict(stages)
		},
	}
}

// show writes the figures of a run and prints its tables.
func show(c *cli.Command, dir string, run result.Run, stages []*result.Stage) error {
	out := c.Root().Writer
	paths, err := render.Write(dir, run, stages)
	if err != nil {
		return err
	}
	if !c.Bool("json") {
		if err := render.Text(out, run, stages); err != nil {
			return err
		}
		fmt.Fprintln(out)
		for _, path := range paths {
			fmt.Fprintln(out, path)
		}
	}
	return nil
}

// verdict is the error of a run that is not valid: one of its stages is not,
// or a target served nothing at all, which is no measurement of it.
func verdict(stages []*result.Stage) error {
	var invalid int
	for _, s := range stages {
		if !s.Valid {
			invalid++
		}
	}
	if invalid > 0 {
		return &exitError{exitInvalid, fmt.Errorf("%d of %d stages are not valid; their warnings say why", invalid, len(stages))}
	}
	for _, g := range result.GroupBy(stages, result.KeyTarget) {
		if all := result.Merge(g.Stages); all.Counts[result.OK] == 0 {
			return &exitError{exitInvalid, fmt.Errorf("%s served none of %d requests", g.Value, all.Counts.Planned())}
		}
	}
	return nil
}
