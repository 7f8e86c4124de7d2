// Package goldentest compares what is drawn and written with the files under
// testdata. It is for tests only.
package goldentest

import (
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
// it is a picture, else text. Where they differ, the new one is left
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
		if err := os.WriteFile(filepath.Join(dir, name), got, 0o644); err != nil {
			t.Error(err)
		}
		t.Errorf("%s looks different: see %s (kept with go test -artifacts)", name, dir)
	}
}
