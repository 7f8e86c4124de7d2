package bench_test

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// cork keeps what is written from being sent until the connection is closed for
// writing, or a segment is full.
func cork(c net.Conn) {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
	}
}
