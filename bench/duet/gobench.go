package duet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/child"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// LaunchesFile is the record of a GoBench in the run folder: what every launch
// printed, in Go's benchmark format, with arm and pair as configuration keys.
const LaunchesFile = "launches.txt"

// What a zero field of a GoBench means.
const (
	DefaultBench     = "."
	DefaultBenchTime = "1x"
)

// launchLimit bounds one launch of one test binary.
const launchLimit = 10 * time.Minute

// GoBench compares the benchmarks of Go packages. Each launch of an arm is a
// fresh process of the test binary that runs each benchmark once: twenty
// figures of one process say less than they seem, for much of the noise comes
// anew with each launch only.
type GoBench struct {
	Packages  []string // patterns as go test takes them; none: the package of the folder
	Bench     string   // regular expression of the benchmarks; DefaultBench where empty
	BenchTime string   // as go test -benchtime; DefaultBenchTime where empty
	Tags      string   // build tags, separated by commas, as go test -tags

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
	builders []*builder
	record   *os.File
}

func (e *GoBench) open(ctx context.Context, s *session) (runner, error) {
	r := &benched{GoBench: e, s: s}
	var err error
	if r.packages, err = r.find(ctx); err != nil {
		return nil, err
	}
	for i, pkg := range r.packages {
		r.builders = append(r.builders, &builder{s: s, name: fmt.Sprintf("p%02d", i), make: func(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
			return r.compile(ctx, pkg, arm, layoutFlags(layout), out)
		}})
	}
	r.record, err = os.OpenFile(filepath.Join(s.Out, LaunchesFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return r, err
}

func (r *benched) close() error { return r.record.Close() }

func (r *benched) stored() ([]compare.Sample, error) {
	samples, end, err := readLaunches(r.s.Out)
	if err != nil {
		return nil, err
	}
	return samples, r.s.drop(end)
}

func (r *benched) build(ctx context.Context, pairs []pairPlan) error {
	for _, b := range r.builders {
		if err := b.all(ctx, pairs); err != nil {
			return err
		}
	}
	return nil
}

// pair launches the arms one after the other, each package's test binary anew.
func (r *benched) pair(ctx context.Context, p pairPlan) ([]compare.Sample, error) {
	var text bytes.Buffer
	programs := make([]map[compare.Arm]program, len(r.builders))
	for i, b := range r.builders {
		var err error
		if programs[i], err = b.take(p); err != nil {
			return nil, err
		}
	}
	unit := 0
	for _, arm := range p.order {
		fmt.Fprintf(&text, "arm: %s\npair: %d\norder: %s\nlayout-seed: %d\n", arm, p.number, orderOf(p.order), p.layout[arm])
		for i, pkg := range r.packages {
			unit++
			out, err := r.undisturbed(ctx, breach{arm: arm, pair: p.number, unit: unit}, pkg, programs[i][arm].path)
			if err != nil {
				return nil, err
			}
			text.Write(benchLines(out))
		}
	}
	samples, err := compare.ReadBench(bytes.NewReader(text.Bytes()), "what the benchmarks printed", "")
	if err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, &ConfigError{fmt.Errorf("--bench=%s: no benchmark of %s matches", r.bench(), strings.Join(r.packages, ", "))}
	}
	fmt.Fprintf(&text, wholePair, p.number)
	if _, err := r.record.Write(text.Bytes()); err != nil {
		return nil, err
	}
	for _, b := range r.builders {
		b.drop(p)
	}
	return samples, nil
}

func (r *benched) units() int { return len(r.s.arms()) * len(r.packages) }

// undisturbed launches until a launch was not disturbed; which one it is stands
// in at.
func (r *benched) undisturbed(ctx context.Context, at breach, pkg, path string) ([]byte, error) {
	for {
		clock, throttled := watchWall(), host.SelfThrottled()
		out, bad, err := r.launch(ctx, at.arm, pkg, path)
		switch t := host.SelfThrottled().Minus(throttled); {
		case err != nil:
			return nil, err
		case bad != nil:
		case clock.stepped():
			bad = &breach{why: "the wall clock was set"}
		case t.Any():
			bad = &breach{why: fmt.Sprintf("a CPU quota stopped the benchmarks %v", t)}
		default:
			return out, nil
		}
		at.why = bad.why
		if err := r.s.again(at, r.units()); err != nil {
			return nil, err
		}
	}
}

// launch runs the benchmarks of one test binary once. One that fails was
// disturbed, as far as can be told: a stage that is not valid fails its
// benchmark. Where it fails again and again the comparison ends.
func (r *benched) launch(ctx context.Context, arm compare.Arm, pkg, path string) ([]byte, *breach, error) {
	meter := host.Self()
	if err := meter.Start(); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	cmd := r.s.sides.command(arm, filepath.Join(r.s.sides.dir(arm), pkg), path, "-test.run=^$", "-test.bench="+r.bench(), "-test.benchtime="+r.benchTime(), "-test.count=1", "-test.timeout="+launchLimit.String())
	ran, err := child.Run(ctx, cmd, nil, launchLimit, nil)
	usage, meterErr := meter.Stop()
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil:
		return nil, &breach{arm: arm, why: fmt.Sprintf("the benchmarks of %s failed in the %s: %v", pkg, arm, err)}, nil
	case meterErr != nil:
		return nil, nil, meterErr
	}
	if bad := stolen(arm, usage.Steal, time.Since(began), r.s.maxSteal()); bad != nil {
		return nil, bad, nil
	}
	return ran.Out, nil, nil
}

// benchLines keeps what is benchmark format of what a test binary printed.
func benchLines(out []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(out) {
		for _, begin := range []string{"Benchmark", "Unit ", "pkg:", "goos:", "goarch:", "cpu:"} {
			if bytes.HasPrefix(line, []byte(begin)) {
				kept = append(kept, line...)
				break
			}
		}
	}
	return kept
}
