// Package verdict writes a comparison of two versions in every form that people and
// programs read: [Text] for a terminal, [StepSummary] and [Annotations] for a job, and
// [Write] for all files of a folder. Each says what was found, how sure that is, and
// what to do next.
package verdict

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
)

// output is files of a comparison; none where they would hold nothing.
type output struct {
	name string
	make func(*comparison) ([]sweep.File, error)
}

// outputs are the files of a comparison. To add a format, write a function in a file
// of its own and enter it here.
var outputs = []output{
	{File, verdictFile},
	{"regression", regressionFiles},
	text("summary.md", (*comparison).summary),
	text("junit.xml", (*comparison).junit),
	text("annotations.txt", (*comparison).annotations),
	{"action benchmark", actionFiles},
	text("bench.txt", (*comparison).bench),
}

// text is the output of one file of text.
func text(name string, of func(*comparison) string) output {
	return output{name, func(c *comparison) ([]sweep.File, error) {
		data := of(c)
		if data == "" {
			return nil, nil
		}
		return []sweep.File{{Name: name, Data: []byte(data)}}, nil
	}}
}

type comparison struct {
	*compare.Report
	resolution        int // of the pictures, dpi
	inconclusiveFails bool
}

// Option is how a comparison is reported, beyond what it holds.
type Option func(*comparison)

// InconclusiveFails reports an inconclusive metric as a failure.
func InconclusiveFails(c *comparison) { c.inconclusiveFails = true }

func newComparison(r *compare.Report, options []Option) *comparison {
	if r == nil {
		r = &compare.Report{} // nothing was compared
	}
	c := &comparison{Report: r, resolution: canvas.DPI}
	for _, o := range options {
		o(c)
	}
	return c
}

// Write writes a comparison into the folder dir, which must exist, in every format
// there is, and returns the paths of the files, in order. A format with nothing to
// hold is left out. The error joins all that went wrong; what could be written is
// written all the same.
func Write(dir string, r *compare.Report, options ...Option) (paths []string, err error) {
	return newComparison(r, options).write(dir)
}

func (c *comparison) write(dir string) (paths []string, err error) {
	for _, o := range outputs {
		made, makeErr := o.make(c)
		if makeErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", o.name, makeErr))
		}
		saved, saveErr := sweep.Save(dir, made...)
		paths, err = append(paths, saved...), errors.Join(err, saveErr)
	}
	return paths, err
}

// bySeverity are the verdicts from the one that matters most.
var bySeverity = []compare.Verdict{
	compare.Invalid, compare.Regressed, compare.Unstable, compare.Inconclusive, compare.Minor, compare.Improved, compare.Equal,
}

// severity is the place of a verdict in that order; -1 where it is not known.
func severity(v compare.Verdict) int { return slices.Index(bySeverity, v) }

// ofFinding is the verdict of a finding. One that is not known counts as not valid:
// it is never a pass.
func ofFinding(f compare.Finding) compare.Verdict {
	if severity(f.Verdict) < 0 {
		return compare.Invalid
	}
	return f.Verdict
}

// overall is the verdict of the comparison; not valid where nothing was compared.
func (c *comparison) overall() compare.Verdict {
	if severity(c.Verdict) < 0 || len(c.Findings) == 0 {
		return compare.Invalid
	}
	return c.Verdict
}

// ranked sorts findings as a reader wants them: those that decide before those that
// do not, the worst first.
func ranked(findings []compare.Finding) []compare.Finding {
	out := slices.Clone(findings)
	last := map[bool]int{false: 1}
	slices.SortStableFunc(out, func(a, b compare.Finding) int {
		return cmp.Or(cmp.Compare(last[a.Gated], last[b.Gated]),
			cmp.Compare(severity(ofFinding(a)), severity(ofFinding(b))), cmp.Compare(excess(b), excess(a)))
	})
	return out
}

// excess is how much worse a finding is, or how much better one that improved, in
// tolerances: 1 % more allocations are worse than 3 % more latency.
func excess(f compare.Finding) float64 {
	x := float64(f.Estimate)
	switch {
	case f.FromZero() && x > 0:
		return math.Inf(1)
	case !isNumber(x):
		return math.Inf(-1)
	case f.Tolerance > 0:
		x /= f.Tolerance
	}
	if f.Verdict == compare.Improved {
		return -x // the most improved is the news
	}
	return x
}

// gated are the findings of a verdict that decide, the worst first.
func (c *comparison) gated(v compare.Verdict) []compare.Finding {
	return slices.DeleteFunc(ranked(c.Findings), func(f compare.Finding) bool { return !f.Gated || ofFinding(f) != v })
}

func (c *comparison) informative() []compare.Finding {
	return slices.DeleteFunc(ranked(c.Findings), func(f compare.Finding) bool { return f.Gated })
}

// failed reports whether a verdict is a failure, as the command's exit code has it. A
// regression without pairs is not proven, and fails where an inconclusive metric does.
// Where the comparison is not valid, nothing about a metric is proven.
func (c *comparison) failed(v compare.Verdict) bool {
	if c.overall() == compare.Invalid {
		return false
	}
	switch v {
	case compare.Unstable:
		return true
	case compare.Regressed:
		if c.Exit == compare.ExitInconclusive {
			return c.inconclusiveFails
		}
		return !c.Advisory || c.Exit != compare.ExitFine
	case compare.Inconclusive:
		return c.inconclusiveFails
	}
	return false
}

func isNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// File holds a comparison. Everything else that is written of it can be written again
// from this file.
const File = "verdict.json"

// maxRead bounds in bytes what is read of a folder.
const maxRead = 256 << 20

// Read reads the comparison that [Write] left in the folder dir.
func Read(dir string) (*compare.Report, error) {
	r := new(compare.Report)
	if err := files.ReadJSON(filepath.Join(dir, File), maxRead, compare.Schema, r); err != nil {
		return nil, err
	}
	return r, nil
}

func verdictFile(c *comparison) ([]sweep.File, error) {
	data, err := JSON(c.Report)
	return []sweep.File{{Name: File, Data: data}}, err
}

// JSON is a comparison as [File] holds it.
func JSON(report *compare.Report) ([]byte, error) {
	r := *report
	r.Schema = compare.Schema
	// An empty list is a list: readers need not look for null.
	r.Reasons = append([]string{}, r.Reasons...)
	r.Findings, r.Control = finite(r.Findings), finite(r.Control)
	return files.JSON(r, "  ")
}

// notANumber is the remark of a finding whose noise JSON cannot hold.
const notANumber = "the noise is not a number, and is recorded as 0"

// finite replaces the noise of pairs of which one changed from zero, and what is
// computed from it: one odd value must not cost the verdict its file.
func finite(findings []compare.Finding) []compare.Finding {
	out := append([]compare.Finding{}, findings...)
	for i := range out {
		f := &out[i]
		if !isNumber(f.Noise) || !isNumber(f.MDE) {
			f.Noise, f.MDE, f.Reason = 0, 0, words.Join("; ", f.Reason, notANumber)
		}
	}
	return out
}
