package conformance

import (
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// Schema is the version of a stored report.
const Schema = 2

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
func (r *Report) Answers() map[theory.Answer]int {
	n := map[theory.Answer]int{}
	for _, c := range r.Cells {
		for _, j := range c.Judgements {
			n[j.Answer]++
		}
	}
	return n
}

// Decisions are those of all traces in one: counts, and the lists one after the
// other.
func (r *Report) Decisions() *Decisions {
	var all []*Decisions
	for _, c := range r.Cells {
		all = append(all, c.Decisions)
	}
	for _, s := range r.Starts {
		all = append(all, s.Cell.Decisions)
	}
	return Total(all)
}

// Total adds up decisions; nil ones are left out.
func Total(all []*Decisions) *Decisions {
	t := &Decisions{}
	for _, d := range all {
		if d == nil {
			continue
		}
		t.Requests += d.Requests
		t.Rejected += d.Rejected
		t.Admission = append(t.Admission, d.named(d.Admission)...)
		t.Replay = append(t.Replay, d.named(d.Replay)...)
		t.OutOfOrder += d.OutOfOrder
		t.OutOfOrderMax = max(t.OutOfOrderMax, d.OutOfOrderMax)
		t.Tie = max(t.Tie, d.Tie)
		t.DispatchMax = max(t.DispatchMax, d.DispatchMax)
		t.Warnings = append(t.Warnings, d.Warnings...)
	}
	return t
}

// named are differences with the name of their trace.
func (d *Decisions) named(all []Difference) []Difference {
	all = slices.Clone(all)
	for i := range all {
		all[i].Trace = d.Trace
	}
	return all
}

// SameRejection is the cells without a queue under Poisson arrivals of one rate
// that differ in the distribution of the service time alone: by Erlang's formula
// all must reject the same share.
func (r *Report) SameRejection() (out []*Cell) {
	groups := map[theory.Setting][]*Cell{}
	for _, c := range r.Cells {
		if s := c.Spec.Setting; c.Spec.model() == load.Poisson && s.Queue == 0 {
			s.ServiceLaw = theory.Law{}
			groups[s] = append(groups[s], c)
			if n := len(groups[s]); n > 1 && n > len(out) {
				out = groups[s]
			}
		}
	}
	return out
}

// Complete reports whether no planned cell is missing.
func (r *Report) Complete() bool { return len(r.Cells) == r.Planned }
