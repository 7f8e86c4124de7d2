// Package render writes what was measured into files: figures, tables, pages. It only
// reads; everything it writes can be written again from a run folder. Begin with
// [Write]. Its parts are packages of their own:
//
//   - sweep groups the stages of a run by target and level; finding states in
//     sentences what they show
//   - figure draws them, on canvas
//   - page writes summary.md and texts for terminals, with table and words
//   - verdict writes comparisons in every form; pattern shows experiments
//
// Latency never stands without the share of requests that it leaves out: percentiles
// are of ok requests, and beside them stands how many were rejected or failed. A
// percentile with fewer than ten samples beyond it is dotted in figures and marked in
// tables; one with none beyond it is not shown.
package render

import (
	"errors"
	"fmt"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/model"
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
			path, writeErr := sweep.Save(dir, f)
			if err = errors.Join(err, writeErr); writeErr == nil {
				r.Made, paths = append(r.Made, f), append(paths, path...)
			}
		}
	}
	return paths, err
}

// Verification writes verify.png and summary.md of a verification into dir, and returns
// the paths of what it wrote.
func Verification(dir string, r *conformance.Report) ([]string, error) {
	return writeVerification(dir, r, canvas.DPI)
}

func writeVerification(dir string, r *conformance.Report, resolution int) (paths []string, err error) {
	made, drawErr := page.Verification(r, resolution)
	paths, err = sweep.Save(dir, made...)
	return paths, errors.Join(drawErr, err)
}

// Expected draws a line of what theory expects as the capacity figure, with no
// measurement in it, into the folder dir, and returns the paths of its
// files. The levels are those of its points that somebody asked about; there must be one.
func Expected(dir string, levels []float64, line []model.Point) ([]string, error) {
	made, err := figure.Files(figure.Expected(levels, line), "capacity", canvas.DPI)
	if err != nil {
		return nil, err
	}
	return sweep.Save(dir, made...)
}
