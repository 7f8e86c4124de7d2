package render

import (
	"math"
	"testing"
)

// TestRegressionModel: what is drawn, and where.
func TestRegressionModel(t *testing.T) {
	r := regressed()
	all := ranked(r.Findings)
	m := newRegressionModel(all, scenariosOf(r.Findings))
	if len(m.panels) != 2 || m.panels[0].points || !m.panels[1].points || len(m.panels[1].rows) != 2 {
		t.Fatalf("panels: %+v", m.panels)
	}
	if m.common != "load=constant level=500" || m.panels[0].rows[0].scenario != "target=blocking" {
		t.Errorf("in common %q, and the first row %q", m.common, m.panels[0].rows[0].scenario)
	}
	first := m.panels[0].rows[0]
	if first.metric != "p99" || math.Abs(first.at-math.Log2(1.12)) > 1e-12 || math.Abs(first.tolerance[1]-math.Log2(1.05)) > 1e-12 {
		t.Errorf("the first row: %+v", first)
	}
	for i, row := range m.panels[0].rows[1:] {
		if row.gated && !m.panels[0].rows[i].gated {
			t.Errorf("%s decides, and comes behind %s, which informs", row.metric, m.panels[0].rows[i].metric)
		}
	}
	if p := m.panels[1].rows[0]; p.at != 0.0091 {
		t.Errorf("points are drawn at %g", p.at)
	}
	u := newRegressionModel(ranked(unclear().Findings), []string{blocking})
	if !u.openly || u.named || u.common != blocking {
		t.Errorf("one scenario, two open ends: %+v", u)
	}
	if common, rest := parted([]string{"http://a/b", "http://a/c"}); common != "" || rest["http://a/c"] != "http://a/c" {
		t.Errorf("names that are no settings: %q, %v", common, rest)
	}
}

// TestRegressionGlyphs: nothing that the figure says by itself is beyond the
// fonts.
func TestRegressionGlyphs(t *testing.T) {
	for _, g := range goldenComparisons {
		c := comparisonAt(g.make(), 24)
		m := newRegressionModel(ranked(c.Findings), scenariosOf(c.Findings))
		p := newPaper(regressionW, m.height(), 24)
		p.regression(sheet{title: c.headline(), footer: append(c.regressionMarks(m), c.caption())}, m)
		if len(p.strange) > 0 {
			t.Errorf("%s: no glyph for %v", g.name, p.strange)
		}
	}
}
