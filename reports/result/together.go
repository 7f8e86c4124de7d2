package result

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Agent is one of the generators that drove a stage together.
type Agent struct {
	Name    string        `json:"name"`
	Host    string        `json:"host,omitzero"`
	Counts  Counts        `json:"counts"`           // of its share of the arrivals
	Clients int           `json:"clients,omitzero"` // of a closed load or a burst, its share
	Lag     time.Duration `json:"lag_p99_ns"`       // actual send − planned instant
	Clock   time.Duration `json:"clock_error_ns"`   // by how much its clock may have differed from the estimate when the stage started
	Valid   bool          `json:"valid"`            // what it reported
	Lost    string        `json:"lost,omitzero"`    // why its record is missing; empty where it is not
}

// mergeAgents adds up what the agents of the same name counted, in stages that follow on
// one another.
func mergeAgents(a, b []Agent) []Agent {
	out := slices.Clone(a)
	for _, g := range b {
		i := slices.IndexFunc(out, func(o Agent) bool { return o.Name == g.Name })
		if i < 0 {
			out = append(out, g)
			continue
		}
		o := &out[i]
		o.Counts.Add(g.Counts)
		o.Lag, o.Clock, o.Valid, o.Lost = max(o.Lag, g.Lag), max(o.Clock, g.Clock), o.Valid && g.Valid, cmp.Or(o.Lost, g.Lost)
	}
	return out
}

// Coverage is the share of the agent's arrivals whose outcome is known, 0..1.
func (a Agent) Coverage() float64 {
	planned := a.Counts.Planned()
	if planned == 0 {
		if a.Lost != "" {
			return 0
		}
		return 1
	}
	return 1 - float64(a.Counts[Unknown])/float64(planned)
}

// Together returns one stage that stands for shares of one load that several generators
// drove at the same time: counts, histograms and slices are those of one generator that
// drove all of it, usage is added up, and the stage is valid where all are. Of the parts
// it holds one at a time. Stages that follow on one another are for [Merge].
//
// The undisturbed part of each generator is its own. What is left of them together has
// the length at which its rate is the sum of their rates.
func Together(parts iter.Seq[*Stage]) *Stage {
	var first *Stage
	n := 0
	m := NewStage()
	var area, rate float64
	disturbed := true // where it is not valid, for that reason only
	undisturbed, partly := NewTotals(), false
	for s := range parts {
		if n++; n == 1 {
			first = s
		}
		if n == 1 || s.Start.Before(m.Start) { // by the wall clock, as its machine has it
			m.Start = s.Start
		}
		for _, kv := range s.Settings {
			if m.Settings.Get(kv.Key) == "" {
				m.Settings = m.Settings.With(kv.Key, kv.Value)
			}
		}
		area += s.InFlight * float64(s.Length)
		m.Length = max(m.Length, s.Length)
		m.add(s)
		m.Slices = alongside(m.Slices, s.Slices)
		m.Target = m.Target.beside(s.Target)
		m.Generator = m.Generator.beside(s.Generator)
		m.Agents = append(m.Agents, s.Agents...)
		disturbed = disturbed && (s.Valid() || s.Disturbed)
		t := s.Shown()
		rate += t.rate(t.Counts.Planned())
		undisturbed.merge(t)
		partly = partly || s.Undisturbed != nil
	}
	if n == 1 {
		return first
	}
	if m.Length > 0 {
		m.InFlight = area / float64(m.Length)
	}
	m.Disturbed = disturbed && !m.Valid()
	for i := range m.Slices { // where a generator had no arrivals to the end, its last slice was shorter
		s := &m.Slices[i]
		s.Length = min(max(s.Length, m.Slices[0].Length), max(s.Length, m.Length-s.Offset))
	}
	if partly {
		m.Undisturbed = undisturbed
		m.Undisturbed.Length = m.Length
		if n := m.Undisturbed.Counts.Planned(); n > 0 {
			m.Undisturbed.Length = min(m.Length, time.Duration(float64(n)/rate*1e9))
		}
	}
	return m
}

// alongside adds up slices of the same time. Where one side has shorter ones, they are
// joined first.
func alongside(a, b []Slice) []Slice {
	if len(a) == 0 || len(b) == 0 {
		return slices.Concat(a, b)
	}
	for a[0].Length < b[0].Length && len(a) > 1 {
		a = Halve(a)
	}
	for b[0].Length < a[0].Length && len(b) > 1 {
		b = Halve(b)
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	a = slices.Clone(a)
	for i, s := range b {
		a[i] = a[i].beside(s)
	}
	return a
}

// beside is one slice of two of the same time.
func (s Slice) beside(o Slice) Slice {
	j := s.Join(o)
	j.Length, j.Disturbed = max(s.Length, o.Length), max(s.Disturbed, o.Disturbed)
	if o.Disturbed > s.Disturbed {
		j.Cause = o.Cause
	}
	j.Target.RSS, j.Generator.RSS = s.Target.RSS+o.Target.RSS, s.Generator.RSS+o.Generator.RSS
	return j
}

// beside is what two processes used at the same time, on whichever machines: their
// highest figures are added up, too, and CPUs of the same number are not the same.
func (u Usage) beside(o Usage) Usage {
	m := u.merge(o)
	m.RSSMax, m.ThreadsMax, m.FDsMax = u.RSSMax+o.RSSMax, u.ThreadsMax+o.ThreadsMax, u.FDsMax+o.FDsMax
	m.Loops = slices.Concat(u.Loops, o.Loops)
	m.CPUs, m.Quota = "", 0
	return m
}
