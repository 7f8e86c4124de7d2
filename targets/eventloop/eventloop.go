// Package eventloop is a server of callbacks: a few event loops, and no thread
// or goroutine that belongs to a request. A request that waits is an entry in
// its loop's timer queue. A backend whose calls do not return before they are
// done keeps a goroutine for each (see [backend.Parked]); the loops never wait.
//
// gnet reads a client's closing of its sending side as the end of the
// connection: a request whose client does not wait for the reply gets none.
package eventloop

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/targets/admission"
	"github.com/panjf2000/gnet/v2"
)

// Name of the style.
const Name = "eventloop"

// MaxLoops is the largest number of loops.
const MaxLoops = 256

// Server is a running server.
type Server struct {
	gnet.BuiltinEventEngine
	*admission.Control
	addr   string
	engine gnet.Engine
	booted chan error
	ended  chan struct{} // closed when gnet has ended
	err    error         // why, to be read once ended is closed

	draining atomic.Bool
	open     atomic.Int64 // connections

	mu    sync.Mutex
	loops map[gnet.EventLoop]*loop // gnet shows a loop first with its first connection
}

// Start starts a server, and returns when it listens.
func Start(c admission.Config) (*Server, error) {
	s := &Server{
		Control: admission.New(Name, c),
		booted:  make(chan error, 1),
		ended:   make(chan struct{}),
		loops:   map[gnet.EventLoop]*loop{},
	}
	go func() {
		// gnet listens with the longest backlog that the kernel allows.
		s.err = gnet.Run(s, "tcp://"+c.Addr, gnet.WithOptions(gnet.Options{
			NumEventLoop: c.Loops,
			ReuseAddr:    true, // as Go's own listeners: a port just left can be taken again
			Logger:       stderr{log.New(os.Stderr, "eventloop: ", log.LstdFlags)},
		}))
		close(s.ended)
	}()
	select {
	case err := <-s.booted:
		if err != nil {
			<-s.ended
			return nil, err
		}
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("listening on %q: %w", c.Addr, s.err)
	}
}

// OnBoot runs when gnet listens.
func (s *Server) OnBoot(engine gnet.Engine) gnet.Action {
	s.engine = engine
	var err error
	if s.addr, err = localAddr(engine); err != nil {
		s.booted <- err
		return gnet.Shutdown
	}
	s.booted <- nil
	return gnet.None
}

// localAddr asks the kernel, for gnet does not say which port it got.
func localAddr(engine gnet.Engine) (string, error) {
	fd, err := engine.Dup()
	if err != nil {
		return "", fmt.Errorf("duplicating the listener: %w", err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return "", fmt.Errorf("asking for the listener's address: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// OnOpen runs on the loop for every new connection.
func (s *Server) OnOpen(g gnet.Conn) ([]byte, gnet.Action) {
	// gnet cannot close its listener and go on with its connections. So while
	// what is in flight gets its answers, a new connection is accepted and
	// closed at once, where other servers would refuse it.
	if s.draining.Load() {
		return nil, gnet.Close
	}
	l, err := s.loopOf(g.EventLoop())
	if err != nil {
		return nil, gnet.Close
	}
	c := &conn{Conn: g, loop: l}
	c.done = c.answered
	g.SetContext(c)
	l.conns[c] = struct{}{}
	s.open.Add(1)
	return nil, gnet.None
}

func (s *Server) loopOf(events gnet.EventLoop) (*loop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.loops[events]; l != nil {
		return l, nil
	}
	if s.draining.Load() {
		return nil, net.ErrClosed // Shutdown would not know this loop
	}
	l, err := newLoop(s, events)
	if err == nil {
		s.loops[events] = l
	}
	return l, err
}

// OnTraffic runs on the loop when bytes have come.
func (s *Server) OnTraffic(g gnet.Conn) gnet.Action {
	c, ok := g.Context().(*conn)
	if !ok {
		return gnet.Close
	}
	c.loop.catchUp()
	switch {
	case c.closed:
		return gnet.None
	case c.waiting:
		if c.InboundBuffered() > maxAhead {
			return gnet.Close
		}
		return gnet.None
	}
	return c.serve()
}

// OnClose runs on the loop when a connection has been closed, by whomever.
func (s *Server) OnClose(g gnet.Conn, _ error) gnet.Action {
	if c, ok := g.Context().(*conn); ok {
		c.closed = true
		delete(c.loop.conns, c)
		s.open.Add(-1)
	}
	return gnet.None
}

// OnShutdown runs before gnet ends its loops, whatever the reason.
func (s *Server) OnShutdown(gnet.Engine) {
	s.draining.Store(true)
	for _, l := range s.snapshot() {
		l.end()
	}
}

func (s *Server) snapshot() []*loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*loop, 0, len(s.loops))
	for _, l := range s.loops {
		list = append(list, l)
	}
	return list
}

// Addr is the address that the server listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.addr }

// Shutdown lets in no more connections, answers what is in flight, closes all
// and returns when that is done and the backend is asked nothing more. It
// returns the error of ctx when that ends first; what was in flight is then
// dropped.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	for _, l := range s.snapshot() {
		l.Execute(l.drain)
	}
	drainErr := s.drained(ctx)

	// Engine.Stop checks every half second whether it is done. With a context that
	// has ended it only gives the signal, and we wait for the end ourselves.
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.engine.Stop(now)
	<-s.ended
	for _, l := range s.snapshot() {
		l.release()
	}
	if drainErr != nil {
		return drainErr
	}
	return s.err
}

// drained waits until the last connection is closed, and the last request is
// done whose client has gone: the backend still works on it.
func (s *Server) drained(ctx context.Context) error {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for s.open.Load() > 0 || s.Inside() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended: // by itself, on an error
			return nil
		case <-ticker.C:
		}
	}
	return nil
}

// stderr passes on gnet's errors and drops the rest: it would go to stdout,
// which belongs to the program's result.
type stderr struct{ log *log.Logger }

func (stderr) Debugf(string, ...any)          {}
func (stderr) Infof(string, ...any)           {}
func (stderr) Warnf(string, ...any)           {}
func (s stderr) Errorf(f string, args ...any) { s.log.Printf(f, args...) }
func (s stderr) Fatalf(f string, args ...any) { s.log.Fatalf(f, args...) }
