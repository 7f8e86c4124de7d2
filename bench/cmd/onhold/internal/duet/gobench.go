package duet

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// LaunchesFile is the record of a GoBench in the run folder: what every launch
// printed, in Go's benchmark format, with arm and pair as configuration keys.
const LaunchesFile = "launches.txt"

// What a zero field of a GoBench means. A single call of something quick would
// measure the clock; a stage of load, which takes longer, still runs once.
const (
	DefaultBench     = "."
	DefaultBenchTime = "100ms"
)

// GoBench compares the benchmarks of Go packages. Each launch of an arm is a
// fresh process of the test binary that runs each benchmark once: twenty
// figures of one process say less than they seem, for much of the noise comes
// anew with each launch only.
type GoBench struct {
	Packages  []string // patterns as go test takes them; none: the package of the folder
	Bench     string   // regular expression of the benchmarks; DefaultBench where empty
	BenchTime string   // as go test -benchtime; DefaultBenchTime where empty
	Tags      string   // build tags, separated by commas, as go test -tags

	// BenchMem has every benchmark report what it allocates, as go test -benchmem:
	// allocations are decided on machines that are too noisy for times.
	BenchMem bool

	// CandidateTests measures the base with the candidate's test files, so that a
	// benchmark which is new in the candidate is measured on both sides.
	CandidateTests bool
}

// tags are build tags as a command line has them.
var tags = regexp.MustCompile(`^([\pL\p{Nd}_.]+(,[\pL\p{Nd}_.]+)*)?$`)

// Validate says what is wrong with it, naming the flag.
func (e *GoBench) Validate() error {
	if _, err := topLevel(e.bench()); err != nil {
		return fmt.Errorf("--bench=%s: %w", e.Bench, err)
	}
	if !tags.MatchString(e.Tags) {
		return fmt.Errorf("--tags=%s: want build tags of letters, digits, dots and underscores, separated by commas, as for go test", e.Tags)
	}
	for _, p := range e.Packages {
		if p == "" || strings.HasPrefix(p, "-") {
			return fmt.Errorf("the package %q: want patterns as for go test, such as ./...; flags go before them", p)
		}
	}
	if n, ok := strings.CutSuffix(e.benchTime(), "x"); ok && n != "" && strings.Trim(n, "0123456789") == "" && strings.Trim(n, "0") != "" {
		return nil
	}
	if d, err := time.ParseDuration(e.benchTime()); err != nil || d <= 0 || d > launchLimit/2 {
		return fmt.Errorf("--benchtime=%s: want a number of times like 1x, or a duration above 0 and up to %v like 200ms", e.BenchTime, launchLimit/2)
	}
	return nil
}

func (e *GoBench) bench() string { return orDefault(e.Bench, DefaultBench) }

func (e *GoBench) benchTime() string { return orDefault(e.BenchTime, DefaultBenchTime) }

func (e *GoBench) settings() result.Settings {
	out := result.Settings{
		{Key: "packages", Value: strings.Join(e.Packages, " ")}, {Key: "bench", Value: e.bench()}, {Key: "benchtime", Value: e.benchTime()},
	}
	if e.Tags != "" {
		out = append(out, result.Setting{Key: "tags", Value: e.Tags})
	}
	if e.BenchMem {
		out = append(out, result.Setting{Key: "benchmem", Value: "true"})
	}
	if e.CandidateTests {
		out = append(out, result.Setting{Key: "candidate_tests", Value: "true"})
	}
	return out
}

// benched runs the pairs of a GoBench.
type benched struct {
	*GoBench
	s        *session
	packages []string            // those that have benchmarks, by their folders below the side's
	declared map[string][]string // the benchmarks of each that both sides have
	paths    map[string]string   // what each is called
	twice    map[string]bool     // benchmarks, by package and name, of which a package has two
	builders []*builder
	record   *files.Log
	skips    map[string]bool // by package, arm and benchmark, and whether it was found out that it is skipped
}

func (e *GoBench) open(ctx context.Context, s *session) (runner, error) {
	r := &benched{GoBench: e, s: s}
	var err error
	if r.packages, err = r.find(ctx); err != nil {
		return nil, err
	}
	for i, pkg := range r.packages {
		r.builders = append(r.builders, &builder{s: s, name: fmt.Sprintf("p%02d", i), make: func(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
			return r.compile(ctx, pkg, arm, layout, out)
		}})
	}
	return r, r.setAside(ctx)
}

func (r *benched) close() error {
	if r.record == nil {
		return nil
	}
	return r.record.Close()
}

func (r *benched) stored() ([]compare.Sample, error) {
	samples, end, err := readLaunches(r.s.Out)
	if err != nil {
		return nil, err
	}
	if err := r.s.drop(end); err != nil {
		return nil, err
	}
	r.record, err = files.OpenLog(filepath.Join(r.s.Out, LaunchesFile), false)
	return samples, err
}

func (r *benched) build(ctx context.Context, pairs []pairPlan) error {
	for _, b := range r.builders {
		if err := b.all(ctx, pairs); err != nil {
			return err
		}
	}
	return nil
}
