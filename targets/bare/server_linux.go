package bare

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Server is a running server.
type Server struct {
	addr string
	loop *loop
	wake int // an eventfd that ends the loop

	ended chan struct{}
	err   error // of the loop, once ended is closed
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

// Shutdown closes all connections, and returns when that is done: what is in flight
// is dropped. It must be called once.
func (s *Server) Shutdown(context.Context) error {
	defer unix.Close(s.wake)
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	if _, err := unix.Write(s.wake, one[:]); err != nil {
		return fmt.Errorf("ending the loop: %w", err)
	}
	<-s.ended
	return s.err
}
