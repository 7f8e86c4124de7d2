package bed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/verdict"
)

// The test bed is a tiny repository of two commits. A row says what the second
// commit does to the benchmarks, a shape how the repository is laid out.

// bedFiles are those of a module, by their paths below its folder: its name is
// example.com/bed, and WorkSteps, Allocs and Works are in work.go.
type bedFiles map[string]string

// bedWork is work.go: how many steps an operation takes, how much it allocates,
// and whether it works at all.
func bedWork(pkg string, steps, allocs int, works bool) string {
	return fmt.Sprintf(`package %s

const works = %v

var sink []byte

// Work takes as many steps as it says, and fails where it does not work.
func Work() (steps int, ok bool) {
	for range %d {
		steps++
	}
	for range %d {
		sink = make([]byte, 64)
	}
	return steps, works
}
`, pkg, works, steps, allocs)
}

// bedBench is a benchmark of Work. Its time is what Work says of itself, so that
// no machine is too busy for it; real leaves the clock's.
func bedBench(name, before string, real bool) string {
	report := `b.ReportMetric(float64(steps), "ns/op")`
	if real {
		report = "_ = steps"
	}
	return fmt.Sprintf(`
func Benchmark%s(b *testing.B) {
	b.ReportAllocs()
	steps := 0
	for b.Loop() {
		n, ok := Work()
		if !ok {
			b.Fatal("it does not work")
		}
		steps = n
		%s
	}
	%s
}
`, name, before, report)
}

func bedTest(pkg string, benchmarks ...string) string {
	return "package " + pkg + "\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n\t\"testing\"\n)\n\nvar line = strings.Repeat(\"x\", 1000)\n\nvar _ = fmt.Sprint\n" + strings.Join(benchmarks, "")
}

// bedRow is a change, and what duet must say of it.
type bedRow struct {
	name    string
	before  func(pkg string) bedFiles
	after   func(pkg string) bedFiles // nil: as before
	args    []string
	verdict compare.Verdict
	code    int
	says    string // in the reasons
	pairs   int
	finding map[string]compare.Verdict // by scenario and metric
	timed   bool                       // by the clock: noise may leave it undecided, and has to say so
}

func bedSides(steps, allocs int, works bool, benchmarks ...string) func(pkg string) bedFiles {
	if len(benchmarks) == 0 {
		benchmarks = []string{bedBench("Work", "", false)}
	}
	return func(pkg string) bedFiles {
		return bedFiles{"work.go": bedWork(pkg, steps, allocs, works), "work_test.go": bedTest(pkg, benchmarks...)}
	}
}

var bedRows = []bedRow{
	{name: "same", before: bedSides(1000, 10, true), verdict: compare.Equal, code: exitOK, says: "both sides are the same program", finding: map[string]compare.Verdict{"Work time": compare.Equal, "Work allocs/op": compare.Equal}},
	{name: "40 % faster", before: bedSides(1000, 10, true), after: bedSides(600, 10, true), verdict: compare.Improved, code: exitOK, pairs: 8, finding: map[string]compare.Verdict{"Work time": compare.Improved, "Work allocs/op": compare.Equal}},
	{name: "10 % slower", before: bedSides(1000, 10, true), after: bedSides(1100, 10, true), verdict: compare.Regressed, code: exitRegressed, pairs: 8, finding: map[string]compare.Verdict{"Work time": compare.Regressed}},
	{name: "one more allocation", before: bedSides(1000, 10, true), after: bedSides(1000, 11, true), verdict: compare.Regressed, code: exitRegressed, pairs: 8, finding: map[string]compare.Verdict{"Work allocs/op": compare.Regressed}},
	{name: "failing", before: bedSides(1000, 10, true), after: bedSides(1000, 10, false), verdict: compare.Invalid, code: exitInvalid, says: "it does not work"},
	{name: "printing", before: bedSides(1000, 10, true, bedBench("Work", "fmt.Println(line)", false), bedBench("After", "", false)), after: bedSides(10_000, 10, true, bedBench("Work", "fmt.Println(line)", false), bedBench("After", "", false)),
		args: []string{"--pairs", "12", "--benchtime", "3000x"}, verdict: compare.Regressed, code: exitRegressed, pairs: 12, finding: map[string]compare.Verdict{"Work time": compare.Regressed, "After time": compare.Regressed}},
	{name: "new", before: bedSides(1000, 10, true), after: bedSides(1100, 10, true, bedBench("Work", "", false), bedBench("New", "", false)),
		args: []string{"--pairs", "12", "--candidate-tests"}, verdict: compare.Regressed, code: exitRegressed, says: "the candidate's test files", pairs: 12, finding: map[string]compare.Verdict{"Work time": compare.Regressed, "New time": compare.Regressed}},
	{name: "new, on the candidate alone", before: bedSides(1000, 10, true), after: bedSides(1000, 10, true, bedBench("Work", "", false), bedBench("New", "", false)),
		verdict: compare.Equal, code: exitOK, says: "has benchmarks in the candidate only", pairs: 8, finding: map[string]compare.Verdict{"Work time": compare.Equal}},
	{name: "removed", before: bedSides(1000, 10, true, bedBench("Work", "", false), bedBench("Gone", "", false)), after: bedSides(1000, 10, true),
		verdict: compare.Invalid, code: exitInvalid, says: "benchmark BenchmarkGone of", pairs: 8, finding: map[string]compare.Verdict{"Work time": compare.Equal}},
}

