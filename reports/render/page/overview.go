package page

import (
	"cmp"
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Tables are the tables of a run: one row for each target, and one for each level of
// each target, with its legend; both are nil where there is no stage. The steps of
// scenarios at one level, nil where there are none. The generators, nil where there is one.
// How events of streams came, nil where there are none. And the statuses of the replies,
// nil where there are not several.
func Tables(sweeps []sweep.Sweep) sweep.Tables {
	if len(sweeps) == 0 {
		return sweep.Tables{}
	}
	whole := sweep.Whole(sweeps)
	return sweep.Tables{
		Overview: overviewOf(whole), Steps: bestSteps(sweep.Scenarios(sweeps)),
		Levels: tableOfAll(sweeps), Agents: agentsOf(sweeps), Streams: streamsOf(whole), Statuses: statusesOf(sweeps), Legend: legend(pointsOf(sweeps)),
	}
}

// overviewOf answers for each target how much it carries, and what it is like below and
// above that.
func overviewOf(sweeps []sweep.Sweep) *table.Table {
	t := table.New(table.Numbers("target", "capacity reached", "p99 at half of it", "rejected at twice", "CPU per request served", "limit")...)
	p99, _ := result.MetricNamed("p99")
	cpu, _ := result.MetricNamed("cpu")
	for i := range sweeps {
		w := &sweeps[i]
		last, served := sweep.LastServed(w.Points)
		if !served {
			t.Row(w.Subject(40), "no level", units.None, units.None, units.None, cmp.Or(w.Limit(), units.None))
			continue
		}
		reached := sweep.AtLevel(w.Load, last.Level)
		if last.Level == w.Last().Level {
			reached += " or more"
		}
		row := []string{w.Subject(40), reached, units.None, units.None, cpu.Cell(last.Stage), cmp.Or(w.Limit(), units.None)}
		if p, ok := near(w.Points, float64(last.Level)/2); ok {
			row[2] = fmt.Sprintf("%s (at %s)", p99.Cell(p.Stage), units.Int(p.Level))
		}
		if p, ok := near(w.Points, float64(last.Level)*2); ok {
			row[3] = fmt.Sprintf("%s (at %s)", units.Percent(p.Stage.RejectedShare()), units.Int(p.Level))
		}
		t.Row(row...)
	}
	return t
}

// near is the valid point nearest to a level, at most a third away from it.
func near(points []sweep.Point, level float64) (best sweep.Point, found bool) {
	distance := func(p sweep.Point) float64 { return math.Abs(math.Log(float64(p.Level) / level)) }
	for _, p := range points {
		if p.Valid() && p.Level > 0 && distance(p) < 0.3 && (!found || distance(p) < distance(best)) {
			best, found = p, true
		}
	}
	return best, found
}
