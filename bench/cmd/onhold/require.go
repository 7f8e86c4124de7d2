package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const catRequire = "Requirements"

// requireHelp is what the help of every command with --require says of it.
var requireHelp = "--require turns a run into a pass/fail check. It takes conditions, separated by commas: a\n" +
	"metric, one of " + strings.Join(compare.RequirementOps, " ") + ", and a value with its unit. A condition applies to every stage, or\n" +
	"with @ to those with the settings named; repeats of a stage are merged. The metrics:\n\n  " +
	wrapped(strings.Join(result.MetricNames(), ", "), 2) + "\n\n" +
	"  rejected<1%,p99<250ms              both at every level\n" +
	"  rejected<1%,p99<250ms@level=200    rejected at every level, p99 at 200\n" +
	"  cpu<80us@target=eventloop&level=50 at one level of one target\n"

// requireFlag is --require, for commands that judge a run by itself.
func requireFlag() cli.Flag {
	return listFlag(catRequire, "require", "`CONDITIONS` conditions to pass, else the exit code is 1: 'p99<250ms,rejected<1%@level=200'")
}

// requirements are those of --require.
func requirements(c *cli.Command) (compare.Requirements, error) {
	var all compare.Requirements
	for _, text := range c.StringSlice("require") {
		rs, err := compare.ParseRequirements(text)
		if err != nil {
			return nil, usageError("--require=%s: %w", text, err)
		}
		all = append(all, rs...)
	}
	return all, nil
}

// judge prints the requirements with what was measured, and returns as missed the
// error of those that do not hold. With --json stdout has stages only, so it prints
// to stderr.
func judge(c *cli.Command, required compare.Requirements, stages []*result.Stage) (missed, err error) {
	if len(required) == 0 {
		return nil, nil
	}
	judged := required.Judge(stages)
	var out io.Writer = c.Root().Writer
	head := "\nRequired:" // below the tables
	switch {
	case c.Bool("json"):
		out, head = c.Root().ErrWriter, "Required:"
	case c.Bool("no-report"):
		head = "Required:"
	}
	if _, err := fmt.Fprintln(out, head); err != nil {
		return nil, err
	}
	if err := judged.Text(out); err != nil {
		return nil, err
	}
	if code := judged.ExitCode(); code != exitOK {
		var parts []string
		for _, ruling := range []struct {
			compare.Ruling
			word string
		}{{compare.Missed, "failed"}, {compare.Undecided, "inconclusive"}, {compare.NotJudged, "not judged"}} {
			if n := judged.Count(ruling.Ruling); n > 0 {
				of := ""
				if len(parts) == 0 {
					of = " of " + units.Plural(len(judged), "requirement")
				}
				parts = append(parts, fmt.Sprintf("%d%s %s", n, of, ruling.word))
			}
		}
		missed = &exitError{code, errors.New(strings.Join(parts, ", "))}
	}
	return missed, nil
}
