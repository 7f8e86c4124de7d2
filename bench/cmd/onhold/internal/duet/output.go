package duet

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	// launchMax is the most benchmark lines of one launch, in bytes.
	launchMax = 16 << 20
	// excerptMax is how much of a benchmark's output a message contains, in bytes.
	excerptMax = 700
)

// failure is a benchmark that failed, or did not report its metrics. It ends a
// comparison, because what did not run was not compared.
type failure struct {
	pkg   string // folder of the package
	name  string // "" where it is not known which of the package's it was
	arm   compare.Arm
	how   string // as in "failed: exit status 1: …"
	other string // how the other side did
	late  bool   // it reached the limit of a launch: trying again takes too long
}

func (f *failure) Error() string {
	what := "benchmark " + f.name + " of " + f.pkg
	if f.name == "" {
		what = "the benchmarks of " + f.pkg
	}
	return fmt.Sprintf("%s %s in the %s%s", what, f.how, f.arm, f.other)
}

// output is what one launch printed.
type output struct {
	compare.BenchLines
	crash   crash
	text    bytes.Buffer   // in benchmark format
	names   map[string]int // of benchmarks that reported metrics, in full, and how often
	tooLong bool           // there is more text than is kept
}

// newOutput takes what a launch of the package prints.
func (p *benchPackage) newOutput() *output {
	out := &output{names: map[string]int{}}
	out.Declared = p.declared
	out.Emit = func(line []byte) {
		if p.name != "" && bytes.HasPrefix(line, []byte("pkg:")) {
			line = []byte("pkg: " + p.name)
		}
		if name, rest, ok := bytes.Cut(line, []byte("\t")); ok && bytes.HasPrefix(line, []byte("Benchmark")) {
			n := out.names[string(name)]
			out.names[string(name)]++
			if n > 0 {
				line = append([]byte(p.numbered(string(name), n)+"\t"), rest...)
			}
		}
		if out.tooLong = out.tooLong || out.text.Len()+len(line) > launchMax; !out.tooLong {
			out.text.Write(append(line, '\n'))
		}
	}
	return out
}

// numbered is the name of a benchmark that reported metrics n times before. Where
// two are declared with one name, a number distinguishes them, as package testing
// does for sub-benchmarks. Else they are values of the same benchmark.
func (p *benchPackage) numbered(name string, n int) string {
	top, _, _ := strings.Cut(name, "/")
	top, _, _ = strings.Cut(top, "-")
	if !p.twice[top] {
		return name
	}
	return fmt.Sprintf("%s#%02d%s", top, n, name[len(top):])
}

// invalidStage is why a stage of load was not valid, where nothing else failed: that
// is the machine's fault, as far as can be known.
func (o *output) invalidStage() (why string) {
	for _, f := range o.Failures {
		if f.Output == "" { // the failed one is below it
			continue
		}
		_, rest, ok := strings.Cut(f.Output, result.NotValid)
		if !ok {
			return ""
		}
		why = cmp.Or(why, excerpt(strings.TrimPrefix(rest, ": ")))
	}
	return why
}

// failed returns which benchmark failed, nil where none did.
func (o *output) failed(pkg string, arm compare.Arm, err error) *failure {
	f := &failure{pkg: pkg, arm: arm}
	switch {
	case len(o.Failures) > 0:
		f.name, f.how = o.known(o.Failures[0].Name), "failed: "+excerpt(cmp.Or(o.Failures[0].Output, o.crash.String()))
	case err != nil:
		// The stack first: another benchmark may have begun while the one that panicked
		// ended.
		f.name = o.known(cmp.Or(o.crash.benchmark(o.Declared), o.Waiting()))
		f.how = fmt.Sprintf("failed: %v", err)
		if text := excerpt(cmp.Or(o.crash.String(), o.Said())); text != "" {
			f.how += ": " + text
		}
		_, killed := errors.AsType[*process.TooLongError](err)
		f.late = killed || strings.HasPrefix(o.crash.String(), testTimeout)
	case o.tooLong:
		f.how = fmt.Sprintf("printed more than %d MiB of benchmark lines", launchMax>>20)
	case len(o.Broken) > 0:
		f.name, f.how = o.known(o.Broken[0]), "printed text that looks like its own metrics"
	case !o.Ended:
		f.name, f.how = o.known(o.Waiting()), "exited before the run was over, with exit code 0,"
	default:
		return nil
	}
	return f
}

// known is the name of a benchmark without the number of CPUs, where it certainly
// ends in one.
func (o *output) known(name string) string {
	for _, d := range o.Declared {
		if rest, ok := strings.CutPrefix(name, d+"-"); ok && strings.Trim(rest, "0123456789") == "" {
			return d
		}
	}
	return name
}

// has reports whether the benchmark, or one below it, reported metrics.
func (o *output) has(benchmark string) bool {
	for name := range o.names {
		top, _, _ := strings.Cut(name, "/")
		if rest, ok := strings.CutPrefix(top, benchmark); ok && (rest == "" || rest[0] == '-' && strings.Trim(rest[1:], "0123456789") == "") {
			return true
		}
	}
	return false
}

// excerpt is the beginning of an output, in one line.
func excerpt(output string) string {
	output = escape.Line(output)
	if len(output) > excerptMax {
		output = strings.ToValidUTF8(output[:excerptMax], "") + " …"
	}
	return output
}

// crash keeps the end of a standard error.
type crash struct{ text []byte }

// testTimeout begins what package testing prints at the limit of -test.timeout.
const testTimeout = "panic: test timed out after "

const (
	stderrMax  = 1 << 20 // bytes that are kept, at least
	crashBytes = 8 << 10 // bytes of a crash that are used
)

var crashes = regexp.MustCompile(`panic: |fatal error: |WARNING: DATA RACE`)

func (c *crash) Write(p []byte) (int, error) {
	c.text = append(c.text, p...)
	if over := len(c.text) - stderrMax; over > stderrMax {
		c.text = c.text[:copy(c.text, c.text[over:])]
	}
	return len(p), nil
}

// begun is the crash, from its first word on; "" where there is none.
func (c *crash) begun() string {
	at := crashes.FindIndex(c.text)
	if at == nil {
		return ""
	}
	return string(c.text[at[0]:min(len(c.text), at[0]+crashBytes)])
}

// String is the crash, or the end of the output.
func (c *crash) String() string {
	return strings.TrimSpace(cmp.Or(c.begun(), string(c.text[max(0, len(c.text)-excerptMax):])))
}

var frameText = regexp.MustCompile(`\.(Benchmark[^\s.(]*)(?:\.func[0-9.]+)?\(`)

// benchmark is the first of these whose function is on the stack; "" where none is.
func (c *crash) benchmark(declared []string) string {
	for _, m := range frameText.FindAllStringSubmatch(c.begun(), -1) {
		if slices.Contains(declared, m[1]) {
			return m[1]
		}
	}
	return ""
}
