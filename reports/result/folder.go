package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// Run is the content of run.json: what belongs to the run and not to a stage.
type Run struct {
	Schema      int         `json:"schema"`
	ID          string      `json:"id"`
	Command     []string    `json:"command"`
	Started     time.Time   `json:"started"`
	Finished    time.Time   `json:"finished,omitzero"`
	Planned     int         `json:"planned_stages"`
	Partial     bool        `json:"partial"` // true until every planned stage is complete
	Settings    Settings    `json:"settings"`
	Environment Environment `json:"environment"`
	Notes       []string    `json:"notes,omitempty"` // such as which CPUs who may use
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

// mergedWith begins the note of a run that has the stages of another too.
const mergedWith = "merged with run "

// Merge notes that the stages of other belong to r too.
func (r *Run) Merge(other Run) {
	r.Planned += other.Planned
	r.Partial = r.Partial || other.Partial
	r.Notes = append(r.Notes, mergedWith+other.ID)
}

// IDs are the run, and those that were merged with it.
func (r *Run) IDs() []string {
	ids := []string{r.ID}
	for _, n := range r.Notes {
		if id, is := strings.CutPrefix(n, mergedWith); is {
			ids = append(ids, id)
		}
	}
	return ids
}

// Folder is a run folder that is being written. A write that fails, such as on a full
// disk, does not end the run: the first such error is kept, see [Folder.Lost].
type Folder struct {
	Dir    string
	Run    Run
	stages *files.Log
	lost   error
}

// Create makes the run folder dir and writes run into it, marked partial.
// It fails where the folder already holds a run: a run is never overwritten.
func Create(dir string, run Run) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	stages, err := files.OpenLog(filepath.Join(dir, StagesFile), true)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("run folder %s already holds a run (%s): choose another folder, or remove it", dir, StagesFile)
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

// redacted is the run without the secrets that their form reveals. Others in the command
// line only the command knows.
func (r Run) redacted() Run {
	r.Command = redact.Args(r.Command, nil)
	r.Notes = slices.Clone(r.Notes)
	for i, note := range r.Notes {
		r.Notes[i] = redact.Text(note)
	}
	r.Settings = r.Settings.Redacted()
	return r
}

// Append adds one stage: its line is written in one call, so that a run that dies leaves
// at most its last line cut short. It fails where the stage cannot be encoded; Lost
// reports a line that could not be written.
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

// Lost is the first error of writing, a [*files.Unwritten]; nil where there was none. A
// run with one stays marked partial.
func (f *Folder) Lost() error { return f.lost }

// Mark writes run.json with the time at which the run ended, as far as it is known, and
// whether it is complete. More stages may follow. Its error is that of Lost.
func (f *Folder) Mark(at time.Time, complete bool) error {
	f.Run.Finished, f.Run.Partial = at, !complete || f.lost != nil
	f.lose(f.writeRun())
	return f.lost
}

// Finish closes the folder. The run stays marked partial unless it is complete. Its error
// is that of Lost.
func (f *Folder) Finish(at time.Time, complete bool) error {
	f.lose(f.stages.Close())
	return f.Mark(at, complete)
}

func (f *Folder) writeRun() error {
	b, err := json.MarshalIndent(f.Run, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(f.Dir, RunFile), append(b, '\n'))
}

// Continue opens a run folder to append further stages to it. A last line that is cut
// short, as of a run that was killed, is removed.
func Continue(dir string) (f *Folder, err error) {
	f = &Folder{Dir: dir}
	if f.Run, err = ReadRun(dir); err != nil {
		return nil, err
	}
	if err := mend(filepath.Join(dir, StagesFile)); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	if f.stages, err = files.OpenLog(filepath.Join(dir, StagesFile), false); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return f, nil
}

// mend removes the last line of a log where it has no end.
func mend(path string) error {
	f, err := files.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := files.NewLines(f, maxLine)
	for {
		_, err := lines.Next()
		var long *files.LongLine
		switch {
		case err == io.EOF:
			return nil
		case err == io.ErrUnexpectedEOF:
			return files.Truncate(path, lines.End)
		case err != nil && !errors.As(err, &long):
			return err
		}
	}
}
