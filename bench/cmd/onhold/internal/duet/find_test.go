package duet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
)

// sides is a session whose two sides are modules of these files.
func sides(t *testing.T, base, candidate map[string]string) *session {
	t.Helper()
	s := newSession(t)
	s.sides = &source.Sides{Root: t.TempDir(), Sub: "."}
	for arm, files := range map[compare.Arm]map[string]string{compare.Base: base, compare.Candidate: candidate} {
		write(t, s.sides.Dir(arm), map[string]string{"go.mod": "module example.com/toy\n\ngo 1.26\n"})
		write(t, s.sides.Dir(arm), files)
	}
	return s
}

// benchFile is a test file with benchmarks of these names.
func benchFile(names ...string) string {
	var text strings.Builder
	text.WriteString("package toy\n\nimport \"testing\"\n\n")
	for _, name := range names {
		text.WriteString("func Benchmark" + name + "(b *testing.B) {}\n\n")
	}
	return text.String()
}

// A benchmark that is taken away does not pass, be it the only one of its
// package or one of several.
func TestGoneBenchmarks(t *testing.T) {
	both := func(a, b string) map[string]string { return map[string]string{"a_test.go": a, "sub/b_test.go": b} }
	for why, c := range map[string]struct {
		bench           string
		base, candidate map[string]string
		gone, found     []string
		fresh           string
	}{
		"alike":             {".", both(benchFile("A", "B"), benchFile("C")), both(benchFile("A", "B"), benchFile("C")), nil, []string{".", "sub"}, ""},
		"one is gone":       {".", both(benchFile("A", "B"), benchFile("C")), both(benchFile("A"), benchFile("C")), []string{"benchmark BenchmarkB of . is gone"}, []string{".", "sub"}, "a_test.go differs"},
		"not asked for":     {"A|C/x", both(benchFile("A", "B"), benchFile("C")), both(benchFile("A"), benchFile("C")), nil, []string{".", "sub"}, ""},
		"behind a bar":      {"A/x|B/y", both(benchFile("A", "B"), ""), both(benchFile("A"), ""), []string{"benchmark BenchmarkB of . is gone"}, []string{"."}, ""},
		"a package is gone": {".", both(benchFile("A"), benchFile("C", "D")), map[string]string{"a_test.go": benchFile("A")}, []string{"benchmark BenchmarkC of sub is gone", "benchmark BenchmarkD of sub is gone"}, []string{"."}, ""},
		"in a comment":      {".", both(benchFile("A", "B"), ""), both(benchFile("A")+"/*\nfunc BenchmarkB(b *testing.B) {}\n*/\n", ""), []string{"benchmark BenchmarkB of . is gone"}, []string{"."}, ""},
		"on another system": {".", both(benchFile("A"), benchFile("C")), both(benchFile("A"), "//go:build never\n\n"+benchFile("C")), []string{"benchmark BenchmarkC of sub is gone"}, []string{"."}, ""},
		"moved":             {".", both(benchFile("A"), ""), map[string]string{"other_test.go": benchFile("A")}, nil, []string{"."}, "differs"},
		"a new package":     {".", map[string]string{"a_test.go": benchFile("A")}, both(benchFile("A"), benchFile("C")), nil, []string{"."}, "sub has benchmarks in the candidate only, so they are not compared: BenchmarkC"},
		"one is new":        {".", both(benchFile("A"), ""), both(benchFile("A", "B"), ""), nil, []string{"."}, "differs"},
		"all are others":    {".", both(benchFile("A"), benchFile("C")), both(benchFile("A"), benchFile("D")), []string{"benchmark BenchmarkC of sub is gone"}, []string{"."}, "sub has benchmarks in the candidate only"},
		"no benchmark":      {".", both(benchFile("A", "less"), benchFile("C")), both(benchFile("A"), benchFile("C")), nil, []string{".", "sub"}, "differs"},
	} {
		s := sides(t, c.base, c.candidate)
		found, err := (&benched{GoBench: &GoBench{Bench: c.bench, Packages: []string{"./..."}}, s: s}).find(t.Context())
		if err != nil || !slices.Equal(dirsOf(found), c.found) {
			t.Errorf("%s: found %q, want %q, %v", why, dirsOf(found), c.found, err)
		}
		if len(s.invalid) != len(c.gone) {
			t.Errorf("%s: %q, want %q", why, s.invalid, c.gone)
			continue
		}
		for i, gone := range c.gone {
			if s.invalid[i] != gone+" in the candidate" {
				t.Errorf("%s: %q, want %q", why, s.invalid[i], gone)
			}
		}
		if notes := strings.Join(s.notes, " "); !strings.Contains(notes, c.fresh) {
			t.Errorf("%s: %q, want %q", why, notes, c.fresh)
		}
		if r := s.conclude(nil); len(c.gone) > 0 && (r.Verdict != compare.Invalid || !slices.Contains(r.Reasons, s.invalid[0])) {
			t.Errorf("%s: %s, %q", why, r.Verdict, r.Reasons)
		}
	}
	// With none left there is nothing to run.
	s := sides(t, map[string]string{"a_test.go": benchFile("A")}, map[string]string{"a.go": "package toy\n"})
	var wrong *ConfigError
	if _, err := (&benched{GoBench: &GoBench{}, s: s}).find(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "benchmark BenchmarkA of . is gone in the candidate") {
		t.Errorf("all gone: %v", err)
	}
}

