package render

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// TestWriteTakesAnything: Write makes at least summary.md of whatever it is
// given, and Text keeps its width.
func TestWriteTakesAnything(t *testing.T) {
	second, minute := time.Second, time.Minute
	empty := result.NewStage() // no settings, no length, no arrivals
	over := made{target: "t", load: "closed", level: 3, ok: 50, latency: 2 * minute}.stage()
	odd := made{target: "t", load: "closed", ok: 50, latency: second}.stage()
	odd.Settings = odd.Settings.With(result.KeyLevel, "many")
	var seven []*result.Stage
	for i := range 7 {
		seven = append(seven, free(fmt.Sprintf("style-%d", i), 100).stage(), free(fmt.Sprintf("style-%d", i), 1000).stage())
	}
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		files  string
	}{
		{"no stages", nil, "summary.md"},
		{"a stage without anything", []*result.Stage{empty}, "summary.md"},
		{"one client", stagesOf(free("t", 1)), "capacity.png percentiles.png summary.md"},
		{"no success at all", stagesOf(made{target: "t", load: "closed", level: 9, timeouts: 10}), "capacity.png summary.md"},
		{"all the same latency", stagesOf(made{target: "t", load: "closed", level: 1, ok: 500, latency: second}), "capacity.png percentiles.png summary.md"},
		{"from 1 µs to 60 s", stagesOf(
			made{target: "t", load: "closed", level: 1, ok: 500, latency: time.Microsecond},
			made{target: "t", load: "closed", level: 1 << 40, ok: 500, latency: minute}), "capacity.png percentiles.png summary.md"},
		{"above what histograms tell apart", []*result.Stage{over}, "capacity.png percentiles.png summary.md"},
		{"a level that is no number", []*result.Stage{odd}, "percentiles.png summary.md"},
		{"a huge rate", stagesOf(made{target: "t", load: "constant", level: math.MaxInt32, ok: 10, latency: second}), "capacity.png percentiles.png summary.md"},
		{"seven targets", seven, "capacity.png capacity-2.png capacity-3.png percentiles.png percentiles-2.png percentiles-3.png summary.md"},
		{"two load models", slices.Concat(stagesOf(free("t", 50)), openStages()[:2]), "capacity.png capacity-2.png percentiles.png percentiles-2.png summary.md"},
		{"a long name", stagesOf(made{target: "https://example.org/" + strings.Repeat("a|b]", 99), load: "closed", level: 9, ok: 99, latency: second}), "capacity.png percentiles.png summary.md"},
		{"a name that the fonts lack", stagesOf(made{target: "呼び出し", load: "closed", level: 9, ok: 99, latency: second}), "capacity.png percentiles.png summary.md"},
	} {
		dir := t.TempDir()
		paths, err := writeReport(dir, result.Run{Partial: true}, c.stages, 24)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		var names []string
		for _, p := range paths {
			names = append(names, filepath.Base(p))
		}
		if got := strings.Join(names, " "); got != c.files {
			t.Errorf("%s: wrote %s, want %s", c.why, got, c.files)
		}
		summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(c.files, "percentiles") && !strings.Contains(string(summary), "no percentiles figure") {
			t.Errorf("%s: the summary does not say that the figure is missing:\n%s", c.why, summary)
		}
		checkText(t, c.stages)
	}
}

