package result

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/redact"
)

// The files of a run folder that hold the truth. Everything else in it is
// drawn from them.
const (
	RunFile    = "run.json"
	StagesFile = "stages.jsonl"

	// TracesFolder is where a run's traces are, where it has any. Each stage
	// names its own (KeyTrace).
	TracesFolder = "traces"
)

// Run is what run.json says of a run as a whole.
type Run struct {
	Schema      int         `json:"schema"`
	ID          string      `json:"id"`
	Command     []string    `json:"command"`
	Started     time.Time   `json:"started"`
	Finished    time.Time   `json:"finished,omitzero"`
	Planned     int         `json:"planned_stages"`
	Partial     bool        `json:"partial"` // true until every planned stage is whole
	Settings    Settings    `json:"settings"`
	Environment Environment `json:"environment"`
	Notes       []string    `json:"notes,omitempty"` // how the machine was shared out, and the like
}

// Environment says where and with what a run was made.
type Environment struct {
	Host   string `json:"host"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel,omitempty"`
	CPU    string `json:"cpu,omitempty"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes,omitempty"`
	Go     string `json:"go"`
	Onhold string `json:"onhold"` // module version
	Commit string `json:"commit,omitempty"`
}

// Folder is a run folder that is being written. What cannot be written, on a
// full disk for one, ends no run: the first such error is kept, see [Folder.Lost].
type Folder struct {
	Dir    string
	Run    Run
	stages *files.Log
	lost   error
}

// Create makes the run folder dir and writes run, stamped partial, into it.
// It fails where the folder already holds a run: a run is never overwritten.
func Create(dir string, run Run) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	stages, err := files.OpenLog(filepath.Join(dir, StagesFile), true)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("run folder %s already holds a run (%s): name another, or remove it", dir, StagesFile)
	}
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	run.Schema, run.Partial = Schema, true
	f := &Folder{Dir: dir, Run: run.redacted(), stages: stages}
	if err := f.writeRun(); err != nil {
		// There is no run: the same command is to find the folder as it was.
		return nil, errors.Join(err, stages.Close(), os.Remove(filepath.Join(dir, StagesFile)))
	}
	return f, nil
}

// redacted is the run without secrets, as far as their form tells them. What else
// is one in the command line, only the command knows.
func (r Run) redacted() Run {
	r.Command = redact.Args(r.Command, nil)
	r.Notes = slices.Clone(r.Notes)
	for i, note := range r.Notes {
		r.Notes[i] = redact.Text(note)
	}
	r.Settings = r.Settings.redacted()
	return r
}

// Append adds one whole stage: its line is written in one call, so that a run
// that dies leaves at most its last line cut short. It fails where the stage
// cannot be encoded; that it could not be written is told by Lost.
func (f *Folder) Append(s *Stage) error {
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("run folder: stage %v: %w", s.Settings, err)
	}
	f.lose(f.stages.Append(append(line, '\n')))
	return nil
}

// lose keeps the first error of writing.
func (f *Folder) lose(err error) {
	if f.lost == nil {
		f.lost = err
	}
}

// Lost is why not everything could be written so far, a [*files.Unwritten]; nil
// where it could. The run is then never marked whole.
func (f *Folder) Lost() error { return f.lost }

// Mark writes run.json as things stand: when the run was over, as far as that
// is known, and whether it is whole. More stages may follow. Its error is that of
// Lost.
func (f *Folder) Mark(at time.Time, whole bool) error {
	f.Run.Finished, f.Run.Partial = at, !whole || f.lost != nil
	f.lose(f.writeRun())
	return f.lost
}

// Finish closes the folder. The run keeps its stamp partial unless whole. Its
// error is that of Lost.
func (f *Folder) Finish(at time.Time, whole bool) error {
	f.lose(f.stages.Close())
	return f.Mark(at, whole)
}

func (f *Folder) writeRun() error {
	b, err := json.MarshalIndent(f.Run, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(f.Dir, RunFile), append(b, '\n'))
}

// Open reads a run folder: the stages that count, without attempts that were
// discarded and run again. What it could not use (a stage line cut short by
// a crash, say) is told in warnings; the rest is returned all the same. It
// fails where run.json or all of the stages cannot be read.
func Open(dir string) (run Run, stages []*Stage, warnings []string, err error) {
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
		case stage.Discarded() != "":
		case len(stages) == mostStages:
			return run, nil, nil, fmt.Errorf("%s: has more than %d stages, the most that are read at once; part the file", filepath.Join(dir, StagesFile), mostStages)
		default:
			stages = append(stages, stage)
		}
	}
	if more := bad - mostWarnings; more > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: %d more lines up to line %d are no stages either", StagesFile, more, r.line))
	}
	if err := r.Err(); err != nil {
		return run, nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, StagesFile), err)
	}
	return run, stages, warnings, nil
}

// Reader reads Stage lines. A line that is none is an error with its number
// and does not end the stream.
type Reader struct {
	r     *bufio.Reader
	line  int
	stage *Stage
	bad   error
	err   error
}

// MaxStages is how many stages a run may have: each takes up to 1 MB of memory.
const MaxStages = 5000

// mostStages is how many are read at once; less in tests.
var mostStages = MaxStages

// mostWarnings is how many lines that are no stages are told one by one.
const mostWarnings = 20

// maxLine bounds one Stage line: five full histograms stay well below it.
const maxLine = 8 << 20

// NewReader returns a reader of the Stage lines in r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 64<<10)} }

// Scan goes to the next line that is not empty; false at the end or after a
// read error.
func (r *Reader) Scan() bool {
	for r.err == nil {
		line, long, err := r.readLine()
		if len(line) == 0 && !long && err != nil {
			if err != io.EOF {
				r.err = err
			}
			return false
		}
		r.line++
		if len(bytes.TrimSpace(line)) == 0 && !long {
			continue
		}
		r.stage, r.bad = nil, nil
		stage := new(Stage)
		switch {
		case long:
			r.bad = fmt.Errorf("line %d is longer than %d bytes", r.line, maxLine)
		case err != nil && json.Unmarshal(line, stage) != nil:
			r.bad = fmt.Errorf("line %d: is cut short: the run was killed while it was written, or the disk was full", r.line)
		default:
			if err := json.Unmarshal(line, stage); err != nil {
				r.bad = fmt.Errorf("line %d: not a stage: %w", r.line, err)
			} else {
				r.stage = stage
			}
		}
		return true
	}
	return false
}

// readLine reads a line without its end; err is io.EOF where it has none. Of one
// that is too long nothing is kept.
func (r *Reader) readLine() (line []byte, long bool, err error) {
	for {
		part, err := r.r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if n := len(line); err == nil && n > 0 {
			line = line[:n-1]
		}
		return line, long, err
	}
}

// Stage returns the stage on the line that Scan went to, or why it is none.
func (r *Reader) Stage() (*Stage, error) { return r.stage, r.bad }

// Err returns the read error that ended the stream, nil at its regular end.
func (r *Reader) Err() error { return r.err }
