package duet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// IdenticalFile is the record in the run folder of what was not measured, because
// both sides are the same program there: a JSON array with an element for each
// metric of each scenario.
const IdenticalFile = "identical.json"

const (
	// identicalMax bounds what is read of it, in bytes.
	identicalMax = 16 << 20
	// tryLimit bounds the one launch that shows which metrics an unchanged program
	// has, and that it works.
	tryLimit = 20 * time.Second
)

// Identical is a metric that is equal because both sides are the same program.
type Identical struct {
	Scenario string `json:"scenario"`
	Unit     string `json:"unit"`
	Higher   bool   `json:"higher,omitempty"` // more is better
	Package  string `json:"package,omitempty"`
	Program  string `json:"program_sha256"`
}

// samplesOf are samples without a value of what was not measured.
func samplesOf(all []Identical) (samples []compare.Sample) {
	for _, one := range all {
		samples = append(samples, compare.Sample{Scenario: one.Scenario, Unit: one.Unit, Higher: one.Higher, Arm: compare.Base})
	}
	return samples
}

// readIdentical reads the record in dir; no file is none.
func readIdentical(dir string) (all []Identical, err error) {
	path := filepath.Join(dir, IdenticalFile)
	text, err := files.Read(path, identicalMax)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// writeIdentical writes the record, or removes it where there is nothing to record.
func (s *session) writeIdentical() error {
	path := filepath.Join(s.Out, IdenticalFile)
	if len(s.identical) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.MarshalIndent(s.identical, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(path, append(text, '\n'))
}

// addIdentical adds metrics of programs that are the same on both sides; of each
// sample, about has its package and program.
func (s *session) addIdentical(samples []compare.Sample, about []Identical) {
	samples, _ = compare.WithoutProcs(samples)
	for i, x := range samples {
		one := about[i]
		one.Scenario, one.Unit, one.Higher = one.Scenario+x.Scenario, x.Unit, x.Higher
		if !slices.Contains(s.identical, one) {
			s.identical = append(s.identical, one)
		}
	}
}

// buildCheck is what building and trying a program showed.
type buildCheck struct {
	same    bool             // both sides are the same program
	files   []string         // that it could read, or reads, and that differ between the sides
	samples []compare.Sample // of its metrics, where it reads the same files; none where it does not work
	program string           // hash of the candidate's
}

// tryOnce launches a program that is the same on both sides once, and returns its
// metrics, and which differing files of Go code it looks at, as far as it reports.
type tryOnce func(ctx context.Context, built program, code []string) (samples []compare.Sample, read []string)

// checkIdentical builds both sides with nothing drawn, and finds whether they are
// the same program that reads the same files.
func (s *session) checkIdentical(ctx context.Context, b *builder, try tryOnce) (v buildCheck, err error) {
	began := time.Now()
	built, same, err := b.canonical(ctx)
	s.building += time.Since(began)
	defer os.RemoveAll(b.canonicalDir())
	if err != nil || !same {
		return v, err
	}
	files, code := s.sides.Readable()
	v = buildCheck{same: true, files: files, program: built.hash}
	if len(files) > 0 {
		return v, nil
	}
	stop, err := s.sides.Watch(code)
	if err != nil {
		v.files = code // it may read any of it
		return v, nil
	}
	samples, read := try(ctx, built, code)
	v.files = append(stop(), read...)
	slices.Sort(v.files)
	if v.files = slices.Compact(v.files); len(v.files) == 0 {
		v.samples = samples
	}
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	return v, nil
}

const (
	identicalNote = "both sides are the same program, with the same files%s: equal, and not measured; the option measure-identical measures it"
	differingNote = "both sides are the same program%s, but files that it could read differ, so it is measured"
)

// skipIdentical removes the packages from the list whose test binary is the same on
// both sides and reads the same files: they are equal.
func (r *benched) skipIdentical(ctx context.Context) error {
	if r.s.MeasureIdentical {
		return r.s.writeIdentical()
	}
	r.s.log("building both sides of %s to find identical programs", source.List(dirsOf(r.packages)))
	var left []*benchPackage
	var equal, other []string
	var samples []compare.Sample
	var about []Identical // of each sample
	for _, pkg := range r.packages {
		v, err := r.s.checkIdentical(ctx, pkg.builder, func(ctx context.Context, built program, code []string) ([]compare.Sample, []string) {
			return r.try(ctx, pkg, built.path, code)
		})
		switch {
		case err != nil:
			return err
		case len(v.samples) > 0:
			equal = append(equal, pkg.dir)
			one := Identical{Package: pkg.name, Program: v.program}
			if len(r.packages) > 1 { // as in text of several packages
				one.Scenario = pkg.name + "."
			}
			samples, about = append(samples, v.samples...), append(about, slices.Repeat([]Identical{one}, len(v.samples))...)
			continue
		case v.same && len(v.files) > 0:
			other = append(other, fmt.Sprintf("%s (%s)", pkg.dir, source.List(v.files)))
		}
		left = append(left, pkg)
	}
	r.s.addIdentical(samples, about)
	r.packages = left
	if len(equal) > 0 {
		r.s.note(identicalNote, " in "+source.List(equal))
	}
	if len(other) > 0 {
		r.s.note(differingNote, " in "+source.List(other))
	}
	return r.s.writeIdentical()
}

// try launches a test binary once, with the log of package testing.
func (r *benched) try(ctx context.Context, pkg *benchPackage, path string, code []string) (samples []compare.Sample, read []string) {
	log := path + ".log"
	dir := filepath.Join(r.s.sides.Dir(compare.Candidate), pkg.dir)
	cmd := r.s.sides.Command(compare.Candidate, dir, path, "-test.run=^$", "-test.bench="+r.bench(), "-test.benchtime=1x", "-test.count=1", fmt.Sprintf("-test.benchmem=%v", r.BenchMem), "-test.testlogfile="+log)
	out := pkg.newOutput()
	cmd.Stdout = &out.BenchLines
	_, err := process.Run(ctx, cmd, nil, tryLimit, nil)
	out.Close()
	if out.failed(pkg.dir, compare.Candidate, err) != nil {
		// The launches that count report a benchmark that fails, or takes long.
		return nil, nil
	}
	samples, err = compare.ReadBench(&out.text, "the output of the benchmarks", compare.Base)
	text, logErr := os.ReadFile(log)
	if err != nil || logErr != nil {
		return nil, nil
	}
	return samples, opened(string(text), dir, r.s.sides.Top(compare.Candidate), code)
}

// opened are the files of differing, below top, that a log of package testing
// contains as opened or looked at from dir, or listed with their folder.
func opened(log, dir, top string, differing []string) (read []string) {
	for line := range strings.Lines(log) {
		op, name, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if op != "open" && op != "stat" && op != "chdir" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if op == "chdir" {
			dir = name
			continue
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			continue
		}
		for _, path := range differing {
			if (rel == path || op == "open" && rel == filepath.Dir(path)) && !slices.Contains(read, path) {
				read = append(read, path)
			}
		}
	}
	return read
}

// skipIdentical finds whether both sides are the same program that reads the same
// files: then they are equal.
func (r *served) skipIdentical(ctx context.Context) error {
	if r.s.MeasureIdentical {
		return r.s.writeIdentical()
	}
	r.s.log("building both sides to find whether they are the same program")
	v, err := r.s.checkIdentical(ctx, r.builder, func(ctx context.Context, built program, _ []string) ([]compare.Sample, []string) {
		samples, _ := r.try(ctx, built) // the launches that count report the error
		return samples, nil
	})
	switch {
	case err != nil:
		return err
	case v.same && len(v.files) > 0:
		r.s.note(differingNote, " ("+source.List(v.files)+")")
	case len(v.samples) > 0:
		r.identical = true
		r.s.addIdentical(v.samples, slices.Repeat([]Identical{{Program: v.program}}, len(v.samples)))
		r.s.note(identicalNote, "")
	}
	return r.s.writeIdentical()
}

// try launches a server once and drives it for one stage.
func (r *served) try(ctx context.Context, built program) ([]compare.Sample, error) {
	p := r.s.plan(1)
	server, err := r.launch(ctx, compare.Candidate, built)
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	if err := r.warm(ctx, server, p); err != nil {
		return nil, err
	}
	plan := r.Plan
	plan.Seed = p.seed
	stage, err := r.drive(ctx, server, plan)
	if err != nil {
		return nil, err
	}
	stage.Invalid = nil // its values do not count
	samples, _ := compare.FromStages([]*result.Stage{stage}, compare.Base)
	return samples, nil
}