func TestWriteTellsWhatWentWrong(t *testing.T) {
	paths, err := Write(filepath.Join(t.TempDir(), "missing"), madeRun(), stagesOf(free("t", 100)))
	if len(paths) > 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrote %v, error %v", paths, err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestTextFailsWhereItsWriterDoes(t *testing.T) {
	if err := Text(closedWriter{}, madeRun(), stagesOf(free("t", 100))); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// checkText holds the text to its width; a single word that is longer than
// that cannot be broken.
func checkText(t interface{ Errorf(string, ...any) }, stages []*result.Stage) {
	var b bytes.Buffer
	if err := Text(&b, result.Run{}, stages); err != nil {
		t.Errorf("%v", err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > textWidth && strings.Contains(strings.TrimSpace(line), "  ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestAnyStages: whatever was measured, nothing panics, nothing is drawn off
// its axis, and thin percentiles are never drawn as sure ones.
func TestAnyStages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stages := rapid.SliceOfN(rapid.Custom(anyStage), 0, 6).Draw(t, "stages")
		sweeps := sweep.Of(stages)
		for _, sheet := range sheets(sweeps) {
			checkCapacity(t, newCapacityModel(sheet))
		}
		if s, _ := finding.Of(sweep.Of(stages)); s == "" {
			t.Errorf("no finding, and no question")
		}
		checkText(t, stages)
		r := sweep.NewReport(result.Run{}, stages)
		r.DPI = 12
		for _, o := range outputs {
			var none sweep.Nothing
			if _, err := o.make(r); err != nil && !errors.As(err, &none) {
				t.Errorf("%s: %v", o.name, err)
			}
		}
	})
}

func anyStage(t *rapid.T) *result.Stage {
	s := result.NewStage()
	s.Length = time.Duration(rapid.SampledFrom([]int64{0, 1, 1e6, 3e9, 1e18}).Draw(t, "length"))
	s.Invalid = rapid.SliceOfN(rapid.SampledFrom([]string{"", "a reason", "another | one"}), 0, 2).Draw(t, "invalid")
	s.Settings = result.Settings{
		{Key: "target", Value: rapid.SampledFrom([]string{"", "a", "b", "http://c/d?e"}).Draw(t, "target")},
		{Key: "load", Value: rapid.SampledFrom([]string{"closed", "burst", "constant", "poisson"}).Draw(t, "load")},
		{Key: "level", Value: rapid.SampledFrom([]string{"-1", "0", "1", "2", "300", "9000000000", "x"}).Draw(t, "level")},
		{Key: "workers", Value: rapid.SampledFrom([]string{"0", "2", "200"}).Draw(t, "workers")},
		{Key: "queue", Value: "100"}, {Key: "rep", Value: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "rep")},
	}
	for _, o := range result.Outcomes {
		s.Counts[o] = rapid.SampledFrom([]int64{0, 0, 1, 9, 40, 1e12}).Draw(t, o.String())
	}
	times := rapid.SliceOfN(rapid.Int64Range(0, int64(2*time.Minute)), 0, 30)
	for _, h := range []*result.Hist{s.Latency, s.Uncorrected, s.Rejected} {
		for _, d := range times.Draw(t, "times") {
			h.Record(time.Duration(d))
		}
	}
	s.Warnings = rapid.SliceOfN(rapid.SampledFrom([]string{"", "a warning", "another | one"}), 0, 2).Draw(t, "warnings")
	return s
}

func checkCapacity(t *rapid.T, m capacityModel) {
	within := func(v float64, l limits, what string) {
		if math.IsNaN(v) || v < l.lo*(1-1e-9) || v > l.hi*(1+1e-9) {
			t.Errorf("%s: %v is off its axis %v", what, v, l)
		}
	}
	for _, c := range m.columns {
		for i, q := range c.quantiles {
			for _, k := range q.marks {
				if k.y > 0 { // 0 is below what histograms tell apart, and drawn at the edge
					within(k.y, m.latency, q.name)
				}
				within(k.x, m.levels, "level")
				if i > 0 && !k.thin && slices.ContainsFunc(c.quantiles[i-1].marks, func(o mark) bool { return o.x == k.x && o.thin }) {
					t.Errorf("%s at %v is sure, a lower one is thin", q.name, k.x)
				}
			}
		}
		for _, s := range c.shares {
			var sum float64
			for _, v := range s.of {
				sum += v
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("shares at %v add up to %v", s.level, sum)
			}
		}
		for _, k := range c.goodput.marks {
			if k.y > 0 {
				within(k.y, m.rate, "goodput")
			}
		}
	}
}

// TestEveryRuneHasAGlyph: nothing that the figures say by themselves is
// beyond the fonts.
func TestEveryRuneHasAGlyph(t *testing.T) {
	for _, g := range goldenRuns {
		run := madeRun()
		run.Partial = true
		r := sweep.NewReport(run, g.stages())
		for _, sweeps := range sheets(r.Sweeps) {
			p := newPaper(capacityW, capacityH, 24)
			s := sheetOf(r, "≤ ∞ µ … – ×", sweeps, "·")
			p.capacity(s, newCapacityModel(sweeps))
			p.percentiles(s, newPercentilesModel(sweeps))
			if len(p.strange) > 0 {
				t.Errorf("%s: no glyph for %q", g.name, fmt.Sprint(p.strange))
			}
		}
	}
	p := newPaper(100, 100, 24)
	p.text(0, 0, style{size: 9, color: ink}, "呼")
	if !p.strange['呼'] {
		t.Error("a rune that the fonts lack is not noticed")
	}
}

func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const lo, hi, gap = 0, 100, 10
		want := rapid.SliceOfN(rapid.Float64Range(-20, 120), 1, 9).Draw(t, "want")
		slices.Sort(want)
		var lengths []vg.Length
		for _, v := range want {
			lengths = append(lengths, vg.Length(v))
		}
		got := spread(lengths, gap, lo, hi)
		for i, y := range got {
			if y < lo-1e-9 || y > hi+1e-9 {
				t.Errorf("label %d at %v", i, y)
			}
			if i > 0 && y-got[i-1] < gap-1e-6 {
				t.Errorf("labels %v and %v touch", got[i-1], y)
			}
		}
	})
	if got := spread([]vg.Length{50, 50}, 10, 0, 100); got[0] != 45 || got[1] != 55 {
		t.Errorf("two at the same place go to %v, want 45 and 55", got)
	}
	if got := spread([]vg.Length{20, 80}, 10, 0, 100); got[0] != 20 || got[1] != 80 {
		t.Errorf("two with room move to %v", got)
	}
}

