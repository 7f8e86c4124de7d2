// Package sweep groups the stages of a run as tables, figures and sentences show
// them: one sweep for each target, one point for each level, the repeats of a
// level merged. Begin with [Of].
package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// Sweep is the stages of one target that differ in level only: a column of a
// figure, a table of the text.
type Sweep struct {
	Name   string // of the target, with the settings that distinguish it from another sweep
	Load   string
	Points []Point // by rising level; at least one
	Key    string  // what the short name stands for; "" where it says so itself

	short    string      // the name as texts and figures show it
	whole    string      // Name without the step of a scenario
	scenario *Scenario   // that it is of; nil for none
	at       map[int]int // of Points, by level, until they are sorted
}

// Point is all that was measured at one level.
type Point struct {
	Level   int
	Stage   *result.Stage   // the repeats merged; of the valid ones only, where there are any
	Repeats []*result.Stage // those that Stage is merged from
	All     int             // how many repeats there were, valid or not
	Invalid []*result.Stage // the repeats that are not valid
	Limit   result.Limit    // compared with the lowest valid level
}

// AtLevel is a level in words: 300 clients.
func AtLevel(load string, level int) string {
	return units.Int(level) + " " + result.LevelUnit(load, level)
}

// Of groups stages into sweeps, in the order in which the targets first appear,
// and merges the repeats of each level.
func Of(stages []*result.Stage) []Sweep {
	var sweeps []Sweep
	for _, byTarget := range result.GroupBy(stages, result.KeyTarget) {
		keys := splitting(byTarget.Stages)
		others := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == result.KeyStep })
		parts := map[string]int{}
		for _, s := range byTarget.Stages {
			name := nameOf(s, keys)
			i, ok := parts[name]
			if !ok {
				i = len(sweeps)
				parts[name] = i
				sweeps = append(sweeps, Sweep{Name: name, Load: s.Load(), whole: nameOf(s, others)})
			}
			sweeps[i].add(s)
		}
	}
	for i := range sweeps {
		slices.SortStableFunc(sweeps[i].Points, func(a, b Point) int { return a.Level - b.Level })
		for k := range sweeps[i].Points {
			sweeps[i].Points[k].merge()
		}
		var idle *result.Stage
		for k := range sweeps[i].Points {
			p := &sweeps[i].Points[k]
			if idle == nil && p.Valid() && len(sweeps[i].Points) > 1 {
				idle = p.Stage
			}
			p.Limit = p.Stage.Limit(idle)
		}
	}
	joinSteps(sweeps)
	names := alone(sweeps)
	if names == nil {
		for _, w := range sweeps {
			names = append(names, plain(w.Name))
		}
	}
	short, keys := words.Distinct(names, mostName)
	for i := range sweeps {
		if sweeps[i].short = short[i]; keys != nil {
			sweeps[i].Key = keys[i]
		}
	}
	return sweeps
}

// AsRun is one sweep of stages of one target, each a point of its own, in the order in
// which they were run.
func AsRun(stages []*result.Stage) []Sweep {
	if len(stages) == 0 {
		return nil
	}
	w := Sweep{Name: nameOf(stages[0], nil), Load: stages[0].Load()}
	for _, s := range stages {
		w.Points = append(w.Points, Point{Level: s.Level(), Stage: s, Repeats: []*result.Stage{s}, All: 1})
	}
	return []Sweep{w}
}

func (w *Sweep) add(s *result.Stage) {
	at, ok := w.at[s.Level()]
	if !ok {
		if w.at == nil {
			w.at = map[int]int{}
		}
		at = len(w.Points)
		w.at[s.Level()] = at
		w.Points = append(w.Points, Point{Level: s.Level()})
	}
	p := &w.Points[at]
	p.All++
	if s.Valid() {
		p.Repeats = append(p.Repeats, s)
	} else {
		p.Invalid = append(p.Invalid, s)
	}
}

// merge makes the one stage that stands for the level. A repeat that is not
// valid says nothing about the target, so it is left out where a valid one exists.
func (p *Point) merge() {
	if len(p.Repeats) == 0 {
		p.Repeats = p.Invalid
	}
	p.Stage = result.Merge(p.Repeats)
}

// splitting returns the settings that distinguish two sweeps of one target: the
// load model, what is sent, and those that differ between stages of the same level
// and repeat, also where one stage lacks the setting. A setting that varies with
// the level (a number of connections, say) or with the repeat (a seed) does not
// split.
func splitting(stages []*result.Stage) []string {
	type place struct {
		level, rep, load, key string
	}
	first := map[place]string{}
	var order []string
	note := func(key string) {
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	for _, key := range []string{result.KeyLoad, result.KeyRequest} {
		if len(result.GroupBy(stages, key)) > 1 {
			note(key)
		}
	}
	var keys []string // of all stages, in the order in which they first appear
	for _, s := range stages {
		for _, kv := range s.Settings {
			if !slices.Contains(keys, kv.Key) {
				keys = append(keys, kv.Key)
			}
		}
	}
	for _, s := range stages {
		for _, key := range keys {
			at, value := place{s.Settings.Get(result.KeyLevel), s.Settings.Get(result.KeyRepeat), s.Load(), key}, s.Settings.Get(key)
			if v, ok := first[at]; !ok {
				first[at] = value
			} else if v != value {
				note(key)
			}
		}
	}
	return order
}

func nameOf(s *result.Stage, keys []string) string {
	name := s.TargetName()
	if name == "" {
		name = "target"
	}
	for _, k := range keys {
		if v := s.Settings.Get(k); v != "" {
			name += fmt.Sprintf(" %s=%s", k, v)
		}
	}
	return name
}

// Target is the target's name without the settings that distinguish sweeps.
func (w *Sweep) Target() string { return w.Points[0].Stage.TargetName() }

// mostName is how many characters of a name among others every text has room for.
const mostName = 30

// ShortName is the name in at most so many characters, for a heading or a
// sentence.
func (w *Sweep) ShortName(most int) string {
	return words.Shorten(cmp.Or(w.short, plain(w.Name)), most)
}

// ShortName is the name of a target in at most so many characters.
func ShortName(name string, most int) string { return words.Shorten(plain(name), most) }

// plain is a name without the scheme of a URL.
func plain(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "http://"), "https://")
	return strings.TrimSuffix(name, "/")
}

