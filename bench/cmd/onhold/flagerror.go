package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// The library wraps what is wrong with a flag in these texts, without a type.
var (
	wrongValue    = regexp.MustCompile(`(?s)^invalid value (".*") for flag -(\S+): `)
	wrongVariable = regexp.MustCompile(`(?s)^could not parse (".*") as \S+ value from .* for flag (\S+): `)
	noValue       = regexp.MustCompile(`^flag needs an argument: -+(\S+)$`)
	notDefined    = regexp.MustCompile(`not defined: -*(.*)$`)
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
			return usageError("--%s=%s: want %s", m[2], unquoted(m[1]), wanted(flag))
		}
	}
	if m := wrongVariable.FindStringSubmatch(text); m != nil {
		if flag := flagNamed(c, m[2]); flag != nil {
			return usageError("%s=%s: want %s", variableOf(m[2]), unquoted(m[1]), wanted(flag))
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

// unquoted is a value that the library quotes, in quotes only where they help.
func unquoted(quoted string) string {
	if inner := quoted[1 : len(quoted)-1]; inner != "" && !strings.ContainsAny(inner, "\\ \"") {
		return inner
	}
	return quoted
}

// wanted is what the values of a flag must be.
func wanted(flag cli.Flag) string {
	switch flag.(type) {
	case *cli.DurationFlag:
		return "a duration, such as 500ms, 3s or 2m"
	case *cli.IntFlag:
		return fmt.Sprintf("a whole number from 0 to %d", mostCount)
	case *cli.Uint64Flag:
		return "a whole number of 0 or more"
	case *cli.FloatFlag:
		return "a number, such as 0.5"
	case *cli.BoolFlag:
		return "true or false, or no value"
	}
	return "a value"
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
