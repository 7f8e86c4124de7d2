// Package render shows what was measured: figures, tables, Markdown. It only
// reads; everything it writes can be written again from a run folder.
//
//  1. Stages are grouped into sweeps: one target, rising levels, the repeats
//     of each level merged.
//  2. A finding is drawn from the sweeps: one sentence that says what the
//     targets do to their callers when load rises, or the question where the
//     stages do not support an answer. It is the title of the figures and the
//     first line of the text.
//  3. Each output turns the sweeps into files. Figures first fill a model of
//     what is to be drawn, which tests look at, and then draw it.
//
// Of a comparison of two commits it shows likewise whether the candidate got
// worse, of what, by how much, and how sure that is: [CompareText] for people,
// [WriteComparison] for the files of a job.
//
// Of experiments that show how a way of calling behaves it makes figures of
// any lines, bars, timelines and dots, and a page: [WritePatterns].
//
// Latency is never shown without the share of callers that it leaves out:
// percentiles are of ok requests, and right below stands how many were turned
// away. A percentile with fewer than ten samples beyond it is dotted in the
// figures and marked in the tables; one with none beyond it is not shown.
package render

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// outputs are the files that belong into a run folder. To add a format, write a
// function in a package of its own and enter it here. The summary comes last, as it
// shows what the others made.
var outputs = []struct {
	name string
	make func(*sweep.Report) ([]sweep.File, error)
}{
	{"capacity", figure.Capacity},
	{"percentiles", figure.Percentiles},
	{"stall", figure.Stall},
	{"summary", page.Summary},
}

// Write draws a run into the folder dir and returns the paths of the files it
// wrote, in order. It works with any number of stages, also none: a figure
// without data is left out and summary.md says so. The error joins all that
// went wrong; what could be written is written all the same.
func Write(dir string, run result.Run, stages []*result.Stage) (paths []string, err error) {
	return writeReport(dir, run, stages, canvas.DPI)
}

func writeReport(dir string, run result.Run, stages []*result.Stage, resolution int) (paths []string, err error) {
	r := sweep.NewReport(run, stages)
	r.DPI = resolution
	for _, o := range outputs {
		made, makeErr := o.make(r)
		var none sweep.Nothing
		switch {
		case errors.As(makeErr, &none):
			r.Missing = append(r.Missing, string(none))
		case makeErr != nil:
			r.Missing = append(r.Missing, fmt.Sprintf("The %s figure could not be drawn: %v.", o.name, makeErr))
			err = errors.Join(err, fmt.Errorf("%s: %w", o.name, makeErr))
		}
		for _, f := range made {
			path, writeErr := writeFile(dir, f)
			if writeErr != nil {
				err = errors.Join(err, writeErr)
				continue
			}
			r.Made = append(r.Made, f)
			paths = append(paths, path)
		}
	}
	return paths, err
}

func writeFile(dir string, f sweep.File) (path string, err error) {
	path = filepath.Join(dir, f.Name)
	return path, files.Write(path, f.Data)
}

// Text writes the finding and a table of each target to w, aligned, without
// colours, in at most 120 columns. It fails where w does.
func Text(w io.Writer, run result.Run, stages []*result.Stage) error {
	return page.Text(w, run, stages)
}
