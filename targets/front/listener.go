package front

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Listener knows the connections that have sent nothing yet: fasthttp and gRPC
// wait for what they have to say before they shut down.
type Listener struct {
	net.Listener
	accepting chan struct{} // closed with the first Accept
	once      sync.Once

	mu      sync.Mutex
	silent  map[*conn]struct{}
	closing bool
}

// NewListener listens on a TCP address.
func NewListener(addr string) (*Listener, error) {
	// Go asks for the longest backlog that the kernel allows (somaxconn, 4096
	// by default), so a burst of connections waits in it and is not refused.
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", addr, err)
	}
	return &Listener{Listener: ln, accepting: make(chan struct{}), silent: map[*conn]struct{}{}}, nil
}

// conn is a connection that was accepted. It is silent until its first bytes.
type conn struct {
	net.Conn
	from *Listener
	once sync.Once

	patience time.Duration // how long each write may take; 0: any time
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.accepting) })
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		c.Conn.Close()
		return c, nil
	}
	l.silent[c] = struct{}{}
	return c, nil
}

// CloseSilent closes the connections that are silent, now and from now on.
func (l *Listener) CloseSilent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	for c := range l.silent {
		c.Conn.Close()
	}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.once.Do(c.spoke)
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if c.patience > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

// boundWrites bounds the bytes that the kernel keeps to send.
func (c *conn) boundWrites(bytes int) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(bytes) // the kernel's own bound holds without it
	}
}

func (c *conn) Close() error {
	c.once.Do(c.spoke)
	return c.Conn.Close()
}

func (c *conn) spoke() {
	c.from.mu.Lock()
	defer c.from.mu.Unlock()
	delete(c.from.silent, c)
}
