package duet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	// launchLimit bounds one launch of one test binary.
	launchLimit = 10 * time.Minute
	// launchMax is the most benchmark lines of one launch, in bytes.
	launchMax = 16 << 20
	// failTries is how often a launch may fail before the comparison ends.
	failTries = 3
	// outputTold is how much of a benchmark's output a message holds, in bytes.
	outputTold = 700
)

// failure is a benchmark that failed, or did not bring its figures. It ends a
// comparison: what did not run was not compared.
type failure struct {
	pkg  string // folder of the package
	name string // "" where it is not known which of the package's it was
	arm  compare.Arm
	how  string // as in "failed: exit status 1: …"
	also string // what became of it on the other side
	late bool   // it ran into the limit of a launch: trying again takes too long
}

func (f *failure) Error() string {
	what := "benchmark " + f.name + " of " + f.pkg
	if f.name == "" {
		what = "the benchmarks of " + f.pkg
	}
	return fmt.Sprintf("%s %s in the %s%s", what, f.how, f.arm, f.also)
}

// pair launches the arms one after the other, each package's test binary again.
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
			lines, err := r.undisturbed(ctx, breach{arm: arm, pair: p.number, unit: unit}, pkg, programs[i])
			if err != nil {
				return nil, err
			}
			text.Write(lines)
		}
	}
	samples, err := compare.ReadBench(bytes.NewReader(text.Bytes()), "what the benchmarks printed", "")
	if err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, &ConfigError{Err: fmt.Errorf("--bench=%s: no benchmark of %s matches", r.bench(), strings.Join(r.packages, ", "))}
	}
	fmt.Fprintf(&text, wholePair, p.number)
	_ = r.record.Append(text.Bytes()) // close tells that it could not be written
	for _, b := range r.builders {
		b.drop(p)
	}
	return samples, nil
}

func (r *benched) units() int { return len(r.s.arms()) * len(r.packages) }

// undisturbed launches the program of an arm, and again where the machine
// disturbed the launch, as far as session.again has it. Which launch it is stands
// in at. One that fails is tried again too: where that is chance, the comparison
// goes on, and says so.
func (r *benched) undisturbed(ctx context.Context, at breach, pkg string, programs map[compare.Arm]program) ([]byte, error) {
	failed := 0
	for row := 1; ; row++ {
		clock, throttled := watchWall(), host.SelfThrottled()
		text, bad, err := r.launch(ctx, at.arm, pkg, programs[at.arm].path)
		var f *failure
		switch t := host.SelfThrottled().Minus(throttled); {
		case errors.As(err, &f):
			if failed++; failed == failTries || f.late {
				r.s.failedForGood(at)
				return nil, r.blame(ctx, f, programs)
			}
			row--
			at.kind, at.why = kindFailed, f.Error()
			if err := r.s.failedOnce(at); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, err
		case bad != nil:
		case clock.stepped():
			bad = &breach{kind: kindClock, why: "the wall clock was set"}
		case t.Any():
			bad = &breach{kind: kindQuota, why: fmt.Sprintf("a CPU quota stopped the benchmarks %v", t)}
		}
		if bad == nil {
			return text, nil
		}
		at.kind, at.why = bad.kind, bad.why
		again, err := r.s.again(at, row, r.units())
		if err != nil {
			return nil, err
		}
		if !again {
			return text, nil
		}
	}
}

// blame says of a failure that ends the comparison whether the other side fails
// as well.
func (r *benched) blame(ctx context.Context, f *failure, programs map[compare.Arm]program) error {
	other := compare.Base
	if side(f.arm) == compare.Base {
		other = compare.Candidate
	}
	if f.late {
		return f
	}
	_, _, err := r.launch(ctx, other, f.pkg, programs[other].path)
	var also *failure
	switch {
	case errors.As(err, &also) && also.name == f.name:
		f.also = fmt.Sprintf(", and in the %s as well; leave it out with --bench, or mend it", other)
	case also != nil:
		f.also = fmt.Sprintf("; %v", also)
	case err == nil:
		f.also = fmt.Sprintf(", and not in the %s", other)
	}
	return f
}

// printed is what one launch printed.
type printed struct {
	compare.BenchLines
	crash crash
	text  bytes.Buffer   // in benchmark format
	names map[string]int // of benchmarks that brought figures, in full, and how often
	over  bool           // there is more text than is kept
}

// printer takes what a launch of a package prints.
func (r *benched) printer(pkg string) *printed {
	out := &printed{names: map[string]int{}}
	out.Declared = r.declared[pkg]
	out.Emit = func(line []byte) {
		if path := r.paths[pkg]; path != "" && bytes.HasPrefix(line, []byte("pkg:")) {
			line = []byte("pkg: " + path)
		}
		if name, rest, ok := bytes.Cut(line, []byte("\t")); ok && bytes.HasPrefix(line, []byte("Benchmark")) {
			n := out.names[string(name)]
			out.names[string(name)]++
			if n > 0 {
				line = append([]byte(r.numbered(pkg, string(name), n)+"\t"), rest...)
			}
		}
		if out.over = out.over || out.text.Len()+len(line) > launchMax; !out.over {
			out.text.Write(append(line, '\n'))
		}
	}
	return out
}

