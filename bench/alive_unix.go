//go:build unix

package bench

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// liveness looks at what waits to be read on a connection, without reading it.
type liveness struct {
	raw    syscall.RawConn
	n      int
	err    error
	look   func(fd uintptr) bool
	secure bool // records of the TLS session may come at any time and mean nothing
	buf    [1]byte
}

func newLiveness(conn net.Conn, secure bool) *liveness {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	l := &liveness{raw: raw, secure: secure}
	l.look = func(fd uintptr) bool { // made once, so that looking allocates nothing
		l.n, _, l.err = unix.Recvfrom(int(fd), l.buf[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	}
	return l
}

// alive is false where the peer has closed the connection, or has said
// something on it that nobody asked for.
func (l *liveness) alive() bool {
	if l == nil {
		return true
	}
	if err := l.raw.Read(l.look); err != nil {
		return false
	}
	if l.err != nil {
		return l.err == unix.EAGAIN || l.err == unix.EINTR
	}
	return l.n > 0 && l.secure
}
