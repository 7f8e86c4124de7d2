package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/goldentest"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// goldenDPI is half of the resolution of real figures: a quarter of the size,
// and still every line and letter.
const goldenDPI = canvas.DPI / 2

// goldenRuns are the runs whose outputs are kept under testdata. The flag
// -regen writes them again.
var goldenRuns = []struct {
	name    string
	stages  func() []*result.Stage
	partial bool
}{
	{"default", sweeptest.Default, false},
	{"open", sweeptest.Open, false},
	{"url", sweeptest.URL, false},
	{"queue", sweeptest.Queued, false},
	{"shop", sweeptest.Shop, false},
	{"repeats", sweeptest.Repeated, false},
	{"spoiled", sweeptest.Spoiled, true},
	{"events", sweeptest.Streamed, false},
}

func TestGolden(t *testing.T) {
	for _, g := range goldenRuns {
		t.Run(g.name, func(t *testing.T) {
			if testing.Short() && g.name != "default" {
				t.Skip("with the race detector, one run takes as long as all of them without")
			}
			t.Parallel()
			run, stages := sweeptest.Run(), g.stages()
			run.Partial = g.partial
			dir := t.TempDir()
			paths, err := writeReport(dir, run, stages, goldenDPI)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if strings.HasSuffix(path, ".svg") || strings.HasSuffix(path, ".html") || strings.Contains(path, "saturation") && g.name != "default" ||
					g.name == "events" && strings.HasSuffix(path, ".png") && !strings.Contains(path, "streams") {
					continue // of the same drawings, or much like others
				}
				goldentest.Compare(t, g.name+"_"+filepath.Base(path), []byte(read(t, path)))
			}
			summary, folded, _ := strings.Cut(read(t, filepath.Join(dir, "summary.md")), "<details>")
			_, rest, _ := strings.Cut(folded, "</details>")
			if n := strings.Count(summary+rest, "\n"); n > 50 {
				t.Errorf("the summary has %d lines, more than fit on a screen", n)
			}
			var text bytes.Buffer
			if err := page.Text(&text, run, stages); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, g.name+".txt", text.Bytes())
		})
	}
}

func TestGoldenFigures(t *testing.T) {
	for name, of := range map[string]struct {
		draw   func(*sweep.Report) ([]sweep.File, error)
		stages []*result.Stage
	}{
		"stall.png":       {figure.Stall, sweeptest.Stalled()},
		"streams-one.png": {figure.Streams, sweeptest.Streamed()[2:3]}, // of one level
	} {
		r := sweep.NewReport(sweeptest.Run(), of.stages)
		r.DPI = goldenDPI
		files, err := of.draw(r)
		if err != nil || len(files) != 2 {
			t.Fatalf("%s: %d files, %v", name, len(files), err)
		}
		goldentest.Compare(t, name, files[0].Data)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGoldenNoticesAChange: one stage that is slower, and one that rejects a
// little more, must not pass for the picture that is kept.
func TestGoldenNoticesAChange(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "default_capacity.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why    string
		change func(*sweeptest.Made)
	}{
		{"latency 5 % up at one level", func(m *sweeptest.Made) { m.Latency += m.Latency / 20 }},
		{"3 % more rejected at one level", func(m *sweeptest.Made) { m.Rejected += 60 }},
	} {
		stages := sweeptest.Default()
		m := sweeptest.Pool(500)
		c.change(&m)
		stages[5] = m.Stage()
		r := sweep.NewReport(sweeptest.Run(), stages)
		r.DPI = goldenDPI
		files, err := figure.Capacity(r)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := cmpimg.EqualApprox("png", files[0].Data, want, goldentest.Tolerance); same || err != nil {
			t.Errorf("%s: passes for the old picture (error: %v)", c.why, err)
		}
	}
}

func TestGoldenOverTime(t *testing.T) {
	if testing.Short() {
		t.Skip("with the race detector, one run takes as long as all of them without")
	}
	r := sweep.NewReport(sweeptest.Run(), sweeptest.OverTime())
	r.DPI = goldenDPI
	for name, figures := range map[string]func(*sweep.Report) ([]sweep.File, error){"heatmap": figure.HeatMap, "time": figure.OverTime} {
		files, err := figures(r)
		if err != nil || len(files) != 4 {
			t.Fatalf("%s: %d files, %v", name, len(files), err)
		}
		for i := 0; i < len(files); i += 2 {
			goldentest.Compare(t, files[i].Name, files[i].Data)
		}
	}
}
