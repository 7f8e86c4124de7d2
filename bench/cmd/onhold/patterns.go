package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/patterns"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
)

func patternsCommand() *cli.Command {
	var about strings.Builder
	for _, e := range patterns.All {
		fmt.Fprintf(&about, "  %-15s %s\n", e.Name, e.About)
	}
	return &cli.Command{
		Name:  "patterns",
		Usage: "see what synchronous and asynchronous mean, in short experiments",
		Description: "Runs short experiments with real servers, and writes patterns.md with a figure and\n" +
			"a sentence for each of them, made from what was measured. All together they take\n" +
			"under two minutes:\n\n" + about.String() + "\n" +
			"Examples:\n\n" +
			"  onhold patterns\n" +
			"  onhold patterns --only phone-calls --scale 0.1 --out reports/out/calls",
		Flags: []cli.Flag{
			stringFlag(catTarget, "only", "", "names of patterns, separated by commas; where not set, all"),
			noPinFlag(catTarget),
			&cli.FloatFlag{Category: catLoad, Name: "scale", Value: 1, Usage: fmt.Sprintf("of the calls of phone-calls (2 s) and the length of pay-later (20 s): from %v to %v", patterns.MinScale, patterns.MaxScale), Sources: env("scale"), OnlyOnce: true},
			&cli.StringFlag{Category: catBackend, Name: flagDSN, Sources: env(flagDSN), Usage: "a PostgreSQL that joins what-is-behind and the-pool, as for 'onhold serve --backend postgres'"},
			stringFlag(catOutput, "out", "", "folder for what is written; where not set, "+defaultOut+"/TIME-patterns"),
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
	config := patterns.Config{Scale: c.Float("scale"), DSN: c.String(flagDSN)}
	for name := range strings.SplitSeq(c.String("only"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			config.Only = append(config.Only, name)
		}
	}
	if config.Scale == 0 { // means a default in a Config, not here
		return usageError("--scale=0: must be from %v to %v", patterns.MinScale, patterns.MaxScale)
	}
	if err := config.Validate(); err != nil {
		return &exitError{exitUsage, err}
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

	many := len(config.Only)
	if many == 0 {
		many = len(patterns.All)
	}
	run := result.Run{
		ID: began.Format("20060102-150405"), Command: patternsLine(config), Started: began,
		Settings:    result.Settings{{Key: "scale", Value: fmt.Sprint(config.Scale)}},
		Environment: host.Environment(), Notes: []string{p.note},
	}
	dir := c.String("out")
	if dir == "" {
		dir = filepath.Join(defaultOut, run.ID+"-patterns")
	}
	folder, err := result.Create(dir, run)
	if err != nil {
		return folderError(err)
	}
	var whole []pattern.Pattern
	invalid := 0
	config.Whole = func(p pattern.Pattern, stages []*result.Stage) error {
		whole = append(whole, p)
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
	told := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		fmt.Fprintln(errOut, "onhold: interrupted: what is whole is written")
	})
	runErr := patterns.Run(ctx, config)
	told()
	interrupted := ctx.Err() != nil && len(whole) < many
	wrong := folder.Finish(time.Now(), len(whole) == many)
	if len(whole) > 0 {
		wrong = errors.Join(wrong, showPatterns(c, dir, folder.Run, whole))
	}
	return settled(wrong, patternsError(runErr, interrupted, len(whole), many, invalid))
}

// patternsError is what a run of patterns comes to.
func patternsError(runErr error, interrupted bool, whole, many, invalid int) error {
	switch {
	case interrupted:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d patterns are whole, and written", whole, many)}
	case runErr != nil:
		return runErr
	case invalid > 0:
		return &exitError{exitInvalid, fmt.Errorf("%d of the stages are not valid; the page says which, and why", invalid)}
	}
	return nil
}

// patternsLine is the command line that does the same, without what is secret.
func patternsLine(config patterns.Config) []string {
	line := []string{"onhold", "patterns", fmt.Sprintf("--scale=%v", config.Scale)}
	if len(config.Only) > 0 {
		line = append(line, "--only="+strings.Join(config.Only, ","))
	}
	return line
}

// showPatterns writes the page and its figures, and tells what was found.
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
