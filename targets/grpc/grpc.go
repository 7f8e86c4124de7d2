// Package grpc is the order service over gRPC: a server with a pool of workers
// and a bounded queue in front of it, or without a limit, and the [Client] that
// drives it.
//
// What differs from the HTTP targets is gRPC's own: many calls share one
// connection, a call that is rejected gets RESOURCE_EXHAUSTED, and the
// server knows each caller's deadline. A call whose deadline passes in the queue
// leaves it; one that a worker has begun is finished, as a query that has been
// sent to a database is.
package grpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the style.
const Name = "grpc"

// handshakeLimit bounds how long a connection may take to say that it speaks
// HTTP/2.
const handshakeLimit = 10 * time.Second

// Server is a running server.
type Server struct {
	listener *front.Listener
	grpc     *grpc.Server
	served   chan error

	// Control bounds the calls inside, waiting and queued together, and workers
	// those that wait for the backend. A worker is a place, taken first come
	// first served, and not a thread: gRPC has given the call a goroutine, which
	// is parked while it waits for a place and while it waits for the backend.
	//
	// Note: grpc.NumStreamWorkers is no such bound (calls beyond it get a
	// goroutine of their own), and MaxConcurrentStreams only moves the queue
	// into the caller's process.
	*admission.Control
	workers chan struct{} // nil: any number
}

// Start starts a server, and returns when it listens. Without workers any number of
// calls wait for the backend at once.
func Start(c admission.Config) (*Server, error) {
	ln, err := front.NewListener(c.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: ln, served: make(chan error, 1), Control: admission.New(Name, c)}
	if c.Workers > 0 {
		s.workers = make(chan struct{}, c.Workers)
	}
	s.grpc = grpc.NewServer(append(orderspb.ServerOptions(), grpc.ConnectionTimeout(handshakeLimit))...)
	orderspb.RegisterOrdersServer(s.grpc, service{Server: s})
	reflection.Register(s.grpc) // so that any client can call it
	go func() { s.served <- s.grpc.Serve(s.listener) }()
	return s, nil
}

// ask has the query answered, or says why it is not.
func (s *Server) ask(ctx context.Context, q *backend.Query) error {
	if !s.Enter() {
		return status.Error(codes.ResourceExhausted, "all places are taken; try again in a second")
	}
	// The place is free before the reply is written, and so before the caller can
	// come back for it.
	defer s.Leave()
	if s.workers != nil {
		select {
		case s.workers <- struct{}{}:
			defer func() { <-s.workers }()
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	began := clock.Now()
	s.Config.Backend.Park(q)
	s.Served(clock.Now() - began)
	switch {
	case errors.Is(q.Err, orders.ErrBusy):
		return status.Error(codes.ResourceExhausted, "backend: "+q.Err.Error())
	case q.Err != nil:
		return status.Error(codes.Unavailable, "backend: "+q.Err.Error())
	}
	return nil
}

// Addr is the address that the server listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Shutdown stops accepting, answers what is in flight, closes all connections
// and returns when that is done. It returns the error of ctx when that ends
// first: what was in flight is then dropped.
func (s *Server) Shutdown(ctx context.Context) error {
	s.listener.CloseSilent()
	stopped := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
		if err := <-s.served; !errors.Is(err, grpc.ErrServerStopped) { // before it had begun to serve
			return err
		}
		return nil
	case <-ctx.Done():
		s.grpc.Stop()
		return ctx.Err()
	}
}
