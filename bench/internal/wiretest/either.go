package wiretest

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
)

// Conn is a server's side of a connection that is plain or TLS, as the
// client's first byte says.
type Conn struct {
	*net.TCPConn
	r      *bufio.Reader
	first  sync.Once
	tls    *tls.Conn // nil where it is plain
	resets bool
}

// Listener accepts such connections.
type Listener struct{ net.Listener }

func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return NewConn(c), nil
}

// NewConn makes one of a connection of TCP.
func NewConn(c net.Conn) *Conn { return &Conn{TCPConn: c.(*net.TCPConn), r: bufio.NewReader(c)} }

// raw is what the session is over.
type raw struct {
	net.Conn
	r *bufio.Reader
}

func (c raw) Read(b []byte) (int, error) { return c.r.Read(b) }

// session is the session, nil where there is none. Who asks first waits for the
// client's first byte.
func (c *Conn) session() *tls.Conn {
	c.first.Do(func() {
		const handshake = 22 // RFC 8446, 5.1
		if b, err := c.r.Peek(1); err == nil && b[0] == handshake {
			server, _ := Certificate()
			c.tls = tls.Server(raw{c.TCPConn, c.r}, server)
		}
	})
	return c.tls
}

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	if s := c.session(); s != nil {
		return s.Read(b)
	}
	return c.r.Read(b)
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (int, error) {
	if s := c.session(); s != nil {
		return s.Write(b)
	}
	return c.TCPConn.Write(b)
}

// CloseWrite ends the session, and says that nothing more will come.
func (c *Conn) CloseWrite() error {
	if s := c.session(); s != nil {
		s.CloseWrite()
	}
	return c.TCPConn.CloseWrite()
}

// SetLinger is that of TCP: Close then resets the connection.
func (c *Conn) SetLinger(sec int) error {
	c.resets = true
	return c.TCPConn.SetLinger(sec)
}

// Close ends the session properly, but where the connection is to be reset. Who
// reads calls it.
func (c *Conn) Close() error {
	if c.tls != nil && !c.resets {
		return c.tls.Close()
	}
	return c.TCPConn.Close()
}
