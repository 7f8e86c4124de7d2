package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/redact"
)

// output is where the command prints: all of it goes through one, so that no name
// from outside moves a terminal's cursor or is a command to whoever runs the job,
// and no known secret is shown.
type output struct {
	name string
	raw  io.Writer
	safe *escape.Writer
}

func newOutput(name string, raw io.Writer) *output {
	return &output{name, raw, escape.NewWriter(raw)}
}

// Write prints p. Its error is a [*files.Unwritten].
func (o *output) Write(p []byte) (int, error) {
	if _, err := io.WriteString(o.safe, redact.Known(string(p))); err != nil {
		return 0, &files.Unwritten{Path: o.name, Err: err}
	}
	return len(p), nil
}

// rawOf is what is below: for a progress bar, and for what is meant to be a
// command to whoever runs the job.
func rawOf(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.raw
	}
	return w
}

// fileOf is the file that w prints to; nil where it is none.
func fileOf(w io.Writer) *os.File {
	f, _ := rawOf(w).(*os.File)
	return f
}

// lostOf separates the errors of what could not be written from the others. Either
// is nil where there is none.
func lostOf(err error) (lost, other error) {
	if err == nil {
		return nil, nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range all.Unwrap() {
			l, o := lostOf(e)
			lost, other = errors.Join(lost, l), errors.Join(other, o)
		}
		return lost, other
	}
	var exit *exitError
	var asked *duet.ConfigError
	if u, ok := errors.AsType[*files.Unwritten](err); ok && !errors.As(err, &exit) && !errors.As(err, &asked) {
		return u, nil
	}
	return nil, err
}

// settled is the error of a command whose results are printed: found, what they
// come to, and what went wrong while they were written. A requirement that was
// missed stays the exit code: whoever waits for it must not take it for a full
// disk.
func settled(wrong, found error) error {
	lost, fault := lostOf(wrong)
	switch {
	case fault != nil:
		return errors.Join(fault, lost, found)
	case lost == nil:
		return found
	}
	code := exitUnwritten
	if exitCodeOf(found) == exitRegressed {
		code = exitRegressed
	}
	return &exitError{code, errors.Join(found, &unsaved{lost})}
}

// unsaved says that results are printed and not stored.
type unsaved struct{ error }

func (u *unsaved) Error() string {
	return "not all results could be written; they are printed: " + u.error.Error()
}

func (u *unsaved) Unwrap() error { return u.error }

// folderError is the error of a folder that could not be made: of what the user
// asked for, or of the disk.
func folderError(err error) error {
	if diskFault(err) {
		return &exitError{exitUnwritten, err}
	}
	return &exitError{exitUsage, err}
}

// freshFolder makes a folder of that name below defaultOut. Where there is one, as of
// a command that began in the same second, the name gets a number. What cannot be
// made is reported by whoever writes into it.
func freshFolder(name string) string {
	dir := filepath.Join(defaultOut, name)
	if os.MkdirAll(defaultOut, 0o755) != nil {
		return dir
	}
	for n := 2; errors.Is(os.Mkdir(dir, 0o755), fs.ErrExist); n++ {
		dir = filepath.Join(defaultOut, fmt.Sprintf("%s-%d", name, n))
	}
	return dir
}
