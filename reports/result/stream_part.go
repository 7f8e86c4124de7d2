package result

import (
	"errors"
	"fmt"
)

// StreamPart is how the events of streams came in a part of a window: in a slice, or in
// what is shown while a stage runs. As in [Streams], the histograms are of streams whose
// arrival was planned in the window, and InWindow counts the events of the others, too.
type StreamPart struct {
	FirstEvent *Sparse `json:"first_event_ns"` // first event − planned instant
	Gap        *Sparse `json:"gap_ns"`         // between two events of a stream, of all streams
	InWindow   int64   `json:"in_window"`      // events that came during the window, whenever their arrival was planned: for a rate
	EndedEarly int64   `json:"ended_early"`    // streams that the server ended before they were complete
}

// NewStreamPart returns a part without events.
func NewStreamPart() *StreamPart { return &StreamPart{FirstEvent: new(Sparse), Gap: new(Sparse)} }

// Part is what s counted, as a part has it; nil where s is.
func (s *Streams) Part() *StreamPart {
	if s == nil {
		return nil
	}
	return &StreamPart{FirstEvent: SparseOf(s.FirstEvent), Gap: SparseOf(s.Gap), InWindow: s.InWindow, EndedEarly: s.EndedEarly}
}

// Plus is what both counted, where either may be nil; nil where both are.
func (p *StreamPart) Plus(o *StreamPart) *StreamPart { return p.combine(o, 1) }

// Minus is what p counted and o, which must be part of it, did not. Either may be nil.
func (p *StreamPart) Minus(o *StreamPart) *StreamPart { return p.combine(o, -1) }

func (p *StreamPart) combine(o *StreamPart, sign int64) *StreamPart {
	if p == nil && o == nil {
		return nil
	}
	sum := NewStreamPart()
	sum.add(p, 1)
	sum.add(o, sign)
	return sum
}

func (p *StreamPart) add(o *StreamPart, sign int64) {
	if o == nil {
		return
	}
	p.FirstEvent.combine(o.FirstEvent, sign)
	p.Gap.combine(o.Gap, sign)
	p.InWindow += sign * o.InWindow
	p.EndedEarly += sign * o.EndedEarly
}

// AddTo adds what p counted to s, but for what only a complete record has.
func (p *StreamPart) AddTo(s *Streams) {
	p.FirstEvent.AddTo(s.FirstEvent)
	p.Gap.AddTo(s.Gap)
	s.Events += p.FirstEvent.N() + p.Gap.N()
	s.InWindow += p.InWindow
	s.EndedEarly += p.EndedEarly
}

// check checks that it can be read.
func (p *StreamPart) check() error {
	if p != nil && (p.FirstEvent == nil || p.Gap == nil) {
		return errors.New("streams: a histogram is missing")
	}
	return nil
}

// partsAgree checks those of the slices against all streams of the stage: of a valid stage
// they have at most as many.
func (s *Stage) partsAgree() error {
	if !s.Valid() {
		return nil
	}
	var first, gaps, inWindow, early int64
	for _, slice := range s.Slices {
		if p := slice.Streams; p != nil {
			first, gaps, inWindow, early = first+p.FirstEvent.N(), gaps+p.Gap.N(), inWindow+p.InWindow, early+p.EndedEarly
		}
	}
	all := s.Streams
	if all == nil {
		all = NewStreams()
	}
	if first > all.FirstEvent.N() || gaps > all.Gap.N() || inWindow > all.InWindow || early > all.EndedEarly {
		return fmt.Errorf("slices: of streams they have %d first events, %d gaps, %d events in the window and %d that ended early, more than the stage", first, gaps, inWindow, early)
	}
	return nil
}
