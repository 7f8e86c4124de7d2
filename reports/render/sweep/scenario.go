package sweep

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
)

// Scenario is the sweeps of one scenario: of complete sessions, and of their steps.
type Scenario struct {
	Name     string  // its own, else that of the target
	Sessions Sweep   // without points where there is no such stage
	Steps    []Sweep // in the order in which they came up; at least one
}

// Step is the step of the scenario that the sweep is of; "" for all else.
func (w *Sweep) Step() string {
	if step := w.setting(result.KeyStep); step != result.SessionStep {
		return step
	}
	return ""
}

func (w *Sweep) setting(key string) string {
	if len(w.Points) == 0 {
		return ""
	}
	return w.Points[0].Stage.Settings.Get(key)
}

// Subject is the ShortName; of complete sessions, that of their scenario.
func (w *Sweep) Subject(most int) string {
	if w.scenario != nil && w.Step() == "" {
		return words.Shorten(w.scenario.Name, most)
	}
	return w.ShortName(most)
}

// Whole are the sweeps that are no steps.
func Whole(sweeps []Sweep) []Sweep {
	return slices.DeleteFunc(slices.Clone(sweeps), func(w Sweep) bool { return w.Step() != "" })
}

// Scenarios are those that the sweeps belong to, each with all of its steps.
func Scenarios(sweeps []Sweep) (out []*Scenario) {
	for _, w := range sweeps {
		if w.scenario != nil && !slices.Contains(out, w.scenario) {
			out = append(out, w.scenario)
		}
	}
	return out
}

// joinSteps finds the scenarios among sweeps. Those of one name, but for the step, are of
// one scenario.
func joinSteps(sweeps []Sweep) {
	var of words.Groups[string, int]
	for i := range sweeps {
		if sweeps[i].setting(result.KeyStep) != "" {
			of.Add(sweeps[i].Load+" "+sweeps[i].whole, i)
		}
	}
	for _, key := range of.Keys {
		sc := &Scenario{}
		for _, i := range of.Of[key] {
			w := sweeps[i]
			sc.Name = cmp.Or(sc.Name, w.setting(result.KeyScenario), plain(w.Target()))
			if w.Step() == "" {
				sc.Sessions = w
			} else {
				sc.Steps = append(sc.Steps, w)
			}
		}
		if len(sc.Steps) == 0 {
			continue
		}
		for _, i := range of.Of[key] {
			sweeps[i].scenario = sc
		}
	}
}

// alone are the names of the sweeps of a scenario, where there are no others.
func alone(sweeps []Sweep) (names []string) {
	for i := range sweeps {
		if sweeps[i].scenario == nil || sweeps[i].scenario != sweeps[0].scenario {
			return nil
		}
		names = append(names, cmp.Or(sweeps[i].Step(), result.SessionStep))
	}
	return names
}

// StepsAt is a scenario at one level.
type StepsAt struct {
	Level    int
	Sessions *Point // nil where there is none
	Steps    []StepAt
	Quantile float64 // the highest of p99, p90 and p50 that the samples of all steps carry; 0 where there is none
	Slowest  int     // of Steps, at Quantile; -1 where that is not known
	Between  float64 // share of the time of sessions that is in no step; NaN where that is not known
}

// StepAt is a step at one level.
type StepAt struct {
	Name string
	Point
	Share float64 // of the time of sessions; NaN where that is not known
}

// Levels are the levels of the scenario, rising.
func (sc *Scenario) Levels() (levels []int) {
	for _, w := range append([]Sweep{sc.Sessions}, sc.Steps...) {
		for _, p := range w.Points {
			levels = append(levels, p.Level)
		}
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

// At is the scenario at one of its levels.
func (sc *Scenario) At(level int) StepsAt {
	at := StepsAt{Level: level, Sessions: sc.Sessions.point(level), Slowest: -1, Between: math.NaN()}
	var all time.Duration // of ok sessions; nearly all are, or steps have more time than these
	if s := at.Sessions; s != nil && s.Served() {
		all = s.Stage.Shown().Latency.Sum()
	}
	left := 1.0
	for i := range sc.Steps {
		w := &sc.Steps[i]
		p := w.point(level)
		if p == nil || p.Stage.Counts.Planned() == 0 {
			continue
		}
		k := StepAt{w.Step(), *p, math.NaN()}
		if all > 0 {
			k.Share = min(1, p.Stage.Shown().Latency.Sum().Seconds()/all.Seconds())
			left -= k.Share
		}
		if q, _ := p.Carried(); q > 0 && (at.Quantile == 0 || q < at.Quantile) {
			at.Quantile = q
		}
		at.Steps = append(at.Steps, k)
	}
	if all > 0 {
		at.Between = max(0, left)
	}
	var most time.Duration
	for i, k := range at.Steps {
		if d := k.Stage.Shown().Latency.Quantile(at.Quantile); at.Quantile > 0 && d > most {
			at.Slowest, most = i, d
		}
	}
	return at
}

func (w *Sweep) point(level int) *Point {
	for i := range w.Points {
		if w.Points[i].Level == level {
			return &w.Points[i]
		}
	}
	return nil
}

// Best is the level that says most of a scenario: the highest at which its sessions are
// served, else the highest that is valid.
func (sc *Scenario) Best() int {
	points := sc.Sessions.Points
	if len(points) == 0 {
		points = sc.Steps[0].Points
	}
	if p, ok := LastServed(points); ok {
		return p.Level
	}
	for _, p := range slices.Backward(points) {
		if p.Valid() {
			return p.Level
		}
	}
	return points[len(points)-1].Level
}
