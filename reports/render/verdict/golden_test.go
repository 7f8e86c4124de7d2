package verdict

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/goldentest"
)

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			paths, err := comparisonAt(g.make(), goldenDPI).write(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				name := filepath.Base(path)
				if strings.HasSuffix(name, ".svg") || g.name != "regressed" && (strings.HasSuffix(name, ".json") || name == "bench.txt") {
					continue // the drawing of the PNG; their form does not depend on the verdict
				}
				goldentest.Compare(t, g.name+"_"+name, []byte(read(t, path)))
			}
			var text bytes.Buffer
			if err := Text(&text, g.make()); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, g.name+".txt", text.Bytes())
		})
	}
}

// TestGoldenNoticesAChange: one verdict that is another, and one
// change that is a little larger, must not pass for what is kept.
func TestGoldenNoticesAChange(t *testing.T) {
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
			if strings.HasSuffix(name, ".svg") {
				continue // the drawing of the PNG
			}
			got, want := []byte(read(t, path)), []byte(read(t, filepath.Join("testdata", "regressed_"+name)))
			same := bytes.Equal(got, want)
			if strings.HasSuffix(name, ".png") {
				if same, err = cmpimg.EqualApprox("png", got, want, goldentest.Tolerance); err != nil {
					same = false // another size is another picture
				}
			}
			if same && !slices.Contains(c.same, name) {
				t.Errorf("%s: %s passes for the old one", c.why, name)
			}
		}
	}
}

// goldenDPI is half of the resolution of real figures: a quarter of the size, and still
// every line and letter.
const goldenDPI = canvas.DPI / 2

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
