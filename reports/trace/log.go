package trace

import (
	"sync"
	"time"
)

// DefaultLimit is how many requests a log keeps by default.
const DefaultLimit = 1_000_000

// MaxLimit is the largest limit of a log. It takes 32 bytes per request, as they come.
const MaxLimit = 100_000_000

// Admission lets requests in or rejects them.
type Admission interface {
	Enter() bool // reports whether the request is let in
	Leave()      // makes its place free
}

// Log records what an admission point does. It is safe for concurrent use, allocates
// nothing after it was made, and is bounded: once full it only counts.
type Log struct {
	header Header
	began  time.Time

	// mu is around the clock, the admission point and the record together. If the
	// clock were read before or after the decision, two requests that compete for the
	// last place could be logged in the wrong order, and a replay would find a fault
	// that is none.
	mu      sync.Mutex
	last    time.Duration // instant of the last event
	records []Record      // with all the room it will ever have
	leftOut int64
	ended   bool
}

// Visit is the number of a request in its log; 0 where it is not in it.
type Visit int32

// NewLog makes a log for limit requests, of an admission point that has let in none
// yet. It sets Started and ClockResolution of h itself.
func NewLog(h Header, limit int) *Log {
	h.ClockResolution = resolution()
	l := &Log{header: h, last: -1, records: make([]Record, 0, limit)}
	l.began = time.Now()
	l.header.Started = l.began.Round(0)
	return l
}

// resolution is the smallest step between readings of the clock.
func resolution() time.Duration {
	var least time.Duration
	began := time.Now()
	last := time.Since(began)
	for range 1000 {
		now := time.Since(began)
		if step := now - last; step > 0 && (least == 0 || step < least) {
			least = step
		}
		last = now
	}
	return max(least, 1)
}

// Now is the time since the log began; 0 of no log.
func (l *Log) Now() time.Duration {
	if l == nil {
		return 0
	}
	return time.Since(l.began)
}

// stamp is the instant of an event, later than that of any before.
func (l *Log) stamp() time.Duration {
	l.last = max(l.Now(), l.last+1)
	return l.last
}

// Enter asks the admission point to let a request in, and logs its decision.
func (l *Log) Enter(g Admission) (Visit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.stamp()
	ok := g.Enter()
	switch {
	case l.ended:
		return 0, ok
	case len(l.records) == cap(l.records):
		l.leftOut++
		return 0, ok
	}
	l.records = append(l.records, Record{At: at, Accepted: ok})
	return Visit(len(l.records)), ok
}

// Leave logs that a worker, which took the request at the instant started of
// [Log.Now], is done with it, and makes its place free. With NoWorker, started
// is ignored.
func (l *Log) Leave(g Admission, v Visit, worker int, started time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.stamp()
	g.Leave()
	if v == 0 || l.ended {
		return
	}
	r := &l.records[v-1]
	if worker == NoWorker {
		started = r.At
	}
	// At may be a little ahead of the clock: see Record.
	r.Started, r.Done, r.Worker = max(started, r.At), now, int32(worker)
}

// End ends the log and returns what is in it. Later decisions are not logged.
func (l *Log) End() *Trace {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return &Trace{Header: l.header, Records: l.records, LeftOut: l.leftOut}
}
