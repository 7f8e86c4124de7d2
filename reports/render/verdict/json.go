package verdict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// File holds a comparison. Everything else that is written of it can be written again
// from this file.
const File = "verdict.json"

// maxRead bounds in bytes what is read of a folder.
const maxRead = 256 << 20

// Read reads the comparison that [Write] left in the folder dir.
func Read(dir string) (*compare.Report, error) {
	path := filepath.Join(dir, File)
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
		return nil, fmt.Errorf("%s: there is more text behind the comparison", path)
	}
	if r.Schema != compare.Schema {
		return nil, fmt.Errorf("%s has schema %d, and this version reads schema %d: compare again", path, r.Schema, compare.Schema)
	}
	return &r, nil
}

func verdictFiles(c *comparison) ([]sweep.File, error) {
	data, err := JSON(c.Report)
	if err != nil {
		return nil, err
	}
	return []sweep.File{{Name: File, Data: data}}, nil
}

// JSON is a comparison as [File] holds it.
func JSON(report *compare.Report) ([]byte, error) {
	r := numbersOnly(*report)
	r.Schema = compare.Schema
	// An empty list is a list: readers need not look for null.
	r.Reasons, r.Findings = append([]string{}, r.Reasons...), append([]compare.Finding{}, r.Findings...)
	return indented(r)
}

// indented is JSON that people read too: names with < in them stay as they are.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// notANumber is the remark of a finding with a value that JSON cannot hold.
const notANumber = "a value is not a number, and is recorded as 0"

// numbersOnly is r without what JSON has no form for: one odd value must not cost the
// verdict its file. The finding says that it had one. Values that may be missing are
// null, and need no care.
func numbersOnly(r compare.Report) compare.Report {
	odd := false
	fix := func(values ...*float64) {
		for _, v := range values {
			if !isNumber(*v) {
				*v, odd = 0, true
			}
		}
	}
	clean := func(findings []compare.Finding) []compare.Finding {
		out := slices.Clone(findings)
		for i := range out {
			f := &out[i]
			odd = false
			fix(&f.Noise, &f.Alpha, &f.Margin, &f.Tolerance, &f.MDE)
			if f.Outliers != nil {
				o := *f.Outliers
				fix(&o.Upper, &o.Chance, &o.Alpha, &o.Found, &o.Allowed)
				f.Outliers = &o
			}
			f.Shift = slices.Clone(f.Shift)
			for k := range f.Shift {
				fix(&f.Shift[k].Quantile, &f.Shift[k].Estimate)
			}
			if odd {
				f.Reason = joined("; ", f.Reason, notANumber)
			}
		}
		return out
	}
	r.Findings, r.Control = clean(r.Findings), clean(r.Control)
	fix(&r.Took, &r.Design.Alpha)
	r.Design.Spend = slices.Clone(r.Design.Spend)
	for i := range r.Design.Spend {
		fix(&r.Design.Spend[i])
	}
	for _, p := range []**compare.Rate{&r.FalseAlarms, &r.Misses} {
		if *p != nil {
			q := **p
			fix(&q.Upper)
			*p = &q
		}
	}
	return r
}
