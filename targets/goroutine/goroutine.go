// Package goroutine is the ordinary Go server: a goroutine for every request,
// parked while it waits.
package goroutine

import (
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the style.
const Name = "goroutine"

// Config is how to start a server.
type Config struct {
	Addr        string // TCP address, port 0 for any
	MaxInflight int    // how many requests may wait at once, others get 503; 0 means any number
	Backend     backend.Backend
	Log         *trace.Log // of what admission decides; nil: none
}

// Server is a running server.
type Server struct {
	*front.Server
	config    Config
	admission admission.Control
}

// Start starts a server.
func Start(c Config) (*Server, error) {
	s := &Server{config: c, admission: admission.Control{Limit: int64(c.MaxInflight), Log: c.Log}}
	var err error
	if s.Server, err = front.Listen(c.Addr, s.ask, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ask(j *backend.Job) bool {
	visit, ok := s.admission.Admit()
	if !ok {
		return false
	}
	began := clock.Now()
	j.Park(s.config.Backend)
	s.admission.Served(clock.Now() - began)
	s.admission.Release(visit, trace.NoWorker, 0)
	return true
}

// Stats reports what the server is doing.
func (s *Server) Stats() orders.Stats {
	st := s.admission.Stats(Name, 0, s.config.Backend.Stats())
	st.MaxInflight = s.config.MaxInflight
	return st
}
