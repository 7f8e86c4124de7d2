// Package sweep groups the stages of a run as tables, figures and sentences show
// them: one sweep for each target, one point for each level, the repeats of a
// level merged. Begin with [Of].
package sweep

import (
	"fmt"
	"slices"
	"strings"

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

	at map[int]int // of Points, by level, until they are sorted
}

// Point is all that was measured at one level.
type Point struct {
	Level   int
	Stage   *result.Stage   // the repeats merged; of the valid ones only, where there are any
	Repeats []*result.Stage // those that Stage is merged from
	All     int             // how many repeats there were, valid or not
	Invalid []*result.Stage // the repeats that are not valid
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
		parts := map[string]int{}
		for _, s := range byTarget.Stages {
			name := nameOf(s, keys)
			i, ok := parts[name]
			if !ok {
				i = len(sweeps)
				parts[name] = i
				sweeps = append(sweeps, Sweep{Name: name, Load: s.Load()})
			}
			sweeps[i].add(s)
		}
	}
	for i := range sweeps {
		slices.SortStableFunc(sweeps[i].Points, func(a, b Point) int { return a.Level - b.Level })
		for k := range sweeps[i].Points {
			sweeps[i].Points[k].merge()
		}
	}
	return sweeps
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

// ShortName is the name in at most so many characters, for a heading or a
// sentence.
func (w *Sweep) ShortName(most int) string {
	name := strings.TrimPrefix(strings.TrimPrefix(w.Name, "http://"), "https://")
	return words.Shorten(strings.TrimSuffix(name, "/"), most)
}

// Last is the point of the highest level.
func (w *Sweep) Last() Point { return w.Points[len(w.Points)-1] }
