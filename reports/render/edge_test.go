package render

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
)

// TestWriteTakesAnything: Write makes at least summary.md of whatever it is
// given, and Text keeps its width.
func TestWriteTakesAnything(t *testing.T) {
	second, minute := time.Second, time.Minute
	empty := result.NewStage() // no settings, no length, no arrivals
	over := sweeptest.Made{Target: "t", Load: "closed", Level: 3, OK: 50, Latency: 2 * minute}.Stage()
	odd := sweeptest.Made{Target: "t", Load: "closed", OK: 50, Latency: second}.Stage()
	odd.Settings = odd.Settings.With(result.KeyLevel, "many")
	var seven []*result.Stage
	for i := range 7 {
		seven = append(seven, sweeptest.Free(fmt.Sprintf("style-%d", i), 100).Stage(), sweeptest.Free(fmt.Sprintf("style-%d", i), 1000).Stage())
	}
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		files  string
	}{
		{"no stages", nil, "report.html summary.md"},
		{"a stage without anything", []*result.Stage{empty}, "report.html summary.md"},
		{"one client", sweeptest.Stages(sweeptest.Free("t", 1)), "percentiles.png saturation.png report.html summary.md"},
		{"no success at all", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "closed", Level: 9, Timeouts: 10}), "capacity.png report.html summary.md"},
		{"all the same latency", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "closed", Level: 1, OK: 500, Latency: second}), "percentiles.png report.html summary.md"},
		{"from 1 µs to 60 s", sweeptest.Stages(
			sweeptest.Made{Target: "t", Load: "closed", Level: 1, OK: 500, Latency: time.Microsecond},
			sweeptest.Made{Target: "t", Load: "closed", Level: 1 << 40, OK: 500, Latency: minute}), "capacity.png percentiles.png report.html summary.md"},
		{"above what histograms tell apart", []*result.Stage{over}, "percentiles.png report.html summary.md"},
		{"a level that is no number", []*result.Stage{odd}, "percentiles.png report.html summary.md"},
		{"a huge rate", sweeptest.Stages(sweeptest.Made{Target: "t", Load: "constant", Level: math.MaxInt32, OK: 10, Latency: second}), "percentiles.png report.html summary.md"},
		{"seven targets", seven, "capacity.png capacity-2.png capacity-3.png percentiles.png percentiles-2.png percentiles-3.png saturation.png saturation-2.png saturation-3.png report.html summary.md"},
		{"two load models", slices.Concat(sweeptest.Stages(sweeptest.Free("t", 50)), sweeptest.Open()[:2]), "percentiles.png percentiles-2.png saturation.png saturation-2.png report.html summary.md"},
		{"a long name", sweeptest.Stages(sweeptest.Made{Target: "https://example.org/" + strings.Repeat("a|b]", 99), Load: "closed", Level: 9, OK: 99, Latency: second}), "percentiles.png report.html summary.md"},
		{"a name that the fonts lack", sweeptest.Stages(sweeptest.Made{Target: "呼び出し", Load: "closed", Level: 9, OK: 99, Latency: second}), "percentiles.png report.html summary.md"},
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
		// Each picture is there in two forms.
		if got, want := strings.Join(names, " "), regexp.MustCompile(`(\S+)\.png`).ReplaceAllString(c.files, "$1.png $1.svg"); got != want {
			t.Errorf("%s: wrote %s, want %s", c.why, got, want)
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
	paths, err := Write(filepath.Join(t.TempDir(), "missing"), sweeptest.Run(), sweeptest.Stages(sweeptest.Free("t", 100)))
	if len(paths) > 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrote %v, error %v", paths, err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestTextFailsWhereItsWriterDoes(t *testing.T) {
	if err := page.Text(closedWriter{}, sweeptest.Run(), sweeptest.Stages(sweeptest.Free("t", 100))); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// checkText holds the text to its width; a single word that is longer than
// that cannot be broken.
func checkText(t interface{ Errorf(string, ...any) }, stages []*result.Stage) {
	var b bytes.Buffer
	if err := page.Text(&b, result.Run{}, stages); err != nil {
		t.Errorf("%v", err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > words.Width && strings.Contains(strings.TrimSpace(line), "  ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestAnyStages: whatever was measured, nothing panics, and there is a finding.
func TestAnyStages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stages := rapid.SliceOfN(rapid.Custom(anyStage), 0, 6).Draw(t, "stages")
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
		{Key: "step", Value: rapid.SampledFrom([]string{"", "session", "a", "b | c"}).Draw(t, "step")},
		{Key: "queue", Value: "100"}, {Key: "repeat", Value: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "repeat")},
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
