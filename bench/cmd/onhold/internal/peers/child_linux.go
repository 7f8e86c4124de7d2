package peers

import (
	"os"
	"syscall"
)

// maxRSS is the kernel's figure for a process that has ended, where it can be
// one of the process itself: above all that it may have of its parent.
func maxRSS(s *os.ProcessState) int64 {
	child, ok := s.SysUsage().(*syscall.Rusage)
	var parent syscall.Rusage
	if !ok || syscall.Getrusage(syscall.RUSAGE_SELF, &parent) != nil || child.Maxrss <= parent.Maxrss {
		return 0
	}
	return int64(child.Maxrss) << 10
}

// allowFiles lets the processes that we start open as many files as we may. Go
// raises its own limit to the highest allowed, and gives its children the
// lower one that it found, unless the limit was set by hand.
func allowFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
