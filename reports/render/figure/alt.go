package figure

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// capacityAlt is the capacity figure in words: what it is, its axes, a few key numbers
// and the finding.
func capacityAlt(title string, sweeps []sweep.Sweep, m *capacityModel) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		last := w.Last()
		k := fmt.Sprintf("%s at %s: %s ok/s", w.ShortName(40), sweep.AtLevel(w.Load, last.Level), units.Number(last.Goodput()))
		if q, _ := last.Carried(); q > 0 {
			k += fmt.Sprintf(", %s %s", units.Percentile(q), sweep.Quantile(last.Stage.Latency, q))
		}
		if last.HasCompletion() {
			k += fmt.Sprintf(" until accepted, %s until completed", sweep.Completions(last.Stage.Completion))
		}
		k += fmt.Sprintf(", %s rejected", units.Percent(last.Stage.RejectedShare()))
		if !last.Valid() {
			k += ", not valid"
		}
		if t := m.columns[i].theory.at(float64(last.Level)); t != "" {
			k += ", where theory expects " + t
		}
		keys = append(keys, k)
	}
	return fmt.Sprintf("Three stacked line and bar charts over %s, one column for each target: latency percentiles of ok requests, shares of outcomes, and goodput. %s. %s",
		levelsOf(sweeps), strings.Join(keys, "; "), words.Sentence(title))
}

// percentilesAlt is the percentile figure in words.
func percentilesAlt(title string, sweeps []sweep.Sweep) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		last, ok := sweep.LastServed(w.Points)
		if !ok {
			keys = append(keys, w.ShortName(40)+": no level served")
			continue
		}
		var said []string
		for _, q := range drawnQuantiles {
			if last.Stage.Latency.Resolved(q) {
				said = append(said, units.Percentile(q)+" "+sweep.Quantile(last.Stage.Latency, q))
			}
		}
		if last.HasCompletion() {
			said = append(said, "all of them until accepted", sweep.Completions(last.Stage.Completion)+" until completed")
		}
		said = append(said, units.Percent(last.Stage.RejectedShare())+" rejected")
		keys = append(keys, fmt.Sprintf("%s at %s: %s", w.ShortName(40), sweep.AtLevel(w.Load, last.Level), strings.Join(said, ", ")))
	}
	return fmt.Sprintf("Line charts of latency (log scale) over the share of ok requests that were this quick, up to the last nines, one column for each target and a line for each of up to five levels of %s; below, the share of requests that were rejected. %s. %s",
		result.LevelUnit(loadOf(sweeps), 2), strings.Join(keys, "; "), words.Sentence(title))
}

// levelsOf is the range of levels in words.
func levelsOf(sweeps []sweep.Sweep) string {
	lo, hi := sweeps[0].Points[0].Level, 0
	for _, w := range sweeps {
		lo, hi = min(lo, w.Points[0].Level), max(hi, w.Last().Level)
	}
	return fmt.Sprintf("%s from %s to %s", result.LevelUnit(loadOf(sweeps), 2), units.Int(lo), units.Int(hi))
}

// loadOf is the load model of the first sweep, which the others on its sheet have too.
func loadOf(sweeps []sweep.Sweep) string {
	if len(sweeps) == 0 {
		return ""
	}
	return sweeps[0].Load
}
