package epoll

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents is how many events one wait brings at the most: few enough that
// what is due in the meantime is not late for them.
const maxEvents = 128

// shortWait is how long a wait may be that Go's scheduler does not know of.
const shortWait = 10 * time.Millisecond

// farAhead bounds a wait, so that no arithmetic overflows.
const farAhead = time.Hour

// never is an instant that does not come.
const never = time.Duration(1<<63 - 1)

// wakeup is the index in events that stand for no connection: the loop is
// called from another thread, or its timer has fired.
const wakeup = -1

// poller is an epoll descriptor, and a way to wake who waits on it.
//
// The system calls of a request are made directly (RawSyscall): they do not
// block, and to report each to Go's scheduler would cost more than some of them.
// Short waits are made so, too. A thread that the scheduler knows to wait has
// its slot taken and must find another when it wakes: measured at 1,000
// arrivals per second on one core, that is 40 µs of CPU time for each, in threads
// that look for work. So a wait is short at first, and only where nothing came
// does the scheduler learn that it is a long one, so that nothing waits for its end.
type poller struct {
	fd     int
	wakeFD int
	timer  int  // a timerfd where the kernel is older than epoll_pwait2 (5.11), else -1
	quiet  bool // nothing came in the last wait
	events [maxEvents]unix.EpollEvent
}

func newPoller() (*poller, error) {
	p := &poller{fd: -1, wakeFD: -1, timer: -1}
	var err error
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if p.wakeFD, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
		err = p.watch(p.wakeFD, wakeup, 0, unix.EPOLLIN)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("event descriptor: %w", err)
	}
	if !hasPwait2() {
		if err := p.useTimer(); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// useTimer makes waits end by a timerfd, which has nanoseconds too and costs
// one system call more.
func (p *poller) useTimer() (err error) {
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	return p.watch(p.timer, wakeup, 0, unix.EPOLLIN|unix.EPOLLET)
}

// hasPwait2 asks the kernel by a call that fails: with EBADF where it knows it.
func hasPwait2() bool {
	var none unix.EpollEvent
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, ^uintptr(0), uintptr(unsafe.Pointer(&none)), 1, 0, 0, 0)
	return errno == unix.EBADF
}

// watch registers a descriptor; its events carry index and generation.
func (p *poller) watch(fd int, index, generation int32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: index, Pad: generation}
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e)
}

// timespec is the kernel's with 64 bits on every architecture.
type timespec struct{ sec, nsec int64 }

// wait waits for events until the instant at, not at all where that is past,
// and returns how many there are in p.events.
func (p *poller) wait(at, now time.Duration) int {
	var n uintptr
	var errno unix.Errno
	switch left := min(at, now+farAhead) - now; {
	case left <= 0:
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, 0, 0, 0)
	case p.timer >= 0:
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
		if err := unix.TimerfdSettime(p.timer, 0, &spec, nil); err != nil {
			panic(fmt.Sprintf("epoll: setting a timer to %v: %v", left, err)) // a bad descriptor or time: ours
		}
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, ^uintptr(0), 0, 0)
	case p.quiet && left > shortWait:
		ts := timespec{int64(left / time.Second), int64(left % time.Second)}
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, uintptr(unsafe.Pointer(&ts)), 0, 0)
		p.quiet = false
	default:
		ts := timespec{0, int64(min(left, shortWait))}
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, uintptr(unsafe.Pointer(&ts)), 0, 0)
		p.quiet = n == 0
	}
	if errno != 0 {
		if errno == unix.EINTR { // the runtime's signals
			return 0
		}
		panic("epoll: waiting: " + errno.Error()) // a bad descriptor or address: ours
	}
	return int(n)
}

// wake ends the wait in progress, or the next one. It may be called from
// anywhere, but not after close.
func (p *poller) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.wakeFD, one[:]) // fails only where it is full, and then it wakes already
}

func (p *poller) close() {
	for _, fd := range []int{p.timer, p.wakeFD, p.fd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// send and receive are the two system calls of a request. They bypass the
// layer of files, which costs a little on every read and write.
func send(fd int32, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func receive(fd int32, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