// numbered is the name of a benchmark that brought figures n times before. Of
// two that are declared with one name each is told apart by a number, as package
// testing does below a benchmark; else they are values of the same one.
func (r *benched) numbered(pkg, name string, n int) string {
	top, _, _ := strings.Cut(name, "/")
	top, _, _ = strings.Cut(top, "-")
	if !r.twice[pkg+" "+top] {
		return name
	}
	return fmt.Sprintf("%s#%02d%s", top, n, name[len(top):])
}

// start runs a test binary to its end, for at most launchLimit.
func (r *benched) start(ctx context.Context, arm compare.Arm, pkg, path string, args ...string) (*printed, error) {
	out := r.printer(pkg)
	// As go test has it, a program that ends by itself with code 0 fails.
	args = append([]string{"-test.run=^$", "-test.count=1", fmt.Sprintf("-test.benchmem=%v", r.BenchMem), "-test.paniconexit0", "-test.timeout=" + launchLimit.String()}, args...)
	cmd := r.s.sides.Command(arm, filepath.Join(r.s.sides.Dir(arm), pkg), path, args...)
	cmd.Stdout, cmd.Stderr = &out.BenchLines, &out.crash
	_, err := process.Run(ctx, cmd, nil, launchLimit+time.Minute, nil) // beyond its own limit, at which it says what runs
	out.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, err
}

