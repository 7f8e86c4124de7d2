package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is kept of a line and of other output.
const (
	benchLineMax = 64 << 10 // bytes of a line that are held until it ends
	benchLineEnd = 16 << 10 // of a longer one: its end, where figures stand
	saidBytes    = 2 << 10  // end of the other output, and of what a failure printed
	failuresMax  = 20       // benchmarks that failed in one process
	skippedMax   = 10_000   // likewise that were skipped

	benchTextMax = 1 << 30   // bytes of benchmark text that are read
	benchesMax   = 2_000_000 // figures in it
)

// BenchLines reads, as a stream, what a test binary prints, and picks out the
// lines in Go's benchmark format, however much else is printed around them.
//
// Package testing prints the name before a benchmark runs and the figures afterwards.
// Output of the benchmark itself comes between the two, or directly behind the name.
// BenchLines joins name and figures. Where it is not clear whose figures they are, it
// drops them and adds the name to Broken.
//
// Memory is bounded, whatever is printed: Emit gets one line at a time.
type BenchLines struct {
	// Declared are the benchmarks that the program declares, such as BenchmarkX.
	// They separate a name from output in front of it that also looks like one.
	Declared []string
	// Emit gets each line in benchmark format, without its end: results, and
	// where they come for the first time the lines pkg, goos, goarch and cpu, and
	// all Unit lines. With Config it gets every configuration line, as benchmark
	// files have them.
	Emit   func(line []byte)
	Config bool

	Failures []Failure // benchmarks that failed, in order; the first 20
	Skipped  []string  // benchmarks that were skipped, which package testing says with -test.v only
	Running  string    // the benchmark that began last, which it says with -test.v=test2json only
	Broken   []string  // names whose figures cannot be separated from other output
	Ended    bool      // the line that ends a run of test binaries was printed: PASS or FAIL

	line    int // number of the line that is read
	buf     []byte
	pending string // name whose figures have not come yet
	at      int    // its line
	last    string // name that was put together with figures from elsewhere, the last
	failing bool   // lines belong to the last failure
	seen    map[string]bool
	said    []byte
	bad     []int // lines that begin like a benchmark and are none
}

// Failure is a benchmark that failed.
type Failure struct {
	Name   string // in full, without the number of CPUs where that is known
	Output string // what package testing printed with it: the first 2 kB
}

// Write takes more of the output. It never fails.
func (b *BenchLines) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		if b.add(text); ended {
			b.endLine()
		}
	}
	return len(p), nil
}

// add puts more of a line behind what is held of it. Of a line that is too long
// the end is kept, and a name that comes before it.
func (b *BenchLines) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), benchLineMax-len(b.buf))
		b.buf, p = append(b.buf, p[:n]...), p[n:]
		if len(b.buf) < benchLineMax {
			return
		}
		cut := len(b.buf) - benchLineEnd
		if name := b.nameIn(b.buf); name != "" {
			b.wait(name)
		}
		b.other(b.buf[:cut])
		b.buf = append(b.buf[:0], b.buf[cut:]...)
	}
}

// Close ends the output, whose last line may have no newline. Call it once.
func (b *BenchLines) Close() {
	if len(b.buf) > 0 {
		b.endLine()
	}
	b.wait("")
}

// Waiting is the name of the benchmark whose figures have not come, "" where
// there is none: the one that ran when the program ended.
func (b *BenchLines) Waiting() string { return b.pending }

// Said is the end of what was printed and is not in benchmark format.
func (b *BenchLines) Said() string {
	return strings.TrimSpace(string(b.said[max(0, len(b.said)-saidBytes):]))
}

// wait is for the figures of the benchmark of that name, if any. Those of one whose
// figures have not come are missing.
func (b *BenchLines) wait(name string) {
	if b.pending != "" && name != b.pending {
		b.bad = append(b.bad, b.at)
	}
	if name != b.pending {
		b.pending, b.at = name, b.line+1
	}
}

