// Package front is the HTTP side of the targets that serve each connection with
// a goroutine of its own: fasthttp, in the role of a poller and its acceptors in
// front of a thread pool.
//
// fasthttp sends the replies to pipelined requests together, once no further
// request is in its buffer: the first of several then arrives with the last.
package front

import (
	"context"
	"sync"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/valyala/fasthttp"
)

// Ask does the job while the calling goroutine waits, or reports false at once
// where the target rejects it.
type Ask func(j *backend.Job) bool

// Server is a listening HTTP server.
type Server struct {
	ask     Ask
	service orders.Service

	http     fasthttp.Server
	listener *Listener
	served   chan error
}

// Listen starts a server on a TCP address. It calls ask and the service from
// any number of goroutines.
func Listen(addr string, ask Ask, service orders.Service) (*Server, error) {
	ln, err := NewListener(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{ask: ask, service: service, listener: ln, served: make(chan error, 1)}
	s.http = fasthttp.Server{
		Name:                         orders.ServerName,
		Handler:                      s.handle,
		ErrorHandler:                 func(ctx *fasthttp.RequestCtx, err error) { orders.Malformed(&ctx.Response, err) },
		HeaderReceived:               markChunked,
		ReadBufferSize:               orders.MaxHeader, // which also bounds the header
		MaxRequestBodySize:           orders.MaxBody,
		DisablePreParseMultipartForm: true,
		LazyRequestTime:              true,
		CloseOnShutdown:              true,
	}
	go func() { s.served <- s.http.Serve(ln) }()
	// fasthttp takes a shutdown before it accepts for one that has nothing to do.
	<-ln.accepting
	return s, nil
}

// Addr is the address that the server listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Shutdown closes the listener and every connection on which nothing is under
// way, and returns once the others are answered and closed. It returns the
// error of ctx when that ends first; what is in flight then goes on.
func (s *Server) Shutdown(ctx context.Context) error {
	s.listener.CloseSilent() // fasthttp counts them as idle only after 5 s
	if err := s.http.ShutdownWithContext(ctx); err != nil {
		return err
	}
	return <-s.served
}

// chunkedMark is a header that says of a request that its body came in chunks.
// fasthttp reads such a body before the handler runs, and then forgets.
const chunkedMark = "X-Onhold-Chunked"

func markChunked(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if orders.Chunked(h) {
		h.Set(chunkedMark, "1")
	}
	return fasthttp.RequestConfig{}
}

var jobs = sync.Pool{New: func() any { return new(backend.Job) }}

func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	if len(ctx.Request.Header.Peek(chunkedMark)) > 0 {
		orders.Malformed(&ctx.Response, orders.ErrChunked)
		return
	}
	r, wait := orders.Route(&ctx.Request.Header, ctx.Request.Body(), &ctx.Response, s.service)
	if !wait {
		return
	}
	if r.Kind == orders.Follow {
		s.follow(ctx, r)
		return
	}
	j := jobs.Get().(*backend.Job)
	defer jobs.Put(j)
	j.Begin(r)
	defer j.Release()
	if !s.ask(j) {
		orders.Busy(&ctx.Response)
		return
	}
	j.Answer(&ctx.Response)
}
