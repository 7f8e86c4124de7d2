// Package goroutine is the ordinary Go server: a goroutine for every request,
// parked while it waits.
package goroutine

import (
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
)

// Name of the style.
const Name = "goroutine"

// Server is a running server.
type Server struct {
	*front.Server
	*admission.Control
}

// Start starts a server.
func Start(c admission.Config) (*Server, error) {
	s := &Server{Control: admission.New(Name, c)}
	var err error
	if s.Server, err = front.Listen(c.Addr, s.ask, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ask(j *backend.Job) bool {
	visit, ok := s.Admit()
	if !ok {
		return false
	}
	began := clock.Now()
	j.Park(s.Config.Backend)
	s.Served(clock.Now() - began)
	s.Release(visit, trace.NoWorker, 0)
	return true
}