func (b *BenchLines) other(parts ...[]byte) {
	for _, text := range parts {
		b.said = append(b.said, text[max(0, len(text)-saidBytes):]...)
	}
	if over := len(b.said) - saidBytes; over > 2*saidBytes {
		b.said = b.said[:copy(b.said, b.said[over:])]
	}
}

func (b *BenchLines) endLine() {
	line := bytes.TrimSuffix(b.buf, []byte("\r"))
	b.take(line)
	b.line++
	b.buf = b.buf[:0]
}

var (
	// benchNameText is a name as package testing prints it: padded, and a tab.
	benchNameText = regexp.MustCompile(`Benchmark(?:[^a-z\s\x00-\x1f][^\s\x00-\x1f]*)? *\t`)
	runText       = regexp.MustCompile(`=== RUN +(Benchmark[^\s\x00-\x1f]*)`)
	failText      = regexp.MustCompile(`--- (FAIL|SKIP|BENCH): (Benchmark[^\s\x00-\x1f]*)`)
	procsText     = regexp.MustCompile(`-(?:[2-9]|[1-9][0-9]+)$`)
	onceKeys      = []string{"pkg:", "goos:", "goarch:", "cpu:"}
)

// take reads one line.
func (b *BenchLines) take(line []byte) {
	configures := b.configures(line)
	ends := bytes.HasSuffix(line, []byte("PASS")) || bytes.Equal(line, []byte("FAIL"))
	// Most lines are none of ours, and there may be millions, while a benchmark
	// is measured beside this.
	if bytes.IndexByte(line, '\t') < 0 && !bytes.Contains(line, []byte("Benchmark")) && !ends && !configures {
		b.noise(line)
		return
	}
	name, figures, clean := cleanResult(line)
	before, rest, found := figuresAtEnd(line)
	ran, ended := runText.FindSubmatch(line), failText.FindSubmatch(line)
	switch {
	case clean:
		b.result(name, figures)
	case ran != nil:
		b.Running = string(ran[1])
	case ended != nil:
		b.failing = string(ended[1]) == "FAIL"
		switch {
		case b.failing && len(b.Failures) < failuresMax:
			b.Failures = append(b.Failures, Failure{Name: string(ended[2])})
		case string(ended[1]) == "SKIP" && len(b.Skipped) < skippedMax:
			b.Skipped = append(b.Skipped, string(ended[2]))
		}
		b.pending = "" // what comes in place of its figures
		b.other(line, []byte("\n"))
	case found:
		name := cmp.Or(b.nameIn(before), b.pending)
		switch {
		case name != "":
			b.pending = ""
			b.result(name, rest)
			b.last = name
		case b.last != "" && !slices.Contains(b.Broken, b.last):
			b.Broken = append(b.Broken, b.last)
		default:
			b.noise(line)
		}
	case configures:
		if key, _, ok := bytes.Cut(line, []byte(":")); ok && !b.Config {
			if b.seen == nil {
				b.seen = map[string]bool{}
			}
			b.seen[string(key)] = true
		}
		b.failing = false
		b.Emit(line)
	case ends:
		b.failing, b.Ended = false, true
	default:
		if name := b.nameIn(line); name != "" {
			b.failing = false
			b.wait(name)
		} else if fields := bytes.Fields(line); len(fields) > 1 && isBenchName(string(fields[0])) && bytes.HasPrefix(line, fields[0]) {
			b.bad = append(b.bad, b.line+1)
		}
		b.noise(line)
	}
}

func (b *BenchLines) noise(line []byte) {
	if b.failing && len(b.Failures) > 0 {
		f := &b.Failures[len(b.Failures)-1]
		if left := saidBytes - len(f.Output); left > 0 {
			f.Output += string(line[:min(len(line), left)]) + "\n"
		}
	}
	b.other(line, []byte("\n"))
}