// bedTimed are rows that the clock decides.
var bedTimed = []bedRow{
	{name: "tenfold slower, by the clock", before: bedSides(1_000_000, 10, true, bedBench("Work", "", true)), after: bedSides(10_000_000, 10, true, bedBench("Work", "", true)), args: []string{"--pairs", "20", "--benchtime", "10x", "--patient"},
		verdict: compare.Regressed, code: exitRegressed, finding: map[string]compare.Verdict{"Work time": compare.Regressed}, timed: true},
	{name: "40 % faster, by the clock", before: bedSides(5_000_000, 10, true, bedBench("Work", "", true)), after: bedSides(3_000_000, 10, true, bedBench("Work", "", true)), args: []string{"--pairs", "20", "--benchtime", "10x", "--patient"},
		verdict: compare.Improved, code: exitOK, finding: map[string]compare.Verdict{"Work time": compare.Improved}, timed: true},
}

// bedShape lays a repository out: it writes the module's files into dir, for the
// first commit and the second, and says from where and how duet is called.
type bedShape struct {
	name string
	lay  func(t *testing.T, b *bed, files bedFiles)
	done func(t *testing.T, b *bed) // once both commits are made
	args []string
}

// bed is a repository that is being made.
type bed struct {
	outer, dir string // the folder around the repository, and its own
	at         string // from where duet is called
}

func (b *bed) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"}, args...)...)
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (b *bed) write(t *testing.T, below string, files bedFiles) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(b.outer, below, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	bedMod   = "module example.com/bed\n\ngo 1.26\n"
	depMod   = "module example.com/dep\n\ngo 1.26\n"
	bedNeeds = bedMod + "\nrequire example.com/dep v0.0.0\n"
)

// withDep has the test file of a module use another module.
func withDep(files bedFiles) bedFiles {
	out := bedFiles{}
	for name, text := range files {
		if strings.HasSuffix(name, "_test.go") {
			text = strings.Replace(text, "\t\"testing\"\n", "\t\"testing\"\n\n\t\"example.com/dep\"\n", 1) + "\nvar _ = dep.Answer\n"
		}
		out[name] = text
	}
	return out
}

var bedDep = bedFiles{"dep.go": "package dep\n\nconst Answer = 42\n"}

