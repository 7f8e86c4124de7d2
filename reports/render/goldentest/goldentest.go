// Package goldentest compares what is drawn and written with the files under
// testdata. It is for tests only.
package goldentest

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/cmpimg"
)

// Tolerance is of two pixels: machines round differently where lines are smoothed.
const Tolerance = 0.1

// Compare compares got with the file of that name under testdata: pixels where
// it is a picture, else text. Where they differ, both are left
// for the eye. The flag -regen writes the file.
func Compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *cmpimg.GenerateTestData {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".png") {
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		return
	}
	same, err := cmpimg.EqualApprox("png", got, want, Tolerance)
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
