package epoll

import (
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/result"
)

// turn is how many requests are begun before the loop looks for replies
// again: with all of a burst in one go, the first replies would be read, and
// timed, after the last request. It is also how many replies are read before
// the clients that do not pause send again: the paths through the kernel of
// reading and of sending do not fit into the CPU's nearest cache together, and
// alternating between them costs a tenth more per request.
const turn = 32

// source decides when requests are sent, and learns how they ended.
type source interface {
	// next is the instant of the next request; never where there is none to
	// come, unless one under way brings it.
	next() time.Duration
	// fire begins up to a turn of the requests that are due.
	fire(now time.Duration)
	// ended says that client i is free again.
	ended(i int32, o result.Outcome, done time.Duration)
	// over is called when the drain limit has passed.
	over(now time.Duration)
}

// closed is clients that send when their last reply is in.
type closed struct {
	l     *loop
	wakes clock.Queue[int32] // clients that pause
	ready []int32            // clients that do not
	every uint64             // from one number of a client to its next
	left  int                // clients that have more to send
}

func (s *closed) next() time.Duration {
	if len(s.ready) >= turn {
		return 0
	}
	if at, any := s.wakes.Next(); any {
		return at
	}
	return never
}

func (s *closed) fire(now time.Duration) {
	for k := 0; k < len(s.ready); k++ { // it may grow: a reply can be there before its request is sent
		s.begin(s.ready[k])
	}
	s.ready = s.ready[:0]
	for range turn {
		i, due := s.wakes.PopDue(now)
		if !due {
			return
		}
		s.begin(i)
	}
}

// begin begins a client's next request, unless the window has ended before.
func (s *closed) begin(i int32) {
	planned := s.l.conns[i].planned
	if s.l.stage.Over(planned) {
		return
	}
	number := s.l.conns[i].number
	s.l.conns[i].number += s.every
	s.l.rec.Begin(planned)
	s.l.begin(i, planned, clock.Now(), number, false)
}

// ended notes when the client's next request is to be sent.
func (s *closed) ended(i int32, o result.Outcome, done time.Duration) {
	if s.l.conns[i].number >= s.l.most {
		s.spent()
		return
	}
	at := done + s.l.plan.Load.ThinkTime
	if o != result.OK {
		at = done + s.l.plan.Load.Backoff
	}
	switch {
	case at == done && o == result.OK:
		s.l.conns[i].planned = at
		s.ready = append(s.ready, i)
	default:
		s.wake(i, at)
	}
}

// spent notes that a client has nothing left to send.
func (s *closed) spent() {
	if s.left--; s.left == 0 {
		s.l.exhausted()
	}
}

func (s *closed) wake(i int32, at time.Duration) {
	s.l.conns[i].planned = at
	if s.l.conns[i].number >= s.l.most { // more clients than there are requests
		s.spent()
		return
	}
	s.wakes.Push(at, i)
}

func (s *closed) over(time.Duration) {}

// scheduled is arrivals that come by a schedule. One takes the connection
// that was used last, so that the fewest stay busy; but of a burst each takes
// another one, also where the first replies are back before the last request is
// out. Where none is free and no more are allowed it waits, its planned instant
// kept.
type scheduled struct {
	l        *loop
	schedule func() time.Duration // of this loop's arrivals, from the start of the stage
	start    time.Duration
	due      time.Duration // the next arrival; never after the last
	most     int           // clients
	mostWait int           // arrivals
	idle     []int32       // clients that are free, in the order in which they became so
	first    int           // in idle; those before it were taken
	burst    bool          // take the one that is free for longest, else the last
	waiting  clock.Ring[waiting]

	taken         uint64 // arrivals of the loop so far
	from, every   uint64 // the number of its first, and how far the next lies from one
	clients, wave uint64 // of a burst: of the loop, and of all
}

// waiting is an arrival that waits for a connection.
type waiting struct {
	planned time.Duration
	number  uint64
}

// number is that of the loop's next arrival.
func (s *scheduled) number() uint64 {
	if s.burst {
		return s.taken/s.clients*s.wave + s.taken%s.clients*s.every + s.from
	}
	return s.from + s.taken*s.every
}

func (s *scheduled) advance() { s.due = s.start + s.schedule() }

func (s *scheduled) next() time.Duration {
	if s.waiting.Len() > 0 && s.free() {
		return 0
	}
	return s.due
}

func (s *scheduled) fire(now time.Duration) {
	for range turn {
		if s.waiting.Len() > 0 && s.free() {
			w := s.waiting.Pop()
			s.l.begin(s.pop(), w.planned, clock.Now(), w.number, true)
			continue
		}
		if s.due > now {
			return
		}
		if s.l.stage.Over(s.due) {
			s.due = never
			return
		}
		planned, number := s.due, s.number()
		if number >= s.l.most {
			s.due = never
			s.l.exhausted()
			return
		}
		s.taken++
		s.advance()
		s.l.rec.Begin(planned)
		if !s.free() && len(s.l.conns) < s.most {
			s.idle = append(s.idle, s.l.newClient())
		}
		switch {
		case s.free():
			s.l.begin(s.pop(), planned, clock.Now(), number, false)
		case s.waiting.Len() >= s.mostWait:
			s.unsent(planned, clock.Now(), exchange.AllBusy)
		default:
			s.waiting.Push(waiting{planned, number})
		}
	}
}

func (s *scheduled) unsent(planned, now time.Duration, why string) {
	s.l.rec.Record(bench.Arrival{Planned: planned, Done: now, Outcome: result.Unsent, Why: why})
}

func (s *scheduled) free() bool { return s.first < len(s.idle) }

func (s *scheduled) pop() int32 {
	if !s.burst {
		last := len(s.idle) - 1
		i := s.idle[last]
		s.idle = s.idle[:last]
		return i
	}
	i := s.idle[s.first]
	if s.first++; s.first > len(s.idle)/2 { // so it never grows beyond three times the clients
		s.idle = s.idle[:copy(s.idle, s.idle[s.first:])]
		s.first = 0
	}
	return i
}

func (s *scheduled) ended(i int32, _ result.Outcome, _ time.Duration) {
	s.idle = append(s.idle, i)
}

// over gives up what still waits, and what was due while the machine stopped this process
// for so long: it was never sent.
func (s *scheduled) over(now time.Duration) {
	for !s.l.stage.Over(s.due) && s.number() < s.l.most {
		planned := s.due
		s.taken++
		s.advance()
		s.l.rec.Begin(planned)
		s.unsent(planned, now, exchange.NotBegun)
	}
	s.due = never
	for s.waiting.Len() > 0 {
		s.unsent(s.waiting.Pop().planned, now, exchange.NoneFree)
	}
}
