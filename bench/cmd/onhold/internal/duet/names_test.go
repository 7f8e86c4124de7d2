package duet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// Benchmarks whose names would be the same are distinguished, and those whose
// names would differ between the sides for no reason are not.
func TestNamesTellBenchmarksApart(t *testing.T) {
	const bench = "package %s\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) {\n\tfor b.Loop() {\n\t}\n\tb.ReportMetric(%d, \"parts/op\")\n}\n"
	const below = "package %s\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) {\n\tb.Run(\"y\", func(b *testing.B) {\n\t\tfor b.Loop() {\n\t\t}\n\t\tb.ReportMetric(%d, \"parts/op\")\n\t})\n}\n"
	module := func(path string) string { return "module " + path + "\n\ngo 1.26\n" }
	for why, c := range map[string]struct {
		files, change map[string]string
		packages      string
		want          string // scenarios and what the candidate's figures of them are
	}{
		"modules of the same path": {
			map[string]string{"p/go.mod": module("example"), "p/p_test.go": fmt.Sprintf(bench, "p", 1), "q/go.mod": module("example"), "q/q_test.go": fmt.Sprintf(bench, "q", 2)}, nil,
			"./...", "example(p).X 1, example(q).X 2",
		},
		"a package and its external tests": {
			map[string]string{"go.mod": module("example"), "p.go": "package p\n", "p_test.go": fmt.Sprintf(bench, "p", 1), "x_test.go": fmt.Sprintf(bench, "p_test", 2)}, nil,
			".", "X 1, X#01 2",
		},
		"those below, which package testing distinguishes": {
			map[string]string{"go.mod": module("example"), "p.go": "package p\n", "p_test.go": fmt.Sprintf(below, "p", 1), "x_test.go": fmt.Sprintf(below, "p_test", 2)}, nil,
			".", "X/y 1, X/y#01 2",
		},
		"a module that was renamed": {
			map[string]string{"go.mod": module("example"), "p_test.go": fmt.Sprintf(bench, "p", 1)}, map[string]string{"go.mod": module("example/v2")},
			".", "X 1",
		},
		"one of several packages, renamed": {
			map[string]string{"go.mod": module("example"), "p/p_test.go": fmt.Sprintf(bench, "p", 1), "q/q_test.go": fmt.Sprintf(bench, "q", 2)}, map[string]string{"go.mod": module("example/v2")},
			"./...", "example/v2/p.X 1, example/v2/q.X 2",
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			dir := repo(t, c.files)
			write(t, dir, c.change)
			s := newSession(t)
			s.MeasureIdentical, s.Control = true, false
			s.sides = layOutOf(t, dir, "HEAD")
			r, err := (&GoBench{Packages: strings.Fields(c.packages)}).open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.stored(); err != nil {
				t.Fatal(err)
			}
			defer r.close()
			p := s.plan(1)
			if err := r.build(t.Context(), []pairPlan{p}); err != nil {
				t.Fatal(err)
			}
			samples, err := r.pair(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			samples, _ = compare.WithoutProcs(samples)
			got := map[compare.Arm]map[string]bool{compare.Base: {}, compare.Candidate: {}}
			for _, x := range samples {
				if x.Unit == "parts/op" {
					got[x.Arm][fmt.Sprintf("%s %v", x.Scenario, x.Value)] = true
				}
			}
			for arm, have := range got {
				if have := strings.Join(slices.Sorted(maps.Keys(have)), ", "); have != c.want {
					t.Errorf("%s: %s, want %s", arm, have, c.want)
				}
			}
		})
	}
}
