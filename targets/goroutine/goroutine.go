// Package goroutine is the ordinary Go server: a goroutine for every request,
// parked while it waits.
package goroutine

import (
	"context"
	"sync"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
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
	Log         *trace.Log // of what the gate decides; nil: none
}

// Server is a running server.
type Server struct {
	http   *front.Server
	config Config
	gate   orders.Gate
}

// Start starts a server.
func Start(c Config) (*Server, error) {
	s := &Server{config: c, gate: orders.Gate{Limit: int64(c.MaxInflight), Log: c.Log}}
	var err error
	if s.http, err = front.Listen(c.Addr, s.ask, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) ask(j *backend.Job) bool {
	visit, ok := s.gate.Admit()
	if !ok {
		return false
	}
	began := clock.Now()
	b := s.config.Backend
	if j.InTurn() {
		for i := range j.Queries {
			b.Park(&j.Queries[i])
		}
	} else {
		var all sync.WaitGroup
		for i := range j.Queries {
			all.Go(func() { b.Park(&j.Queries[i]) })
		}
		all.Wait()
	}
	s.gate.Held(clock.Now() - began)
	s.gate.Release(visit, trace.NoWorker, 0)
	return true
}

// Addr is the address that the server listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.http.Addr() }

// Stats says what the server is doing.
func (s *Server) Stats() orders.Stats {
	st := s.gate.Stats()
	st.Style = Name
	st.MaxInflight = s.config.MaxInflight
	st.Backend = s.config.Backend.Stats()
	return st
}

// Shutdown stops accepting, answers what is in flight and returns when that is
// done, or when ctx ends, with its error.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }
