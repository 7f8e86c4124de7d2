package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// oddPatterns are figures that nobody wants and that come about all the same.
func oddPatterns() []Pattern {
	long := strings.Repeat("a very long name that does not end ", 9)
	var lanes []Span
	var bars []Bar
	var lines []Line
	for i := range 60 {
		lanes = append(lanes, Span{Lane: fmt.Sprintf("caller %d", i), Label: long, From: time.Duration(i) * time.Second, To: time.Duration(i+2) * time.Second, Wait: i%2 == 0})
		bars = append(bars, Bar{Label: long, Group: fmt.Sprint(i / 10), Value: units.Value(i-9) * 1e6, Unit: units.Time})
		lines = append(lines, Line{Name: fmt.Sprintf("%s %d", long, i), X: []units.Value{1, 2}, Y: []units.Value{1, units.Value(i)}})
	}
	var busy []Dot
	for i := range 12000 {
		busy = append(busy, Dot{result.Outcome(i % len(result.Outcomes)), time.Duration(i) * time.Millisecond})
	}
	none, infinite := units.Value(math.NaN()), units.Value(math.Inf(1))
	odd := []units.Value{none, 0, infinite, -5, 1e300, 7, -infinite, 1e-300}
	logs := Axis{Label: long, Unit: units.Bytes, Log: true}
	return []Pattern{
		{Name: "lanes", Question: long, Finding: long, Text: long, Caption: long, Warnings: []string{long},
			Panels: []Panel{{Title: long, Spans: lanes, Note: long}, {Spans: lanes}, {Title: long + ":" + long, Spans: lanes[:1]}}},
		{Name: "bars", Panels: []Panel{{Title: "Bars", Bars: bars}, {Bars: bars[:3]}, {Bars: []Bar{{Value: none}, {Label: "none"}, {Text: long, Value: 1}}}}},
		{Name: "lines", Panels: []Panel{{Title: "Lines", Lines: lines}, {Lines: lines[:9], X: logs, Y: logs}}},
		{Name: "odd", Panels: []Panel{
			{Lines: []Line{{Name: "odd", X: odd, Y: odd, Fill: true, Hollow: []bool{true}}}},
			{Lines: []Line{{X: odd, Y: odd, Step: true, Fill: true}}, X: logs, Y: logs},
			{Lines: []Line{{Name: "zero", X: make([]units.Value, 3), Y: make([]units.Value, 3)}}, Y: Axis{Unit: units.Time}},
			{Lines: []Line{{Name: "one", X: []units.Value{3}, Y: []units.Value{3e9}}, {Name: "none"}}, Y: Axis{Unit: units.Time, Log: true}}}},
		{Name: "dots", Panels: []Panel{{Dots: busy}, {Dots: busy[:1]}, {Title: "Nothing"}, {Dots: busy[1:4]}}},
		{Name: "none", Question: "Nothing was drawn?"},
	}
}

