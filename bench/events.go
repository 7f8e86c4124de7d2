package bench

import (
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// noted is an event, or the end of a stream, as the thread that drives notes it.
type noted struct {
	planned, before, at time.Duration // at the end of a stream before is its median gap
	kind                notedKind
	inWindow            bool // it came during the window
	known, early        bool // at the end of a stream: it had events; the server ended it early
}

type notedKind uint8

const (
	firstEvent notedKind = iota
	nextEvent
	togetherEvent
	streamEnd
)

// Event notes an event of an arrival that was begun, before that is recorded.
func (s *Shard) Event(e Event) {
	n := noted{planned: e.Planned, before: e.Before, at: e.At, kind: nextEvent}
	switch {
	case e.First:
		n.kind = firstEvent
	case e.Together:
		n.kind = togetherEvent
	}
	s.note(n)
}

// streamEnded notes how the stream of an arrival ended.
func (s *Shard) streamEnded(a Arrival) {
	s.note(noted{planned: a.Planned, before: a.MedianGap, at: a.Done, kind: streamEnd, known: a.Events > 0, early: a.EndedEarly})
}

func (s *Shard) note(n noted) {
	if s.stage.Streams == nil {
		s.stage.Streams = result.NewStreams()
	}
	if n.inWindow = n.kind != streamEnd && s.r.measured(n.at); n.inWindow {
		s.stage.Streams.InWindow++
	}
	if s.r.fold != nil {
		s.events.put(n, n.at)
	}
	if s.r.measured(n.planned) {
		n.count(s.stage.Streams)
	}
}

// count counts it, where it belongs to the window.
func (n *noted) count(s *result.Streams) {
	switch n.kind {
	case firstEvent:
		s.FirstEvent.Record(n.at - n.planned)
	case nextEvent, togetherEvent:
		s.Gap.Record(n.at - n.before)
	case streamEnd:
		if n.known {
			s.Length.Record(n.at - n.planned)
		}
		if n.before > 0 {
			s.MedianGap.Record(n.before)
		}
		if n.early {
			s.EndedEarly++
		}
		return
	}
	s.Events++
	if n.kind == togetherEvent {
		s.Together++
	}
}

// addEvent folds an event, or the end of a stream. A first event or a gap is left out
// where any of its time was disturbed, and what is of a complete stream where its planned
// instant was: a disturbance is short beside a long stream.
func (f *fold) addEvent(n *noted) {
	event := n.kind != streamEnd
	if n.inWindow && f.spans.has(n.at) {
		f.leftStreams().InWindow++
	}
	if n.planned < f.r.from {
		f.boundBy(n, &f.warm)
		return
	}
	if f.bounded == 0 {
		f.boundBy(n, &f.all)
	}
	from := n.planned
	if event && n.kind != firstEvent {
		from = n.before
	}
	if event && f.spans.touch(from, n.at) || !event && f.spans.has(n.planned) {
		n.count(f.leftStreams())
	}
}

// boundBy has the bounds of a stage follow from the times to first events, in place of
// those to the ends of streams, and from gaps.
func (f *fold) boundBy(n *noted, firsts *result.Sparse) {
	const most = 100_000
	switch {
	case n.kind == firstEvent && firsts.N() < most:
		firsts.Record(n.at - n.planned)
	case n.kind == nextEvent && f.gaps.N() < most:
		f.gaps.Record(n.at - n.before)
	}
}

func (f *fold) leftStreams() *result.Streams {
	if f.left.streams == nil {
		f.left.streams = result.NewStreams()
	}
	return f.left.streams
}
