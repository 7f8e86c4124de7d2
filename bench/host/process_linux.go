package host

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

var proc = sync.OnceValues(procfs.NewDefaultFS)

func readProcess(pid int) (snapshot, error) {
	var s snapshot
	fsys, err := proc()
	if err != nil {
		return s, fmt.Errorf("%w: %v", errUnsupported, err) // no /proc, in some containers
	}
	gone := func(err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d has ended", pid)
		}
		return fmt.Errorf("process %d: %w", pid, err)
	}
	p, err := fsys.Proc(pid)
	if err != nil {
		return s, gone(err)
	}
	stat, err := p.Stat()
	if err != nil {
		return s, gone(err)
	}
	if stat.State == "Z" { // ended, and not yet waited for
		return s, fmt.Errorf("process %d has ended", pid)
	}
	s.rss = int64(stat.ResidentMemory())
	s.threads = int64(stat.NumThreads)
	s.cpu = cpuTime(pid, stat)
	if n, err := p.FileDescriptorsLen(); err == nil {
		s.fds = int64(n)
	}
	if cpus, err := Affinity(pid); err == nil {
		s.cpus = FormatCPUs(cpus)
		if machine, err := fsys.Stat(); err == nil {
			for _, cpu := range cpus {
				s.steal += time.Duration(machine.CPU[int64(cpu)].Steal * float64(time.Second))
			}
		}
	}
	return s, nil
}

// cpuTime reads the process's CPU clock, which counts nanoseconds where
// /proc counts hundredths of a second.
func cpuTime(pid int, stat procfs.ProcStat) time.Duration {
	const cpuclockSched = 2 // include/linux/posix-timers.h: the kind of clock, in the low bits of ^pid<<3
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts); err == nil {
		return time.Duration(ts.Nano())
	}
	return time.Duration(stat.CPUTime() * float64(time.Second))
}
