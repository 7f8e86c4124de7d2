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
	return &cli.Command{
		Name:  "patterns",
		Usage: "compare synchronous and asynchronous calls in short experiments",
		Flags: []cli.Flag{
			stringFlag(catTarget, "only", "", "names of patterns, separated by commas (default all)"),
			noPinFlag(catTarget),
			floatFlag(catLoad, "scale", 1, fmt.Sprintf("multiplies the calls of phone-calls (2 s) and the length of pay-later (20 s): %v to %v", patterns.MinScale, patterns.MaxScale)),
			&cli.StringFlag{Category: catBackend, Name: flagDSN, Usage: "add this PostgreSQL to what-is-behind and the-pool, as for 'onhold serve --backend postgres'"},
			stringFlag(catOutput, "out", "", "folder for the results (default "+defaultOut+"/TIME-patterns)"),
		},
		Action: patternsAction,
	}
}

func patternsAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := noArguments(c); err != nil {
		return fmt.Errorf("%w; name patterns with --only", err)
	}
	only, err := namesOf(c, "only", patterns.Names())
	if err != nil {
		return err
	}
	config := patterns.Config{Scale: c.Float("scale"), DSN: c.String(flagDSN), Only: only}
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
	invalid, valid := 0, 0
	var added patterns.Added
	config.Done = func(p pattern.Pattern, stages []*result.Stage, more patterns.Added) error {
		added.Extended, added.Repeated = added.Extended+more.Extended, added.Repeated+more.Repeated
		p.Command = strings.Join(patternsLine([]string{p.Name}, config.Scale), " ")
		done = append(done, p)
		for _, s := range stages {
			switch {
			case s.Valid():
				valid++
			case s.Discarded() == "":
				invalid++
			}
			if err := folder.Append(s); err != nil {
				return err
			}
		}
		return nil
	}
	interrupt := whenInterrupted(ctx, errOut, "writing the complete patterns")
	runErr := patterns.Run(ctx, config)
	interrupt()
	seconds := func(d time.Duration) int { return int(d.Round(time.Second).Seconds()) }
	took := time.Since(began)
	fmt.Fprintf(errOut, "onhold: took %d s: %d s as planned, %d s of extensions and %d s of repeats on a disturbed machine\n",
		seconds(took), seconds(took-added.Extended-added.Repeated), seconds(added.Extended), seconds(added.Repeated))
	interrupted := ctx.Err() != nil && len(done) < planned
	wrong := folder.Finish(time.Now(), len(done) == planned)
	if len(done) > 0 {
		wrong = errors.Join(wrong, showPatterns(c, dir, folder.Run, done))
	}
	if invalid > 0 && valid > 0 {
		fmt.Fprintf(errOut, "onhold: %s not valid; patterns.md states the reasons\n", units.Plural(invalid, "stage"))
	}
	return settled(wrong, patternsError(runErr, interrupted, len(done), planned, invalid > 0 && valid == 0))
}

// patternsError is the error of a run of patterns.
func patternsError(runErr error, interrupted bool, done, planned int, invalid bool) error {
	switch {
	case interrupted:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d patterns are complete and written", done, planned)}
	case runErr != nil:
		return runErr
	case invalid:
		return &exitError{exitInvalid, errors.New("no stage is valid; patterns.md states the reasons")}
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
