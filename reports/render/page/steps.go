package page

import (
	"math"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// bestSteps are the steps of scenarios at the level that says most. It is nil without any.
func bestSteps(scenarios []*sweep.Scenario) *table.Table {
	return stepsOf(scenarios, func(sc *sweep.Scenario) []int { return []int{sc.Best()} })
}

// stepsOf has one row for each step of scenarios, at levels of each.
func stepsOf(scenarios []*sweep.Scenario, levels func(*sweep.Scenario) []int) *table.Table {
	if len(scenarios) == 0 {
		return nil
	}
	names := []string{"p50", "p90", "p99", "rejected", "failed"}
	t := table.New(table.Numbers(append([]string{"step", "of a session's time"}, names...)...)...)
	for _, sc := range scenarios {
		for _, level := range levels(sc) {
			at := sc.At(level)
			t.Line(words.Shorten(sc.Name, 40) + " at " + sweep.AtLevel(sc.Steps[0].Load, level))
			row := func(name, share string, p sweep.Point) {
				cells := []string{name, share}
				for _, n := range names {
					m, _ := result.MetricNamed(n)
					cells = append(cells, m.Cell(p.Stage))
				}
				t.Row(cells...)
			}
			for i, k := range at.Steps {
				row(k.Name, shareText(k.Share), k.Point)
				if i == at.Slowest && len(at.Steps) > 1 {
					t.Strong(2 + map[float64]int{0.5: 0, 0.9: 1, 0.99: 2}[at.Quantile])
				}
			}
			if !math.IsNaN(at.Between) {
				t.Row("between steps", shareText(at.Between), units.None, units.None, units.None, units.None, units.None)
			}
			if at.Sessions != nil {
				row("complete session", units.None, *at.Sessions)
			}
		}
	}
	return t
}

func shareText(share float64) string {
	if math.IsNaN(share) {
		return units.None
	}
	return units.Percent(share)
}
