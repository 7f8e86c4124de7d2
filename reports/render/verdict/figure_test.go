package verdict

import (
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/canvas"
)

// TestRegressionFigure: which rows there are, in which order, and how they are named.
func TestRegressionFigure(t *testing.T) {
	c := comparisonAt(regressed(), 24)
	common, rest := splitScenarios(scenariosOf(c.Findings))
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
