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
	look   func(fd uintptr) bool
	secure bool // records of the TLS session may come at any time and mean nothing
	fds    [1]unix.PollFd
	n      int // bytes to be read, 0 at the end; -1: nothing yet
	err    error
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
		l.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		if ready, err := unix.Poll(l.fds[:], 0); ready == 0 || err != nil {
			l.n, l.err = -1, nil // the rule, and cheap: Recvfrom allocates
			return true
		}
		var b [1]byte
		l.n, _, l.err = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
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
	return l.n < 0 || l.n > 0 && l.secure
}
