package duet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
}

// Validate says what is wrong with it, naming the flag.
func (e *GoBench) Validate() error {
	for part := range strings.SplitSeq(e.bench(), "/") {
		if _, err := regexp.Compile(part); err != nil {
			return fmt.Errorf("--bench=%s: %w", e.Bench, err)
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
	return result.Settings{
		{Key: "packages", Value: strings.Join(e.Packages, " ")}, {Key: "bench", Value: e.bench()}, {Key: "benchtime", Value: e.benchTime()},
	}
}

// benched runs the pairs of a GoBench.
type benched struct {
	*GoBench
	s        *session
	packages []string // those that have benchmarks, by their folders below the side's
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
			return r.compile(ctx, pkg, arm, layout, out)
		}})
	}
	r.record, err = os.OpenFile(filepath.Join(s.Out, LaunchesFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return r, err
}

func (r *benched) close() error { return r.record.Close() }

func (r *benched) stored() ([]compare.Sample, error) {
	f, err := os.Open(filepath.Join(r.s.Out, LaunchesFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return compare.ReadBench(f, LaunchesFile, compare.Base)
}

// goCommand is the go command in an arm's source.
func (r *benched) goCommand(arm compare.Arm, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = r.s.sides.dir(arm)
	return cmd
}

// find lists the packages in which the candidate has such benchmarks, and says
// where the two sides' test files differ: then it may be the benchmark that
// changed, and not what it measures.
func (r *benched) find(ctx context.Context) ([]string, error) {
	patterns := r.Packages
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	list := func(arm compare.Arm) ([]string, error) {
		args := append([]string{"list", "-e", "-f", `{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}`}, patterns...)
		ran, err := child.Run(ctx, r.goCommand(arm, args...), nil, buildLimit, nil)
		if err != nil {
			return nil, &ConfigError{fmt.Errorf("listing the packages %s: %w", strings.Join(patterns, " "), err)}
		}
		var dirs []string
		for dir := range strings.Lines(string(ran.Out)) {
			rel, err := filepath.Rel(r.s.sides.dir(arm), strings.TrimSpace(dir))
			if err == nil && strings.TrimSpace(dir) != "" {
				dirs = append(dirs, rel)
			}
		}
		return dirs, nil
	}
	candidate, err := list(compare.Candidate)
	if err != nil {
		return nil, err
	}
	base, err := list(compare.Base)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range candidate {
		has, err := r.has(dir)
		if err != nil {
			return nil, err
		}
		switch {
		case !has:
		case !slices.Contains(base, dir):
			r.s.notes = append(r.s.notes, fmt.Sprintf("%s has benchmarks in the candidate only, so they are not compared", dir))
		default:
			found = append(found, dir)
			if changed := r.changed(dir); changed != "" {
				r.s.notes = append(r.s.notes, fmt.Sprintf("%s differs between the sides: what changed may be the benchmark, and not what it measures", changed))
			}
		}
	}
	if len(found) == 0 {
		return nil, &ConfigError{fmt.Errorf("no package of %s has benchmarks on both sides", strings.Join(patterns, " "))}
	}
	return found, nil
}

var benchmarkFunc = regexp.MustCompile(`(?m)^func (Benchmark\w*)\(`)

// has reports whether a package of the candidate has a benchmark whose name
// the expression takes. What is below it in sub-benchmarks shows when it runs.
func (r *benched) has(dir string) (bool, error) {
	first, _, _ := strings.Cut(r.bench(), "/")
	want := regexp.MustCompile(first) // Validate has compiled it
	files, err := filepath.Glob(filepath.Join(r.s.sides.dir(compare.Candidate), dir, "*_test.go"))
	if err != nil {
		return false, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return false, err
		}
		for _, m := range benchmarkFunc.FindAllSubmatch(b, -1) {
			if want.Match(m[1]) {
				return true, nil
			}
		}
	}
	return false, nil
}

// changed names a test file with benchmarks that the two sides do not have
// alike, "" where there is none.
func (r *benched) changed(dir string) string {
	for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		files, _ := filepath.Glob(filepath.Join(r.s.sides.dir(arm), dir, "*_test.go"))
		for _, f := range files {
			a, errA := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Base), dir, filepath.Base(f)))
			b, errB := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Candidate), dir, filepath.Base(f)))
			if (benchmarkFunc.Match(a) || benchmarkFunc.Match(b)) && (errA != nil || errB != nil || !bytes.Equal(a, b)) {
				return filepath.Join(dir, filepath.Base(f))
			}
		}
	}
	return ""
}

func (r *benched) compile(ctx context.Context, pkg string, arm compare.Arm, layout uint64, out string) error {
	cmd := r.goCommand(arm, "test", "-c", "-o", out, "-trimpath", "-buildvcs=false", "-ldflags="+layoutFlags(layout), "./"+pkg)
	_, err := child.Run(ctx, cmd, nil, buildLimit, nil)
	return err
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
	for _, arm := range p.order {
		fmt.Fprintf(&text, "arm: %s\npair: %d\norder: %s\nlayout-seed: %d\n", arm, p.number, orderOf(p.order), p.layout[arm])
		for i, pkg := range r.packages {
			out, err := r.undisturbed(ctx, arm, pkg, programs[i][arm].path)
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
	if _, err := r.record.Write(text.Bytes()); err != nil {
		return nil, err
	}
	for _, b := range r.builders {
		b.drop(p)
	}
	return samples, nil
}

func (r *benched) units() int { return len(r.s.arms()) * len(r.packages) }

// undisturbed launches until a launch was not disturbed.
func (r *benched) undisturbed(ctx context.Context, arm compare.Arm, pkg, path string) ([]byte, error) {
	for row := 1; ; row++ {
		clock, throttled := watchWall(), host.Throttled()
		out, bad, err := r.launch(ctx, arm, pkg, path)
		switch {
		case err != nil:
			return nil, err
		case bad != nil:
		case clock.stepped():
			bad = &breach{arm, "the wall clock was set"}
		case host.Throttled() > throttled:
			bad = &breach{arm, "the control group's CPU quota held its processes up"}
		default:
			return out, nil
		}
		if err := r.s.again(*bad, row, r.units()); err != nil {
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
	cmd := exec.Command(path, "-test.run=^$", "-test.bench="+r.bench(), "-test.benchtime="+r.benchTime(), "-test.count=1", "-test.timeout="+launchLimit.String())
	cmd.Dir = filepath.Join(r.s.sides.dir(arm), pkg)
	ran, err := child.Run(ctx, cmd, nil, launchLimit, nil)
	usage, meterErr := meter.Stop()
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil:
		return nil, &breach{arm, fmt.Sprintf("the benchmarks of %s failed in the %s: %v", pkg, arm, err)}, nil
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
