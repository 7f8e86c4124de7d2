package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/a628bb15/onhold/reports/files"
)

// maxRun bounds run.json in bytes: it has a command line and settings, which no system
// allows to be a tenth of that.
const maxRun = 16 << 20

// ReadRun reads the run.json of a run folder.
func ReadRun(dir string) (run Run, err error) {
	path := filepath.Join(dir, RunFile)
	b, err := files.Read(path, maxRun)
	if err != nil {
		return run, fmt.Errorf("run folder: %w", err)
	}
	if err := json.Unmarshal(b, &run); err != nil {
		return run, fmt.Errorf("%s: %w", path, err)
	}
	if run.Schema != Schema {
		return run, fmt.Errorf("%s: schema is %d, and this version of onhold reads %d: make the run again, or read it with the version that wrote it (%.100q)", path, run.Schema, Schema, run.Environment.Onhold)
	}
	return run, nil
}

// Open reads a run folder: the stages that count, without attempts that were discarded
// and run again. Warnings report the lines that are no stages, such as one cut short by
// a crash; the others are returned all the same. It fails where run.json or all of the
// stages cannot be read.
func Open(dir string) (run Run, stages []*Stage, warnings []string, err error) {
	return open(dir, false)
}

// OpenAll is Open with the attempts that were discarded, where they are in the record.
func OpenAll(dir string) (run Run, stages []*Stage, warnings []string, err error) {
	return open(dir, true)
}

func open(dir string, discarded bool) (run Run, stages []*Stage, warnings []string, err error) {
	run, err = ReadRun(dir)
	if errors.Is(err, os.ErrNotExist) {
		return run, nil, nil, fmt.Errorf("%s is not a run folder: it has no %s", dir, RunFile)
	}
	if err != nil {
		return run, nil, nil, err
	}
	f, err := files.Open(filepath.Join(dir, StagesFile))
	if err != nil {
		return run, nil, nil, fmt.Errorf("run folder: %w", err)
	}
	defer f.Close()
	r := NewReader(f)
	bad := 0
	for r.Scan() {
		stage, err := r.Stage()
		switch {
		case err != nil:
			if bad++; bad <= mostWarnings {
				warnings = append(warnings, fmt.Sprintf("%s: %.300s", StagesFile, err.Error())) // it may quote what the line holds
			}
		case stage.Discarded() != "" && !discarded:
		case len(stages) == mostStages:
			return run, nil, nil, fmt.Errorf("%s: has more than %d stages, the maximum: split the file", filepath.Join(dir, StagesFile), mostStages)
		default:
			stages = append(stages, stage)
		}
	}
	if more := bad - mostWarnings; more > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: %d more lines up to line %d are not stages", StagesFile, more, r.lines.Number))
	}
	if err := r.Err(); err != nil {
		return run, nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, StagesFile), err)
	}
	return run, stages, warnings, nil
}

// Reader reads Stage lines. A line that is none is an error with its number
// and does not end the stream.
type Reader struct {
	lines *files.Lines
	stage *Stage
	bad   error
	err   error
}

// MaxStages is how many stages a run may have: each takes up to 1 MB of memory.
const MaxStages = 5000

// mostStages is how many are read at once; less in tests.
var mostStages = MaxStages

// mostWarnings is how many lines that are no stages are reported one by one.
const mostWarnings = 20

// maxLine bounds one Stage line: nine full histograms and three sparse ones in each of
// MaxSlices stay below it.
const maxLine = 32 << 20

// NewReader returns a reader of the Stage lines in r.
func NewReader(r io.Reader) *Reader { return &Reader{lines: files.NewLines(r, maxLine)} }

// Scan goes to the next line that is not empty; false at the end or after a
// read error.
func (r *Reader) Scan() bool {
	for r.err == nil {
		line, err := r.lines.Next()
		var long *files.LongLine
		switch {
		case err == io.EOF:
			return false
		case errors.As(err, &long):
			r.stage, r.bad = nil, err
			return true
		case err != nil && err != io.ErrUnexpectedEOF:
			r.err = err
			return false
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		r.stage, r.bad = new(Stage), nil
		if wrong := json.Unmarshal(line, r.stage); wrong != nil {
			r.stage, r.bad = nil, fmt.Errorf("line %d: not a stage: %w", r.lines.Number, wrong)
			if err != nil {
				r.bad = fmt.Errorf("line %d: is cut short: the run was killed while it was written, or the disk was full", r.lines.Number)
			}
		}
		return true
	}
	return false
}

// Stage returns the stage on the line that Scan went to, or why it is none.
func (r *Reader) Stage() (*Stage, error) { return r.stage, r.bad }

// Err returns the read error that ended the stream, nil at its regular end.
func (r *Reader) Err() error { return r.err }
