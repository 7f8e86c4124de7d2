package page

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// mostStatuses is how many statuses have a column: those of the most replies.
const mostStatuses = 8

// statusesOf counts the replies of each level by their status, and the redirects that were
// followed. It is nil where all have the same status, or none is known, and there are no
// redirects.
func statusesOf(sweeps []sweep.Sweep) *table.Table {
	var all result.Statuses
	var redirects int64
	for _, p := range pointsOf(sweeps) {
		all = all.Plus(p.Stage.Statuses)
		redirects += p.Stage.Redirects
	}
	if len(all) < 2 && redirects == 0 {
		return nil
	}
	shown := slices.SortedFunc(maps.Keys(all), func(a, b int) int { return cmp.Or(cmp.Compare(all[b], all[a]), a-b) })
	shown = shown[:min(len(shown), mostStatuses)]
	slices.Sort(shown)
	heads := []string{"status"}
	for _, status := range shown {
		heads = append(heads, strconv.Itoa(status))
	}
	if len(all) > len(shown) {
		heads = append(heads, "others")
	}
	if redirects > 0 {
		heads = append(heads, "redirects")
	}
	t := table.New(table.Numbers(heads...)...)
	for i := range sweeps {
		w := &sweeps[i]
		if len(sweeps) > 1 {
			t.Line(w.ShortName(40))
		}
		for _, p := range w.Points {
			row, others := []string{sweep.AtLevel(w.Load, p.Level)}, p.Stage.Statuses.Sum()
			for _, status := range shown {
				row = append(row, units.Int(int(p.Stage.Statuses[status])))
				others -= p.Stage.Statuses[status]
			}
			if len(all) > len(shown) {
				row = append(row, units.Int(int(others)))
			}
			if redirects > 0 {
				row = append(row, units.Int(int(p.Stage.Redirects)))
			}
			t.Row(row...)
		}
	}
	return t
}
