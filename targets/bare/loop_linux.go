package bare

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

const (
	batch      = 512      // events taken from the kernel at once
	readBuffer = 64 << 10 // bytes read at once; what is more is read next time
)

// loop is the thread that does everything. Nothing in it is shared.
//
// epoll is level-triggered: one read takes what a client that waits for its
// replies can have sent, and the second read, which would only say that there
// is no more, is saved.
type loop struct {
	server   *Server
	latency  time.Duration
	epoll    int
	listener int
	deaf     bool // not watching the listener

	conns   []*conn // by descriptor; nil where none was yet
	open    int
	waiting fifo

	served      int64
	first, last time.Duration
	own         *result.Hist
	arrivals    []int64 // its capacity is the most that are logged

	events [batch]unix.EpollEvent
	in     [readBuffer]byte
	out    []byte // replies of one read, written together
}

func newLoop(s *Server, listener int, c Config) (*loop, error) {
	l := &loop{
		server: s, latency: c.Latency, listener: listener,
		own: result.NewHist(), arrivals: make([]int64, 0, c.Arrivals),
	}
	clear(l.arrivals[:c.Arrivals]) // the pages are there before the first request is
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	err = l.watch(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN)
	if err == nil {
		err = l.watch(unix.EPOLL_CTL_ADD, s.wake, unix.EPOLLIN)
	}
	if err == nil {
		_, err = l.wait(&unix.Timespec{}) // whether the kernel has this call
	}
	if err != nil {
		unix.Close(l.epoll)
		return nil, err
	}
	return l, nil
}

func (l *loop) watch(op, fd int, events uint32) error {
	if err := unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// wait is epoll_pwait2, whose timeout counts nanoseconds where that of
// epoll_wait counts milliseconds. A nil timeout waits for ever.
func (l *loop) wait(timeout *unix.Timespec) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])),
		batch, uintptr(unsafe.Pointer(timeout)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	case unix.ENOSYS:
		return 0, fmt.Errorf("epoll_pwait2: %w (it needs Linux 5.11 or newer)", errno)
	}
	return 0, fmt.Errorf("epoll_pwait2: %w", errno)
}

// run is the life of the thread.
func (l *loop) run() error {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	clock.Punctual()
	defer l.end()
	for {
		n, err := l.wait(l.timeout())
		if err != nil {
			return err
		}
		for i := range n {
			e := &l.events[i]
			switch fd := int(e.Fd); {
			case fd == l.server.wake:
				return nil
			case fd == l.listener:
				l.accept()
			case fd < len(l.conns) && l.conns[fd] != nil && l.conns[fd].open:
				// Not of a connection closed earlier in this batch.
				l.ready(l.conns[fd], e.Events)
			}
		}
		l.answerDue()
	}
}

// timeout is how long there is nothing to do; nil: for ever.
func (l *loop) timeout() *unix.Timespec {
	if l.waiting.n == 0 {
		return nil
	}
	ts := unix.NsecToTimespec(max(0, l.waiting.next().at-int64(clock.Now())))
	return &ts
}

// accept takes all connections that are there.
func (l *loop) accept() {
	for {
		// Not unix.Accept4, which allocates the client's address.
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.listener), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			l.take(int(fd))
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			// The listener stays readable: watched, it would make the loop spin.
			// The next connection that closes makes room.
			if l.open > 0 && l.watch(unix.EPOLL_CTL_DEL, l.listener, 0) == nil {
				l.deaf = true
			}
			return
		default:
			return
		}
	}
}

func (l *loop) take(fd int) {
	for fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, max(64, len(l.conns)))...)
	}
	c := l.conns[fd]
	if c == nil {
		c = &conn{fd: fd}
		l.conns[fd] = c
	}
	if err := l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
		unix.Close(fd)
		return
	}
	c.begin()
	l.open++
}

// close ends a connection; what is due on it will not be answered.
func (l *loop) close(c *conn) {
	unix.Close(c.fd) // which also ends its being watched
	c.end()
	l.open--
	if l.deaf && l.watch(unix.EPOLL_CTL_ADD, l.listener, unix.EPOLLIN) == nil {
		l.deaf = false
	}
}

func (l *loop) end() {
	for _, c := range l.conns {
		if c != nil && c.open {
			unix.Close(c.fd)
		}
	}
	unix.Close(l.listener)
	unix.Close(l.epoll)
}
