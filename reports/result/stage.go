// Package result is the record that everything in onhold produces or reads.
//
//  1. A generator drives one steady window at one level and fills a [Stage]:
//     its settings, how every arrival ended, histograms of the times, what
//     the target and the generator used, and whether the stage is valid.
//  2. Stages are appended to a run folder ([Create], [Folder.Append]), one
//     JSON line each, as soon as they are complete.
//  3. Reports and comparisons read the folder ([Open]) and group stages by
//     their settings ([GroupBy]). There is no other data model.
//
// Percentiles of latency are those of ok arrivals alone. What failed is never
// mixed into them; it stands beside them as a share ([Stage.RejectedShare])
// and in the deadline-adjusted percentile ([Stage.Adjusted]), in which a
// failure counts as infinitely slow.
package result

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schema is the version of run folders that this package writes and reads. There is
// no other: a folder of an earlier version cannot be read.
const Schema = 2

// Stage is one steady window at one level and one setting. Its JSON form is one line
// of a run folder, with times in nanoseconds; see [Stage.UnmarshalJSON].
type Stage struct {
	Settings Settings      `json:"settings"`
	Attempt  int           `json:"attempt,omitzero"` // from 1, where the stage was run more than once; see Discard
	Start    time.Time     `json:"start"`            // of the measured window, by the wall clock: for people
	Length   time.Duration `json:"length_ns"`        // of the measured window
	Counts   Counts        `json:"counts"`

	Latency     *Hist `json:"latency_ns"`             // completion − planned instant, of ok
	Uncorrected *Hist `json:"uncorrected_ns"`         // completion − actual send, of ok
	FirstByte   *Hist `json:"first_byte_ns,omitzero"` // first byte of the reply − planned instant, of ok; empty where the driver does not see it
	Connect     *Hist `json:"connect_ns"`             // dial to established, of all connections made for the stage, also before the window
	Rejected    *Hist `json:"rejected_ns"`            // completion − planned instant, of rejected
	Lag         *Hist `json:"lag_ns"`                 // actual send − planned instant, of all that were sent
	TLS         *Hist `json:"tls_ns,omitzero"`        // handshakes of TLS, each of a connection in Connect and not part of its time; nil where there are none

	Statuses Statuses `json:"statuses,omitzero"` // of complete replies over HTTP, also of those that came too late

	Redirects int64 `json:"redirects,omitzero"` // that were followed, of the arrivals of the window; the reply of an arrival is that after its last

	Resent int64 `json:"resent,omitzero"` // arrivals of the window that were sent again, as the server had not looked at them: over HTTP/2 it says so

	Completion *Completion `json:"completion,omitzero"` // of a target that replies first and works later; nil else
	Streams    *Streams    `json:"streams,omitzero"`    // of replies that bring events over time; nil where none had an event

	// The fields above are of all arrivals. Percentiles, shares and rates are of Shown.
	Undisturbed *Totals `json:"undisturbed,omitzero"` // without the parts of the window that the machine disturbed; nil where there are none
	Slices      []Slice `json:"slices,omitempty"`     // of the window, in order

	Reconnects  int64   `json:"reconnects"`           // connections made in the window as the one before was closed, by the server or after a failure
	Unsolicited int64   `json:"unsolicited,omitzero"` // times that the server sent bytes that are no reply to any request, also before the window
	InFlight    float64 `json:"in_flight_mean"`       // mean number in flight over the window, from the instants themselves

	Target    Usage   `json:"target"` // zero where the target's process is not known
	Generator Usage   `json:"generator"`
	Agents    []Agent `json:"agents,omitempty"` // that drove the stage together; none where one generator drove it

	Others    []Process  `json:"other_processes,omitempty"` // those that used the most CPU time; none where that is not known
	Intervals []Interval `json:"intervals,omitempty"`       // of percentiles of latency; none of a stage that is not valid, and none of those for which it is too short

	Invalid  []string `json:"invalid"`  // why the stage says nothing about the target; empty where it is valid
	Warnings []string `json:"warnings"` // what a reader should know besides

	// Disturbed reports that the stage is invalid for one reason only: the machine
	// disturbed it. Such a stage is worth running again. It is not stored.
	Disturbed bool `json:"-"`
}

// Interval is a percentile of latency, and an interval that holds the true one of the run.
type Interval struct {
	Metric     string        `json:"metric"` // p99
	At         time.Duration `json:"value_ns"`
	Low        time.Duration `json:"low_ns"`
	High       time.Duration `json:"high_ns"`
	Confidence float64       `json:"confidence"`
}

// NewStage returns a valid stage without arrivals.
func NewStage() *Stage {
	return &Stage{Latency: NewHist(), Uncorrected: NewHist(), FirstByte: NewHist(), Connect: NewHist(), Rejected: NewHist(), Lag: NewHist()}
}

// Valid reports whether the stage says something about the target: the generator was
// not the limit, and no data is missing.
func (s *Stage) Valid() bool { return len(s.Invalid) == 0 }

// Invalidate adds a reason why the stage is not valid.
func (s *Stage) Invalidate(format string, args ...any) {
	s.Invalid, s.Disturbed = append(s.Invalid, fmt.Sprintf(format, args...)), false
}

