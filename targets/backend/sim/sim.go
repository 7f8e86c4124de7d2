// Package sim is a backend that is a timer in the process: every call is answered
// after a service time, over a number of connections. The orders of a user follow
// from the user alone.
package sim

import (
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// Sim is a simulated backend.
type Sim struct {
	conns int

	mu       sync.Mutex
	schedule *schedule
	calls    int64

	late backend.Waits
}

var _ backend.Backend = (*Sim)(nil)

// New returns a backend, or the error of Validate.
func New(c Config) (*Sim, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Sim{conns: c.Connections, schedule: newSchedule(c)}, nil
}

// Park implements [backend.Backend].
func (s *Sim) Park(q *backend.Query) {
	due := s.reserve()
	clock.Sleep(nil, due)
	s.answer(q, due)
}

// Block implements [backend.Backend].
func (s *Sim) Block(q *backend.Query) {
	due := s.reserve()
	clock.BlockUntil(due)
	s.answer(q, due)
}

// pending is a query that waits on a loop. It is made once for each: garbage
// for every request would double the memory of an event loop.
type pending struct {
	sim  *Sim
	q    *backend.Query
	due  time.Duration
	done func()
	wake func() // p.answer, made into a value once
}

func (p *pending) answer() {
	p.sim.answer(p.q, p.due)
	p.done()
}

// Notify implements [backend.Backend].
func (s *Sim) Notify(q *backend.Query, loop backend.Loop, done func()) {
	p, ok := q.State.(*pending)
	if !ok || p.sim != s || p.q != q { // a new query, or a copy of one
		p = &pending{sim: s, q: q}
		p.wake = p.answer
		q.State = p
	}
	p.due, p.done = s.reserve(), done
	loop.At(p.due, p.wake)
}

// reserve reads the clock inside the lock, so that calls are served in the
// order of their instants.
func (s *Sim) reserve() (due time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.schedule.reserve(clock.Now())
}

func (s *Sim) answer(q *backend.Query, due time.Duration) {
	s.late.Record(clock.Now() - due)
	q.Generate()
}

// Stats implements [backend.Backend].
func (s *Sim) Stats() orders.BackendStats {
	s.mu.Lock()
	calls := s.calls
	s.mu.Unlock()

	return orders.BackendStats{Name: "sim", Connections: s.conns, Calls: calls, WaitError: s.late.Stats()}
}

// Close implements [backend.Backend]. There is nothing to release; open queries are
// answered when they are due.
func (s *Sim) Close() error { return nil }
