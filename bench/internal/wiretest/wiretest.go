// Package wiretest has a server for tests that records requests byte for byte.
package wiretest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server records the first request of each connection, answers it with status 200
// and closes the connection.
type Server struct {
	Addr string // HOST:PORT
	mu   sync.Mutex
	seen []string
}

// Start starts a server for as long as the test t lasts.
func Start(t interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s := &Server{Addr: ln.Addr().String()}
	go func() {
		for {
			c, err := Listener{ln}.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// Requests are those recorded so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	var got bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &got))
	body := int64(0)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == "\r\n" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			body, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	if _, err := io.CopyN(io.Discard, in, body); err != nil {
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, got.String())
	s.mu.Unlock()
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