// InvalidateFirst puts a reason before the others: one that explains them, such as
// the target's death.
func (s *Stage) InvalidateFirst(format string, args ...any) {
	s.Invalidate(format, args...)
	last := len(s.Invalid) - 1
	s.Invalid = slices.Concat(s.Invalid[last:], s.Invalid[:last])
}

// Warn adds a warning. It does not make the stage invalid.
func (s *Stage) Warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// Notes are the reasons why the stage is not valid, and then the warnings.
func (s *Stage) Notes() []string { return slices.Concat(s.Invalid, s.Warnings) }

// ServedNothing is why the stage says nothing about latencies although requests were
// sent: none was served. It is "" where one was, or where none was sent.
func (s *Stage) ServedNothing() string {
	planned := s.Counts.Planned()
	if s.Counts[OK] > 0 || planned == s.Counts[Unsent] {
		return ""
	}
	why := s.Notes()
	if s.Counts.Failed() > 0 {
		why = slices.Concat(s.Warnings, s.Invalid) // the errors first, for they explain the rest
	}
	if n := s.Counts[Rejected]; n > 0 {
		why = slices.Insert(why, 0, fmt.Sprintf("%d of %d arrivals were rejected", n, planned))
	}
	return fmt.Sprintf("served none of %d requests: %s", planned, strings.Join(why, "; "))
}

// hists are the histograms that every stage has, by their keys.
func (s *Stage) hists() map[string]*Hist {
	return map[string]*Hist{"latency_ns": s.Latency, "uncorrected_ns": s.Uncorrected, "first_byte_ns": s.FirstByte, "connect_ns": s.Connect, "rejected_ns": s.Rejected, "lag_ns": s.Lag}
}

// Handshakes is TLS, made where there is none.
func (s *Stage) Handshakes() *Hist {
	if s.TLS == nil {
		s.TLS = NewHist()
	}
	return s.TLS
}

// Discard says that the stage does not count, and why: it is run again. It stays
// on record; its trace does not, as the next attempt writes one of that name.
func (s *Stage) Discard(why string) {
	s.Settings = slices.DeleteFunc(s.Settings.With(KeyDiscarded, why), func(kv Setting) bool { return kv.Key == KeyTrace })
}

// Discarded is why the stage does not count; "" where it does.
func (s *Stage) Discarded() string { return s.Settings.Get(KeyDiscarded) }

// Again makes s the attempt that follows on before, which does not count: s says
// what was wrong with it.
func (s *Stage) Again(before *Stage) {
	s.Attempt = max(1, before.Attempt) + 1
	s.Warn("attempt %d; the one before does not count: %s", s.Attempt, before.Discarded())
}

// Merge returns one stage that stands for all of stages, which must be repeats of one
// another: counts, histograms and lengths added up, usage by its highest, valid where
// all are. Percentiles come from merged histograms, never from averages.
func Merge(stages []*Stage) *Stage {
	if len(stages) == 1 {
		return stages[0]
	}
	m := NewStage()
	var area float64
	for i, s := range stages {
		if i == 0 {
			m.Settings, m.Start = s.Settings, s.Start
		}
		area += s.InFlight * float64(s.Length)
		for _, slice := range s.Slices { // behind those of the repeats before
			slice.Offset += m.Length
			m.Slices = append(m.Slices, slice)
		}
		m.Length += s.Length
		m.add(s)
		m.Target = m.Target.merge(s.Target)
		m.Generator = m.Generator.merge(s.Generator)
		m.Agents = mergeAgents(m.Agents, s.Agents)
	}
	if m.Length > 0 {
		m.InFlight = area / float64(m.Length)
	}
	for len(m.Slices) > MaxSlices {
		m.Slices = Halve(m.Slices)
	}
	if slices.ContainsFunc(stages, func(s *Stage) bool { return s.Undisturbed != nil }) {
		m.Undisturbed = NewTotals()
		for _, s := range stages {
			m.Undisturbed.merge(s.Shown())
		}
	}
	return m
}

// add adds what s counted, and its notes.
func (m *Stage) add(s *Stage) {
	m.Counts.Add(s.Counts)
	m.Statuses = m.Statuses.Plus(s.Statuses)
	m.Redirects += s.Redirects
	m.Resent += s.Resent
	m.Reconnects += s.Reconnects
	m.Unsolicited += s.Unsolicited
	of := s.hists()
	for key, h := range m.hists() {
		h.Merge(of[key])
	}
	if s.TLS != nil {
		m.Handshakes().Merge(s.TLS)
	}
	if s.Completion != nil {
		if m.Completion == nil {
			m.Completion = NewCompletion()
		}
		m.Completion.Merge(s.Completion)
	}
	addStreams(&m.Streams, s.Streams)
	m.Others = mergeProcesses(m.Others, s.Others)
	m.Invalid = appendNew(m.Invalid, s.Invalid)
	m.Warnings = appendNew(m.Warnings, s.Warnings)
}

// appendNew appends what is not there yet.
func appendNew(to, from []string) []string {
	for _, s := range from {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}
