package render

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestPatternsGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, pictures take long")
	}
	dir := t.TempDir()
	paths, err := (&patterns{run: madeRun(), all: madePatterns(), resolution: goldenDPI}).write(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if name := filepath.Base(path); name != PatternsFile {
			golden(t, "patterns_"+name, []byte(read(t, path)))
		}
	}
	var text bytes.Buffer
	if err := PatternText(&text, madePatterns()); err != nil {
		t.Fatal(err)
	}
	golden(t, "patterns.txt", text.Bytes())
}