// Errors of go about packages are reported, with the modules there are.
func TestErrorsOfGo(t *testing.T) {
	t.Parallel()
	const module = "module example.com/toy\n\ngo 1.26\n"
	bench := benchFile("A")
	for why, c := range map[string]struct {
		files    map[string]string
		at       string
		packages []string
		tags     string
		found    string // the packages
		want     []string
	}{
		"no such folder":                    {map[string]string{"go.mod": module, "a_test.go": bench}, ".", []string{"./nosuch"}, "", "", []string{"/nosuch: directory not found"}},
		"no such folder beside one":         {map[string]string{"go.mod": module, "a_test.go": bench}, ".", []string{".", "./nosuch"}, "", "", []string{"/nosuch: directory not found"}},
		"no such folder and all below":      {map[string]string{"go.mod": module, "a_test.go": bench}, ".", []string{"./nosuch/..."}, "", "", []string{"nosuch/: no such file or directory"}},
		"no such import path":               {map[string]string{"go.mod": module, "a_test.go": bench}, ".", []string{"example.com/other"}, "", "", []string{"no required module provides package example.com/other"}},
		"an import path":                    {map[string]string{"go.mod": module, "a_test.go": bench, "b/b_test.go": bench}, ".", []string{"example.com/toy/..."}, "", ". b", nil},
		"a module below, from the top":      {map[string]string{"sub/go.mod": module, "sub/a_test.go": bench}, ".", nil, "", "", []string{"go.mod file not found", "its modules are those of ./sub/..."}},
		"a module below, all":               {map[string]string{"sub/go.mod": module, "sub/a_test.go": bench}, ".", []string{"./..."}, "", "sub", nil},
		"a module below, by its folder":     {map[string]string{"sub/go.mod": module, "sub/a_test.go": bench}, ".", []string{"./sub"}, "", "sub", nil},
		"a module beside":                   {map[string]string{"go.mod": module, "sub/go.mod": "module example.com/sub\n", "sub/a_test.go": bench}, "sub", []string{"../sub/..."}, "", ".", nil},
		"several modules":                   {map[string]string{"go.mod": module, "a_test.go": bench, "sub/go.mod": "module example.com/sub\n", "sub/b/a_test.go": bench}, ".", []string{"./...", "./sub/..."}, "", ". sub/b", nil},
		"several modules of a workspace":    {map[string]string{"go.work": "go 1.26\n\nuse ./x\nuse ./y\n", "x/go.mod": module, "x/a_test.go": bench, "y/go.mod": "module example.com/y\n\ngo 1.26\n", "y/a_test.go": bench}, ".", []string{"./..."}, "", "x y", nil},
		"a workspace without the module":    {map[string]string{"go.work": "go 1.26\n\nuse ./x\n", "x/go.mod": module, "y/go.mod": "module example.com/y\n\ngo 1.26\n", "y/a_test.go": bench}, ".", []string{"./y"}, "", "", []string{"not one of the workspace modules"}},
		"no module":                         {map[string]string{"a_test.go": bench}, ".", nil, "", "", []string{"go.mod file not found", "the repository has no go.mod"}},
		"build tags":                        {map[string]string{"go.mod": module, "a.go": "package toy\n", "a_test.go": "//go:build slow && !fast\n\n" + bench}, ".", nil, "", "", []string{"leaves out a_test.go (//go:build slow && !fast; set its build tags)"}},
		"build tags, given":                 {map[string]string{"go.mod": module, "a.go": "package toy\n", "a_test.go": "//go:build slow && !fast\n\n" + bench}, ".", nil, "slow,other", ".", nil},
		"nothing without its build tags":    {map[string]string{"go.mod": module, "a_test.go": "//go:build slow\n\n" + bench}, ".", nil, "", "", []string{"build constraints exclude all Go files", "leaves out a_test.go"}},
		"a go.mod that is wrong":            {map[string]string{"go.mod": "modul x\n", "a_test.go": bench}, ".", nil, "", "", []string{"go.mod:1: unknown directive: modul"}},
		"vendored, and not as go.mod wants": {map[string]string{"go.mod": module + "\nrequire example.com/v v1.0.0\n", "vendor/modules.txt": "\n", "a_test.go": bench}, ".", nil, "", "", []string{"inconsistent vendoring"}},
		"benchmarks in another module":      {map[string]string{"go.mod": module, "a_test.go": "package toy\n", "sub/go.mod": "module example.com/sub\n", "sub/a_test.go": bench}, ".", []string{"./..."}, "", "", []string{"./sub/...: not measured, as they are modules of their own"}},
		"without a benchmark":               {map[string]string{"go.mod": module, "a_test.go": "package toy\n"}, ".", nil, "", "", []string{"no package of . has benchmarks on both sides that match ."}},
	} {
		t.Run(why, func(t *testing.T) {
			s := newSession(t)
			s.sides = &source.Sides{Root: t.TempDir(), Sub: c.at, Repo: "/home/me/repo"}
			for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
				write(t, s.sides.Top(arm), c.files)
			}
			r := &benched{GoBench: &GoBench{Packages: c.packages, Tags: c.tags}, s: s}
			found, err := r.find(t.Context())
			if got := strings.Join(dirsOf(found), " "); got != c.found {
				t.Errorf("found %q, want %q; %v", got, c.found, err)
			}
			var wrong *ConfigError
			if len(c.want) > 0 && !errors.As(err, &wrong) || len(c.want) == 0 && err != nil {
				t.Fatalf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), s.sides.Root) {
				t.Errorf("it names the temporary folder: %v", err)
			}
			for _, pkg := range found[:min(len(found), 1)] {
				if err := r.compile(t.Context(), pkg.dir, compare.Base, canonicalLayout, filepath.Join(t.TempDir(), "out")); err != nil {
					t.Errorf("building %s: %v", pkg.dir, err)
				}
			}
		})
	}
	dir := repo(t, map[string]string{"go.mod": module, "a_test.go": bench, "sub/go.mod": "module example.com/sub\n", "sub/b/a_test.go": bench})
	s := newSession(t)
	s.sides = layOutOf(t, dir, "HEAD")
	if _, err := (&benched{GoBench: &GoBench{Packages: []string{"./..."}}, s: s}).find(t.Context()); err != nil || !strings.Contains(strings.Join(s.notes, " "), "./sub/...: not measured, as they are modules of their own") {
		t.Errorf("a module that is not measured: %q, %v", s.notes, err)
	}
}