// result emits a result in the form that others read.
func (b *BenchLines) result(name string, figures []byte) {
	b.failing, b.last = false, ""
	b.Emit(append([]byte(name), figures...))
}

// configures reports whether the line is one of configuration that counts.
func (b *BenchLines) configures(line []byte) bool {
	if len(line) > benchLineEnd {
		return false
	}
	if bytes.HasPrefix(line, []byte("Unit ")) {
		return describesUnit(line)
	}
	if !b.Config && (len(line) == 0 || line[0] != 'p' && line[0] != 'g' && line[0] != 'c') {
		return false
	}
	key, _, ok := bytes.Cut(line, []byte(":"))
	switch {
	case !ok:
		return false
	case b.Config:
		return len(key) > 0 && key[0] >= 'a' && key[0] <= 'z' && !bytes.ContainsAny(key, " \t")
	case !slices.Contains(onceKeys, string(key)+":") || b.seen[string(key)]:
		return false
	}
	return true
}

// describesUnit reports whether a line that begins with "Unit " describes one, as
// in "Unit ns/op better=lower": it may as well be a sentence.
func describesUnit(line []byte) bool {
	fields := bytes.Fields(line)
	if len(fields) < 3 {
		return false
	}
	return !slices.ContainsFunc(fields[2:], func(f []byte) bool { return bytes.IndexByte(f, '=') <= 0 })
}

// nameIn is the last name in a line that package testing printed, "" where
// there is none.
func (b *BenchLines) nameIn(line []byte) string {
	if !bytes.Contains(line, []byte("Benchmark")) {
		return "" // the expression takes ten times as long to say so
	}
	all := benchNameText.FindAllIndex(line, -1)
	if len(all) == 0 {
		return ""
	}
	at := all[len(all)-1]
	name := strings.TrimRight(string(line[at[0]:at[1]]), " \t")
	// Output may stick to its front, and look like a name itself.
	for from := 0; ; {
		rest := name[from:]
		top, _, _ := strings.Cut(rest, "/")
		if slices.Contains(b.Declared, top) || slices.Contains(b.Declared, withoutProcs(top)) {
			return rest
		}
		next := strings.Index(rest[1:], "Benchmark")
		if next < 0 {
			return name
		}
		from += 1 + next
	}
}

// isBenchName reports whether a word is the name of a benchmark: BenchmarkX, and not
// Benchmarking.
func isBenchName(word string) bool {
	rest, ok := strings.CutPrefix(word, "Benchmark")
	return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z')
}

// cleanResult reads a line that is only a result: a name, a number of iterations, and
// figures with their units.
func cleanResult(line []byte) (name string, figures []byte, ok bool) {
	fields := bytes.Fields(line)
	if !bytes.HasPrefix(line, []byte("Benchmark")) || len(fields) < 4 {
		return "", nil, false
	}
	if _, err := strconv.ParseInt(string(fields[1]), 10, 64); err != nil {
		return "", nil, false
	}
	figures, ok = joined(fields[1], fields[2:])
	return string(fields[0]), figures, ok
}

// figuresAtEnd finds figures as package testing prints them at the end of a
// line: the number of iterations, and behind tabs the figures. What the
// benchmark printed may stick to their front; the last digits are then taken
// for the number of iterations, which is no figure.
func figuresAtEnd(line []byte) (before, figures []byte, ok bool) {
	parts := bytes.Split(line, []byte("\t"))
	first := len(parts)
	for ; first > 0; first-- {
		if fields := bytes.Fields(parts[first-1]); len(fields) != 2 || figure(fields[0]) == nil {
			break
		}
	}
	if first == len(parts) || first == 0 {
		return nil, nil, false
	}
	head := bytes.Join(parts[:first], []byte("\t"))
	before = bytes.TrimRight(head, "0123456789")
	before = head[:max(len(before), len(head)-10)]
	if len(before) == len(head) {
		return nil, nil, false
	}
	figures, ok = joined(head[len(before):], bytes.Fields(bytes.Join(parts[first:], []byte("\t"))))
	return before, figures, ok
}

