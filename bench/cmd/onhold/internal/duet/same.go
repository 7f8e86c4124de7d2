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
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// SameFile is the record in the run folder of what was not measured, as both
// sides are the same program there: a JSON array with an element for each
// metric of each scenario.
const SameFile = "same.json"

// sameMax bounds what is read of it, in bytes.
const sameMax = 16 << 20

// tryLimit bounds the one launch that tells which benchmarks an unchanged
// program has, and that they work.
const tryLimit = 20 * time.Second

// Same is a metric that is equal as both sides are the same program.
type Same struct {
	Scenario string `json:"scenario"`
	Unit     string `json:"unit"`
	Higher   bool   `json:"higher,omitempty"` // more is better
	Package  string `json:"package,omitempty"`
	Program  string `json:"program_sha256"`
}

// sampleOf is a figure of which the value says nothing.
func (s Same) sampleOf() compare.Sample {
	return compare.Sample{Scenario: s.Scenario, Unit: s.Unit, Higher: s.Higher, Arm: compare.Base}
}

// samplesOf are samples of what was not measured.
func samplesOf(all []Same) (samples []compare.Sample) {
	for _, s := range all {
		samples = append(samples, s.sampleOf())
	}
	return samples
}

// readSame reads what dir has on record of it; no file is none.
func readSame(dir string) (all []Same, err error) {
	path := filepath.Join(dir, SameFile)
	text, err := files.Read(path, sameMax)
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

// keepSame puts it on record, or takes the record away where there is none.
func (s *session) keepSame() error {
	path := filepath.Join(s.Out, SameFile)
	if len(s.same) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.MarshalIndent(s.same, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(path, append(text, '\n'))
}

// addSame notes what is the same on both sides.
func (s *session) addSame(all ...Same) {
	for _, one := range all {
		if !slices.Contains(s.same, one) {
			s.same = append(s.same, one)
		}
	}
}

// canonical builds both sides with nothing drawn, and returns the candidate's
// program, and whether the base's is the same.
func (b *builder) canonical(ctx context.Context) (program, bool, error) {
	began := time.Now()
	defer func() { b.s.building += time.Since(began) }()
	var programs [2]program
	var errs [2]error
	var wg sync.WaitGroup
	for i, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		path := filepath.Join(b.s.sides.Root, "canonical"+b.name, string(rune('a'+i)))
		wg.Go(func() {
			if errs[i] = b.one(ctx, arm, canonicalLayout, path); errs[i] == nil {
				hash, err := hashOf(path)
				programs[i], errs[i] = program{path, hash}, err
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return program{}, false, context.Cause(ctx)
	}
	return programs[1], programs[0].hash == programs[1].hash, errors.Join(errs[:]...)
}

// setAside takes the packages off the list whose test binary is the same on
// both sides, and reads the same there: they are equal.
func (r *benched) setAside(ctx context.Context) error {
	if r.s.MeasureIdentical {
		return r.s.keepSame()
	}
	r.s.tell("builds both sides of %s to see where they are the same program", source.List(r.packages))
	files, code := r.s.sides.Readable()
	var packages, equal, other []string
	var builders []*builder
	var samples []compare.Sample
	var same []Same // of each sample
	for i, pkg := range r.packages {
		b := r.builders[i]
		built, alike, err := b.canonical(ctx)
		if err != nil {
			return err
		}
		why := files
		if alike && len(files) == 0 {
			tried, err := r.try(ctx, pkg, built.path, code)
			if err != nil {
				return err
			}
			if tried.ok {
				for range tried.samples {
					same = append(same, Same{Package: tried.pkg, Program: built.hash})
				}
				samples = append(samples, tried.samples...)
				equal = append(equal, pkg)
				continue
			}
			why = tried.read
		}
		os.RemoveAll(filepath.Dir(built.path))
		packages, builders = append(packages, pkg), append(builders, b)
		if alike && len(why) > 0 {
			other = append(other, fmt.Sprintf("%s (%s)", pkg, source.List(why)))
		}
	}
	samples, _ = compare.WithoutProcs(samples)
	for i, x := range samples {
		same[i].Scenario, same[i].Unit, same[i].Higher = x.Scenario, x.Unit, x.Higher
		if len(r.packages) > 1 && same[i].Package != "" {
			same[i].Scenario = same[i].Package + "." + x.Scenario // as in text of several packages
		}
	}
	r.s.addSame(same...)
	r.packages, r.builders = packages, builders
	if len(equal) > 0 {
		r.s.remark("both sides are the same program, with the same files, in %s: equal, and not measured. --measure-identical measures it", source.List(equal))
	}
	if len(other) > 0 {
		r.s.remark("both sides are the same program in %s, but files that it could read differ: measured", source.List(other))
	}
	return r.s.keepSame()
}

// tried is what one launch of an unchanged program showed.
type tried struct {
	ok      bool   // its benchmarks work, and it reads nothing that differs
	pkg     string // what it is called
	samples []compare.Sample
	read    []string // what it reads that differs
}

// try launches a test binary that is the same on both sides once, and finds
// which figures its benchmarks report. Of source, the files that differ, the
// system tells which are opened, and package testing which are looked at.
func (r *benched) try(ctx context.Context, pkg, path string, code []string) (t tried, err error) {
	log := path + ".log"
	dir := filepath.Join(r.s.sides.Dir(compare.Candidate), pkg)
	stop, err := r.s.sides.Watch(code)
	if err != nil {
		t.read = code // any of it, for all that is known
		return t, nil
	}
	defer stop()
	cmd := r.s.sides.Command(compare.Candidate, dir, path, "-test.run=^$", "-test.bench="+r.bench(), "-test.benchtime=1x", "-test.count=1", fmt.Sprintf("-test.benchmem=%v", r.BenchMem), "-test.testlogfile="+log)
	out := r.printer(pkg)
	cmd.Stdout = &out.BenchLines
	_, err = process.Run(ctx, cmd, nil, tryLimit, nil)
	out.Close()
	if ctx.Err() != nil {
		return t, context.Cause(ctx)
	}
	if out.failed(pkg, compare.Candidate, err) != nil {
		// A benchmark that fails, or takes long, is for the launches that count to
		// report.
		return t, nil
	}
	if t.samples, err = compare.ReadBench(&out.text, "what the benchmarks printed", compare.Base); err != nil || len(t.samples) == 0 {
		return t, nil
	}
	t.pkg = r.paths[pkg]
	text, err := os.ReadFile(log)
	if err != nil {
		return t, nil
	}
	t.read = append(stop(), opened(string(text), dir, r.s.sides.Top(compare.Candidate), code)...)
	slices.Sort(t.read)
	t.read = slices.Compact(t.read)
	t.ok = len(t.read) == 0
	return t, nil
}

// opened are the files of differing, below top, that a log of package testing
// says were opened or looked at from dir, or listed with their folder.
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

// setAside finds whether both sides are the same program, with the same files:
// then they are equal. One slice shows which figures there are, and that the
// server serves.
func (r *served) setAside(ctx context.Context) error {
	if r.s.MeasureIdentical {
		return r.s.keepSame()
	}
	r.s.tell("builds both sides to see whether they are the same program")
	built, same, err := r.canonical(ctx)
	if err != nil {
		return err
	}
	files, code := r.s.sides.Readable()
	var samples []compare.Sample
	if same && len(files) == 0 {
		if stop, err := r.s.sides.Watch(code); err != nil {
			files = code // any of it, for all that is known
		} else {
			samples, _ = r.try(ctx, built) // an error is for the launches that count to report
			files = stop()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	switch {
	case same && len(files) > 0:
		r.s.remark("both sides are the same program, but files that it could read differ: measured (%s)", source.List(files))
	case len(samples) > 0:
		r.identical = true
		for _, x := range samples {
			r.s.addSame(Same{Scenario: x.Scenario, Unit: x.Unit, Higher: x.Higher, Program: built.hash})
		}
		r.s.remark("both sides are the same program, with the same files: equal, and not measured. --measure-identical measures it")
	}
	return r.s.keepSame()
}

// try launches a server once and drives it for a slice.
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
	stage.Invalid = nil // its values count for nothing
	samples, _ := compare.FromStages([]*result.Stage{stage}, compare.Base)
	return samples, nil
}
