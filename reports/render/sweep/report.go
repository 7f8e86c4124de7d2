package sweep

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Report is what the outputs of a run are made from.
type Report struct {
	Run     result.Run
	Stages  []*result.Stage
	Sweeps  []Sweep
	Search  bool     // the stages are levels that a search tried
	Found   []string // sentences that a page begins with, in place of what the stages show
	Asked   *Asked   // the latency that was required; nil where it was none
	DPI     int      // of pictures
	Made    []File   // by the outputs before
	Missing []string // sentences: what could not be made, and why
}

// Asked is a requirement on latency, with which the charts of a page begin.
type Asked struct {
	Percentile string // like p99
	Adjusted   bool   // of all arrivals
	Most       time.Duration
}

// Tables are the tables of a run.
type Tables struct {
	Overview *table.Table // one row for each target; nil where there is no stage
	Steps    *table.Table // of scenarios, at the level that says most; nil where there are none
	Levels   *table.Table // one row for each level of each target
	Agents   *table.Table // that drove each level; nil where one generator did
	Streams  *table.Table // how events came, at each level; nil where no reply was a stream
	Statuses *table.Table // of the replies of each level; nil where all have the same
	Legend   string       // of Levels
}

// NewReport groups the stages of a run.
func NewReport(run result.Run, stages []*result.Stage) *Report {
	return &Report{Run: run, Stages: stages, Sweeps: Of(stages)}
}

// Validity says how many of the stages are valid, and why the others are not.
func Validity(stages []*result.Stage) string {
	if len(stages) == 0 {
		return "no stage was completed"
	}
	valid := 0
	for _, s := range stages {
		if s.Valid() {
			valid++
		}
	}
	return fmt.Sprintf("%d of %s valid", valid, units.Plural(len(stages), "stage"))
}

// File is one file for the run folder. Pictures have a title and an alternative
// text, and may have the data behind them.
type File struct {
	Name  string
	Data  []byte
	Title string
	Alt   string
	Note  string
	Table *table.Table
}

// Save writes files into the folder dir, which must exist, and returns the paths of
// those that it wrote, in order. The error joins all that went wrong.
func Save(dir string, all ...File) (paths []string, err error) {
	for _, f := range all {
		path := filepath.Join(dir, f.Name)
		if writeErr := files.Write(path, f.Data); writeErr != nil {
			err = errors.Join(err, writeErr)
			continue
		}
		paths = append(paths, path)
	}
	return paths, err
}

// Nothing is the error of an output that has nothing to show, in a sentence. It is
// reported, and is no failure.
type Nothing string

func (n Nothing) Error() string { return string(n) }