// joined writes a number of iterations, and figures with their units, as package
// testing does; false where one is none.
func joined(iterations []byte, fields [][]byte) ([]byte, bool) {
	if len(fields)%2 != 0 {
		return nil, false
	}
	out := fmt.Appendf(nil, "\t%s", iterations)
	for i := 0; i < len(fields); i += 2 {
		v := figure(fields[i])
		if v == nil {
			return nil, false
		}
		out = fmt.Appendf(out, "\t%s %s", v, fields[i+1])
	}
	return out, true
}

// figure reads a number; nil where it is none. One that is out of range is infinite:
// the rest of the line is kept.
func figure(field []byte) []byte {
	v, err := strconv.ParseFloat(string(field), 64)
	switch {
	case err == nil:
		return field
	case v != 0: // out of range: infinite
		return strconv.AppendFloat(nil, v, 'g', -1, 64)
	}
	return nil
}

// readBenchLines reads benchmark text through lines. It must be closed.
func readBenchLines(from io.Reader, lines *BenchLines) io.ReadCloser {
	r, w := io.Pipe()
	lines.Config = true
	lines.Emit = func(line []byte) { fmt.Fprintf(w, "%s\n", line) }
	go func() {
		n, err := io.Copy(lines, io.LimitReader(from, benchTextMax+1))
		if n > benchTextMax {
			err = fmt.Errorf("is larger than %d MiB, the most benchmark text that is read", benchTextMax>>20)
		}
		lines.Close()
		w.CloseWithError(err)
	}()
	return r
}

// withoutProcs is a name without a number of CPUs at its end, if it has one.
func withoutProcs(name string) string { return strings.TrimSuffix(name, procsOf(name)) }

// procsOf is what may be a number of CPUs at the end of a name, such as -8: 1 is
// not written.
func procsOf(name string) string { return procsText.FindString(name) }

// WithoutProcs returns the samples of one run of benchmarks without the number of CPUs
// at the ends of their names, and that end, such as -8. It is the machine's number only
// where every name ends in the same: other numbers belong to the benchmarks
// (Pool/workers-8) or to a list of -cpu, and stay.
func WithoutProcs(samples []Sample) (stripped []Sample, procs string) {
	if len(samples) == 0 {
		return samples, ""
	}
	procs = procsOf(samples[0].Scenario)
	if procs == "" || slices.ContainsFunc(samples, func(s Sample) bool { return s.NoProcs || procsOf(s.Scenario) != procs }) {
		return samples, ""
	}
	out := slices.Clone(samples)
	for i := range out {
		out[i].Scenario = strings.TrimSuffix(out[i].Scenario, procs)
	}
	return out, procs
}

// Alike returns the samples of two runs of benchmarks under the same form of names: with
// packages where one run has several, and without the numbers of CPUs, which it also
// returns, as [WithoutProcs] does. Where only one run has such a number and a name is
// in both runs unchanged, the numbers belong to the benchmarks, or to a list of -cpu:
// they stay.
func Alike(a, b []Sample) (x, y []Sample, procs [2]string) {
	if several := severalPackages(a); several != severalPackages(b) {
		single := &a
		if several {
			single = &b
		}
		*single = slices.Clone(*single)
		namePackages(*single)
	}
	x, procs[0] = WithoutProcs(a)
	y, procs[1] = WithoutProcs(b)
	if (procs[0] == "") == (procs[1] == "") {
		return x, y, procs
	}
	names := map[string]bool{}
	for _, s := range a {
		names[s.Scenario] = true
	}
	if slices.ContainsFunc(b, func(s Sample) bool { return names[s.Scenario] }) {
		return a, b, [2]string{}
	}
	return x, y, procs
}
