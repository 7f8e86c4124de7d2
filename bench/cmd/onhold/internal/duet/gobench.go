package duet

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/benchlist"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// LaunchesFile is the record of a GoBench in the run folder: the output of every
// launch, in Go's benchmark format, with arm and pair as configuration keys.
const LaunchesFile = "launches.txt"

// Defaults of a GoBench. A single call of a fast benchmark would measure the clock;
// one that takes longer than the time still runs once.
const (
	DefaultBench     = "."
	DefaultBenchTime = "100ms"
)

// GoBench compares the benchmarks of Go packages. Each launch of an arm is a fresh
// process of the test binary that runs each benchmark once: repeats within one
// process would share much of their noise.
type GoBench struct {
	Packages  []string // patterns as go test takes them; none: the package of the folder
	Bench     string   // regular expression of the benchmarks; DefaultBench where empty
	BenchTime string   // as go test -benchtime; DefaultBenchTime where empty
	Tags      string   // build tags, separated by commas, as go test -tags

	// BenchMem has every benchmark report allocations, as go test -benchmem.
	// Allocations can be decided on machines that are too noisy for times.
	BenchMem bool

	// CandidateTests measures the base with the candidate's test files, so that a
	// new benchmark is measured on both sides.
	CandidateTests bool
}

// tags are build tags as a command line has them.
var tags = regexp.MustCompile(`^([\pL\p{Nd}_.]+(,[\pL\p{Nd}_.]+)*)?$`)

// count is a number of iterations, like 1x.
var count = regexp.MustCompile(`^0*[1-9][0-9]*x$`)

// Validate returns a [*field.Error] for a field that is out of range.
func (e *GoBench) Validate() error {
	if _, err := benchlist.TopLevel(e.bench()); err != nil {
		return field.Check(false, "Bench", e.Bench, fmt.Sprintf("a regular expression (%v)", err))
	}
	for _, p := range e.Packages {
		if p == "" || strings.HasPrefix(p, "-") {
			return fmt.Errorf("package %q: want patterns as for go test, such as ./...; flags come before them", p)
		}
	}
	d, err := time.ParseDuration(e.benchTime())
	return field.First(
		field.Check(tags.MatchString(e.Tags), "Tags", e.Tags, "build tags of letters, digits, dots and underscores, separated by commas"),
		field.Check(count.MatchString(e.benchTime()) || err == nil && d > 0 && d <= launchLimit/2, "BenchTime", e.BenchTime,
			fmt.Sprintf("a number of iterations like 1x, or a duration above 0 and up to %v like 200ms", launchLimit/2)),
	)
}

func (e *GoBench) bench() string { return cmp.Or(e.Bench, DefaultBench) }

func (e *GoBench) benchTime() string { return cmp.Or(e.BenchTime, DefaultBenchTime) }

func (e *GoBench) settings() result.Settings {
	out := result.Settings{
		{Key: keyPackages, Value: strings.Join(e.Packages, " ")}, {Key: "bench", Value: e.bench()}, {Key: "benchtime", Value: e.benchTime()},
	}
	if e.Tags != "" {
		out = append(out, result.Setting{Key: "tags", Value: e.Tags})
	}
	if e.BenchMem {
		out = append(out, result.Setting{Key: "benchmem", Value: "true"})
	}
	if e.CandidateTests {
		out = append(out, result.Setting{Key: "candidate-tests", Value: "true"})
	}
	return out
}

// benched runs the pairs of a GoBench.
type benched struct {
	*GoBench
	s        *session
	packages []*benchPackage
	record   *files.Log
	skips    map[string]bool // by package, side and benchmark: whether it is skipped there
}

func (e *GoBench) open(ctx context.Context, s *session) (runner, error) {
	r := &benched{GoBench: e, s: s}
	var err error
	if r.packages, err = r.find(ctx); err != nil {
		return nil, err
	}
	var parts []part
	for i, p := range r.packages {
		p.builder = &builder{s: s, name: fmt.Sprintf("p%02d", i), make: func(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
			return r.compile(ctx, p.dir, arm, layout, out)
		}}
		about := Identical{Package: p.name}
		if len(r.packages) > 1 { // as in text of several packages
			about.Scenario = p.name + "."
		}
		parts = append(parts, part{p.dir, about, p.builder, func(ctx context.Context, built program) []compare.Sample { return r.try(ctx, p, built.path) }})
	}
	measured, err := s.skipIdentical(ctx, parts)
	var left []*benchPackage
	for i, yes := range measured {
		if yes {
			left = append(left, r.packages[i])
		}
	}
	r.packages = left
	return r, err
}

func (r *benched) close() error {
	if r.record == nil {
		return nil
	}
	return r.record.Close()
}

func (r *benched) units() int { return len(r.s.arms()) * len(r.packages) }

func (r *benched) stored() ([]compare.Sample, error) {
	samples, end, err := readLaunches(r.s.Out)
	if err != nil {
		return nil, err
	}
	if err := r.s.truncate(end); err != nil {
		return nil, err
	}
	r.record, err = files.OpenLog(filepath.Join(r.s.Out, LaunchesFile), false)
	return samples, err
}

func (r *benched) build(ctx context.Context, pairs []pairPlan) error {
	for _, p := range r.packages {
		if err := p.builder.all(ctx, pairs); err != nil {
			return err
		}
	}
	return nil
}
