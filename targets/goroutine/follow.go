package goroutine

import (
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
)

// hold is a stream: its goroutine parks until the next event.
type hold struct {
	server *Server
	visit  trace.Visit
	began  time.Duration
	due    time.Duration // the next event
	left   int           // events to come
}

// Follow implements [front.Follower].
func (s *Server) Follow(j *backend.Job) (front.Hold, bool) {
	visit, ok := s.Admit()
	if !ok {
		return nil, false
	}
	h := &hold{server: s, visit: visit, began: clock.Now(), left: s.Config.Events.N}
	j.Park(s.Config.Backend)
	if j.Failure() != nil {
		h.End()
		return nil, true
	}
	h.due = clock.Now()
	return h, true
}

// Next implements [front.Hold].
func (h *hold) Next() {
	clock.Sleep(nil, h.due)
	h.due += h.server.Config.Events.Interval
	if h.left--; h.left == 0 {
		h.End()
	}
}

// End implements [front.Hold].
func (h *hold) End() {
	h.server.Served(clock.Now() - h.began)
	h.server.Release(h.visit, trace.NoWorker, 0)
}
