package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/targets"
)

// The exit codes. A script may rely on them.
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

// exitCodes says what each of them means; every help text shows it.
var exitCodes = []struct {
	code  int
	means string
}{
	{exitOK, "done; nothing regressed"},
	{exitRegressed, "a requirement is missed, a metric regressed, theory is contradicted, or a verdict is wrong"},
	{exitUsage, "usage or configuration"},
	{exitCannotTell, "inconclusive: too noisy, or too few samples"},
	{exitInvalid, "not valid: a requirement applies to an invalid stage, or every stage is invalid"},
	{exitNotStarted, "a target did not start, or no server listens at the address"},
	{exitUnwritten, "the results could not be written; they are printed all the same"},
	{exitFault, "an internal fault"},
	{exitInterrupted, "interrupted; the report is written all the same, marked partial"},
}

func exitCodesHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.means)
	}
	return b.String()
}

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
	if _, ok := errors.AsType[*field.Error](err); ok {
		return exitUsage
	}
	return exitFault
}

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}
