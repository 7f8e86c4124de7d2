package clock

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// monotonicEpoch is the kernel's CLOCK_MONOTONIC at the process's epoch. Go
// reads the same clock, so one offset turns our instants into the kernel's
// and every wait can be absolute: being preempted between reading the clock
// and starting to wait then costs nothing.
var monotonicEpoch = func() time.Duration {
	var best, width time.Duration
	for i := range 5 { // the narrowest bracket of five, in case we were preempted in one
		before := Now()
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			panic("clock: CLOCK_MONOTONIC cannot be read: " + err.Error())
		}
		after := Now()
		if w := after - before; i == 0 || w < width {
			width = w
			best = time.Duration(ts.Nano()) - (before + w/2)
		}
	}
	return best
}()

func timespec(at time.Duration) unix.Timespec {
	return unix.NsecToTimespec(int64(monotonicEpoch + at))
}

// BlockUntil blocks the calling OS thread in the kernel until the instant at.
// A goroutine that calls it often should be locked to its thread and have
// called [Punctual] on it.
func BlockUntil(at time.Duration) {
	ts := timespec(at)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
	}
}

// Punctual sets the calling OS thread's timer slack from the usual 50 µs to
// 1 ns, so that BlockUntil on it does not oversleep by that much. Where the
// kernel refuses, the slack stays as it was.
func Punctual() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

// Alarm is a timer that the runtime's network poller watches (a timerfd): a
// goroutine waiting for it holds no thread, and wakes when the kernel's
// high-resolution timer fires.
type Alarm struct {
	file *os.File
	fd   int
}

// NewAlarm returns an alarm that is not set. It holds one descriptor until
// Close.
func NewAlarm() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clock: creating a timer descriptor: %w", err)
	}
	return &Alarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}, nil
}

// Set makes the alarm go off at the instant at (at once where that is past),
// in place of any earlier setting. It may be called from any goroutine, but
// not after Close.
func (a *Alarm) Set(at time.Duration) {
	spec := unix.ItimerSpec{Value: timespec(at)}
	// The call fails only for a bad descriptor or a bad time: both ours.
	if err := unix.TimerfdSettime(a.fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		panic(fmt.Sprintf("clock: setting an alarm for %v: %v", at, err))
	}
}

// Wait parks the calling goroutine until the alarm goes off. It returns an
// error once the alarm is closed.
func (a *Alarm) Wait() error {
	var expirations [8]byte
	for {
		if _, err := a.file.Read(expirations[:]); err != nil {
			return err
		}
		if binary.NativeEndian.Uint64(expirations[:]) > 0 {
			return nil
		}
	}
}

// Close releases the alarm and ends a Wait in progress.
func (a *Alarm) Close() error { return a.file.Close() }
