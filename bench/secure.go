package bench

import (
	"errors"
	"net"
	"os"
	"sync/atomic"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// How the session reads the connection under it.
const (
	waiting   = iota // for bytes, up to the deadline
	buffered         // only what it has read already
	available        // only what has come by now
)

// underTLS is the connection under a TLS session. It lets the session be asked
// what it has got, without waiting for more: the bytes that wait on it are
// records, which may be an unsolicited reply, the peer's close_notify, or
// the session's own that mean nothing to us.
type underTLS struct {
	net.Conn
	wire    *wire
	reads   int         // how; for who uses the session
	closing atomic.Bool // writes do not wait any more
	said    [http1.Farewell]byte
}

func (c *underTLS) Read(b []byte) (int, error) {
	switch c.reads {
	case waiting:
		return c.Conn.Read(b)
	case available:
		if c.wire != nil {
			return c.wire.tryRead(b)
		}
	}
	return 0, os.ErrDeadlineExceeded
}

func (c *underTLS) Write(b []byte) (int, error) {
	if !c.closing.Load() {
		return c.Conn.Write(b)
	}
	if c.wire != nil {
		return c.wire.tryWrite(b)
	}
	return 0, os.ErrDeadlineExceeded
}

// ask reads what the session has got, without waiting: its first bytes, none
// where there is nothing. err is nil where the connection goes on.
func (c *underTLS) ask(session net.Conn, how int) (said []byte, err error) {
	c.reads = how
	n, err := session.Read(c.said[:])
	c.reads = waiting
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return c.said[:n], err
}
