package result

import (
	"cmp"
	"fmt"
	"time"
)

// Slice is one time slice of a stage's window. An arrival belongs to the slice of its
// planned instant. In a burst a slice is a wave. The slices of a stage are of one
// length, but for the last.
type Slice struct {
	Offset    time.Duration `json:"offset_ns"`             // of its beginning, from that of the window
	Length    time.Duration `json:"length_ns"`             //
	Disturbed time.Duration `json:"disturbed_ns,omitzero"` // how much of Length was disturbed, the guard before and the settling after included
	Cause     string        `json:"cause,omitzero"`        // the evidence: "steal 31 ms", "other processes 120 ms"

	Counts  Counts        `json:"counts"`
	Latency *Sparse       `json:"latency_ns"` // of ok
	LagP99  time.Duration `json:"lag_p99_ns"`
	LagMax  time.Duration `json:"lag_max_ns"`

	// Streams is of replies that bring events over time; nil where they do not. A first
	// event, and a stream that ended early, belong to the slice of the planned instant of
	// their arrival, like a latency. A gap belongs to that in which it ended.
	Streams *StreamPart `json:"streams,omitzero"`

	Target    Spent         `json:"target,omitzero"`
	Generator Spent         `json:"generator,omitzero"`
	Steal     time.Duration `json:"steal_ns,omitzero"`  // of the CPUs in use, taken by the hypervisor
	Others    time.Duration `json:"others_ns,omitzero"` // CPU time of other processes on the CPUs in use
}

// Spent is what a process used in a slice. What is not known is zero.
type Spent struct {
	CPU time.Duration `json:"cpu_ns,omitzero"`
	RSS int64         `json:"rss_bytes,omitzero"` // at its end
}

// MaxSlices is how many slices a stage has at most. Where there would be more, two
// become one.
const MaxSlices = 600

// Totals are counts and histograms of a part of the window.
type Totals struct {
	Length      time.Duration `json:"length_ns"`
	Counts      Counts        `json:"counts"`
	Latency     *Hist         `json:"latency_ns"`
	Uncorrected *Hist         `json:"uncorrected_ns"`
	FirstByte   *Hist         `json:"first_byte_ns,omitzero"`
	Rejected    *Hist         `json:"rejected_ns"`
	Lag         *Hist         `json:"lag_ns"`
	Streams     *Streams      `json:"streams,omitzero"`
}

// All are the totals of all arrivals of the window.
func (s *Stage) All() Totals {
	return Totals{s.Length, s.Counts, s.Latency, s.Uncorrected, s.FirstByte, s.Rejected, s.Lag, s.Streams}
}

// Shown are the totals that percentiles, shares and rates are of: those of the
// undisturbed part where the machine disturbed another part, else those of all
// arrivals.
func (s *Stage) Shown() Totals {
	if s.Undisturbed != nil {
		return *s.Undisturbed
	}
	return s.All()
}

// InParts reports whether replies come in parts: the time to their first byte is
// shorter than the latency by more than a hundredth, in the mean.
func (s *Stage) InParts() bool {
	t := s.Shown()
	return t.FirstByte.N() > 0 && t.FirstByte.Mean() < t.Latency.Mean()*99/100
}

// LeftOut is the disturbed part of the window, which Shown leaves out.
func (s *Stage) LeftOut() time.Duration { return s.Length - s.Shown().Length }

// Join makes one slice of two that follow on one another.
func (s Slice) Join(next Slice) Slice {
	j := Slice{
		Offset: s.Offset, Length: s.Length + next.Length, Disturbed: s.Disturbed + next.Disturbed, Cause: cmp.Or(s.Cause, next.Cause),
		Counts: s.Counts, Latency: new(Sparse), LagP99: max(s.LagP99, next.LagP99), LagMax: max(s.LagMax, next.LagMax),
		Streams: s.Streams.Plus(next.Streams),
		Target:  s.Target.join(next.Target), Generator: s.Generator.join(next.Generator),
		Steal: s.Steal + next.Steal, Others: s.Others + next.Others,
	}
	j.Counts.Add(next.Counts)
	j.Latency.Merge(s.Latency)
	j.Latency.Merge(next.Latency)
	return j
}

func (s Spent) join(next Spent) Spent { return Spent{s.CPU + next.CPU, max(s.RSS, next.RSS)} }

// Halve joins slices pairwise.
func Halve(slices []Slice) []Slice {
	half := make([]Slice, 0, len(slices)/2+1)
	for i := 0; i < len(slices); i += 2 {
		s := slices[i]
		if i+1 < len(slices) {
			s = s.Join(slices[i+1])
		}
		half = append(half, s)
	}
	return half
}

func (t *Totals) merge(o Totals) {
	t.Length += o.Length
	t.Counts.Add(o.Counts)
	t.Latency.Merge(o.Latency)
	t.Uncorrected.Merge(o.Uncorrected)
	t.FirstByte.Merge(o.FirstByte)
	t.Rejected.Merge(o.Rejected)
	t.Lag.Merge(o.Lag)
	addStreams(&t.Streams, o.Streams)
}

// NewTotals returns totals of nothing.
func NewTotals() *Totals {
	return &Totals{Latency: NewHist(), Uncorrected: NewHist(), FirstByte: NewHist(), Rejected: NewHist(), Lag: NewHist()}
}

// slicesAgree checks the slices and the undisturbed part against the stage.
func (s *Stage) slicesAgree() error {
	if len(s.Slices) > MaxSlices {
		return fmt.Errorf("slices: there are %d, want at most %d", len(s.Slices), MaxSlices)
	}
	for i, slice := range s.Slices {
		streams := slice.Streams.check()
		switch {
		case streams != nil:
			return fmt.Errorf("slices.%d: %w", i+1, streams)
		case slice.Latency == nil:
			return fmt.Errorf("slices.%d: latency_ns is missing", i+1)
		case slice.Length <= 0 || slice.Disturbed > slice.Length:
			return fmt.Errorf("slices.%d: length_ns is %d, want more than 0 and at least disturbed_ns, %d", i+1, slice.Length, slice.Disturbed)
		case s.Valid() && slice.Counts[OK] != slice.Latency.N():
			return fmt.Errorf("slices.%d: ok is %d, but the histogram latency holds %d values", i+1, slice.Counts[OK], slice.Latency.N())
		}
	}
	u := s.Undisturbed
	switch err := s.partsAgree(); {
	case err != nil || u == nil:
		return err
	case u.Latency == nil || u.Uncorrected == nil || u.Rejected == nil || u.Lag == nil:
		return fmt.Errorf("undisturbed: a histogram is missing")
	case u.Length <= 0 || u.Length > s.Length:
		return fmt.Errorf("undisturbed: length_ns is %d, want 1 to %d, which is that of the stage", u.Length, s.Length)
	}
	if u.Streams != nil && (s.Streams == nil || u.Streams.Events > s.Streams.Events) {
		return fmt.Errorf("undisturbed: streams have %d events, more than those of all arrivals", u.Streams.Events)
	}
	for _, o := range Outcomes {
		if u.Counts[o] > s.Counts[o] {
			return fmt.Errorf("undisturbed: %q is %d, but of all arrivals %d", o, u.Counts[o], s.Counts[o])
		}
	}
	return nil
}
