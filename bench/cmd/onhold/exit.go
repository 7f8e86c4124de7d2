package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/targets"
)

// The exit codes. A script may rely on them; help/exit.txt says what each means.
const (
	exitOK          = 0
	exitRegressed   = 1
	exitUsage       = 2
	exitCannotTell  = 3
	exitInvalid     = 4
	exitNotStarted  = 5
	exitUnwritten   = 6
	exitFault       = 70
	exitInterrupted = 130
)

// exitError is an error with the exit code that it means.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// exitCodeOf is the exit code that an error means.
func exitCodeOf(err error) int {
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*targets.NotStarted](err); ok || notSpoken(err) {
		return exitNotStarted
	}
	if _, ok := errors.AsType[*files.Unwritten](err); ok {
		return exitUnwritten
	}
	if _, ok := errors.AsType[*field.Error](err); ok {
		return exitUsage
	}
	return exitFault
}

// noArguments is an error where a command that takes none has arguments.
func noArguments(c *cli.Command) error {
	if c.NArg() > 0 {
		return usageError("%s takes no arguments, got %q", c.Name, c.Args().First())
	}
	return nil
}

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}
