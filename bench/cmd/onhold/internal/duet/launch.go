package duet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
)

const (
	// launchLimit bounds one launch of one test binary.
	launchLimit = 10 * time.Minute
	// failTries is how often a launch may fail before the comparison ends.
	failTries = 3
)

// pair launches the arms one after the other, each package's test binary in turn.
func (r *benched) pair(ctx context.Context, p pairPlan) ([]compare.Sample, error) {
	programs := make([]map[compare.Arm]program, len(r.packages))
	for i, pkg := range r.packages {
		var err error
		if programs[i], err = pkg.builder.take(p); err != nil {
			return nil, err
		}
	}
	var text bytes.Buffer
	unit := 0
	for _, arm := range p.order {
		fmt.Fprintf(&text, "arm: %s\npair: %d\norder: %s\nlayout-seed: %d\n", arm, p.number, orderOf(p.order), p.layout[arm])
		for i, pkg := range r.packages {
			unit++
			lines, err := r.undisturbed(ctx, disturbance{Arm: arm, Pair: p.number, Unit: unit}, pkg, programs[i])
			if err != nil {
				return nil, err
			}
			text.Write(lines)
		}
	}
	samples, err := compare.ReadBench(bytes.NewReader(text.Bytes()), "the output of the benchmarks", "")
	if err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, &ConfigError{Err: fmt.Errorf("no benchmark of %s matches %s", strings.Join(dirsOf(r.packages), ", "), r.bench())}
	}
	fmt.Fprintf(&text, pairEnd, p.number)
	_ = r.record.Append(text.Bytes()) // close returns the error
	for _, pkg := range r.packages {
		pkg.builder.drop(p)
	}
	return samples, nil
}

