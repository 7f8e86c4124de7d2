package duet

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
)

// What is the same program on both sides, with the same files, is equal at once;
// what may read another file is measured.
func TestIdenticalPackagesAreEqual(t *testing.T) {
	t.Parallel()
	identicalPackages(t, "HEAD against HEAD", "one package changed", "testdata", "a source file that is read", "a source file that is read by a call", "a benchmark that fails")
}

func TestSlowIdenticalPackagesAreEqual(t *testing.T) {
	slow.Only(t)
	identicalPackages(t)
}

// identicalPackages tests the cases that are named, or all of them.
func identicalPackages(t *testing.T, names ...string) {
	t.Helper()
	const module = "module example.com/toy\n\ngo 1.26\n"
	bench := func(pkg, body string) string {
		return "package " + pkg + "\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc BenchmarkX(b *testing.B) {\n\tfor b.Loop() {\n\t\t" + body + "\n\t}\n}\n\nvar _ = os.Args\n"
	}
	files := map[string]string{
		"go.mod": module, "README.md": "old\n",
		"a/a.go": "package a\n\nfunc A() int { return 1 }\n", "a/a_test.go": bench("a", "A()"), "a/testdata/x": "old",
		"b/b.go": "package b\n\nfunc B() int { return 1 } // a comment\n", "b/b_test.go": bench("b", "B()"),
		"reads/r_test.go": bench("reads", `os.ReadFile("../a/a.go")`), "lists/l_test.go": bench("lists", `os.ReadDir("../a")`),
		// None of these is in the log of package testing.
		"early/e_test.go": bench("early", "") + "\nvar source, _ = os.ReadFile(\"../a/a.go\")\n",
		"calls/c_test.go": strings.Replace(bench("calls", `fd, _ := syscall.Open("../a/a.go", 0, 0)
		syscall.Close(fd)`), "import (", "import (\n\t\"syscall\"", 1),
		"starts/s_test.go": strings.Replace(bench("starts", `if out, err := exec.Command("go", "run", "../cmd").CombinedOutput(); err != nil {
			b.Fatal(string(out))
		}`), "import (", "import (\n\t\"os/exec\"", 1), "cmd/main.go": "package main\n\nfunc main() {}\n",
		"fails/f_test.go": bench("fails", `b.Fatal("broken")`), "skips/s_test.go": bench("skips", `b.Skip("not here")`),
		"metrics/m_test.go": bench("metrics", `b.ReportMetric(1, "parts/op")`),
	}
	ran := 0
	for why, c := range map[string]struct {
		change   map[string]string
		packages string
		measured string // the packages that are left
		same     string
		note     string
		benchMem bool
	}{
		"HEAD against HEAD":          {nil, "./a ./b ./metrics", "", "X ns/op, X parts/op", "a, b, metrics: both sides are the same program", false},
		"one package changed":        {map[string]string{"a/a.go": "package a\n\nfunc A() int { return 2 }\n"}, "./a ./b", "a", "X ns/op", "b: both sides are the same program", false},
		"a comment":                  {map[string]string{"b/b.go": "package b\n\nfunc B() int { return 1 } // no comment\n"}, "./a ./b", "", "X ns/op", "", false},
		"testdata":                   {map[string]string{"a/testdata/x": "new"}, "./a ./b", "a b", "", "a (a/testdata/x), b (a/testdata/x): both sides are the same program, but files that it could read differ", false},
		"a file above":               {map[string]string{"README.md": "new"}, "./a", "a", "", "a (README.md)", false},
		"a new file":                 {map[string]string{"new.txt": "new"}, "./a", "a", "", "a (new.txt)", false},
		"a source file that is read": {map[string]string{"a/a.go": "package a\n\nfunc A() int { return 2 }\n"}, "./b ./reads", "reads", "X ns/op", "reads (a/a.go)", false},
		"a source file that is read before any benchmark": {map[string]string{"a/a.go": "package a\n\nfunc A() int { return 2 }\n"}, "./early", "early", "", "early (a/a.go)", false},
		"a source file that is read by a call":            {map[string]string{"a/a.go": "package a\n\nfunc A() int { return 2 }\n"}, "./calls", "calls", "", "calls (a/a.go)", false},
		"a program that is started":                       {map[string]string{"cmd/main.go": "package main\n\nfunc main() { println() }\n"}, "./starts", "starts", "", "starts (cmd/main.go)", false},
		"a folder that is listed":                         {map[string]string{"a/new.go": "package a\n"}, "./b ./lists", "lists", "X ns/op", "lists (a/new.go)", false},
		"a benchmark that fails":                          {nil, "./b ./fails", "fails", "X ns/op", "", false},
		"a benchmark that skips":                          {nil, "./b ./skips", "skips", "X ns/op", "", false},
		"allocations, of all":                             {nil, "./b", "", "X B/op, X allocs/op, X ns/op", "", true},
	} {
		if len(names) > 0 && !slices.Contains(names, why) {
			continue
		}
		ran++
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			dir := repo(t, files)
			write(t, dir, c.change)
			s := newSession(t)
			s.sides = layOutOf(t, dir, "HEAD")
			r, err := (&GoBench{Packages: strings.Fields(c.packages), BenchMem: c.benchMem}).open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			b := r.(*benched)
			if got := strings.Join(dirsOf(b.packages), " "); got != c.measured {
				t.Errorf("measured are %q, want %q", got, c.measured)
			}
			units := map[string]bool{}
			for _, one := range s.identical {
				units[strings.TrimPrefix(one.Scenario, one.Package+".")+" "+one.Unit] = true
			}
			if got := strings.Join(slices.Sorted(maps.Keys(units)), ", "); got != c.same {
				t.Errorf("the same are %q, want %q", got, c.same)
			}
			if notes := strings.Join(s.notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("notes: %s\nwant %q", notes, c.note)
			}
			stored, err := readIdentical(s.Out)
			if err != nil || !slices.Equal(stored, s.identical) {
				t.Errorf("on record are %+v, %v, want %+v", stored, err, s.identical)
			}
			_, findings := s.findings(math.MaxInt)
			for _, f := range findings {
				if f.Verdict != compare.Equal || !f.Identical || f.Pairs != 0 {
					t.Errorf("%+v", f)
				}
			}
		})
	}
	if ran < len(names) {
		t.Errorf("%d cases ran, %q are named", ran, names)
	}
}

