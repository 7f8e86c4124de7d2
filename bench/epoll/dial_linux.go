package epoll

import (
	"os"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"golang.org/x/sys/unix"
)

// dial begins to connect. The request is sent once that is done.
func (l *loop) dial(i int32, now time.Duration) {
	c := &l.conns[i]
	c.dialed = now
	errno := l.connect(c, i)
	switch {
	case errno != 0 && c.busy:
		outcome, why := bench.DialOutcome(os.NewSyscallError("connect", errno))
		l.finish(i, outcome, why, true, clock.Now())
	case errno != 0:
		l.hangUp(c)
	default:
		c.state = connecting // also where it is done: the event comes at once
		l.connecting++
	}
}

// connect makes a socket, registers it and begins the handshake.
func (l *loop) connect(c *conn, i int32) unix.Errno {
	to := l.peers[l.dials%len(l.peers)]
	l.dials++
	fd, err := unix.Socket(to.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err.(unix.Errno)
	}
	c.fd = int32(fd)
	if to.family != unix.AF_UNIX {
		l.must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	}
	if l.small && to.family != unix.AF_UNIX {
		// A request that the first window holds has no congestion to control, and
		// some algorithms (bbr) pace and keep a timer for each all the same. Where
		// reno is not to be had, the machine's own stays.
		_ = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	}
	if source := l.sources[(int(i)+int(c.generation))%len(l.sources)]; source != nil {
		// Without the option the kernel would look for a port that is free
		// towards every server, and there are only so many.
		l.must(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
		if err := unix.Bind(fd, source); err != nil {
			return err.(unix.Errno)
		}
	}
	if err := unix.Connect(fd, to.addr); err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		return err.(unix.Errno)
	}
	// Registered once, for both directions: edge-triggered, what is not waited
	// for costs nothing.
	if err := l.poller.watch(fd, i, c.generation, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET&(1<<32-1)); err != nil {
		return err.(unix.Errno)
	}
	return 0
}

// must panics where a call fails that fails only by a fault of ours.
func (l *loop) must(err error) {
	if err != nil {
		panic("epoll: setting an option: " + err.Error())
	}
}

// connected reads how a handshake of TCP ended, and reports whether the connection
// can be used.
func (l *loop) connected(c *conn, e *unix.EpollEvent) bool {
	if err := connectError(c, e); err != nil {
		l.connecting--
		c.state = ready
		if !c.busy {
			l.hangUp(c)
			return false
		}
		outcome, why := bench.DialOutcome(err)
		l.finish(e.Fd, outcome, why, true, clock.Now())
		return false
	}
	if e.Events&unix.EPOLLOUT == 0 {
		return false
	}
	now := clock.Now()
	if l.tls != nil {
		l.secure(c, e.Fd, now, e.Events&closing != 0)
		return false
	}
	l.connecting--
	c.state = ready
	l.established(c, now-c.dialed, now)
	return true
}

// connectError is why a handshake of TCP failed; nil where it did not.
func connectError(c *conn, e *unix.EpollEvent) error {
	if e.Events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		return nil
	}
	errno, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno == 0 {
		errno = int(unix.ECONNRESET) // accepted and reset at once
	}
	return os.NewSyscallError("connect", unix.Errno(errno))
}

// established notes that a client has its connection, which took so long.
func (l *loop) established(c *conn, took, now time.Duration) {
	l.rec.Connected(took)
	if c.had && !l.fresh {
		l.rec.Reconnected(now)
	}
	c.had = true
}