// undisturbed launches the program of an arm, and repeats a disturbed launch as far
// as session.again allows. A launch that fails is tried again too: where that was
// chance, the comparison goes on, with a note. At identifies the launch.
func (r *benched) undisturbed(ctx context.Context, at disturbance, pkg *benchPackage, programs map[compare.Arm]program) ([]byte, error) {
	failed, row := 0, 1
	for {
		w := startWatch()
		text, bad, err := r.launch(ctx, at.Arm, pkg, programs[at.Arm].path)
		if f, ok := errors.AsType[*failure](err); ok {
			if failed++; failed == failTries || f.late {
				r.s.failedForGood(at)
				return nil, r.blame(ctx, f, pkg, programs)
			}
			at.Kind, at.Why = kindFailed, f.Error()
			if err := r.s.failedOnce(at); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if bad = w.disturbed(bad, at.Arm, "the benchmarks"); bad == nil {
			return text, nil
		}
		at.Kind, at.Why = bad.Kind, bad.Why
		again, err := r.s.again(at, row, r.units())
		if err != nil {
			return nil, err
		}
		if !again {
			return text, nil
		}
		row++
	}
}

// blame adds to a failure that ends the comparison whether the other side fails too.
func (r *benched) blame(ctx context.Context, f *failure, pkg *benchPackage, programs map[compare.Arm]program) error {
	other := compare.Base
	if side(f.arm) == compare.Base {
		other = compare.Candidate
	}
	if f.late {
		return f
	}
	_, _, err := r.launch(ctx, other, pkg, programs[other].path)
	var also *failure
	switch {
	case errors.As(err, &also) && also.name == f.name:
		f.other = fmt.Sprintf(", and in the %s as well; fix it, or select other benchmarks", other)
	case also != nil:
		f.other = fmt.Sprintf("; %v", also)
	case err == nil:
		f.other = fmt.Sprintf(", and not in the %s", other)
	}
	return f
}

// start runs a test binary to its end, for at most a time limit.
func (r *benched) start(ctx context.Context, limit time.Duration, arm compare.Arm, pkg *benchPackage, path string, args ...string) (*output, error) {
	out := pkg.newOutput()
	// As with go test, a program that exits by itself with code 0 fails.
	args = append([]string{"-test.run=^$", "-test.count=1", fmt.Sprintf("-test.benchmem=%v", r.BenchMem), "-test.paniconexit0", "-test.timeout=" + limit.String()}, args...)
	cmd := r.s.sides.Command(arm, filepath.Join(r.s.sides.Dir(arm), pkg.dir), path, args...)
	cmd.Stdout, cmd.Stderr = &out.BenchLines, &out.crash
	_, err := process.Run(ctx, cmd, nil, limit+time.Minute, nil) // at its own limit it prints what is running
	out.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, err
}

// launch runs the benchmarks of one test binary once, and returns their lines. The
// error is a *failure where a benchmark is at fault.
func (r *benched) launch(ctx context.Context, arm compare.Arm, pkg *benchPackage, path string) ([]byte, *disturbance, error) {
	meter := host.Self()
	if err := meter.Start(); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	out, err := r.start(ctx, launchLimit, arm, pkg, path, "-test.bench="+r.bench(), "-test.benchtime="+r.benchTime())
	length := time.Since(began)
	usage, meterErr := meter.Stop()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	f := out.failed(pkg.dir, arm, err)
	if f != nil && f.late {
		return nil, nil, f
	}
	if stage := out.invalidStage(); stage != "" {
		return nil, &disturbance{Kind: kindInvalid, Why: fmt.Sprintf("a stage of the %s was not valid: %s", arm, stage)}, nil
	}
	if f != nil && f.name == "" {
		f.name = r.runningAtExit(ctx, arm, pkg, path)
	}
	if f == nil {
		if f, err = r.missing(ctx, arm, pkg, path, out); err != nil {
			return nil, nil, err
		}
	}
	if f != nil {
		return nil, nil, f
	}
	if meterErr != nil {
		return nil, nil, meterErr
	}
	return out.text.Bytes(), stolen(arm, usage, length, r.s.maxSteal()), nil
}

// missing finds a benchmark that both sides declare and that reported no metrics,
// without a failure. One that is skipped is fine: where only one side skips it, the
// other side's metrics show that.
func (r *benched) missing(ctx context.Context, arm compare.Arm, pkg *benchPackage, path string, out *output) (*failure, error) {
	for _, name := range pkg.declared {
		if out.has(name) {
			continue
		}
		skipped, err := r.skipped(ctx, arm, pkg, path, name)
		if err != nil {
			return nil, err
		}
		if !skipped {
			f := &failure{pkg: pkg.dir, arm: arm, name: name, how: "reported no metrics"}
			// The program may end well before a panic of a benchmark ends it.
			if text := out.crash.begun(); text != "" {
				f.how += ": " + excerpt(text)
			}
			return f, nil
		}
	}
	return nil, nil
}

// skipped reports whether a benchmark without metrics has none for a reason: it
// skips itself, or has no sub-benchmark that matches. Package testing reports that
// only in verbose mode, in which programs may print more as well, so it takes a
// launch that is not measured, once.
func (r *benched) skipped(ctx context.Context, arm compare.Arm, pkg *benchPackage, path, name string) (bool, error) {
	key := fmt.Sprintf("%s %s %s", pkg.dir, side(arm), name)
	if skipped, ok := r.skips[key]; ok {
		return skipped, nil
	}
	only := "^" + name + "$"
	if strings.Contains(r.bench(), "/") {
		only = r.bench() // with its sub-benchmarks
	}
	out, err := r.verbose(ctx, arm, pkg, path, only)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	below := func(s string) bool { return s == name || strings.HasPrefix(s, name+"/") }
	why := ""
	switch {
	case err != nil || out.has(name):
	case slices.ContainsFunc(out.Skipped, below):
		why = "is skipped"
	case strings.Contains(r.bench(), "/"):
		why = fmt.Sprintf("has no sub-benchmark that matches %s", r.bench())
	}
	if r.skips == nil {
		r.skips = map[string]bool{}
	}
	r.skips[key] = why != ""
	if why != "" {
		r.s.note("benchmark %s of %s %s in the %s", name, pkg.dir, why, side(arm))
	}
	return why != "", nil
}

// verbose runs benchmarks once, unmeasured, in package testing's verbose mode.
func (r *benched) verbose(ctx context.Context, arm compare.Arm, pkg *benchPackage, path, bench string) (*output, error) {
	return r.start(ctx, launchLimit, arm, pkg, path, "-test.bench="+bench, "-test.benchtime=1x", "-test.v=test2json")
}

// runningAtExit is the benchmark that runs when the program exits, "" where the
// program does not exit so in verbose mode.
func (r *benched) runningAtExit(ctx context.Context, arm compare.Arm, pkg *benchPackage, path string) string {
	out, err := r.verbose(ctx, arm, pkg, path, r.bench())
	switch {
	case out == nil || err == nil && out.Ended:
		return ""
	case len(out.Failures) > 0:
		return out.Failures[0].Name
	}
	return out.Running
}
