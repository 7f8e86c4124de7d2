package page

import (
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/units"
)

// agentsOf shows, for each level, what each of the generators that drove it together
// accounts for. It is nil where one generator drove all levels.
func agentsOf(sweeps []sweep.Sweep) *table.Table {
	var t *table.Table
	for i := range sweeps {
		w := &sweeps[i]
		for _, p := range w.Points {
			if len(p.Stage.Agents) == 0 {
				continue
			}
			if t == nil {
				t = table.New(table.Numbers("agent", "at", "arrivals", "accounted for", "lag p99", "clock within", "record")...)
			}
			if len(sweeps) > 1 {
				t.Line(w.ShortName(40))
			}
			for _, a := range p.Stage.Agents {
				record := "valid"
				switch {
				case a.Lost != "":
					record = "lost"
				case !a.Valid:
					record = "not valid"
				}
				t.Row(a.Name, sweep.AtLevel(w.Load, p.Level), units.Int(int(a.Counts.Planned())), units.Percent(a.Coverage()), units.Duration(a.Lag), units.Duration(a.Clock), record)
			}
		}
	}
	return t
}
