package bare

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Server is a running server.
type Server struct {
	addr string
	loop *loop
	wake int // an eventfd that the loop watches

	draining, dropping atomic.Bool
	ended              chan struct{}
	err                error // of the loop, once ended is closed
}

// Start starts a server, and returns when it listens.
func Start(c Config) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{ended: make(chan struct{})}
	listener, err := s.listen(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", c.Addr, err)
	}
	s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(listener)
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	s.loop, err = newLoop(s, listener, c)
	if err != nil {
		unix.Close(listener)
		unix.Close(s.wake)
		return nil, err
	}
	go func() {
		s.err = s.loop.run()
		close(s.ended)
	}()
	return s, nil
}

// listen makes a listening socket that Go's own poller knows nothing of.
func (s *Server) listen(addr string) (int, error) {
	// Go parses the address, and asks for the longest backlog that the kernel
	// allows.
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	s.addr = ln.Addr().String()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	// On Linux the connections inherit this from their listener: no call for
	// each of them.
	if err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// Addr is the address that the server listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.addr }

// Shutdown stops accepting, answers what is in flight, closes all connections
// and returns when that is done. It returns the error of ctx when that ends
// first: what was in flight is then dropped. It must be called once.
func (s *Server) Shutdown(ctx context.Context) error {
	defer unix.Close(s.wake)
	s.draining.Store(true)
	s.rouse()
	select {
	case <-s.ended:
		return s.err
	case <-ctx.Done():
	}
	s.dropping.Store(true)
	s.rouse()
	<-s.ended
	return ctx.Err()
}

// rouse makes the loop look at the server's flags.
func (s *Server) rouse() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(s.wake, one[:]) // fails only where it is roused already
}
