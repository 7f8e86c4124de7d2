//go:build unix

package bench

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// wire is what waits to be read on a connection, and what can be written to it,
// without waiting for either. It is nil where that is not known.
//
// Note: it uses Control, not Read and Write, of the RawConn: these fail once
// the deadline of the last exchange is past.
type wire struct {
	raw  syscall.RawConn
	look func(fd uintptr) // made once, so that looking allocates nothing
	fds  [1]unix.PollFd
	said [http1.Farewell]byte
	n    int // bytes of said, 0 at the end; -1: nothing yet
	err  error
}

func newWire(conn net.Conn) *wire {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	w := &wire{raw: raw}
	w.look = func(fd uintptr) {
		w.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		if ready, err := unix.Poll(w.fds[:], 0); ready == 0 || err != nil {
			w.n, w.err = -1, nil // the rule, and cheap: Recvfrom allocates
			return
		}
		w.n, _, w.err = unix.Recvfrom(int(fd), w.said[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if w.err == unix.EAGAIN || w.err == unix.EINTR {
			w.n, w.err = -1, nil
		}
	}
	return w
}

// pending looks what waits to be read, without reading it: its first bytes, none
// where the peer has closed the connection; nothing is true where there is
// nothing yet.
func (w *wire) pending() (said []byte, nothing bool, err error) {
	if err := w.raw.Control(w.look); err != nil {
		return nil, false, err
	}
	if w.n < 0 || w.err != nil {
		return nil, w.err == nil, w.err
	}
	return w.said[:w.n], false, nil
}

// tryRead reads what there is.
func (w *wire) tryRead(b []byte) (n int, err error) {
	control := w.raw.Control(func(fd uintptr) {
		n, _, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
	})
	switch {
	case control != nil:
		return 0, control
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, os.ErrDeadlineExceeded
	case err != nil:
		return 0, os.NewSyscallError("recvfrom", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// tryWrite writes what fits at once.
func (w *wire) tryWrite(b []byte) (n int, err error) {
	control := w.raw.Control(func(fd uintptr) {
		n, err = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
	switch {
	case control != nil:
		return 0, control
	case err != nil:
		return 0, os.ErrDeadlineExceeded
	}
	return n, nil
}
