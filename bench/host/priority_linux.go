package host

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// LowerPriority gives the calling goroutine a thread of its own, which ends with the
// goroutine. Its priority is lower than usual, but not so low that it starves beside
// other processes.
func LowerPriority() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 10) // where it fails, it only costs more
}

// ThreadID is that of the calling thread.
func ThreadID() int { return unix.Gettid() }
