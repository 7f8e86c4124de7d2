package render

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// sweep is the stages of one target that differ in level only: a column of a
// figure, a table of the text.
type sweep struct {
	name   string
	load   string
	points []point     // by rising level
	at     map[int]int // of points, by level, until they are sorted
}

// point is all that was measured at one level.
type point struct {
	level  int
	stage  *result.Stage   // the repeats merged; of the valid ones only, where there are any
	reps   []*result.Stage // the repeats that stage is merged from
	all    int             // how many repeats there were, valid or not
	rotten []*result.Stage // the repeats that are not valid
}

func (p point) valid() bool { return p.stage.Valid }

// bad is the share of arrivals that were not served, whosever fault it was.
func (p point) bad() float64 {
	if p.stage.Counts.Planned() == 0 {
		return 0
	}
	return 1 - p.stage.Share(result.OK)
}

// atLevel says a level in words: 300 clients.
func atLevel(load string, level int) string {
	return count(int64(level)) + " " + result.LevelUnit(load, level)
}

// sweepsOf groups stages into sweeps, in the order in which the targets first
// appear, and merges the repeats of each level.
func sweepsOf(stages []*result.Stage) []sweep {
	var sweeps []sweep
	for _, byTarget := range result.GroupBy(stages, result.KeyTarget) {
		keys := splitting(byTarget.Stages)
		parts := map[string]int{}
		for _, s := range byTarget.Stages {
			name := nameOf(s, keys)
			i, ok := parts[name]
			if !ok {
				i = len(sweeps)
				parts[name] = i
				sweeps = append(sweeps, sweep{name: name, load: s.Load()})
			}
			sweeps[i].add(s)
		}
	}
	for i := range sweeps {
		slices.SortStableFunc(sweeps[i].points, func(a, b point) int { return a.level - b.level })
		for k := range sweeps[i].points {
			sweeps[i].points[k].merge()
		}
	}
	return sweeps
}

func (w *sweep) add(s *result.Stage) {
	at, ok := w.at[s.Level()]
	if !ok {
		if w.at == nil {
			w.at = map[int]int{}
		}
		at = len(w.points)
		w.at[s.Level()] = at
		w.points = append(w.points, point{level: s.Level()})
	}
	p := &w.points[at]
	p.all++
	if s.Valid {
		p.reps = append(p.reps, s)
	} else {
		p.rotten = append(p.rotten, s)
	}
}

// merge makes the one stage that stands for the level. A repeat that the
// generator spoiled says nothing of the target, so it is left out as long as
// a good one is there; the warnings still tell of it.
func (p *point) merge() {
	if len(p.reps) == 0 {
		p.reps = p.rotten
	}
	p.stage = result.Merge(p.reps)
}

// splitting returns the settings that tell two sweeps of one target apart:
// the load model, what is sent, and those that differ between stages of the same
// level and repeat, one that has no such setting included. A setting that merely
// goes along with the level (a number of connections, say) or with the repeat (a
// seed) does not split.
func splitting(stages []*result.Stage) []string {
	type place struct {
		level, rep, load, key string
	}
	first := map[place]string{}
	split := map[string]bool{}
	var order []string
	note := func(key string) {
		if !split[key] {
			split[key] = true
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
			at, value := place{s.Settings.Get(result.KeyLevel), s.Settings.Get(result.KeyRep), s.Load(), key}, s.Settings.Get(key)
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

// target is the name alone, without the settings that tell two sweeps apart.
func (w *sweep) target() string { return w.points[0].stage.TargetName() }

// shortName is the name as it fits into a heading or a sentence.
func (w *sweep) shortName(most int) string {
	name := strings.TrimPrefix(strings.TrimPrefix(w.name, "http://"), "https://")
	return shorten(strings.TrimSuffix(name, "/"), most)
}

// finite guards against a stage without a length, whose rates are none.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func (p point) goodput() float64 { return finite(p.stage.Goodput()) }
