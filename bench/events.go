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
	n.tally(eventCounts{firstEvent: s.FirstEvent, gap: s.Gap, endedEarly: &s.EndedEarly})
	if n.kind == streamEnd {
		if n.known {
			s.Length.Record(n.at - n.planned)
		}
		if n.before > 0 {
			s.MedianGap.Record(n.before)
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
	f.sliceEvent(n)
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

// eventTally counts what came of streams, for as long as there is much.
type eventTally struct {
	firstEvent, gap      result.Tally
	inWindow, endedEarly int64
}

func (t *eventTally) empty() bool {
	return t.firstEvent.N() == 0 && t.gap.N() == 0 && t.inWindow == 0 && t.endedEarly == 0
}

// moveTo adds what t counted to p, and empties t.
func (t *eventTally) moveTo(p *result.StreamPart) {
	t.firstEvent.MoveTo(p.FirstEvent)
	t.gap.MoveTo(p.Gap)
	p.InWindow, p.EndedEarly = p.InWindow+t.inWindow, p.EndedEarly+t.endedEarly
	t.inWindow, t.endedEarly = 0, 0
}

// eventCounts are where what comes of streams is counted.
type eventCounts struct {
	firstEvent, gap      interface{ Record(time.Duration) }
	inWindow, endedEarly *int64
}

func (t *eventTally) counts() eventCounts {
	return eventCounts{&t.firstEvent, &t.gap, &t.inWindow, &t.endedEarly}
}

// tally counts a first event, a gap, or that the stream ended early.
func (n *noted) tally(c eventCounts) {
	switch n.kind {
	case firstEvent:
		c.firstEvent.Record(n.at - n.planned)
	case nextEvent, togetherEvent:
		c.gap.Record(n.at - n.before)
	case streamEnd:
		if n.early {
			*c.endedEarly++
		}
	}
}

// sliceEvent counts an event, or the end of a stream, in the slices that it belongs to. A
// slice is of the window, so gaps that end while the stage drains are in none.
func (f *fold) sliceEvent(n *noted) {
	if n.inWindow {
		*f.eventsAt(n.at).inWindow++
	}
	switch gap := n.kind == nextEvent || n.kind == togetherEvent; {
	case n.planned < f.r.from:
	case !gap:
		n.tally(f.eventsAt(n.planned))
	case n.inWindow:
		n.tally(f.eventsAt(n.at))
	}
}

// eventsAt is where the events of a slice are counted, by an instant of it.
func (f *fold) eventsAt(at time.Duration) eventCounts {
	number := f.fit(int((at - f.r.from) / f.length))
	if o := f.openAt(number); o != nil {
		if o.streams == nil {
			o.streams = new(eventTally)
		}
		return o.streams.counts()
	}
	p := f.slice(number).events()
	return eventCounts{p.FirstEvent, p.Gap, &p.InWindow, &p.EndedEarly}
}

// events are those of a slice, made where there are none.
func (s *foldedSlice) events() *result.StreamPart {
	if s.Streams == nil {
		s.Streams = result.NewStreamPart()
	}
	return s.Streams
}
