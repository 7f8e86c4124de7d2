package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

const catRequire = "What is required"

// requireHelp is what the help of every command with --require says of it.
var requireHelp = "--require is what must hold: conditions with commas between, each of them a metric\n" +
	"(" + strings.Join(result.MetricNames(), ", ") + "),\n" +
	"one of " + strings.Join(compare.RequirementOps, " ") + ", and a value with its unit. A condition is about every stage, or about\n" +
	"those that the settings behind its own @ name; repeats of a stage are merged.\n\n" +
	"  rejected<1%,p99<250ms              both at every level\n" +
	"  rejected<1%,p99<250ms@level=200    rejected at every level, p99 at 200\n" +
	"  cpu<80us@target=eventloop&level=50 at one level of one target\n"

// requireFlag is --require, for commands that judge a run by itself.
func requireFlag() cli.Flag {
	return listFlag(catRequire, "require", "conditions that the stages have to meet, like 'p99<250ms,rejected<1%@level=200'; where one is missed the exit code is 1; may be given more than once")
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

// judge prints what became of the requirements, and returns as missed the error
// of stages that do not meet them all. With --json stdout has Stage lines only,
// so they go to stderr.
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
		for _, ruling := range []compare.Ruling{compare.Missed, compare.Untold, compare.Unjudged} {
			if n := judged.Count(ruling); n > 0 {
				parts = append(parts, fmt.Sprintf("%s: %d", ruling, n))
			}
		}
		missed = &exitError{code, fmt.Errorf("--require: not all that is required was met (%s of %d)", strings.Join(parts, ", "), len(judged))}
	}
	return missed, nil
}
