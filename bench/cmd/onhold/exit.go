package main

import (
	"errors"
	"fmt"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/targets"
)

// The exit codes. A script may rely on them.
const (
	exitOK          = 0
	exitRegressed   = 1   // regressed, or a threshold missed
	exitUsage       = 2   // usage or configuration
	exitCannotTell  = 3   // too noisy, or too few samples
	exitInvalid     = 4   // the run is not valid: the generator was the limit, a target died, samples are missing
	exitNotStarted  = 5   // a target did not start
	exitUnwritten   = 6   // the results could not be written; they are printed all the same
	exitFault       = 70  // a fault of our own
	exitInterrupted = 130 // by Ctrl-C or SIGTERM; the report is written all the same
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
	if _, ok := errors.AsType[*targets.NotStarted](err); ok {
		return exitNotStarted
	}
	if _, ok := errors.AsType[*files.Unwritten](err); ok {
		return exitUnwritten
	}
	return exitFault
}

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}
