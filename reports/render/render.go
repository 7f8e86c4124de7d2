// Package render writes what was measured into files: figures, tables, pages. It only
// reads; everything it writes can be written again from a run folder. Begin with
// [Write]. Its parts are packages of their own:
//
//   - sweep groups the stages of a run by target and level; finding states in
//     sentences what they show
//   - figure draws them, on canvas
//   - page writes summary.md and texts for terminals, with table and words; html
//     writes report.html
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
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/capacity"
	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/html"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

type output struct {
	name string
	make func(*sweep.Report) ([]sweep.File, error)
}

// outputs are the files that belong into a run folder. To add a format, write a
// function in a package of its own and enter it here. The summary comes last, as it
// shows what the others made.
var outputs = []output{
	{"steps", figure.Steps},
	{"capacity", figure.Capacity},
	{"streams", figure.Streams},
	{"percentiles", figure.Percentiles},
	{"saturation", figure.Saturation},
	{"heatmap", figure.HeatMap},
	{"time", figure.OverTime},
	{"stall", figure.Stall},
	{"report.html", func(r *sweep.Report) ([]sweep.File, error) {
		return html.Report(r, page.Tables(r.Sweeps))
	}},
	{"summary", page.Summary},
}

// Write draws a run into the folder dir and returns the paths of the files it
// wrote, in order. It works with any number of stages, also none: a figure
// without data is left out and summary.md says so. The error joins all that
// went wrong; what could be written is written all the same.
//
// Where the stages are those of two runs that are more than repeats of one another, sides
// are these, and it draws how their latency differs, too.
func Write(dir string, run result.Run, stages []*result.Stage, sides ...difference.Side) (paths []string, err error) {
	return writeReport(dir, run, stages, canvas.DPI, sides...)
}

func all(sweep.File) bool { return true }

func writeReport(dir string, run result.Run, stages []*result.Stage, resolution int, sides ...difference.Side) (paths []string, err error) {
	r := sweep.NewReport(run, stages)
	r.DPI = resolution
	own := outputs
	if len(sides) == 2 {
		if runs := difference.Of(sides[0], sides[1]); runs != nil && runs.Unlike() {
			own = slices.Insert(slices.Clone(outputs), 0, differences(runs))
		}
	}
	return write(dir, r, own, all)
}

// Search draws the run folder of a search as [Write] does, and its answer before all
// else. It writes find.json, too.
func Search(dir string, record *search.Record, run result.Run, stages []*result.Stage) (paths []string, err error) {
	r := sweep.NewReport(run, stages)
	r.DPI, r.Search, r.Found = canvas.DPI, true, []string{capacity.Title(record), words.UpperFirst(capacity.Why(record))}
	r.Asked = capacity.Asked(record)
	own := slices.Insert(slices.Clone(outputs), 0, output{"find", func(r *sweep.Report) ([]sweep.File, error) {
		var points []sweep.Point
		if len(r.Sweeps) == 1 {
			points = r.Sweeps[0].Points
		}
		return capacity.Files(record, points)
	}})
	summary := &own[len(own)-1]
	summary.make = func(r *sweep.Report) ([]sweep.File, error) {
		made, err := page.Summary(r)
		for i := range made {
			made[i].Data = append([]byte(capacity.StepSummary(record)), made[i].Data...)
		}
		return made, err
	}
	paths, err = write(dir, r, own, all)
	return paths, errors.Join(err, record.Write(dir))
}

// Compared writes how the latency of two runs differs into the folder dir: a figure, and
// report.html with both runs side by side. It writes nothing where they have no level in
// common.
func Compared(dir string, base, other difference.Side) ([]string, error) {
	runs := difference.Of(base, other)
	if runs == nil {
		return nil, nil
	}
	var stages []*result.Stage
	for i, side := range []difference.Side{base, other} {
		for _, s := range side.Stages {
			of := *s
			of.Settings = of.Settings.With(result.KeyArm, string([]compare.Arm{compare.Base, compare.Candidate}[i]))
			stages = append(stages, &of)
		}
	}
	run := other.Run
	run.Partial, run.Planned = run.Partial || base.Run.Partial, run.Planned+base.Run.Planned
	run.Notes = append(slices.Clone(run.Notes), "compared with run "+base.Run.ID)
	r := sweep.NewReport(run, stages)
	r.DPI, r.Found = pageDPI, runs.Found()
	kept := func(f sweep.File) bool { return f.Name == html.Name || strings.HasPrefix(f.Name, difference.Name) }
	return write(dir, r, append([]output{differences(runs)}, outputs[:len(outputs)-1]...), kept)
}

// pageDPI is the resolution of pictures that no file is made of: a page shows their SVG.
const pageDPI = 20

func differences(runs *difference.Runs) output {
	return output{difference.Name, func(*sweep.Report) ([]sweep.File, error) { return runs.Files(canvas.DPI) }}
}

// write makes outputs, and saves those of their files that are kept.
func write(dir string, r *sweep.Report, outputs []output, kept func(sweep.File) bool) (paths []string, err error) {
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
			if !kept(f) {
				r.Made = append(r.Made, f)
				continue
			}
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
