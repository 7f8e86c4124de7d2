package verdict

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/canvas"
)

// TestRegressionFigure: which rows there are, in which order, and how they are named.
func TestRegressionFigure(t *testing.T) {
	c := comparisonAt(regressed(), 24)
	common, rest := splitScenarios(byScenario(c.Findings).Keys)
	if want := "load=constant level=500"; common != want || rest[c.Findings[0].Scenario] != "target=blocking" {
		t.Errorf("in common %q, and the first row %q", common, rest[c.Findings[0].Scenario])
	}
	gated := true
	for _, f := range ranked(c.Findings) {
		if f.Gated && !gated {
			t.Errorf("%s decides, and comes behind one that informs", f.Metric)
		}
		gated = f.Gated
	}
	if common, _ := splitScenarios([]string{blocking}); common != blocking {
		t.Errorf("one scenario has %q in common", common)
	}
	if common, rest := splitScenarios([]string{"http://a/b", "http://a/c"}); common != "" || rest["http://a/c"] != "http://a/c" {
		t.Errorf("names that are not settings: %q, %v", common, rest)
	}
}

// TestRegressionGlyphs: nothing that the figure says by itself is beyond the fonts.
func TestRegressionGlyphs(t *testing.T) {
	for _, g := range goldens {
		c := comparisonAt(g.make(), 24)
		if svg, err := c.regressionFigure(ranked(c.Findings)).SVG(); err != nil || strings.ContainsRune(string(svg), canvas.NoGlyph) {
			t.Errorf("%s: no glyph (error: %v):\n%s", g.name, err, svg)
		}
	}
}

// TestRegressionPanels: what is drawn, and where.
func TestRegressionPanels(t *testing.T) {
	g := sheet{rows: []row{
		{Finding: compare.Finding{Metric: "p99", Gated: true, Pairs: 3, Estimate: 0.12, Lower: 0.1, Upper: compare.Bound(math.NaN()), Tolerance: 0.05}},
		{Finding: compare.Finding{Metric: "rejected", Scale: compare.Points, Gated: true, Pairs: 3, Estimate: 0.0091, Lower: 0.006, Upper: 0.012, Tolerance: 0.005}},
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
	if _, upper := p.ends(p.rows[0]); !math.IsInf(upper, 1) || !math.IsInf(p.place(-1), -1) {
		t.Error("an end without a bound has a place")
	}
	marks := g.marks("95 %")
	if !strings.Contains(marks, "arrow") || !strings.Contains(marks, "95 % for each side") || strings.Contains(marks, "hollow") {
		t.Errorf("marks: %s", marks)
	}
}

// TestAnyRegression: whatever changed, the axis ends somewhere, and ticks lie on it.
func TestAnyRegression(t *testing.T) {
	share := rapid.OneOf(rapid.Float64Range(-1, 3), rapid.SampledFrom([]float64{0, -1, 1e9, math.NaN(), math.Inf(1), math.Inf(-1)}))
	rapid.Check(t, func(t *rapid.T) {
		g := sheet{rows: []row{{Finding: compare.Finding{Verdict: compare.Regressed, Scale: rapid.SampledFrom([]compare.Scale{compare.Points, compare.Ratio}).Draw(t, "scale"), Pairs: rapid.IntRange(0, 1).Draw(t, "pairs"),
			Estimate: compare.Bound(share.Draw(t, "estimate")), Lower: compare.Bound(share.Draw(t, "lower")), Upper: compare.Bound(share.Draw(t, "upper")), Tolerance: rapid.Float64Range(0, 2).Draw(t, "tolerance")}}}}
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
		if _, err := g.figure().PNG(12); err != nil {
			t.Error(err)
		}
	})
}
