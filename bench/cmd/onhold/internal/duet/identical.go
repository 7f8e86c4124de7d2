package duet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
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

// part is what may be the same program on both sides: the benchmarks of a package, or
// a server.
type part struct {
	name    string // in notes
	about   Identical
	builder *builder
	// try launches a program once, and returns its metrics, none where it does not
	// work: the launches that count report the error.
	try func(ctx context.Context, built program) []compare.Sample
}

// skipIdentical returns which parts have to be measured. Of the others, both sides are
// the same program that reads the same files: their metrics are equal.
func (s *session) skipIdentical(ctx context.Context, parts []part) (measured []bool, err error) {
	measured = slices.Repeat([]bool{true}, len(parts))
	if s.MeasureIdentical {
		return measured, s.writeIdentical()
	}
	var names, equal, differing []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	s.log("building both sides of %s to find identical programs", source.List(names))
	var samples []compare.Sample
	var about []Identical // of each sample
	for i, p := range parts {
		metrics, program, read, err := s.checkIdentical(ctx, p)
		switch {
		case err != nil:
			return nil, err
		case len(metrics) > 0:
			measured[i] = false
			equal = append(equal, p.name)
			p.about.Program = program
			samples, about = append(samples, metrics...), append(about, slices.Repeat([]Identical{p.about}, len(metrics))...)
		case len(read) > 0:
			differing = append(differing, fmt.Sprintf("%s (%s)", p.name, source.List(read)))
		}
	}
	samples, _ = compare.WithoutProcs(samples)
	for i, x := range samples {
		one := about[i]
		one.Scenario, one.Unit, one.Higher = one.Scenario+x.Scenario, x.Unit, x.Higher
		if !slices.Contains(s.identical, one) {
			s.identical = append(s.identical, one)
		}
	}
	if len(equal) > 0 {
		s.note("%s: both sides are the same program, with the same files: equal, and not measured; the option measure-identical measures it", source.List(equal))
	}
	if len(differing) > 0 {
		s.note("%s: both sides are the same program, but files that it could read differ, so it is measured", source.List(differing))
	}
	return measured, s.writeIdentical()
}

// checkIdentical builds both sides of a part with nothing drawn. Where they are the same
// program, it returns the files that the program could read, or reads, and that differ
// between the sides; where there are none, its metrics and hash.
func (s *session) checkIdentical(ctx context.Context, p part) (metrics []compare.Sample, program string, read []string, err error) {
	began := time.Now()
	built, same, err := p.builder.canonical(ctx)
	s.building += time.Since(began)
	defer os.RemoveAll(p.builder.canonicalDir())
	if err != nil || !same {
		return nil, "", nil, err
	}
	files, code := s.sides.Readable()
	if len(files) > 0 {
		return nil, "", files, nil
	}
	stop, err := s.sides.Watch(code)
	if err != nil {
		return nil, "", code, nil // it may read any of it
	}
	metrics = p.try(ctx, built)
	if read = stop(); len(read) > 0 {
		metrics = nil
	}
	return metrics, built.hash, read, context.Cause(ctx)
}

// try launches a test binary once.
func (r *benched) try(ctx context.Context, pkg *benchPackage, path string) []compare.Sample {
	out, err := r.start(ctx, tryLimit, compare.Candidate, pkg, path, "-test.bench="+r.bench(), "-test.benchtime=1x")
	if out == nil || out.failed(pkg.dir, compare.Candidate, err) != nil {
		return nil
	}
	samples, _ := compare.ReadBench(&out.text, "the output of the benchmarks", compare.Base)
	return samples
}

// try launches a server once and drives it for one stage.
func (r *served) try(ctx context.Context, built program) []compare.Sample {
	p := r.s.plan(1)
	server, err := r.launch(ctx, compare.Candidate, built)
	if err != nil {
		return nil
	}
	defer server.Stop()
	if err := r.warm(ctx, server, p); err != nil {
		return nil
	}
	plan := r.Plan
	plan.Seed = p.seed
	stage, err := r.drive(ctx, server, plan)
	if err != nil {
		return nil
	}
	stage.Invalid = nil // its values do not count
	samples, _ := compare.FromStages([]*result.Stage{stage}, compare.Base)
	return samples
}
