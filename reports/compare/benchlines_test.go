package compare_test

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// picked is what is left of the output of a test binary, however it is cut into
// writes.
func picked(t *testing.T, output string, declared ...string) (lines string, b *compare.BenchLines) {
	t.Helper()
	for _, step := range []int{1 << 20, 7, 1} {
		var got strings.Builder
		b = &compare.BenchLines{Declared: declared, Emit: func(line []byte) { fmt.Fprintf(&got, "%s\n", line) }}
		for rest := output; len(rest) > 0; {
			n := min(step, len(rest))
			io.WriteString(b, rest[:n])
			rest = rest[n:]
		}
		b.Close()
		if lines != "" && lines != got.String() {
			t.Errorf("%q: in writes of %d bytes it is read as %q, else as %q", output, step, got.String(), lines)
		}
		lines = got.String()
	}
	return lines, b
}

// What a benchmark prints comes between its name and its figures, and sticks to
// either: they are put together again.
func TestBenchLinesAmongOtherOutput(t *testing.T) {
	const clean = "BenchmarkA-2\t100\t5.0 ns/op\t0 B/op\n"
	for why, c := range map[string]struct{ output, want string }{
		"clean":                    {"BenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"by blanks":                {"BenchmarkA-2 100 5.0 ns/op 0 B/op\n", clean},
		"no line end":              {"BenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op", clean},
		"a carriage return":        {"BenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op\r\n", clean},
		"lines between":            {"BenchmarkA-2   \tone\ntwo\n     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"text in the line":         {"BenchmarkA-2   \tone     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"text before the name":     {"oneBenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"on all sides":             {"zero\nonezBenchmarkA-2   \ttwo\nthree\nfour     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"tabs in it":               {"a\tbBenchmarkA-2   \tc\td\ne\tf\t     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"NUL bytes":                {"\x00\x00BenchmarkA-2   \t\x00\x00\n\x00     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"a name of another kind":   {"Benchmarking starts\nBenchmarkA-2   \tBenchmarking\n     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"looks like a name":        {"done BenchmarkNotBenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"begins like one":          {"BenchmarkThing is fast\nBenchmarkA-2   \t     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"a long line":              {"BenchmarkA-2   \t" + strings.Repeat("x", 300<<10) + "     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"a name in a long line":    {strings.Repeat("x", 200<<10) + "BenchmarkA-2   \t" + strings.Repeat("x", 200<<10) + "     100\t         5.0 ns/op\t       0 B/op\n", clean},
		"configuration comes once": {"goos: linux\npkg: a/b\nBenchmarkA-2   \tpkg: other\narm: base\n     100\t         5.0 ns/op\t       0 B/op\n", "goos: linux\npkg: a/b\n" + clean},
		"not a number":             {"BenchmarkA-2 \t 1\t NaN x/op\t +Inf y/op\t -3 z/op\t 1e400 w\n", "BenchmarkA-2\t1\tNaN x/op\t+Inf y/op\t-3 z/op\t+Inf w\n"},
		"odd units":                {"BenchmarkA \t 0\t 5 <b>%\t 6 µs/öp\n", "BenchmarkA\t0\t5 <b>%\t6 µs/öp\n"},
		"a unit's direction":       {"Unit x better=higher\nBenchmarkA 1 2 x\n", "Unit x better=higher\nBenchmarkA\t1\t2 x\n"},
		"a sentence on units":      {"Unit tests, all of them\nUnit x\nUnit\nUnit \nUnit y a=b c\nBenchmarkA 1 2 x\n", "BenchmarkA\t1\t2 x\n"},
		"two of them":              {"BenchmarkA-2   \tx\n 1\t 5 ns/op\nBenchmarkA/sub-2   \t 2\t 6 ns/op\n", "BenchmarkA-2\t1\t5 ns/op\nBenchmarkA/sub-2\t2\t6 ns/op\n"},
		"only a name":              {"BenchmarkA-2   \t", ""},
		"cut in the figures":       {"BenchmarkA-2   \t 1\t 5 ns", "BenchmarkA-2\t1\t5 ns\n"},
		"cut in a figure":          {"BenchmarkA-2   \t 1\t 5", ""},
		"nothing":                  {"", ""},
	} {
		got, b := picked(t, c.output, "BenchmarkA")
		if got != c.want || len(b.Broken) > 0 || len(b.Failures) > 0 {
			t.Errorf("%s: read %q, want %q; broken %q, failures %+v", why, got, c.want, b.Broken, b.Failures)
		}
	}
}

// A benchmark that prints what looks like its figures makes them untrusted.
func TestBenchLinesThatCannotBeTold(t *testing.T) {
	_, b := picked(t, "BenchmarkA-2   \tresult:      100\t         7.0 ns/op\n     100\t         5.0 ns/op\n", "BenchmarkA")
	if len(b.Broken) != 1 || b.Broken[0] != "BenchmarkA-2" {
		t.Errorf("broken: %q", b.Broken)
	}
}

func TestBenchLinesOfFailures(t *testing.T) {
	lines, b := picked(t, "BenchmarkA-2   \t 1\t 5 ns/op\nnoise--- FAIL: BenchmarkB\n    b_test.go:9: no connection\nBenchmarkC-2   \tsaid\n--- FAIL: BenchmarkC-2\n    c_test.go:3: gone\n    more\n--- BENCH: BenchmarkD-2\n    d_test.go:1: only a log\nFAIL\n")
	if lines != "BenchmarkA-2\t1\t5 ns/op\n" || !b.Ended {
		t.Errorf("read %q, ended %v", lines, b.Ended)
	}
	if len(b.Failures) != 2 || b.Failures[0].Name != "BenchmarkB" || !strings.Contains(b.Failures[0].Output, "no connection") ||
		b.Failures[1].Name != "BenchmarkC-2" || !strings.Contains(b.Failures[1].Output, "more") || strings.Contains(b.Failures[1].Output, "only a log") {
		t.Errorf("%+v", b.Failures)
	}
	if _, b := picked(t, "panic: x\n"); b.Ended || b.Said() != "panic: x" {
		t.Errorf("ended %v, said %q", b.Ended, b.Said())
	}
	if _, b := picked(t, "no end of linePASS\n"); !b.Ended {
		t.Error("its end is not seen")
	}
}

// However much is printed, a line behind it is found, and little is kept.
func TestBenchLinesAreAStream(t *testing.T) {
	n := 0
	b := &compare.BenchLines{Emit: func([]byte) { n++ }}
	io.WriteString(b, "BenchmarkA-2   \t")
	chunk := []byte(strings.Repeat(strings.Repeat("x", 1000)+"\n", 1000))
	allocations := testing.AllocsPerRun(50, func() { b.Write(chunk) }) // 50 MB
	long := []byte(strings.Repeat("y", 1<<20))
	for range 50 {
		b.Write(long)
	}
	io.WriteString(b, "  1\t 5 ns/op\n")
	if b.Close(); n != 1 || allocations > 3000 {
		t.Errorf("%d lines found, %g allocations per MB", n, allocations)
	}
	if len(b.Said()) > 1<<16 {
		t.Errorf("%d bytes are kept", len(b.Said()))
	}
}

func sampled(arm compare.Arm, names ...string) (out []compare.Sample) {
	for _, name := range names {
		out = append(out, compare.Sample{Scenario: name, Arm: arm})
	}
	return out
}

// A number at the end of a name is that of the CPUs only where all have it.
func TestWithoutProcs(t *testing.T) {
	for _, c := range []struct{ names, want, procs string }{
		{"A-8 B-8 C/x-8", "A B C/x", "-8"},
		{"n-10 n-20", "n-10 n-20", ""},
		{"n-10-2 n-20-2", "n-10 n-20", "-2"},
		{"Pool/workers-1 Pool/workers-2 Pool/workers-32", "Pool/workers-1 Pool/workers-2 Pool/workers-32", ""},
		{"A A-2 A-4", "A A-2 A-4", ""}, // -cpu 1,2,4
		{"A-2 A-4", "A-2 A-4", ""},
		{"A-08 B-08", "A-08 B-08", ""},
		{"A-1 B-1", "A-1 B-1", ""},
		{"A- B-", "A- B-", ""},
		{"A-8 B", "A-8 B", ""},
		{"level=200", "level=200", ""},
		{"", "", ""},
	} {
		got, procs := compare.WithoutProcs(sampled(compare.Base, strings.Fields(c.names)...))
		var names []string
		for _, s := range got {
			names = append(names, s.Scenario)
		}
		if strings.Join(names, " ") != c.want || procs != c.procs {
			t.Errorf("%s: %q and %q, want %q and %q", c.names, names, procs, c.want, c.procs)
		}
	}
	text := "procs: none\nBenchmarkn-10 1 5 ns/op\n"
	samples, err := compare.ReadBench(strings.NewReader(text), "bench.txt", compare.Base)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := compare.WithoutProcs(samples); got[0].Scenario != "n-10" {
		t.Errorf("a name that is said to be in full became %q", got[0].Scenario)
	}
}

// The names of two texts are made alike by what both hold.
func TestAlike(t *testing.T) {
	for _, c := range []struct{ a, b, wantA, wantB, procs string }{
		{"X-8 Y-8", "X-16 Y-16 Z-16", "X Y", "X Y Z", "-8 -16"},
		{"X-8 Y-8", "X Y", "X Y", "X Y", "-8 "}, // GOMAXPROCS=1
		{"X Y", "X-8 Y-8", "X Y", "X Y", " -8"},
		{"X-2", "X X-2 X-4", "X-2", "X X-2 X-4", " "}, // -cpu 1,2,4
		{"X X-2 X-4", "X-2", "X X-2 X-4", "X-2", " "},
		{"workers-8", "workers-8 workers-16", "workers-8", "workers-8 workers-16", " "}, // GOMAXPROCS=1
		{"workers-8", "workers-8 Other", "workers-8", "workers-8 Other", " "},
		{"workers-8-4", "workers-8-4 workers-16-4", "workers-8", "workers-8 workers-16", "-4 -4"},
		{"a:X-8", "a:X-8 b:X-8", "a.X", "a.X b.X", "-8 -8"}, // a package was added
		{"a:X-8 b:X-8", "a:X-8", "a.X b.X", "a.X", "-8 -8"},
		{"a:X", "b:X", "X", "X", " "}, // the module was renamed
		{"a:X b:X", "a:X b:X c:X", "a.X b.X", "a.X b.X c.X", " "},
	} {
		read := func(names string, arm compare.Arm) []compare.Sample {
			text := ""
			for name := range strings.FieldsSeq(names) {
				if pkg, rest, ok := strings.Cut(name, ":"); ok {
					text, name = text+"pkg: "+pkg+"\n", rest
				}
				text += "Benchmark" + name + " 1 5 ns/op\n"
			}
			samples, err := compare.ReadBench(strings.NewReader(text), "text", arm)
			if err != nil {
				t.Fatal(err)
			}
			return samples
		}
		names := func(samples []compare.Sample) string {
			var out []string
			for _, s := range samples {
				out = append(out, s.Scenario)
			}
			return strings.Join(out, " ")
		}
		a, b, procs := compare.Alike(read(c.a, compare.Base), read(c.b, compare.Candidate))
		if gotA, gotB, got := names(a), names(b), strings.Join(procs[:], " "); gotA != c.wantA || gotB != c.wantB || got != c.procs {
			t.Errorf("%s and %s: %q, %q, %q, want %q, %q, %q", c.a, c.b, gotA, gotB, got, c.wantA, c.wantB, c.procs)
		}
	}
}

// Several lines of one name in one launch are repeats: none of them counts for
// all.
func TestRepeatsInALaunch(t *testing.T) {
	var text strings.Builder
	for pair := 1; pair <= 8; pair++ {
		for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
			text.WriteString(fmt.Sprintf("arm: %s\npair: %d\n", arm, pair))
			values := []int{100, 104, 900} // an outlier, last
			if arm == compare.Candidate {
				values = []int{300, 302}
			}
			for _, v := range values {
				text.WriteString(fmt.Sprintf("BenchmarkX-2 1 %d ns/op\n", v))
			}
		}
	}
	samples, err := compare.ReadBench(strings.NewReader(text.String()), "launches.txt", "")
	if err != nil {
		t.Fatal(err)
	}
	all, missing, notes := compare.Collect(samples, compare.Policy{})
	if len(all) != 1 || len(missing) > 0 || len(notes) != 1 || !strings.Contains(notes[0], "up to 3 values in one launch, of which the median is compared") {
		t.Fatalf("%d series, missing %q, notes %q", len(all), missing, notes)
	}
	for _, p := range all[0].Pairs {
		if p.Base != 104 || p.Candidate != 301 {
			t.Errorf("%+v", p)
		}
	}
	samples = append(samples, compare.Sample{Scenario: samples[0].Scenario, Unit: "ns/op", Arm: compare.Base, Pair: 1, Value: math.NaN()})
	if all, _, _ := compare.Collect(samples, compare.Policy{}); !math.IsNaN(all[0].Pairs[0].Base) || all[0].Pairs[1].Base != 104 {
		t.Errorf("one that is no number: %+v", all[0].Pairs[:2])
	}
}

// Text that people keep is read as a stream too, with what was printed in it.
func TestReadBenchAmongOtherOutput(t *testing.T) {
	text := "pkg: a\nBenchmarkA-2   \t" + strings.Repeat("x", 100<<10) + "\n 1\t 5 ns/op\nnoBenchmarkB-2   \t 1\t 1e999 ns/op\n"
	samples, err := compare.ReadBench(strings.NewReader(text), "old.txt", compare.Base)
	if err != nil || len(samples) != 2 || samples[0].Scenario != "A-2" || samples[0].Value != 5 || !math.IsInf(samples[1].Value, 1) {
		t.Errorf("%+v, %v", samples, err)
	}
	for bad, want := range map[string]string{
		"BenchmarkA-2   \tx\nBenchmarkB-2 1 5 ns/op\n":        "old.txt:1: the line begins like a benchmark and has no figures",
		"\nBenchmarkA-2   \t":                                 "old.txt:2:",
		"\nBenchmarkA-2 1 fast ns/op\n":                       "old.txt:2:",
		"BenchmarkA-2   \t 1\t 5 ns/op\n--- FAIL: BenchmarkB": "BenchmarkB failed",
	} {
		if _, err := compare.ReadBench(strings.NewReader(bad), "old.txt", compare.Base); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}
