package render

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// capacityAlt is the capacity figure in words: what it is, its axes, a few
// key numbers and the finding.
func capacityAlt(title string, sweeps []sweep.Sweep, m capacityModel) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		if len(w.Points) == 0 {
			continue
		}
		last := w.Points[len(w.Points)-1]
		k := fmt.Sprintf("%s at %s: %s ok/s", w.ShortName(40), sweep.AtLevel(w.Load, last.Level), number(last.Goodput()))
		if q, _ := last.Carried(); q > 0 {
			k += fmt.Sprintf(", %s %s", percentile(q), quantile(last.Stage.Latency, q))
		}
		if last.HasCompletion() {
			k += fmt.Sprintf(" until accepted, %s until done", sweep.Completions(last.Stage.Completion))
		}
		k += fmt.Sprintf(", %s rejected", percent(last.Stage.RejectedShare()))
		if !last.Valid() {
			k += ", not valid"
		}
		if t := m.columns[i].theory.theoryAt(last.Level); t != "" {
			k += ", where theory expects " + t
		}
		keys = append(keys, k)
	}
	return fmt.Sprintf("Three stacked line and bar charts over %s, one column a target: latency percentiles of ok requests, shares of outcomes, and goodput. %s. %s",
		axisOf(sweeps), strings.Join(keys, "; "), sentence(title))
}

// percentilesAlt is the percentile figure in words.
func percentilesAlt(title string, sweeps []sweep.Sweep) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		last, ok := lastServed(w.Points)
		if !ok {
			keys = append(keys, w.ShortName(40)+": no level served")
			continue
		}
		var told []string
		for _, q := range drawnQuantiles {
			if last.Stage.Latency.Resolved(q) {
				told = append(told, percentile(q)+" "+quantile(last.Stage.Latency, q))
			}
		}
		if last.HasCompletion() {
			told = append(told, "all of them until accepted", sweep.Completions(last.Stage.Completion)+" until done")
		}
		told = append(told, percent(last.Stage.RejectedShare())+" rejected")
		keys = append(keys, fmt.Sprintf("%s at %s: %s", w.ShortName(40), sweep.AtLevel(w.Load, last.Level), strings.Join(told, ", ")))
	}
	return fmt.Sprintf("Line charts of latency (log scale) over the share of ok requests that were this quick, up to the last nines, one column a target and a line for each of up to five levels of %s; below, the share of requests turned away. %s. %s",
		unitOf(sweeps), strings.Join(keys, "; "), sentence(title))
}

func axisOf(sweeps []sweep.Sweep) string {
	points := 0
	lo, hi := 0, 0
	for _, w := range sweeps {
		for _, p := range w.Points {
			if points == 0 {
				lo, hi = p.Level, p.Level
			}
			lo, hi = min(lo, p.Level), max(hi, p.Level)
			points++
		}
	}
	return fmt.Sprintf("%s from %s to %s", unitOf(sweeps), count(int64(lo)), count(int64(hi)))
}

func unitOf(sweeps []sweep.Sweep) string {
	if len(sweeps) == 0 {
		return result.LevelUnit("", 2)
	}
	return result.LevelUnit(sweeps[0].Load, 2)
}