// HEAD against HEAD is equal without a pair, for benchmarks and for servers, and
// all of it is on record.
func TestHeadAgainstHead(t *testing.T) {
	t.Parallel()
	dir := repo(t, map[string]string{"go.mod": "module example.com/toy\n\ngo 1.26\n", "toy.go": "package toy\n\nvar sink []byte\n\nfunc Take() {\n\tsink = make([]byte, 64)\n}\n", "toy_test.go": toyTest})
	write(t, dir, map[string]string{"toy_test.go": strings.Replace(toyTest, "var sink []byte\n\n", "", 1)})
	run(t, dir, "commit", "-q", "-a", "-m", "builds")
	bench := Config{
		Repo: dir, Base: "HEAD", Design: small, Budget: DefaultBudget, Seed: 5, MaxSteal: 1, Out: filepath.Join(t.TempDir(), "out"),
		Experiment: &GoBench{Bench: "Take"},
	}
	served := server(t, "1ms", "1ms")
	served.MeasureIdentical = false
	for why, config := range map[string]Config{"benchmarks": bench, "a server": served} {
		config.Progress = func(e Event) {
			if e.Complete {
				t.Errorf("%s: pair %d was measured", why, e.Pair)
			}
		}
		for range 2 { // the second time it is continued
			report, _, err := Run(t.Context(), config)
			if err != nil {
				t.Fatalf("%s: %v", why, err)
			}
			if report.Verdict != compare.Equal || report.Exit != compare.ExitFine || report.Pairs != 0 || report.Advisory || len(report.Findings) == 0 {
				t.Errorf("%s: %s, exit code %d, %d pairs, %d findings, %q", why, report.Verdict, report.Exit, report.Pairs, len(report.Findings), report.Reasons)
			}
			if !strings.Contains(strings.Join(report.Reasons, " "), "both sides are the same program, with the same files") {
				t.Errorf("%s: the reason is missing: %q", why, report.Reasons)
			}
		}
		held, err := Read(config.Out)
		if err != nil || len(held.Identical) == 0 || len(held.Samples) > 0 {
			t.Errorf("%s: on record are %+v, %v", why, held, err)
		}
		config.Progress, config.MeasureIdentical = nil, true
		if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "measure-identical: ") {
			t.Errorf("%s: measured after all, in the same folder: %v", why, err)
		}
	}
}

// A server that is the same program on both sides is measured where it reads
// source that differs, and else not.
func TestServersThatReadSource(t *testing.T) {
	t.Parallel()
	for why, reads := range map[string]bool{"reads it": true, "reads it not": false} {
		config := server(t, "1ms", "1ms")
		script, err := os.ReadFile(filepath.Join(config.Repo, "server.sh"))
		if err != nil {
			t.Fatal(err)
		}
		if reads {
			script = []byte(strings.Replace(string(script), "export", "cat page.go >/dev/null\nexport", 1))
		}
		write(t, config.Repo, map[string]string{"server.sh": string(script), "page.go": "package page\n"})
		run(t, config.Repo, "add", "-A")
		run(t, config.Repo, "commit", "-q", "-m", "more")
		write(t, config.Repo, map[string]string{"page.go": "package page // longer\n"})
		s := newSession(t)
		s.MeasureIdentical, s.MaxSteal = false, 1
		s.sides = layOutOf(t, config.Repo, "HEAD")
		r, err := config.Experiment.open(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		if measured := r.units() > 0; measured != reads {
			t.Errorf("%s: measured: %v; %q", why, measured, s.notes)
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestIdenticalFileThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, IdenticalFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readIdentical(dir); err == nil || !strings.Contains(err.Error(), IdenticalFile) {
		t.Error(err)
	}
}
