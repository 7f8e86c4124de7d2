package bench

import (
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Live is what ended in a part of the measured window while it runs: an arrival counts
// at the instant of its completion. All of a stage added up have the arrivals of its
// window, those that ended while it drained included.
type Live struct {
	From, To time.Duration // from the beginning of the window
	Start    time.Time     // of the window, by the wall clock
	Last     bool          // of the stage

	Counts    result.Counts
	Latency   *result.Sparse // of ok
	Lag       *result.Sparse
	Disturbed bool // the machine interfered

	// Streams is what came of streams, where replies are some, at the instant it came; else
	// nil. All of a stage added up have what [result.Streams] of its record has.
	Streams *result.StreamPart
}

// liveEvery is how often a Live is published.
const liveEvery = 250 * time.Millisecond

// live collects the next Live.
type live struct {
	watch        func(Live)
	abort        func(Live) bool
	next         Live
	latency, lag result.Tally
	streams      *eventTally // nil until replies are known to be streams
}

func newLive(p Plan) *live {
	if p.Watch == nil && p.Abort == nil {
		return nil
	}
	l := &live{watch: p.Watch, abort: p.Abort}
	l.begin(0)
	return l
}

func (l *live) begin(from time.Duration) {
	l.next = Live{From: from, Latency: new(result.Sparse), Lag: new(result.Sparse)}
}

func (l *live) add(e *entry) {
	if l == nil {
		return
	}
	l.next.Counts[e.outcome]++
	if e.outcome != result.Unsent {
		l.lag.Record(e.lag)
	}
	if e.outcome == result.OK {
		l.latency.Record(e.took)
	}
}

// bringEvents notes that replies are streams.
func (l *live) bringEvents() {
	if l != nil && l.streams == nil {
		l.streams = new(eventTally)
	}
}

// addEvent counts an event, or the end of a stream, that of an arrival of the window
// where measured is true.
func (l *live) addEvent(n *noted, measured bool) {
	l.bringEvents()
	if n.inWindow {
		l.streams.inWindow++
	}
	if measured {
		n.tally(l.streams.counts())
	}
}

// publish hands out what has ended up to an instant of the window, and reports whether
// the window is to end.
func (l *live) publish(to time.Duration, last bool) (abort bool) {
	l.next.To, l.next.Last = to, last
	l.latency.MoveTo(l.next.Latency)
	l.lag.MoveTo(l.next.Lag)
	if l.streams != nil {
		l.next.Streams = result.NewStreamPart()
		l.streams.moveTo(l.next.Streams)
	}
	if l.watch != nil {
		l.watch(l.next)
	}
	abort = l.abort != nil && l.abort(l.next)
	l.begin(to)
	return abort
}
