package page

import (
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// rampSteps is how many rows show a ramp.
const rampSteps = 10

// rampOf shows a ramp over time: the rate of each part of it, and what became of the
// arrivals. It is nil where the load is no ramp.
func rampOf(w *sweep.Sweep) *table.Table {
	if w.Load != "ramp" {
		return nil
	}
	t := table.New(table.Numbers("from", "arrivals/s", "ok/s", "p50", "p99", "rejected", "failed", "lag p99", "disturbed")...)
	for _, p := range w.Points {
		for _, s := range series.Group(p.Stage.Slices, rampSteps) {
			rate := func(n int64) string { return units.Count.Text(float64(n) / s.Length.Seconds()) }
			quantile := func(q float64) string {
				if float64(s.Latency.N())*(1-q) < 1 {
					return units.None
				}
				return units.Duration(s.Latency.Quantile(q))
			}
			share := func(n int64) string { return units.Percent(float64(n) / float64(max(1, s.Counts.Planned()))) }
			t.Row(units.Duration(s.Offset), rate(s.Counts.Planned()), rate(s.Counts[result.OK]), quantile(0.5), quantile(0.99),
				share(s.Counts[result.Rejected]), share(s.Counts.Failed()), units.Duration(s.LagP99), units.Duration(s.Disturbed))
		}
	}
	return t
}
