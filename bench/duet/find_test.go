package duet

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// Expressions are read as go test -bench reads them.
func TestTopLevel(t *testing.T) {
	names := []string{"BenchmarkX", "BenchmarkY", "BenchmarkZ/D"}
	for expression, want := range map[string]string{
		".":           "XYZ",
		"X":           "X",
		"X/p":         "X",
		"X/p|Y/q":     "XY", // X/p, or Y/q: not X, then p|Y
		"p/X|Y":       "Y",
		"(X/p|Y)":     "Y", // brackets keep it together
		"X[/]p|[|]|Y": "Y",
		`Z\/D`:        "Z", // a slash that is meant
		`X\|Y`:        "",
		"":            "XYZ",
		"/p":          "XYZ",
		"X|":          "XYZ", // nothing takes all
		"[]]|Y":       "Y",
	} {
		takes, err := topLevel(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var got strings.Builder
		for _, name := range names {
			if takes(name) {
				got.WriteString(name[len("Benchmark"):][:1])
			}
		}
		if got.String() != want {
			t.Errorf("%s takes %q, want %q", expression, got.String(), want)
		}
	}
	for _, bad := range []string{"(", "A/(", "A|B/[", "A|*"} {
		if _, err := topLevel(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// sides is a session whose two sides are modules of these files.
func sides(t *testing.T, base, candidate map[string]string) *session {
	t.Helper()
	s := newSession(t)
	s.sides = &sources{root: t.TempDir(), sub: "."}
	for arm, files := range map[compare.Arm]map[string]string{compare.Base: base, compare.Candidate: candidate} {
		write(t, s.sides.dir(arm), map[string]string{"go.mod": "module example.com/toy\n\ngo 1.26\n"})
		write(t, s.sides.dir(arm), files)
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
func TestWhatIsGoneIsTold(t *testing.T) {
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
		if err != nil || !slices.Equal(found, c.found) {
			t.Errorf("%s: found %q, want %q, %v", why, found, c.found, err)
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
