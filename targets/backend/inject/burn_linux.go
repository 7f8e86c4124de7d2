package inject

import (
	"runtime"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"golang.org/x/sys/unix"
)

// burn spins until the calling thread has used d of CPU time by its own clock:
// what a regression in a program's own work costs. Time in which the thread
// waits for a CPU is not counted, however busy the machine is.
//
// The thread's clock is a system call, so the spinning itself goes by the
// monotonic clock, and the thread's is asked only how much is missing.
func burn(d time.Duration) {
	runtime.LockOSThread() // or the goroutine might go on with another thread's clock
	defer runtime.UnlockOSThread()
	end := threadTime() + d
	for left := d; left > 0; left = end - threadTime() {
		for until := clock.Now() + left; clock.Now() < until; {
		}
	}
}

// threadTime is the CPU time that the calling thread has used.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic("inject: CLOCK_THREAD_CPUTIME_ID cannot be read: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
