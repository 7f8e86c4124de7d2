package figure

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/compare"
)

// TestRegressionPanels: what is drawn, and where.
func TestRegressionPanels(t *testing.T) {
	g := Regression{Changes: []Change{
		{Metric: "p99", Gated: true, Drawn: true, Estimate: 0.12, Lower: 0.1, Upper: math.NaN(), Tolerance: 0.05},
		{Metric: "rejected", Points: true, Gated: true, Drawn: true, Estimate: 0.0091, Lower: 0.006, Upper: 0.012, Tolerance: 0.005},
	}}
	panels := g.panels()
	if len(panels) != 2 || panels[0].points || !panels[1].points {
		t.Fatalf("panels: %+v", panels)
	}
	p := panels[0]
	if got := p.place(0.12); math.Abs(got-math.Log2(1.12)) > 1e-12 {
		t.Errorf("12 %% more is drawn at %g", got)
	}
	if got := panels[1].place(0.0091); got != 0.0091 {
		t.Errorf("points are drawn at %g", got)
	}
	if !math.IsInf(p.rows[0].upper(), 1) || !math.IsInf(p.place(-1), -1) {
		t.Error("an end without a bound has a place")
	}
	marks := strings.Join(g.Marks("95 %"), " · ")
	if !strings.Contains(marks, "arrow") || !strings.Contains(marks, "95 % for each side") || strings.Contains(marks, "hollow") {
		t.Errorf("marks: %s", marks)
	}
}

// TestAnyRegression: whatever changed, the axis ends somewhere, and ticks lie on it.
func TestAnyRegression(t *testing.T) {
	share := rapid.OneOf(rapid.Float64Range(-1, 3), rapid.SampledFrom([]float64{0, -1, 1e9, math.NaN(), math.Inf(1), math.Inf(-1)}))
	rapid.Check(t, func(t *rapid.T) {
		g := Regression{Changes: []Change{{Verdict: compare.Regressed, Points: rapid.Bool().Draw(t, "points"), Drawn: rapid.Bool().Draw(t, "drawn"),
			Estimate: share.Draw(t, "estimate"), Lower: share.Draw(t, "lower"), Upper: share.Draw(t, "upper"), Tolerance: rapid.Float64Range(0, 2).Draw(t, "tolerance")}}}
		for _, p := range g.panels() {
			if !(p.extent > 0) || math.IsInf(p.extent, 0) {
				t.Errorf("an axis to %g", p.extent)
			}
			for _, k := range p.ticks() {
				if !(math.Abs(k.At) <= p.extent) {
					t.Errorf("a tick at %g of %g", k.At, p.extent)
				}
			}
		}
		if _, err := g.Figure().PNG(12); err != nil {
			t.Error(err)
		}
	})
}
