package render

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/reports/compare"
)

func TestComparisonGolden(t *testing.T) {
	for _, g := range goldenComparisons {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			paths, err := comparisonAt(g.make(), goldenDPI).write(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				name := filepath.Base(path)
				if g.name != "regressed" && (strings.HasSuffix(name, ".json") || name == "bench.txt") {
					continue // their form does not depend on the verdict
				}
				golden(t, "compare_"+g.name+"_"+name, []byte(read(t, path)))
			}
			var text bytes.Buffer
			if err := CompareText(&text, g.make()); err != nil {
				t.Fatal(err)
			}
			golden(t, "compare_"+g.name+".txt", text.Bytes())
		})
	}
}

// TestComparisonGoldenNoticesAChange: one verdict that is another, and one
// change that is a little larger, must not pass for what is kept.
func TestComparisonGoldenNoticesAChange(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*compare.Finding)
		same   []string // files that need not tell
	}{
		{"another verdict", func(f *compare.Finding) { f.Verdict = compare.Equal },
			[]string{"bench.txt", "benchmark-action-bigger.json"}},
		{"one percent more", func(f *compare.Finding) { f.Estimate, f.Upper = 0.13, 0.18 },
			[]string{"bench.txt", "benchmark-action-bigger.json"}},
	} {
		r := regressed()
		c.change(&r.Findings[1])
		dir := t.TempDir()
		paths, err := comparisonAt(r, goldenDPI).write(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := filepath.Base(path)
			got, want := []byte(read(t, path)), []byte(read(t, filepath.Join("testdata", "compare_regressed_"+name)))
			same := bytes.Equal(got, want)
			if strings.HasSuffix(name, ".png") {
				if same, err = cmpimg.EqualApprox("png", got, want, tolerance); err != nil {
					same = false // another size is another picture
				}
			}
			if same && !slices.Contains(c.same, name) {
				t.Errorf("%s: %s passes for the old one", c.why, name)
			}
		}
	}
}
