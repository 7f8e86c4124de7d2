package blocking

import (
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
)

// hold is a stream: a worker blocks until each event is due, and serves nobody else
// before the stream ends.
type hold struct {
	due  chan struct{} // an event is, closed with the last; has room for one: then the worker waits for the client
	gone chan struct{} // closed when the client is
}

// Follow implements [front.Follower].
func (s *Server) Follow(asked *backend.Job) (front.Hold, bool) {
	h := &hold{due: make(chan struct{}, 1), gone: make(chan struct{})}
	switch ok := s.serve(asked, h); {
	case !ok:
		return nil, false
	case asked.Failure() != nil:
		return nil, true
	}
	return h, true
}

// Next implements [front.Hold].
func (h *hold) Next() { <-h.due }

// End implements [front.Hold]. The worker notices when its next event is due.
func (h *hold) End() { close(h.gone) }

// follow is what a worker does for a stream, from its first event on. It calls leave
// before the last one.
func (s *Server) follow(h *hold, leave func()) {
	events, due := s.Config.Events, clock.Now()
	for k := range events.N {
		clock.BlockUntil(due)
		due += events.Interval
		if k == events.N-1 {
			leave()
			close(h.due)
			return
		}
		select {
		case h.due <- struct{}{}:
		case <-h.gone:
			leave()
			return
		}
	}
}
