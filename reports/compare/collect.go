package compare

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Collect groups samples into series: scenarios in the order in which they come, each
// with its metrics in the order of [Metrics]. It returns sentences about what cannot
// be compared: missing is what only the base has, and what was driven differently,
// which no comparison may pass over; fresh is what only the candidate has.
func Collect(samples []Sample, policy Policy) (all []Series, missing, fresh []string) {
	type key struct{ scenario, unit string }
	groups := map[key][]Sample{}
	var scenarios []string
	units := map[string][]string{}
	for _, s := range samples {
		k := key{s.Scenario, s.Unit}
		if _, ok := groups[k]; !ok {
			if len(units[s.Scenario]) == 0 {
				scenarios = append(scenarios, s.Scenario)
			}
			units[s.Scenario] = append(units[s.Scenario], s.Unit)
		}
		groups[k] = append(groups[k], s)
	}
	missing = unlike(samples)
	for _, scenario := range scenarios {
		slices.SortStableFunc(units[scenario], func(a, b string) int { return place(a) - place(b) })
		for _, unit := range units[scenario] {
			group := groups[key{scenario, unit}]
			metric := policy.Apply(MetricOf(unit, group[0].Higher))
			s, base, candidate, repeats := paired(scenario, metric, group)
			if repeats > 1 {
				fresh = append(fresh, fmt.Sprintf("%s of %s: up to %d values in one launch, of which the median is compared", metric.Name, scenario, repeats))
			}
			switch {
			case base == 0 && candidate == 0:
				continue // only the control has it
			case candidate == 0 && metric.Gated:
				missing = append(missing, fmt.Sprintf("%s of %s: the base has it, the candidate does not", metric.Name, scenario))
				continue
			case base == 0 || candidate == 0:
				fresh = append(fresh, fmt.Sprintf("%s of %s: only one side has it, so it is not compared", metric.Name, scenario))
				continue
			case metric.Gated && len(s.Pairs) > 0 && len(s.Pairs) < max(base, candidate):
				// A side could hide its bad pairs by leaving the metric out of them.
				missing = append(missing, fmt.Sprintf("%s of %s: only %d of %d pairs have it on both sides", metric.Name, scenario, len(s.Pairs), max(base, candidate)))
			}
			all = append(all, s)
		}
	}
	return all, missing, fresh
}

// unlike are sentences about the scenarios whose samples were not all driven in the
// same way, such as with another request. Their figures say nothing about the sides.
func unlike(samples []Sample) (out []string) {
	first, seen := map[string]Sample{}, map[string]bool{}
	for _, s := range samples {
		f, ok := first[s.Scenario]
		if !ok {
			first[s.Scenario] = s
			continue
		}
		if seen[s.Scenario] || f.Driven == nil || s.Driven == nil {
			continue
		}
		if what := f.Driven.DrivenUnlike(s.Driven); what != "" {
			seen[s.Scenario] = true
			of := "of base and candidate"
			if f.Arm == s.Arm {
				of = fmt.Sprintf("within the %s", s.Arm)
			}
			out = append(out, fmt.Sprintf("%s: stages %s were driven differently: %s", s.Scenario, of, what))
		}
	}
	return out
}

// IdenticalSeries are the series of figures that are equal, as both sides are the
// same program. Of each sample only scenario, unit and direction count.
func IdenticalSeries(samples []Sample, policy Policy) (all []Series) {
	for _, x := range samples {
		s := Series{Scenario: x.Scenario, Metric: policy.Apply(MetricOf(x.Unit, x.Higher)), Identical: true}
		if !slices.ContainsFunc(all, func(o Series) bool { return o.Scenario == s.Scenario && o.Metric.Unit == s.Metric.Unit }) {
			all = append(all, s)
		}
	}
	return all
}

// place is the rank of a unit in [Metrics]; unknown ones come last.
func place(unit string) int {
	if i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Unit == unit }); i >= 0 {
		return i
	}
	return len(Metrics)
}

// paired pairs the samples of one metric and scenario. Base and candidate are how many
// values each side has, those of one launch counted once; repeats is how many values a
// launch has at most.
func paired(scenario string, m Metric, group []Sample) (s Series, base, candidate, repeats int) {
	s = Series{Scenario: scenario, Metric: m}
	pairs := map[int]map[Arm][]float64{}
	for _, x := range group {
		switch x.Arm {
		case Base:
			s.BaseValues = append(s.BaseValues, x.Value)
		case Candidate:
			s.CandidateValues = append(s.CandidateValues, x.Value)
		}
		switch {
		case x.Pair > 0:
			if pairs[x.Pair] == nil {
				pairs[x.Pair] = map[Arm][]float64{}
			}
			pairs[x.Pair][x.Arm] = append(pairs[x.Pair][x.Arm], x.Value)
			repeats = max(repeats, len(pairs[x.Pair][x.Arm]))
		case x.Arm == Base:
			base++
		case x.Arm == Candidate:
			candidate++
		}
	}
	for _, n := range slices.Sorted(maps.Keys(pairs)) {
		b, c, a := pairs[n][Base], pairs[n][Candidate], pairs[n][Control]
		if b != nil {
			base++
		}
		if c != nil {
			candidate++
		}
		if b != nil && c != nil {
			s.Pairs = append(s.Pairs, Pair{n, middle(b), middle(c)})
		}
		if b != nil && a != nil {
			s.Control = append(s.Control, Pair{n, middle(b), middle(a)})
		}
	}
	return s, base, candidate, repeats
}

// middle is the median of the values of one launch. It is NaN where one of them is,
// whose rank is not known.
func middle(values []float64) float64 {
	if slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1] + (sorted[n/2]-sorted[n/2-1])/2
}

// ScenarioOf is the scenario of a stage, in the form of a benchmark's name.
func ScenarioOf(target, load string, level int) string {
	return fmt.Sprintf("target=%s/load=%s/level=%d", strings.NewReplacer(" ", "_", "/", "_").Replace(target), load, level)
}
