package pattern

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/goldentest"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

const goldenDPI = canvas.DPI / 2

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPatternsGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, pictures take long")
	}
	dir := t.TempDir()
	paths, err := write(dir, sweeptest.Run(), madePatterns(), goldenDPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if name := filepath.Base(path); name != File && !strings.HasSuffix(name, ".svg") {
			goldentest.Compare(t, name, []byte(read(t, path)))
		}
	}
	var text bytes.Buffer
	if err := Text(&text, madePatterns()); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, "patterns.txt", text.Bytes())

	// What was stored is all that it takes to draw everything again.
	run, all, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	if _, err := write(again, run, all, goldenDPI); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if name := filepath.Base(path); read(t, path) != read(t, filepath.Join(again, name)) {
			t.Errorf("%s is another when it is drawn again", name)
		}
	}
}

// TestPatternsGoldenNoticesAChange: one caller more rejected, one bar and
// one line a little longer must not pass for the pictures that are kept.
func TestPatternsGoldenNoticesAChange(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, pictures take long")
	}
	for _, c := range []struct {
		why    string
		p      Pattern
		change func(*Pattern)
	}{
		{"one caller more is rejected", user1001(), func(p *Pattern) { p.Panels[1].Dots[500].Outcome = result.Rejected }},
		{"a bar is 3 % longer", handshake(), func(p *Pattern) { p.Panels[0].Bars[1].Value *= 1.03 }},
		{"a level is 20 % lower", poolIsLimit(), func(p *Pattern) { p.Panels[0].Lines[0].Y[4] *= 0.8 }},
		{"a call begins 50 ms later", phoneCalls(), func(p *Pattern) { p.Panels[1].Spans[4].From += ms(50) }},
	} {
		c.change(&c.p)
		got, err := figureOf(sweeptest.Run(), c.p).PNG(goldenDPI)
		if err != nil {
			t.Fatal(err)
		}
		want := []byte(read(t, filepath.Join("testdata", c.p.Name+".png")))
		if same, err := cmpimg.EqualApprox("png", got, want, goldentest.Tolerance); same || err != nil {
			t.Errorf("%s: passes for the old picture (error: %v)", c.why, err)
		}
	}
}

// TestPatternsHaveGlyphs: nothing that the figures say by themselves is beyond
// the fonts.
func TestPatternsHaveGlyphs(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, pictures take long")
	}
	for _, p := range append(madePatterns(), oddPatterns()...) {
		if svg, err := figureOf(sweeptest.Run(), p).SVG(); err != nil || strings.ContainsRune(string(svg), canvas.NoGlyph) {
			t.Errorf("%s: no glyph (error: %v)", p.Name, err)
		}
	}
}

// TestPatternScales: what is to be compared has one scale.
func TestPatternScales(t *testing.T) {
	times := contents[*timeline](newModel(phoneCalls()))
	if times[0].x != times[1].x || times[1].named {
		t.Error("timelines side by side have scales or names of their own")
	}
	b := contents[*bars](newModel(handshake()))
	if x, y := b[0].rows[2].length, b[1].rows[2].length; b[0].scale != b[1].scale || y > 0.61*x {
		t.Errorf("60 %% of a bar is %v of %v", y, x)
	}
	p := heldOrFree()
	p.Panels[1].Y = p.Panels[0].Y
	if l := contents[*lines](newModel(p)); l[0].y != l[1].y || !l[1].yShared {
		t.Error("equal axes have two scales")
	}
	p.Panels[0].Y.Log, p.Panels[0].Y.Label = false, "other"
	if l := contents[*lines](newModel(p)); l[0].x.Log {
		t.Error("log x with linear y")
	}
}

func TestReadPatternsTellsWhatIsWrong(t *testing.T) {
	if _, _, err := Read(t.TempDir()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "holds no patterns") {
		t.Errorf("an empty folder: %v", err)
	}
	for _, c := range []struct{ why, data, want string }{
		{"no JSON", "hello", "invalid character"},
		{"cut short", `{"schema":1,"patterns":[{"name":"a"`, "unexpected EOF"},
		{"something else", `{"findings":[]}`, "no schema"},
		{"of a later version", `{"schema":9,"patterns":{}}`, "it has schema 9, and this version reads schema 1"},
		{"two in one", `{"schema":1}{"schema":1}`, "after top-level value"},
		{"an unknown outcome", `{"schema":1,"patterns":[{"panels":[{"dots":[{"outcome":"bored","latency_ns":1}]}]}]}`, `no outcome "bored"`},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, File)
		if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(dir); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and the path", c.why, err, c.want)
		}
	}
}

// TestNoPatterns: a run that was interrupted at once has a page, too.
func TestNoPatterns(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(dir, result.Run{Partial: true}, nil); err != nil {
		t.Fatal(err)
	}
	if page := read(t, filepath.Join(dir, "patterns.md")); !strings.Contains(page, "No experiment was completed.") || !strings.Contains(page, "PARTIAL") {
		t.Errorf("the page:\n%s", page)
	}
	if _, all, err := Read(dir); len(all) != 0 || err != nil {
		t.Errorf("%d patterns, error %v", len(all), err)
	}
}
