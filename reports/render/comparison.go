package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// VerdictFile is the file that holds a comparison. Everything else that is
// written of it can be written again from this one.
const VerdictFile = "verdict.json"

// comparisonOutputs are the files that are written of a comparison. To add a
// format, write a function in a file of its own and enter it here.
var comparisonOutputs = []struct {
	name string
	make func(*comparison) ([]sweep.File, error)
}{
	{"verdict", verdictFiles},
	{"regression", regressionFiles},
	{"summary", comparisonSummaryFiles},
	{"junit", junitFiles},
	{"annotations", annotationFiles},
	{"action benchmark", actionFiles},
	{"bench", benchFiles},
}

// comparison is what these outputs work from.
type comparison struct {
	*compare.Report
	resolution        int // of the pictures, dpi
	inconclusiveFails bool
}

// Option is how a comparison is to be told, beyond what it says itself.
type Option func(*comparison)

// InconclusiveFails tells of what cannot be told as of a failure.
func InconclusiveFails(c *comparison) { c.inconclusiveFails = true }

func newComparison(r *compare.Report, options []Option) *comparison {
	if r == nil {
		r = &compare.Report{} // nothing was compared, and is told so
	}
	c := &comparison{Report: r, resolution: canvas.DPI}
	for _, o := range options {
		o(c)
	}
	return c
}

// WriteComparison writes a comparison into the folder dir, which must exist,
// in every format there is, and returns the paths of the files, in order. A
// format with nothing to hold is left out. The error joins all that went
// wrong; what could be written is written all the same.
func WriteComparison(dir string, r *compare.Report, options ...Option) (paths []string, err error) {
	return newComparison(r, options).write(dir)
}

func (c *comparison) write(dir string) (paths []string, err error) {
	for _, o := range comparisonOutputs {
		made, makeErr := o.make(c)
		if makeErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", o.name, makeErr))
		}
		for _, f := range made {
			path := filepath.Join(dir, f.Name)
			if writeErr := files.Write(path, f.Data); writeErr != nil {
				err = errors.Join(err, writeErr)
				continue
			}
			paths = append(paths, path)
		}
	}
	return paths, err
}

// maxRead bounds in bytes what is read of a folder to be shown again.
const maxRead = 256 << 20

// ReadVerdict reads the comparison that WriteComparison left in the folder
// dir.
func ReadVerdict(dir string) (*compare.Report, error) {
	path := filepath.Join(dir, VerdictFile)
	data, err := files.Read(path, maxRead)
	if err != nil {
		return nil, err
	}
	var r compare.Report
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: something stands behind the comparison", path)
	}
	if r.Schema != compare.Schema {
		return nil, fmt.Errorf("%s is of schema %d, and this version reads %d", path, r.Schema, compare.Schema)
	}
	return &r, nil
}

func verdictFiles(c *comparison) ([]sweep.File, error) {
	data, err := VerdictJSON(c.Report)
	if err != nil {
		return nil, err
	}
	return []sweep.File{{Name: VerdictFile, Data: data}}, nil
}

// VerdictJSON is a comparison as [VerdictFile] holds it.
func VerdictJSON(report *compare.Report) ([]byte, error) {
	r := numbersOnly(*report)
	r.Schema = compare.Schema
	// A list that is empty is a list: who reads it need not ask for null.
	r.Reasons, r.Findings = append([]string{}, r.Reasons...), append([]compare.Finding{}, r.Findings...)
	return indented(r)
}

// indented is JSON for people too: they read names with < in them.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// notANumber is what a finding says of figures that JSON cannot hold.
const notANumber = "a figure is not a number, and told as 0"

// numbersOnly is r without what JSON has no form for: one odd figure must not
// cost the verdict its file. The finding says that it had one. Figures that there
// may be none of are null, and need not be seen to.
func numbersOnly(r compare.Report) compare.Report {
	clean := func(findings []compare.Finding) []compare.Finding {
		out := slices.Clone(findings)
		for i := range out {
			f := &out[i]
			odd := false
			fix := func(v *float64) {
				if !isNumber(*v) {
					*v, odd = 0, true
				}
			}
			for _, v := range []*float64{&f.Noise, &f.Alpha, &f.Margin, &f.Tolerance, &f.MDE} {
				fix(v)
			}
			if f.Outliers != nil {
				o := *f.Outliers
				for _, v := range []*float64{&o.Upper, &o.Chance, &o.Alpha, &o.Found, &o.Allowed} {
					fix(v)
				}
				f.Outliers = &o
			}
			f.Shift = slices.Clone(f.Shift)
			for k := range f.Shift {
				fix(&f.Shift[k].Quantile)
				fix(&f.Shift[k].Estimate)
			}
			if odd {
				f.Reason = joined(f.Reason, notANumber)
			}
		}
		return out
	}
	r.Findings, r.Control = clean(r.Findings), clean(r.Control)
	r.Took, r.Design.Alpha = finite(r.Took), finite(r.Design.Alpha)
	r.Design.Spend = slices.Clone(r.Design.Spend)
	for i, v := range r.Design.Spend {
		r.Design.Spend[i] = finite(v)
	}
	for _, p := range []**compare.Rate{&r.FalseAlarms, &r.Misses} {
		if *p != nil {
			q := **p
			q.Upper = finite(q.Upper)
			*p = &q
		}
	}
	return r
}

func isNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// joined puts two parts of a sentence together, of which either may be empty.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
