package duet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	if _, err := topLevel(e.bench()); err != nil {
		return fmt.Errorf("--bench=%s: %w", e.Bench, err)
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
	samples, end, err := readLaunches(r.s.Out)
	if err != nil {
		return nil, err
	}
	return samples, r.s.drop(end)
}

// goCommand is the go command in an arm's source.
func (r *benched) goCommand(arm compare.Arm, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = r.s.sides.dir(arm)
	return cmd
}

// find lists the packages in which both sides have such a benchmark. What the
// base has and the candidate has not makes the comparison not valid: a
// benchmark must not pass by being taken away. It also says where the two
// sides' test files differ: then it may be the benchmark that changed, and not
// what it measures.
func (r *benched) find(ctx context.Context) ([]string, error) {
	patterns := r.Packages
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	base, err := r.list(ctx, compare.Base, patterns)
	if err != nil {
		return nil, err
	}
	candidate, err := r.list(ctx, compare.Candidate, patterns)
	if err != nil {
		return nil, err
	}
	for dir, names := range base {
		if candidate[dir] == nil {
			candidate[dir] = map[string]string{}
		}
		for name := range names {
			if _, ok := candidate[dir][name]; !ok {
				r.s.invalid = append(r.s.invalid, fmt.Sprintf("benchmark %s of %s is gone in the candidate", name, dir))
			}
		}
	}
	slices.Sort(r.s.invalid)
	for _, gone := range r.s.invalid {
		r.s.tell("%s", gone)
	}
	var found []string
	for _, dir := range slices.Sorted(maps.Keys(candidate)) {
		both := false
		files := map[string]bool{}
		for name, file := range candidate[dir] {
			files[file] = true
			if _, ok := base[dir][name]; ok {
				both = true
			}
		}
		for _, file := range base[dir] {
			files[file] = true
		}
		switch {
		case both:
			found = append(found, dir)
			if changed := r.changed(dir, slices.Sorted(maps.Keys(files))); changed != "" {
				r.s.notes = append(r.s.notes, fmt.Sprintf("%s differs between the sides: what changed may be the benchmark, and not what it measures", changed))
			}
		case len(candidate[dir]) > 0:
			r.s.notes = append(r.s.notes, fmt.Sprintf("%s has benchmarks in the candidate only, so they are not compared: %s", dir, strings.Join(slices.Sorted(maps.Keys(candidate[dir])), ", ")))
		}
	}
	if len(found) == 0 {
		why := slices.Concat([]string{fmt.Sprintf("no package of %s has benchmarks on both sides that --bench=%s takes", strings.Join(patterns, " "), r.bench())}, r.s.invalid)
		return nil, &ConfigError{errors.New(strings.Join(why, "; "))}
	}
	return found, nil
}

// list finds an arm's packages, by their folders below the arm's, and the
// benchmarks in each whose names the expression takes, with their files. What
// is below those in sub-benchmarks shows when they run.
func (r *benched) list(ctx context.Context, arm compare.Arm, patterns []string) (map[string]map[string]string, error) {
	takes, err := topLevel(r.bench())
	if err != nil {
		return nil, err
	}
	// A line for each test file that this system builds.
	const format = `{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}`
	ran, err := child.Run(ctx, r.goCommand(arm, append([]string{"list", "-e", "-f", format}, patterns...)...), nil, buildLimit, nil)
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("listing the packages %s: %w", strings.Join(patterns, " "), err)}
	}
	out := map[string]map[string]string{}
	for line := range strings.Lines(string(ran.Out)) {
		path := strings.TrimSpace(line)
		if path == "" {
			continue
		}
		dir, err := filepath.Rel(r.s.sides.dir(arm), filepath.Dir(path))
		if err != nil {
			continue
		}
		for _, name := range benchmarksIn(path) {
			if !takes(name) {
				continue
			}
			if out[dir] == nil {
				out[dir] = map[string]string{}
			}
			out[dir][name] = filepath.Base(path)
		}
	}
	return out, nil
}

// benchmarksIn lists the benchmarks that a test file declares. Of one that does
// not parse it lists what it can: that the file does not build is told later.
func benchmarksIn(path string) (names []string) {
	file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		rest, ok := strings.CutPrefix(f.Name.Name, "Benchmark")
		if first, _ := utf8.DecodeRuneInString(rest); ok && !unicode.IsLower(first) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// topLevel reads an expression as go test -bench does, and returns which
// benchmarks it takes by their names, without those below them. Bars that no
// bracket encloses part alternatives, and slashes part the levels of each, so
// A/x|B/y is A/x or B/y.
func topLevel(expression string) (takes func(name string) bool, err error) {
	var tops []*regexp.Regexp
	level, from, round, square := 0, 0, 0, 0
	end := func(at int) {
		re, bad := regexp.Compile(expression[from:at])
		if bad != nil {
			err = errors.Join(err, bad)
		} else if level == 0 {
			tops = append(tops, re)
		}
		from = at + 1
	}
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++ // what follows stands for itself
		case c == '[':
			square++
		case c == ']':
			square = max(0, square-1)
		case square > 0:
		case c == '(':
			round++
		case c == ')':
			round--
		case round != 0:
		case c == '/':
			end(i)
			level++
		case c == '|':
			end(i)
			level = 0
		}
	}
	end(len(expression))
	return func(name string) bool {
		return slices.ContainsFunc(tops, func(re *regexp.Regexp) bool { return re.MatchString(name) })
	}, err
}

// changed names the first of a package's test files that the two sides do not
// have alike, "" where there is none.
func (r *benched) changed(dir string, files []string) string {
	for _, name := range files {
		a, errA := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Base), dir, name))
		b, errB := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Candidate), dir, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return filepath.Join(dir, name)
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
		clock, throttled := watchWall(), host.Throttled()
		out, bad, err := r.launch(ctx, at.arm, pkg, path)
		switch {
		case err != nil:
			return nil, err
		case bad != nil:
		case clock.stepped():
			bad = &breach{why: "the wall clock was set"}
		case host.Throttled() > throttled:
			bad = &breach{why: "the control group's CPU quota held its processes up"}
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
	cmd := exec.Command(path, "-test.run=^$", "-test.bench="+r.bench(), "-test.benchtime="+r.benchTime(), "-test.count=1", "-test.timeout="+launchLimit.String())
	cmd.Dir = filepath.Join(r.s.sides.dir(arm), pkg)
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