func TestTicks(t *testing.T) {
	ms := float64(time.Millisecond)
	names := func(ticks []tick) string {
		var s []string
		for _, t := range ticks {
			if t.label != "" {
				s = append(s, t.label)
			}
		}
		return strings.Join(s, ", ")
	}
	for _, c := range []struct{ why, got, want string }{
		{"1-2-5", names(logTicks(90*ms, 1100*ms, 9, asTime)), "100 ms, 200 ms, 500 ms, 1 s"},
		{"a narrow range has finer steps", names(logTicks(130*ms, 450*ms, 9, asTime)), "150 ms, 200 ms, 300 ms"},
		{"a wide one has decades", names(logTicks(0.001*ms, 60000*ms, 9, asTime)), "1 µs, 10 µs, 100 µs, 1 ms, 10 ms, 100 ms, 1 s, 10 s"},
		{"a very wide one skips decades", names(logTicks(1, 1e12, 5, asNumber)), "1, 1,000, 1,000,000, 1,000,000,000, 1,000,000,000,000"},
		{"linear", names(linearTicks(430, 5, asNumber)), "0, 200, 400"},
		{"linear below one", names(linearTicks(0.4, 5, asNumber)), "0, 0.1, 0.2, 0.3, 0.4"},
		{"linear without a range", names(linearTicks(0, 5, asNumber)), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.why, c.got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(1e-3, 1e12).Draw(t, "lo")
		hi := lo * rapid.Float64Range(1.0001, 1e9).Draw(t, "factor")
		ticks := logTicks(lo, hi, 6, asNumber)
		if len(ticks) == 0 {
			t.Fatalf("no ticks from %v to %v", lo, hi)
		}
		named := 0
		for _, k := range ticks {
			if k.at < lo*(1-1e-6) || k.at > hi*(1+1e-6) {
				t.Errorf("tick %v outside of %v to %v", k.at, lo, hi)
			}
			if k.label != "" {
				named++
			}
		}
		if named == 0 || named > 6 {
			t.Errorf("%d labels from %v to %v", named, lo, hi)
		}
	})
}
