package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/patterns"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

func patternsCommand() *cli.Command {
	var about strings.Builder
	for _, e := range patterns.All {
		fmt.Fprintf(&about, "  %-15s %s\n", e.Name, e.About)
	}
	return &cli.Command{
		Name:  "patterns",
		Usage: "compare synchronous and asynchronous calls in short experiments",
		Description: "Runs short experiments with real servers. Writes patterns.md with a measured\n" +
			"figure and a sentence for each of them. All of them take under two minutes:\n\n" + about.String() + "\n" +
			"Examples:\n\n" +
			"  onhold patterns\n" +
			"  onhold patterns --only phone-calls --scale 0.1 --out reports/out/calls",
		Flags: []cli.Flag{
			stringFlag(catTarget, "only", "", "names of patterns, separated by commas (default all)"),
			noPinFlag(catTarget),
			&cli.FloatFlag{Category: catLoad, Name: "scale", Value: 1, Usage: fmt.Sprintf("multiplies the calls of phone-calls (2 s) and the length of pay-later (20 s): %v to %v", patterns.MinScale, patterns.MaxScale), Sources: env("scale"), OnlyOnce: true},
			&cli.StringFlag{Category: catBackend, Name: flagDSN, Sources: env(flagDSN), Usage: "add this PostgreSQL to what-is-behind and the-pool, as for 'onhold serve --backend postgres'"},
			stringFlag(catOutput, "out", "", "folder for the results (default "+defaultOut+"/TIME-patterns)"),
		},
		Action: patternsAction,
	}
}

func patternsAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if c.NArg() > 0 {
		return usageError("patterns takes no arguments, got %q; name patterns with --only", c.Args().First())
	}
	config := patterns.Config{Scale: c.Float("scale"), DSN: c.String(flagDSN), Only: list(c.String("only"))}
	if config.Scale == 0 { // means a default in a Config, not here
		return usageError("--scale=0: want %v to %v", patterns.MinScale, patterns.MaxScale)
	}
	if err := config.Validate(); err != nil {
		return err
	}
	p, err := pinned(c)
	if err != nil {
		return err
	}
	config.TargetCPUs, config.NoPin = p.target, c.Bool(flagNoPin)
	errOut := c.Root().ErrWriter
	fmt.Fprintln(errOut, "onhold:", p.note)
	began := time.Now()
	config.Progress = func(what string) {
		fmt.Fprintf(errOut, "[%s] %s\n", time.Since(began).Round(time.Second), what)
	}

	planned := cmp.Or(len(config.Only), len(patterns.All))
	run := result.Run{
		ID: began.Format("20060102-150405"), Command: patternsLine(config.Only, config.Scale), Started: began,
		Settings:    result.Settings{{Key: "scale", Value: fmt.Sprint(config.Scale)}},
		Environment: host.Environment(), Notes: []string{p.note},
	}
	dir := c.String("out")
	if dir == "" {
		dir = freshFolder(run.ID + "-patterns")
	}
	folder, err := result.Create(dir, run)
	if err != nil {
		return folderError(err)
	}
	var done []pattern.Pattern
	invalid := 0
	config.Done = func(p pattern.Pattern, stages []*result.Stage) error {
		p.Command = strings.Join(patternsLine([]string{p.Name}, config.Scale), " ")
		done = append(done, p)
		for _, s := range stages {
			if !s.Valid() && s.Discarded() == "" {
				invalid++
			}
			if err := folder.Append(s); err != nil {
				return err
			}
		}
		return nil
	}
	interrupt := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		fmt.Fprintln(errOut, "onhold: interrupted: writing the complete patterns")
	})
	runErr := patterns.Run(ctx, config)
	interrupt()
	interrupted := ctx.Err() != nil && len(done) < planned
	wrong := folder.Finish(time.Now(), len(done) == planned)
	if len(done) > 0 {
		wrong = errors.Join(wrong, showPatterns(c, dir, folder.Run, done))
	}
	return settled(wrong, patternsError(runErr, interrupted, len(done), planned, invalid))
}

// patternsError is the error of a run of patterns.
func patternsError(runErr error, interrupted bool, done, planned, invalid int) error {
	switch {
	case interrupted:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d patterns are complete and written", done, planned)}
	case runErr != nil:
		return runErr
	case invalid > 0:
		return &exitError{exitInvalid, fmt.Errorf("%s not valid; patterns.md states the reasons", units.Plural(invalid, "stage"))}
	}
	return nil
}

// patternsLine is the command line that does the same, without secrets.
func patternsLine(only []string, scale float64) []string {
	line := []string{"onhold", "patterns"}
	if len(only) > 0 {
		line = append(line, "--only", strings.Join(only, ","))
	}
	if scale != 1 {
		line = append(line, "--scale", fmt.Sprint(scale))
	}
	return line
}

// showPatterns writes the page and its figures, and prints the findings.
func showPatterns(c *cli.Command, dir string, run result.Run, all []pattern.Pattern) error {
	paths, wrong := pattern.Write(dir, run, all)
	out := c.Root().Writer
	wrong = errors.Join(wrong, pattern.Text(out, all))
	fmt.Fprintln(out)
	for _, path := range paths {
		fmt.Fprintln(out, path)
	}
	return wrong
}