func TestOddPatterns(t *testing.T) {
	dir := t.TempDir()
	run := sweeptest.Run()
	run.Partial = true
	paths, err := write(dir, run, oddPatterns(), 12)
	if err != nil || len(paths) != 12 {
		t.Errorf("%d files, error %v", len(paths), err)
	}
	page := read(t, filepath.Join(dir, "patterns.md"))
	for _, want := range []string{"**PARTIAL: ", "There is no figure.", "A dot per caller", `"dots"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var text bytes.Buffer
	if err := Text(&text, oddPatterns()); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(text.String()) {
		if n := len([]rune(strings.TrimSpace(line))); n > words.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestAnyPattern: whatever comes, nothing panics, all that is drawn has a
// place, and what is stored is what was given.
func TestAnyPattern(t *testing.T) {
	value := rapid.Map(rapid.OneOf(rapid.Float64Range(-3, 3000), rapid.Float64(), rapid.SampledFrom([]float64{
		0, 1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e18, 1e-12, 200e6})),
		func(v float64) units.Value { return units.Value(v) })
	word := rapid.SampledFrom([]string{"", "a", "blocking", "queue", "呼び出し", "x:y", strings.Repeat("long ", 40), strings.Repeat("W", 200)})
	unit := rapid.SampledFrom([]units.Unit{units.Time, units.Count, units.Share, units.Bytes, units.Rate, "", "furlongs"})
	limit := rapid.OneOf(rapid.Just(units.Value(0)), value)
	axes := rapid.Custom(func(t *rapid.T) Axis {
		return Axis{word.Draw(t, "label"), unit.Draw(t, "unit"), rapid.Bool().Draw(t, "log"), limit.Draw(t, "max")}
	})
	line := rapid.Custom(func(t *rapid.T) Line {
		n := rapid.SampledFrom([]int{0, 1, 2, 5, 50}).Draw(t, "n")
		vs := rapid.SliceOfN(value, n, n)
		return Line{word.Draw(t, "name"), word.Draw(t, "style"), vs.Draw(t, "x"), vs.Draw(t, "y"),
			rapid.Bool().Draw(t, "dashed"), rapid.Bool().Draw(t, "step"), rapid.Bool().Draw(t, "fill"), rapid.SliceOfN(rapid.Bool(), 0, 3).Draw(t, "hollow")}
	})
	bar := rapid.Custom(func(t *rapid.T) Bar {
		return Bar{word.Draw(t, "label"), word.Draw(t, "group"), word.Draw(t, "style"), value.Draw(t, "value"), unit.Draw(t, "unit"), word.Draw(t, "text"), value.Draw(t, "low"), value.Draw(t, "high")}
	})
	length := rapid.SampledFrom([]time.Duration{-1, 0, 1, time.Second, 6 * time.Second, math.MaxInt64, math.MinInt64})
	span := rapid.Custom(func(t *rapid.T) Span {
		return Span{word.Draw(t, "lane"), word.Draw(t, "label"), word.Draw(t, "style"), length.Draw(t, "from"), length.Draw(t, "to"), rapid.Bool().Draw(t, "wait")}
	})
	dot := rapid.Custom(func(t *rapid.T) Dot {
		return Dot{rapid.SampledFrom(result.Outcomes[:]).Draw(t, "outcome"), length.Draw(t, "latency")}
	})
	panel := rapid.Custom(func(t *rapid.T) Panel {
		p := Panel{Title: word.Draw(t, "title"), X: axes.Draw(t, "x"), Y: axes.Draw(t, "y"), Note: word.Draw(t, "note")}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 1:
			p.Lines = rapid.SliceOfN(line, 1, 12).Draw(t, "lines")
		case 2:
			p.Bars = rapid.SliceOfN(bar, 1, 40).Draw(t, "bars")
		case 3:
			p.Spans = rapid.SliceOfN(span, 1, 60).Draw(t, "spans")
		case 4:
			p.Dots = rapid.SliceOfN(dot, 1, 99).Draw(t, "dots")
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		p := Pattern{Name: "any", Finding: word.Draw(t, "finding"), Caption: word.Draw(t, "caption"), Panels: rapid.SliceOfN(panel, 0, 5).Draw(t, "panels")}
		m := newModel(p)
		for _, c := range m.cells {
			checkCell(t, c)
		}
		if _, err := figureOf(result.Run{}, p).PNG(12); err != nil {
			t.Error(err)
		}

		data, err := files.JSON(stored{Patterns: []Pattern{p}}, "")
		if err != nil {
			t.Fatal(err)
		}
		var back stored
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, err := files.JSON(back, "")
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("what was read is written as something else (error %v):\n%s\n%s", err, data, again)
		}
	})
}

func checkCell(t *rapid.T, c cell) {
	switch of := c.content.(type) {
	case *lines:
		checkAxis(t, of.x)
		checkAxis(t, of.y)
		if of.x.Log && !of.y.Log && of.y.Unit != units.Share {
			t.Errorf("log x with linear y")
		}
		p := canvas.Chart{Rect: canvas.Rect{X1: 100, Y1: 100}, X: of.x, Y: of.y}
		for _, l := range of.curves {
			for _, v := range l.Values {
				if at := p.At(v.X, v.Y); of.shows(v) && !(math.Abs(at.X) < 1e4 && math.Abs(at.Y) < 1e4) {
					t.Errorf("%s: %v has no place", l.Name, v)
				}
			}
		}
	case *bars:
		for _, b := range of.rows {
			if math.IsNaN(b.length) || math.Abs(b.length) > 1 {
				t.Errorf("a bar of length %v", b.length)
			}
		}
	case *timeline:
		checkAxis(t, of.x)
		for _, l := range of.lanes {
			for i, b := range l.bars {
				if b.row >= l.rows {
					t.Errorf("row %d of %d", b.row, l.rows)
				}
				for _, o := range l.bars[:i] {
					if o.row == b.row && o.From < b.To && b.From < o.To {
						t.Errorf("two bars of %q lie on each other", l.name)
					}
				}
			}
		}
	}
}

func checkAxis(t *rapid.T, a canvas.Axis) {
	if !(a.Lo < a.Hi) || a.Log && a.Lo <= 0 {
		t.Fatalf("axis from %v to %v", a.Lo, a.Hi)
	}
	named := 0
	for _, k := range a.Ticks(6) {
		if at := a.Scale(0, 100).At(k.At); !(at >= 0 && at <= 100) {
			t.Errorf("tick %v has no place", k.At)
		}
		if k.Label != "" {
			named++
		}
		if len([]rune(k.Label)) > 24 {
			t.Errorf("a tick that nobody can read: %s", k.Label)
		}
	}
	if named == 0 || named > 7 {
		t.Errorf("%d labels from %v to %v", named, a.Lo, a.Hi)
	}
}

func TestPatternsTellWhatIsWrong(t *testing.T) {
	good := phoneCalls()
	good.Panels = nil
	for _, c := range []struct {
		why    string
		change func(*Pattern)
		want   string
	}{
		{"a name that leads elsewhere", func(p *Pattern) { p.Name = "../x" }, "the name cannot be that of a file"},
		{"a name that is taken", func(*Pattern) {}, "another has the same name"},
		{"five panels", func(p *Pattern) { p.Panels = make([]Panel, 5) }, "5 panels"},
		{"two kinds of data", func(p *Pattern) { p.Panels = []Panel{{Bars: make([]Bar, 1), Dots: make([]Dot, 1)}} }, "data of 2 kinds"},
		{"lengths that differ", func(p *Pattern) { p.Panels = []Panel{{Lines: []Line{{Name: "l", X: []units.Value{1}}}}} }, `line "l" has 1 x and 0 y`},
		{"a span backwards", func(p *Pattern) { p.Panels = []Panel{{Spans: []Span{{Lane: "l", From: 2, To: 1}}}} }, `"l" ends before it begins`},
	} {
		bad := good
		bad.Name = "bad"
		if c.want == "another has the same name" {
			bad.Name = good.Name
		}
		c.change(&bad)
		dir := t.TempDir()
		paths, err := write(dir, result.Run{}, []Pattern{good, bad}, 12)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.why, err, c.want)
		}
		if !slices.Contains(paths, filepath.Join(dir, File)) || !slices.Contains(paths, filepath.Join(dir, "patterns.md")) {
			t.Errorf("%s: wrote only %v", c.why, paths)
		}
		if _, _, err := Read(dir); err != nil {
			t.Errorf("%s: what was written cannot be read: %v", c.why, err)
		}
	}
	if _, err := Write(filepath.Join(t.TempDir(), "missing"), sweeptest.Run(), []Pattern{good}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := Text(closedWriter{}, []Pattern{good}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
