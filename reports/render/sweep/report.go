package sweep

import (
	"errors"
	"path/filepath"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// Report is what the outputs of a run are made from.
type Report struct {
	Run     result.Run
	Stages  []*result.Stage
	Sweeps  []Sweep
	DPI     int      // of pictures
	Made    []File   // by the outputs before
	Missing []string // sentences: what could not be made, and why
}

// NewReport groups the stages of a run.
func NewReport(run result.Run, stages []*result.Stage) *Report {
	return &Report{Run: run, Stages: stages, Sweeps: Of(stages)}
}

// File is one file for the run folder. Pictures have a title and an alternative
// text.
type File struct {
	Name  string
	Data  []byte
	Title string
	Alt   string
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
