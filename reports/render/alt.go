package render

import (
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// capacityAlt is the capacity figure in words: what it is, its axes, a few
// key numbers and the finding.
func capacityAlt(title string, sweeps []sweep, m capacityModel) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		if len(w.points) == 0 {
			continue
		}
		last := w.points[len(w.points)-1]
		k := fmt.Sprintf("%s at %s: %s ok/s", w.shortName(40), atLevel(w.load, last.level), number(last.goodput()))
		if q, _ := carried(last); q > 0 {
			k += fmt.Sprintf(", %s %s", percentile(q), quantile(last.stage.Latency, q))
		}
		if later(last) {
			k += fmt.Sprintf(" until accepted, %s until done", inWords(last.stage.Queue))
		}
		k += fmt.Sprintf(", %s rejected", percent(last.stage.RejectedShare()))
		if !last.valid() {
			k += ", not valid"
		}
		if t := m.columns[i].theory.theoryAt(last.level); t != "" {
			k += ", where theory expects " + t
		}
		keys = append(keys, k)
	}
	return fmt.Sprintf("Three stacked line and bar charts over %s, one column a target: latency percentiles of ok requests, shares of outcomes, and goodput. %s. %s",
		axisOf(sweeps), strings.Join(keys, "; "), sentence(title))
}

// percentilesAlt is the percentile figure in words.
func percentilesAlt(title string, sweeps []sweep) string {
	var keys []string
	for i := range sweeps {
		w := &sweeps[i]
		last, ok := lastServed(w.points)
		if !ok {
			keys = append(keys, w.shortName(40)+": no level served")
			continue
		}
		var told []string
		for _, q := range drawnQuantiles {
			if last.stage.Latency.Resolved(q) {
				told = append(told, percentile(q)+" "+quantile(last.stage.Latency, q))
			}
		}
		if later(last) {
			told = append(told, "all of them until accepted", inWords(last.stage.Queue)+" until done")
		}
		told = append(told, percent(last.stage.RejectedShare())+" rejected")
		keys = append(keys, fmt.Sprintf("%s at %s: %s", w.shortName(40), atLevel(w.load, last.level), strings.Join(told, ", ")))
	}
	return fmt.Sprintf("Line charts of latency (log scale) over the share of ok requests that were this quick, up to the last nines, one column a target and a line for each of up to five levels of %s; below, the share of requests turned away. %s. %s",
		unitOf(sweeps), strings.Join(keys, "; "), sentence(title))
}

// inWords tells the median and the p99 of the second clock, as far as there are
// any.
func inWords(queue *result.Queue) string {
	var told []string
	for _, q := range []float64{0.5, 0.99} {
		if _, done := queue.Quantile(q); done && queue.Resolved(q) {
			told = append(told, percentile(q)+" "+processed(queue, q))
		}
	}
	if len(told) == 0 {
		return "no percentile"
	}
	return strings.Join(told, " and ")
}

func axisOf(sweeps []sweep) string {
	points := 0
	lo, hi := 0, 0
	for _, w := range sweeps {
		for _, p := range w.points {
			if points == 0 {
				lo, hi = p.level, p.level
			}
			lo, hi = min(lo, p.level), max(hi, p.level)
			points++
		}
	}
	return fmt.Sprintf("%s from %s to %s", unitOf(sweeps), count(int64(lo)), count(int64(hi)))
}

func unitOf(sweeps []sweep) string {
	if len(sweeps) == 0 {
		return result.LevelUnit("", 2)
	}
	return result.LevelUnit(sweeps[0].load, 2)
}

// sentence ends s with a stop, unless it has its end.
func sentence(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
