package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

const catRequire = "Requirements"

// requireFlag is --require, for commands that judge a run by itself.
func requireFlag() cli.Flag {
	return listFlag(catRequire, "require", "`CONDITIONS` conditions to pass, else the exit code is 1: 'p99<250ms,rejected<1%@level=200'")
}

// requirements are those of --require.
func requirements(c *cli.Command) (compare.Requirements, error) { return conditions(c, "require") }

// conditions are those of a flag.
func conditions(c *cli.Command, flag string) (compare.Requirements, error) {
	var all compare.Requirements
	for _, text := range c.StringSlice(flag) {
		rs, err := compare.ParseRequirements(text)
		if err != nil {
			return nil, usageError("--%s=%s: %w", flag, text, err)
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
	case stdoutTaken(c):
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
	code := judged.ExitCode()
	if code == exitOK {
		return nil, nil
	}
	var parts []string
	for _, ruling := range []struct {
		compare.Ruling
		is, word string
	}{{compare.Missed, "", "failed"}, {compare.Undecided, "is ", "inconclusive"}, {compare.NotJudged, "is ", "not judged"}} {
		switch n := judged.Count(ruling.Ruling); {
		case n == 0:
		case len(judged) == 1:
			parts = append(parts, "the requirement "+ruling.is+ruling.word)
		case len(parts) == 0:
			parts = append(parts, fmt.Sprintf("%d of %d requirements %s", n, len(judged), ruling.word))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, ruling.word))
		}
	}
	return &exitError{code, errors.New(strings.Join(parts, ", "))}, nil
}