// Limit is who was the limit at the highest valid level; "" where no stage is valid.
func (w *Sweep) Limit() string {
	p, ok := w.highest()
	switch {
	case !ok:
		return ""
	case p.Limit.Who == result.NoLimit:
		return "none up to " + AtLevel(w.Load, p.Level)
	}
	return fmt.Sprintf("%s at %s", p.Limit, AtLevel(w.Load, p.Level))
}

// Limited reports whether it is known who was the limit at the highest valid level.
func (w *Sweep) Limited() bool {
	p, ok := w.highest()
	return ok && p.Limit.Who != result.NoLimit && p.Limit.Who != result.UnknownLimit
}

// highest is the point of the highest valid level.
func (w *Sweep) highest() (Point, bool) {
	for _, p := range slices.Backward(w.Points) {
		if p.Valid() && p.Stage.Counts.Planned() > 0 {
			return p, true
		}
	}
	return Point{}, false
}

// Last is the point of the highest level.
func (w *Sweep) Last() Point { return w.Points[len(w.Points)-1] }

// Tolerated is the share of failures up to which a level counts as served.
const Tolerated = 0.01

const fewFailures = 10 // fewer than this many failures may be chance

// Valid reports whether the stage says something about the target.
func (p Point) Valid() bool { return p.Stage.Valid() }

// Unserved is the share of arrivals that were not served, for whatever reason.
func (p Point) Unserved() float64 {
	if p.Stage.Counts.Planned() == 0 {
		return 0
	}
	return 1 - p.Stage.Share(result.OK)
}

// Served reports whether at most 1 % of the arrivals were not served.
func (p Point) Served() bool { return p.Unserved() <= Tolerated }

// Failing reports whether more than 1 % of the arrivals were not served, and more
// than chance explains.
func (p Point) Failing() bool {
	c := p.Stage.Shown().Counts
	return !p.Served() && c.Planned()-c[result.OK] >= fewFailures
}

// Rejecting reports whether a request was rejected.
func (p Point) Rejecting() bool { return p.Stage.Counts[result.Rejected] > 0 }

// Goodput is the served requests per second; 0 for a stage without a length.
func (p Point) Goodput() float64 {
	if g := p.Stage.Goodput(); !math.IsNaN(g) && !math.IsInf(g, 0) {
		return g
	}
	return 0
}

// Carried is the highest of p99, p90 and p50 that the samples carry, and the
// latency at it; 0 where they carry none.
func (p Point) Carried() (q float64, d time.Duration) {
	for _, q := range []float64{0.99, 0.9, 0.5} {
		if !p.Stage.Shown().Latency.Thin(q) {
			return q, p.Stage.Shown().Latency.Quantile(q)
		}
	}
	return 0, 0
}

// LastServed is the highest valid level below the first one that is not served.
func LastServed(points []Point) (last Point, found bool) {
	for _, p := range points {
		if !p.Valid() {
			continue
		}
		if !p.Served() {
			break
		}
		if p.Stage.Shown().Latency.N() > 0 {
			last, found = p, true
		}
	}
	return last, found
}

// Quantile is a quantile of h as text; where it lies beyond what histograms
// resolve, the text says only that.
func Quantile(h *result.Hist, q float64) string {
	d := h.Quantile(q)
	if h.Over() > 0 && d >= result.HistHighest {
		return ">" + units.Duration(result.HistHighest)
	}
	return units.Duration(d)
}

// OrMore is a latency as text; the highest that histograms hold may stand for
// any above it.
func OrMore(d time.Duration) string {
	if d >= result.HistHighest {
		return units.Duration(result.HistHighest) + " or more"
	}
	return units.Duration(d)
}

// HasCompletion reports whether the stage has completion latencies: its target
// accepts requests and does the work later.
func (p Point) HasCompletion() bool { return p.Stage.Completion != nil }

// HasCompletion reports whether every stage has completion latencies.
func (w *Sweep) HasCompletion() bool { return HasCompletion(w.Points) }

// HasCompletion reports whether every one of the points has completion latencies.
func HasCompletion(points []Point) bool {
	return len(points) > 0 && !slices.ContainsFunc(points, func(p Point) bool { return !p.HasCompletion() })
}