// The candidate's benchmarks can be measured on the base too; one that is gone
// stays gone.
func TestCandidateTests(t *testing.T) {
	t.Parallel()
	const module = "module example.com/toy\n\ngo 1.26\n"
	dir := repo(t, map[string]string{"go.mod": module, "a.go": "package toy\n", "a_test.go": benchFile("A", "Gone"), "old_test.go": "package toy\n\nvar old = 1\n", "testdata/x": "old", "testdata/y": "y"})
	write(t, dir, map[string]string{"a_test.go": benchFile("A"), "b_test.go": benchFile("B") + "var old = 2\n", "testdata/x": "new", "fresh/f.go": "package fresh\n", "fresh/f_test.go": benchFile("F")})
	os.Remove(filepath.Join(dir, "old_test.go"))
	for _, given := range []bool{false, true} {
		s := newSession(t)
		s.sides = layOutOf(t, dir, "HEAD")
		r := &benched{GoBench: &GoBench{Packages: []string{"./..."}, CandidateTests: given}, s: s}
		found, err := r.find(t.Context())
		notes := strings.Join(s.notes, "\n")
		if err != nil || strings.Join(dirsOf(found), " ") != "." || !slices.Equal(s.invalid, []string{"benchmark BenchmarkGone of . is gone in the candidate"}) {
			t.Fatalf("%v: found %q, %q, %v", given, dirsOf(found), s.invalid, err)
		}
		if !given {
			if !strings.Contains(notes, ". has benchmarks in the candidate only, so they are not compared: BenchmarkB; the option candidate-tests") {
				t.Errorf("notes: %s", notes)
			}
			continue
		}
		if !strings.Contains(notes, "the base is measured with the candidate's test files; a_test.go, b_test.go, old_test.go and 1 more differed") || !strings.Contains(notes, "the base has no package in fresh") || strings.Contains(notes, "BenchmarkB") {
			t.Errorf("notes: %s", notes)
		}
		if b, err := os.ReadFile(filepath.Join(s.sides.Dir(compare.Base), "testdata", "x")); err != nil || string(b) != "new" {
			t.Errorf("testdata/x of the base is %q, %v", b, err)
		}
		if got := strings.Join(s.sides.Differing, " "); got != "fresh/f.go fresh/f_test.go" {
			t.Errorf("the sides still differ in %q", got)
		}
		if err := r.compile(t.Context(), ".", compare.Base, canonicalLayout, filepath.Join(t.TempDir(), "out")); err != nil {
			t.Error(err)
		}
	}
}
