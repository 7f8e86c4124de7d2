//go:build !linux

package bare

import (
	"context"
	"errors"
)

// Server is a running server, on Linux.
type Server struct{}

// Start fails: there is no epoll here.
func Start(Config) (*Server, error) {
	return nil, errors.New("the bare server needs Linux: it is an epoll loop")
}

// Addr is the address that the server listens on.
func (*Server) Addr() string { return "" }

// Shutdown has nothing to do.
func (*Server) Shutdown(context.Context) error { return nil }