var bedShapes = []bedShape{
	{name: "plain", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": bedMod})
		b.write(t, "repo", files)
	}},
	{name: "module in a folder", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo/lib/bed", bedFiles{"go.mod": bedMod})
		b.write(t, "repo/lib/bed", files)
		b.write(t, "repo", bedFiles{"README.md": "its modules are below\n"})
	}, args: []string{"./..."}},
	{name: "vendored", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": strings.Replace(bedNeeds, "v0.0.0", "v1.0.0", 1), "vendor/modules.txt": "# example.com/dep v1.0.0\n## explicit; go 1.26\nexample.com/dep\n"})
		b.write(t, "repo/vendor/example.com/dep", bedDep)
		b.write(t, "repo", withDep(files))
	}},
	{name: "workspace", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.work": "go 1.26\n\nuse (\n\t./bed\n\t./dep\n)\n", "bed/go.mod": bedNeeds, "dep/go.mod": depMod})
		b.write(t, "repo/dep", bedDep)
		b.write(t, "repo/bed", withDep(files))
	}, args: []string{"./bed/..."}},
	{name: "replaced from outside", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": bedNeeds + "\nreplace example.com/dep => ../dep\n"})
		b.write(t, "dep", bedFiles{"go.mod": depMod})
		b.write(t, "dep", bedDep)
		b.write(t, "repo", withDep(files))
	}},
	{name: "build tags", lay: func(t *testing.T, b *bed, files bedFiles) {
		tagged := bedFiles{"go.mod": bedMod, "doc.go": "package bed\n"}
		for name, text := range files {
			tagged[name] = "//go:build slow\n\n" + text
		}
		b.write(t, "repo", tagged)
	}, args: []string{"--tags", "slow"}},
	{name: "detached", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": bedMod})
		b.write(t, "repo", files)
	},
		done: func(t *testing.T, b *bed) { b.git(t, "checkout", "-q", "--detach") }},
	{name: "shallow", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": bedMod})
		b.write(t, "repo", files)
	},
		done: func(t *testing.T, b *bed) {
			at := filepath.Join(b.outer, "clone")
			b.git(t, "clone", "-q", "--depth=2", "file://"+b.dir, at)
			b.dir, b.at = at, at
		}},
	{name: "hooks", lay: func(t *testing.T, b *bed, files bedFiles) {
		b.write(t, "repo", bedFiles{"go.mod": bedMod, ".gitignore": "made_by_hook_test.go\n", ".gitattributes": "work.go filter=slower\n"})
		b.write(t, "repo", files)
	}, done: func(t *testing.T, b *bed) {
		for _, name := range []string{"post-checkout", "post-merge", "post-index-change"} {
			b.write(t, "repo/.git/hooks", bedFiles{name: "#!/bin/sh\necho 'package broken' > made_by_hook_test.go\n"})
		}
		b.git(t, "config", "filter.slower.smudge", "sed s/range\\ 1000/range\\ 100000/")
	}},
}

// make makes the repository of a cell.
func (shape bedShape) make(t *testing.T, row bedRow) *bed {
	t.Helper()
	b := &bed{outer: t.TempDir()}
	b.dir = filepath.Join(b.outer, "repo")
	b.at = b.dir
	shape.lay(t, b, row.before("bed"))
	b.git(t, "init", "-q")
	b.git(t, "add", "-A")
	b.git(t, "commit", "-q", "-m", "before")
	if row.after != nil {
		shape.lay(t, b, row.after("bed"))
		b.git(t, "add", "-A")
	}
	b.git(t, "commit", "-q", "--allow-empty", "-m", "after")
	if shape.done != nil {
		shape.done(t, b)
	}
	return b
}

// bedFilesLeft are what a comparison leaves, whatever comes of it.
var bedFilesLeft = append(slices.Clone(commandtest.ComparisonFiles), "launches.txt")