// launch runs the benchmarks of one test binary once, and returns their lines.
// The error is a *failure where a benchmark is at fault.
func (r *benched) launch(ctx context.Context, arm compare.Arm, pkg, path string) ([]byte, *breach, error) {
	meter := host.Self()
	if err := meter.Start(); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	out, err := r.start(ctx, arm, pkg, path, "-test.bench="+r.bench(), "-test.benchtime="+r.benchTime())
	length := time.Since(began)
	usage, meterErr := meter.Stop()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	f := out.failed(pkg, arm, err)
	if f != nil && f.late {
		return nil, nil, f
	}
	if stage := out.stageNotValid(); stage != "" {
		return nil, &breach{kind: kindUnusable, why: fmt.Sprintf("a stage of the %s was not valid: %s", arm, stage)}, nil
	}
	if f != nil && f.name == "" {
		f.name = r.runs(ctx, arm, pkg, path)
	}
	if f == nil {
		f, err = r.missing(ctx, arm, pkg, path, out)
		if err != nil {
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

// stageNotValid is why a stage of load was not valid, where that is all that
// failed: the machine's fault, as far as can be known.
func (p *printed) stageNotValid() (why string) {
	for _, f := range p.Failures {
		if f.Output == "" { // one that has the failed one below it
			continue
		}
		_, rest, ok := strings.Cut(f.Output, result.NotValid)
		if !ok {
			return ""
		}
		why = cmp.Or(why, told(strings.TrimPrefix(rest, ": ")))
	}
	return why
}

// failed says which benchmark failed, if one did.
func (p *printed) failed(pkg string, arm compare.Arm, err error) *failure {
	f := &failure{pkg: pkg, arm: arm}
	switch {
	case len(p.Failures) > 0:
		f.name, f.how = p.known(p.Failures[0].Name), "failed: "+told(cmp.Or(p.Failures[0].Output, p.crash.String()))
	case err != nil:
		// The stack first: another may have begun while the one that panicked ended.
		f.name = p.known(cmp.Or(p.crash.benchmark(p.Declared), p.Waiting()))
		f.how = fmt.Sprintf("failed: %v", err)
		if said := told(cmp.Or(p.crash.String(), p.Said())); said != "" {
			f.how += ": " + said
		}
		f.late = strings.Contains(f.how, "test timed out after") || strings.Contains(f.how, "did not end within")
	case p.over:
		f.how = fmt.Sprintf("printed more than %d MiB of benchmark lines", launchMax>>20)
	case len(p.Broken) > 0:
		f.name, f.how = p.known(p.Broken[0]), "printed what cannot be told from its own figures,"
	case !p.Ended:
		f.name, f.how = p.known(p.Waiting()), "ended before the run was over, with exit code 0,"
	default:
		return nil
	}
	return f
}

// known is the name of a benchmark without the number of CPUs, where it is
// known that there is one at its end.
func (p *printed) known(name string) string {
	for _, d := range p.Declared {
		if rest, ok := strings.CutPrefix(name, d+"-"); ok && strings.Trim(rest, "0123456789") == "" {
			return d
		}
	}
	return name
}

// missing finds a benchmark that both sides declare and that brought no figures,
// though nothing says that it failed. One that is skipped there is fine: the
// other side's tells, where that is not.
func (r *benched) missing(ctx context.Context, arm compare.Arm, pkg, path string, out *printed) (*failure, error) {
	for _, name := range r.declared[pkg] {
		if out.has(name) {
			continue
		}
		skipped, err := r.skipped(ctx, arm, pkg, path, name)
		if err != nil {
			return nil, err
		}
		if !skipped {
			f := &failure{pkg: pkg, arm: arm, name: name, how: "brought no figures"}
			// Package testing lets the program go on while a benchmark panics, so
			// that it may end well before the panic ends it.
			if out.crash.begun {
				f.how += ": " + told(out.crash.String())
			}
			return f, nil
		}
	}
	return nil, nil
}

// has reports whether the benchmark, or one below it, brought figures.
func (p *printed) has(benchmark string) bool {
	for name := range p.names {
		top, _, _ := strings.Cut(name, "/")
		if rest, ok := strings.CutPrefix(top, benchmark); ok && (rest == "" || rest[0] == '-' && strings.Trim(rest[1:], "0123456789") == "") {
			return true
		}
	}
	return false
}

// skipped reports whether a benchmark without figures has none for a reason: it
// skips itself, or has none below it that --bench takes. Package testing says
// so only when it is asked to say more, and programs may then say more as well:
// it is asked once, in a launch that is not measured.
func (r *benched) skipped(ctx context.Context, arm compare.Arm, pkg, path, name string) (bool, error) {
	key := fmt.Sprintf("%s %s %s", pkg, side(arm), name)
	if skipped, ok := r.skips[key]; ok {
		return skipped, nil
	}
	out, err := r.asked(ctx, arm, pkg, path, r.only(name))
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
		why = fmt.Sprintf("has nothing below it that --bench=%s takes", r.bench())
	}
	if r.skips == nil {
		r.skips = map[string]bool{}
	}
	r.skips[key] = why != ""
	if why != "" {
		note := fmt.Sprintf("benchmark %s of %s %s in the %s", name, pkg, why, side(arm))
		r.s.notes = append(r.s.notes, note)
		r.s.tell("%s", note)
	}
	return why != "", nil
}

// only is an expression that takes this benchmark and what --bench takes below
// it.
func (r *benched) only(name string) string {
	if bench := r.bench(); strings.Contains(bench, "/") {
		return bench
	}
	return "^" + name + "$"
}

// asked runs benchmarks once, unmeasured, and has package testing say what it
// does.
func (r *benched) asked(ctx context.Context, arm compare.Arm, pkg, path, bench string) (*printed, error) {
	return r.start(ctx, arm, pkg, path, "-test.bench="+bench, "-test.benchtime=1x", "-test.v=test2json")
}

// runs is the benchmark that runs when the program ends, "" where it does not
// end so when it is asked.
func (r *benched) runs(ctx context.Context, arm compare.Arm, pkg, path string) string {
	out, err := r.asked(ctx, arm, pkg, path, r.bench())
	switch {
	case out == nil || err == nil && out.Ended:
		return ""
	case len(out.Failures) > 0:
		return out.Failures[0].Name
	}
	return out.Running
}

// told is output as part of a sentence: in one line, the beginning of it.
func told(output string) string {
	output = escape.Line(output)
	if len(output) > outputTold {
		output = strings.ToValidUTF8(output[:outputTold], "") + " …"
	}
	return output
}

// crash keeps of a standard error where the program crashed, or else the end.
type crash struct {
	begun bool
	text  []byte
}

const crashBytes = 8 << 10

var crashes = [][]byte{[]byte("panic: "), []byte("fatal error: "), []byte("WARNING: DATA RACE")}

func (c *crash) Write(p []byte) (int, error) {
	n := len(p)
	for !c.begun && len(p) > 0 {
		// What is before may hold the beginning of the word.
		part := p[:min(len(p), crashBytes)]
		p = p[len(part):]
		from := max(0, len(c.text)-len("WARNING: DATA RACE"))
		c.text = append(c.text, part...)
		at := -1
		for _, word := range crashes {
			if i := bytes.Index(c.text[from:], word); i >= 0 && (at < 0 || i < at) {
				at = i
			}
		}
		if at >= 0 {
			c.begun, c.text = true, slices.Clone(c.text[from+at:])
		} else if over := len(c.text) - crashBytes; over > 0 {
			c.text = c.text[:copy(c.text, c.text[over:])]
		}
	}
	if c.begun {
		c.text = append(c.text, p[:min(len(p), max(0, crashBytes-len(c.text)))]...)
	}
	return n, nil
}

// String is where it crashed, from the first word on, or the end of what it
// said.
func (c *crash) String() string {
	text := string(c.text)
	if !c.begun {
		text = text[max(0, len(text)-outputTold):]
	}
	return strings.TrimSpace(text)
}

var frameText = regexp.MustCompile(`\.(Benchmark[^\s.(]*)(?:\.func[0-9.]+)?\(`)

// benchmark is the one of these whose function is on the stack, the first; "" where
// there is none.
func (c *crash) benchmark(declared []string) string {
	for _, m := range frameText.FindAllSubmatch(c.text, -1) {
		if name := string(m[1]); c.begun && slices.Contains(declared, name) {
			return name
		}
	}
	return ""
}
