package grpc

import (
	"net"
	"sync"
)

// listener knows the connections that have sent nothing yet. gRPC waits for
// what they have to say before it can shut down.
type listener struct {
	net.Listener

	mu      sync.Mutex
	silent  map[*conn]struct{}
	closing bool
}

// conn is a connection that was accepted. It is silent until its first bytes.
type conn struct {
	net.Conn
	from *listener
	once sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
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
	if l.silent == nil {
		l.silent = map[*conn]struct{}{}
	}
	l.silent[c] = struct{}{}
	return c, nil
}

// closeSilent closes the connections that are silent, now and from now on.
func (l *listener) closeSilent() {
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

func (c *conn) Close() error {
	c.once.Do(c.spoke)
	return c.Conn.Close()
}

func (c *conn) spoke() {
	c.from.mu.Lock()
	defer c.from.mu.Unlock()
	delete(c.from.silent, c)
}
