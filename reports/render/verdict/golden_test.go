package verdict

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/canvas"
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
				golden(t, g.name+"_"+name, []byte(read(t, path)))
			}
			var text bytes.Buffer
			if err := Text(&text, g.make()); err != nil {
				t.Fatal(err)
			}
			golden(t, g.name+".txt", text.Bytes())
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

// goldenDPI is half of the resolution of real figures: a quarter of the size, and still
// every line and letter.
const goldenDPI = canvas.DPI / 2

// tolerance of two pixels: machines round differently where lines are smoothed.
const tolerance = 0.1

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// golden compares got with the file of that name under testdata: pixels where
// it is a picture, else text. Where they differ, both are left for the eye.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *cmpimg.GenerateTestData {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := []byte(read(t, path))
	if !strings.HasSuffix(name, ".png") {
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		return
	}
	same, err := cmpimg.EqualApprox("png", got, want, tolerance)
	if err != nil {
		t.Fatal(err)
	}
	if !same {
		dir := t.ArtifactDir()
		leave(t, filepath.Join(dir, name), got)
		leave(t, filepath.Join(dir, "diff_"+name), difference(t, got, want))
		t.Errorf("%s looks different: see %s (kept with go test -artifacts)", name, dir)
	}
}

func leave(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Error(err)
	}
}

// difference shows where two pictures differ.
func difference(t *testing.T, a, b []byte) []byte {
	t.Helper()
	x, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(x.Bounds())
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	cmpimg.Diff(out, x, y)
	var buf bytes.Buffer
	if err := png.Encode(&buf, out); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
