package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
)

// The library wraps what is wrong with a flag in these texts, without a type.
var (
	wrongValue = regexp.MustCompile(`(?s)^invalid value (".*") for flag -(\S+): `)
	noValue    = regexp.MustCompile(`^flag needs an argument: -+(\S+)$`)
	notDefined = regexp.MustCompile(`not defined: -*(.*)$`)
)

// flagError is the library's error of a flag in our words: which flag, its value,
// and what is allowed.
func flagError(c *cli.Command, err error) error {
	text := err.Error()
	if m := notDefined.FindStringSubmatch(text); m != nil {
		return unknownFlag(c, m[1])
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		if flag := flagNamed(c, m[1]); flag != nil {
			return usageError("--%s: want %s", m[1], wanted(flag))
		}
	}
	if m := wrongValue.FindStringSubmatch(text); m != nil {
		switch flag := flagNamed(c, m[2]); {
		case flag != nil && flag.IsSet():
			return usageError("--%s is given twice", m[2])
		case flag != nil:
			value, _ := strconv.Unquote(m[1])
			return usageError("--%s=%s: want %s", m[2], quoted(value), wanted(flag))
		}
	}
	return &exitError{exitUsage, errors.New(text)}
}

func flagNamed(c *cli.Command, name string) cli.Flag {
	if i := slices.IndexFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }); i >= 0 {
		return c.Flags[i]
	}
	return nil
}

// quoted is a value in quotes where they help.
func quoted(value string) string {
	if q := strconv.Quote(value); value == "" || strings.ContainsAny(q[1:len(q)-1], "\\ ") {
		return q
	}
	return value
}

// configureCompletion describes the library's subcommand, which is not among ours.
func configureCompletion(c *cli.Command) {
	var shells []string
	for _, sub := range c.Commands {
		shells = append(shells, sub.Name)
	}
	c.Usage = "print a script that completes commands, flags and styles"
	c.Action = func(_ context.Context, c *cli.Command) error {
		if shell := c.Args().First(); shell != "" {
			return usageError("there is no completion for %q; want one of %s", shell, strings.Join(shells, ", "))
		}
		return usageError("onhold completion: want a shell, one of %s, as in: source <(onhold completion bash)", strings.Join(shells, ", "))
	}
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error { return flagError(c, err) }
}