// cell runs duet on a cell of the bed, and checks what it says and leaves.
func bedCell(t *testing.T, shape bedShape, row bedRow) {
	t.Helper()
	b := shape.make(t, row)
	out := filepath.Join(b.outer, "out")
	args := slices.Concat([]string{"duet", "--base", "HEAD~1", "--out", out, "--no-control", "--max-steal", "100%", "--budget", "1h", "--tolerance", "time=5%"}, row.args)
	for _, usual := range [][]string{{"--pairs", "8"}, {"--benchtime", "10x"}} {
		if !slices.Contains(row.args, usual[0]) {
			args = append(args, usual...)
		}
	}
	printed, code := onhold(t, b.at, append(args, shape.args...)...)
	fail := func(format string, a ...any) {
		t.Helper()
		t.Errorf(format+"\n%s", append(a, printed)...)
	}
	report, err := verdict.Read(out)
	if err != nil {
		fail("no verdict: %v", err)
		return
	}
	t.Logf("verdict %s, exit code %d, %d pairs, %.1f s", report.Verdict, code, report.Pairs, report.Took)
	if row.timed && report.Verdict == compare.Inconclusive {
		for _, f := range report.Findings {
			if f.Gated && f.Verdict == compare.Inconclusive && f.Noise > 0.2 {
				t.Skipf("too noisy: %s has a noise of %.0f %% a pair", f.Metric, 100*f.Noise)
			}
		}
	}
	if report.Verdict != row.verdict || code != row.code || report.Exit != row.code {
		fail("verdict %s, exit code %d (%d), want %s, %d", report.Verdict, code, report.Exit, row.verdict, row.code)
	}
	if reasons := strings.Join(report.Reasons, "; "); !strings.Contains(reasons, row.says) {
		fail("reasons %q, want %q", reasons, row.says)
	}
	if report.Pairs != row.pairs && !row.timed {
		fail("%d pairs, want %d", report.Pairs, row.pairs)
	}
	found := map[string]compare.Verdict{}
	for _, f := range report.Findings {
		found[f.Scenario+" "+f.Metric] = f.Verdict
	}
	for name, want := range row.finding {
		if found[name] != want {
			fail("%s is %q, want %q: %v", name, found[name], want, found)
		}
	}
	for _, name := range bedFilesLeft {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 && name != "launches.txt" {
			fail("%s: %v", name, err)
		}
	}
	if b.dir == b.at {
		cmd := exec.Command("git", "worktree", "list")
		cmd.Dir = b.dir
		if list, err := cmd.Output(); err != nil || strings.Count(string(list), "\n") != 1 {
			fail("working trees are left: %s, %v", list, err)
		}
	}
}

// All changes at once in the plain shape, and one change each in the shapes in
// which most can go wrong. The rest is left to the long run.
func TestBed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	t.Parallel()
	row := func(name string) bedRow {
		return bedRows[slices.IndexFunc(bedRows, func(r bedRow) bool { return r.name == name })]
	}
	all := func(steps, allocs int, more ...string) func(pkg string) bedFiles {
		return func(pkg string) bedFiles {
			benchmarks := append([]string{bedBench("Work", "", false), bedBench("Prints", "fmt.Println(line)", false)}, more...)
			return bedFiles{"work.go": bedWork(pkg, steps, allocs, true), "work_test.go": bedTest(pkg, benchmarks...)}
		}
	}
	t.Run("rows", func(t *testing.T) {
		t.Parallel()
		bedCell(t, bedShapes[0], bedRow{
			name: "all", before: all(1000, 10, bedBench("Gone", "", false)), after: all(600, 11, bedBench("New", "", false)), args: []string{"--pairs", "12", "--candidate-tests", "--benchtime", "3000x"},
			verdict: compare.Invalid, code: exitInvalid, says: "benchmark BenchmarkGone of . is gone in the candidate", pairs: 12,
			finding: map[string]compare.Verdict{"Work time": compare.Improved, "Work allocs/op": compare.Regressed, "Prints time": compare.Improved, "New time": compare.Improved},
		})
	})
	for shape, change := range map[string]string{"hooks": "same", "workspace": "failing", "replaced from outside": "failing"} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			bedCell(t, bedShapes[slices.IndexFunc(bedShapes, func(s bedShape) bool { return s.name == shape })], row(change))
		})
	}
}

// Each shape with one row, each of which is there in one shape at least; where all are
// asked for, with the rows that need no pairs too. Then the rows that the clock decides,
// or the first of them.
func TestSlowBed(t *testing.T) {
	slow.Only(t)
	if len(bedShapes) < len(bedRows) {
		t.Fatalf("%d shapes for %d rows", len(bedShapes), len(bedRows))
	}
	t.Run("cells", func(t *testing.T) { // ends when all of them have: the clock's are alone
		for i, shape := range bedShapes {
			for j, row := range bedRows {
				if j == i%len(bedRows) || slow.All() && row.pairs == 0 {
					t.Run(shape.name+"/"+row.name, func(t *testing.T) {
						t.Parallel()
						bedCell(t, shape, row)
					})
				}
			}
		}
	})
	for i, row := range bedTimed {
		if i > 0 && !slow.All() {
			break
		}
		t.Run("clock/"+row.name, func(t *testing.T) { bedCell(t, bedShapes[0], row) })
	}
}
