package figure

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// TestAnyStages: whatever was measured, nothing is drawn off its axis, and thin
// percentiles are never drawn as sure ones.
func TestAnyStages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, sweeps := range split(sweep.Of(rapid.SliceOfN(rapid.Custom(anyStage), 0, 6).Draw(t, "stages"))) {
			checkCapacity(t, newCapacityModel(sweeps))
		}
	})
}

func anyStage(t *rapid.T) *result.Stage {
	s := result.NewStage()
	s.Length = time.Duration(rapid.SampledFrom([]int64{0, 1, 1e6, 3e9, 1e18}).Draw(t, "length"))
	s.Invalid = rapid.SliceOfN(rapid.Just("a reason"), 0, 1).Draw(t, "invalid")
	s.Settings = result.Settings{
		{Key: "target", Value: rapid.SampledFrom([]string{"", "a", "b", "http://c/d?e"}).Draw(t, "target")},
		{Key: "load", Value: rapid.SampledFrom([]string{"closed", "burst", "constant", "poisson"}).Draw(t, "load")},
		{Key: "level", Value: rapid.SampledFrom([]string{"-1", "0", "1", "2", "300", "9000000000", "x"}).Draw(t, "level")},
		{Key: "workers", Value: rapid.SampledFrom([]string{"0", "2", "200"}).Draw(t, "workers")},
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

func checkCapacity(t *rapid.T, m *capacityModel) {
	within := func(v float64, a canvas.Axis, what string) {
		if math.IsNaN(v) || v < a.Lo*(1-1e-9) || v > a.Hi*(1+1e-9) {
			t.Errorf("%s: %v is off its axis %v", what, v, a)
		}
	}
	for _, c := range m.columns {
		for i, q := range c.quantiles {
			for _, k := range q.Values {
				if k.Y > 0 { // 0 is below what histograms tell apart, and drawn at the edge
					within(k.Y, m.latency, q.Name)
				}
				within(k.X, m.levels, "level")
				if i > 0 && !k.Thin && slices.ContainsFunc(c.quantiles[i-1].Values, func(o canvas.Value) bool { return o.X == k.X && o.Thin }) {
					t.Errorf("%s at %v is sure, a lower one is thin", q.Name, k.X)
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
		for _, k := range c.goodput.Values {
			if k.Y > 0 {
				within(k.Y, m.rate, "goodput")
			}
		}
	}
}

// TestEveryRuneHasAGlyph: nothing that the figures say by themselves is beyond the
// fonts.
func TestEveryRuneHasAGlyph(t *testing.T) {
	for name, stages := range map[string][]*result.Stage{
		"default": sweeptest.Default(), "open": sweeptest.Open(), "url": sweeptest.URL(), "queue": sweeptest.Queued(),
		"repeats": sweeptest.Repeated(), "spoiled": sweeptest.Spoiled(), "stalled": sweeptest.Stalled(),
	} {
		for _, sweeps := range split(sweep.Of(stages)) {
			for _, plan := range []func([]sweep.Sweep) *canvas.Figure{capacityFigure, percentilesFigure, stallFigure} {
				f := plan(sweeps)
				if f == nil {
					continue
				}
				if svg, err := f.SVG(); err != nil || strings.ContainsRune(string(svg), canvas.NoGlyph) {
					t.Errorf("%s: no glyph (error: %v):\n%s", name, err, svg)
				}
			}
		}
	}
}
