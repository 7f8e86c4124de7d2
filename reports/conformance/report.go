package conformance

import (
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// Schema is the version of a stored report.
const Schema = 1

// File holds a Report in a run folder.
const File = "verify.json"

// Report is all that was checked.
type Report struct {
	Schema      int                `json:"schema"`
	ID          string             `json:"id"`
	Started     time.Time          `json:"started"`
	Environment result.Environment `json:"environment"`
	Target      string             `json:"target"`
	Seed        uint64             `json:"seed"`
	Quick       bool               `json:"quick"`
	Precision   float64            `json:"precision"`  // share of what is expected that a quantity may be off
	Confidence  float64            `json:"confidence"` // of each interval
	Planned     int                `json:"planned_cells"`
	Cells       []*Cell            `json:"cells"`
	Starts      []*Start           `json:"starts,omitempty"`
	Notes       []string           `json:"notes,omitempty"`
}

// Start is an overload that began in some way, with what became of it: a
// finding, not judged.
type Start struct {
	Name string `json:"name"`
	Cell *Cell  `json:"cell"`
	// WaitExpected is the mean wait, in service times, of workers that keep the
	// phases in which they began.
	WaitExpected float64 `json:"wait_expected"`
}

// Waited is the mean wait in service times.
func (s *Start) Waited() float64 { return s.Cell.Wait.Seconds() / s.Cell.ServiceTime.Seconds() }

// Off is by which share of what is expected the mean wait is above it. It is not
// judged: real services vary, and workers lose their phases in time.
func (s *Start) Off() float64 { return s.Waited()/s.WaitExpected - 1 }

// RejectedExpected is the share that is rejected where no worker is ever idle.
func (s *Start) RejectedExpected() float64 {
	return max(0, 1-float64(s.Cell.Spec.Workers)/(s.Cell.Rate*s.Cell.ServiceTime.Seconds()))
}

// Answers counts the answers.
func (r *Report) Answers() map[string]int {
	n := map[string]int{}
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			n[j.Answer]++
		}
	}
	return n
}

// Fates are all fates in one: counts, and the lists one after the other.
func (r *Report) Fates() *Fates {
	var all []*Fates
	for _, c := range r.Cells {
		all = append(all, c.Fates)
	}
	for _, s := range r.Starts {
		all = append(all, s.Cell.Fates)
	}
	return Total(all)
}

// Total adds up fates; nil ones are left out. The ways are the longest of each.
func Total(all []*Fates) *Fates {
	t := &Fates{}
	for _, f := range all {
		if f == nil {
			continue
		}
		t.Requests += f.Requests
		t.Rejected += f.Rejected
		t.Gate = append(t.Gate, f.of(f.Gate)...)
		t.Replay = append(t.Replay, f.of(f.Replay)...)
		t.Turns += f.Turns
		t.TurnMax = max(t.TurnMax, f.TurnMax)
		t.Tie = max(t.Tie, f.Tie)
		t.Way.Max = max(t.Way.Max, f.Way.Max)
		t.Warnings = append(t.Warnings, f.Warnings...)
	}
	return t
}

// of are differences with the trace that they are of.
func (f *Fates) of(ds []Difference) []Difference {
	ds = slices.Clone(ds)
	for i := range ds {
		ds[i].Trace = f.Trace
	}
	return ds
}

// Insensitive are the cells without a queue under Poisson arrivals of one rate,
// that differ in the law of service alone: all must lose the same.
func (r *Report) Insensitive() (out []*Cell) {
	type key struct {
		rate    float64
		workers int
	}
	groups := map[key][]*Cell{}
	for _, c := range r.Cells {
		if s := c.Spec; s.model() == load.Poisson && s.Queue == 0 {
			k := key{s.Load.Rate, s.Workers}
			groups[k] = append(groups[k], c)
			if len(groups[k]) > len(out) {
				out = groups[k]
			}
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// Whole says that no planned cell is missing.
func (r *Report) Whole() bool { return len(r.Cells) == r.Planned }
