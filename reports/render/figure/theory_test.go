package figure

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

func columnOf(stages []*result.Stage) capacityColumn {
	return newCapacityModel(sweep.Of(stages)).columns[0]
}

func at(c canvas.Curve, x float64) float64 {
	for _, k := range c.Values {
		if k.X == x {
			return k.Y
		}
	}
	return math.NaN()
}

func TestTheoryIsDrawnWhereAModelHolds(t *testing.T) {
	col := columnOf(sweeptest.Default()) // blocking comes first
	for _, c := range []struct {
		level             float64
		latency, ok, kept float64
	}{
		{100, 200e6, 500, 1}, {200, 200e6, 1000, 1}, {300, 300e6, 1000, 1}, {500, 300e6, 1000, 0.5}, {2000, 300e6, 1000, 1000. / 9500},
	} {
		lines := col.theory
		for i, got := range []float64{at(lines.latency[0], c.level), at(lines.latency[1], c.level), at(lines.goodput, c.level), at(lines.kept, c.level)} {
			if want := []float64{c.latency, c.latency, c.ok, c.kept}[i]; math.Abs(got/want-1) > 1e-9 {
				t.Errorf("%v clients, line %d: %v, want %v", c.level, i, got, want)
			}
		}
	}
	about := col.theory.words()
	for _, want := range []string{"200 workers, queue 100", "service 200 ms, nominal", "exact"} {
		if !strings.Contains(about, want) {
			t.Errorf("the caption %q lacks %q", about, want)
		}
	}
}

// The line is of what was measured: the time at the worker and the rate that
// came, not what was asked for.
func TestTheoryIsOfTheMeasured(t *testing.T) {
	stages := sweeptest.Open()
	for _, s := range stages {
		s.Target.ServiceTime = result.MeanTime{N: 100, Mean: 210 * time.Millisecond}
		s.Counts[result.OK] += 30 // 10 a second more than the level says
	}
	lines := columnOf(stages).theory
	if got := at(lines.latency[0], 100); got != 210e6 {
		t.Errorf("p50 %v, want the 210 ms that were measured", got)
	}
	b := 1.0
	for k := 1.0; k <= 50; k++ { // Erlang's recursion
		b *= stages[2].Offered() * 0.21
		b /= k + b
	}
	if got := 1 - at(lines.kept, 100); math.Abs(got-b) > 1e-9 {
		t.Errorf("rejected %v, want Erlang's %v of the rate that came", got, b)
	}
	if about := lines.words(); !strings.Contains(about, "service 210 ms, as measured at the worker") {
		t.Errorf("the caption says %q", about)
	}
}

func TestNoTheoryWhereNoModelHolds(t *testing.T) {
	stalled := sweeptest.Open()
	for _, s := range stalled {
		s.Settings = s.Settings.With(result.KeyBackendStall, "2s@5s")
	}
	for name, stages := range map[string][]*result.Stage{"a server that is not ours": sweeptest.URL(), "a backend that stalls": stalled} {
		m := newCapacityModel(sweep.Of(stages))
		if len(m.columns[0].theory.points) > 0 || m.theoryWords() != "" {
			t.Errorf("%s: theory is drawn", name)
		}
	}
}

// Few simulations, for each takes a while; more points where there is a formula.
func TestTheoryTakesFewPoints(t *testing.T) {
	c := model.Case{Setting: theory.Setting{Load: load.Load{Rate: 1}, Workers: 5, Queue: 5, ServiceTime: 20 * time.Millisecond}}
	levels := []float64{50, 100, 150, 200, 250, 300, 400}
	count := func() int {
		var cases []model.Case
		for _, l := range levels {
			cases = append(cases, c.At(l))
		}
		return len(model.Line(levels, cases))
	}
	if n := count(); n < 14 || n > 25 {
		t.Errorf("%d simulations", n)
	}
	c.Queue = 0
	if n := count(); n < 40 || n > 60 {
		t.Errorf("%d points of a formula", n)
	}
}

func expectedLine(s theory.Setting, levels ...float64) []model.Point {
	var cases []model.Case
	for _, l := range levels {
		cases = append(cases, model.Case{Setting: s, Even: true}.At(l))
	}
	return model.Line(levels, cases)
}

func TestTheoryAloneSaysThatNothingWasMeasured(t *testing.T) {
	levels := []float64{10, 20, 30, 40, 50, 60, 80}
	f := Expected(levels, expectedLine(theory.Setting{Load: load.Load{Rate: 1}, Workers: 10, Queue: 10, ServiceTime: 200 * time.Millisecond,
		ServiceLaw: theory.Law{Kind: theory.Exponential}}, levels...))
	if want := "Theory expects at most 1 % rejected up to 40 arrivals/s, and 38 % at 80"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	if !strings.Contains(f.Footer[0], "nothing was measured") || !strings.Contains(f.Alt, "nothing was measured") {
		t.Errorf("footer %q, alternative text %q", f.Footer[0], f.Alt)
	}
}
