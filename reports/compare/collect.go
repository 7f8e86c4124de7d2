package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Collect puts samples together into series, scenario by scenario in the order
// in which they come, each with its metrics in the order of [Metrics]. It
// returns sentences on what one of the sides does not have: missing is what the
// base has and the candidate lacks, which no comparison may pass over; fresh is
// what only the candidate has.
func Collect(samples []Sample, policy Policy) (all []Series, missing, fresh []string) {
	type key struct{ scenario, unit string }
	groups := map[key][]Sample{}
	var scenarios []string
	units := map[string][]string{}
	for _, s := range samples {
		k := key{s.Scenario, s.Unit}
		if _, ok := groups[k]; !ok {
			if !slices.Contains(scenarios, s.Scenario) {
				scenarios = append(scenarios, s.Scenario)
			}
			units[s.Scenario] = append(units[s.Scenario], s.Unit)
		}
		groups[k] = append(groups[k], s)
	}
	for _, scenario := range scenarios {
		slices.SortStableFunc(units[scenario], func(a, b string) int { return place(a) - place(b) })
		for _, unit := range units[scenario] {
			group := groups[key{scenario, unit}]
			metric := policy.Apply(MetricOf(unit, group[0].Higher))
			s, base, candidate := series(scenario, metric, group)
			switch {
			case base == 0 && candidate == 0:
				continue // the control's alone: of no use
			case candidate == 0 && metric.Gated:
				missing = append(missing, fmt.Sprintf("%s of %s: the base has it, the candidate does not", metric.Name, scenario))
				continue
			case base == 0 || candidate == 0:
				fresh = append(fresh, fmt.Sprintf("%s of %s: only one side has it, so it is not compared", metric.Name, scenario))
				continue
			case metric.Gated && len(s.Pairs) > 0 && len(s.Pairs) < max(base, candidate):
				// Left out, a side's bad pairs would be left out with it.
				missing = append(missing, fmt.Sprintf("%s of %s: only %d of %d pairs have it on both sides", metric.Name, scenario, len(s.Pairs), max(base, candidate)))
			}
			all = append(all, s)
		}
	}
	return all, missing, fresh
}

// place is the rank of a unit among those that are known; others come last.
func place(unit string) int {
	for i, m := range Metrics {
		if m.Unit == unit {
			return i
		}
	}
	return len(Metrics)
}

// series pairs the samples of one metric and scenario. Base and candidate are
// how many values each has.
func series(scenario string, m Metric, group []Sample) (s Series, base, candidate int) {
	s = Series{Scenario: scenario, Metric: m}
	pairs := map[int]map[Arm]float64{}
	for _, x := range group {
		switch x.Arm {
		case Base:
			base++
			s.BaseValues = append(s.BaseValues, x.Value)
		case Candidate:
			candidate++
			s.CandidateValues = append(s.CandidateValues, x.Value)
		}
		if x.Pair > 0 {
			if pairs[x.Pair] == nil {
				pairs[x.Pair] = map[Arm]float64{}
			}
			pairs[x.Pair][x.Arm] = x.Value
		}
	}
	for _, n := range slices.Sorted(maps.Keys(pairs)) {
		b, hasBase := pairs[n][Base]
		c, hasCandidate := pairs[n][Candidate]
		a, hasControl := pairs[n][Control]
		if hasBase && hasCandidate {
			s.Pairs = append(s.Pairs, Pair{n, b, c})
		}
		if hasBase && hasControl {
			s.Control = append(s.Control, Pair{n, b, a})
		}
	}
	return s, base, candidate
}

// ScenarioOf writes settings as the end of a benchmark's name.
func ScenarioOf(target, load string, level int) string {
	return fmt.Sprintf("target=%s/load=%s/level=%d", strings.NewReplacer(" ", "_", "/", "_").Replace(target), load, level)
}
