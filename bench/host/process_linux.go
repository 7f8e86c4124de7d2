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

	"github.com/a628bb15/onhold/reports/result"
)

var proc = sync.OnceValues(procfs.NewDefaultFS)

// readProcess reads what a process did so far. Counting descriptors takes
// milliseconds where there are ten thousand, and reading what was stolen as
// long on large machines: both stand out in the lateness of a generator on the
// same CPU, so in between a watch is read.
func readProcess(pid int) (snapshot, error) {
	var s snapshot
	fsys, err := proc()
	if err != nil {
		return s, fmt.Errorf("%w: %v", errUnsupported, err) // no /proc, in some containers
	}
	p, err := fsys.Proc(pid)
	if err != nil {
		return s, gone(pid, err)
	}
	stat, err := p.Stat()
	if err != nil {
		return s, gone(pid, err)
	}
	if stat.State == "Z" { // ended, and not yet waited for
		return s, gone(pid, fs.ErrNotExist)
	}
	s.rss = int64(stat.ResidentMemory())
	s.threads = int64(stat.NumThreads)
	s.cpu = cpuTime(pid, stat)
	s.quota = readQuota(pid)
	if n, err := p.FileDescriptorsLen(); err == nil {
		s.fds = int64(n)
	}
	if cpus, err := ProcessCPUs(pid); err == nil {
		s.cpus = FormatCPUs(cpus)
		if machine, err := fsys.Stat(); err == nil {
			for _, cpu := range cpus {
				c := machine.CPU[int64(cpu)]
				s.steal += time.Duration(c.Steal * float64(time.Second))
				s.busy += time.Duration((c.User + c.System + c.IRQ + c.SoftIRQ) * float64(time.Second))
			}
		}
	}
	return s, nil
}

// gone is why a process could not be read.
func gone(pid int, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d %w", pid, errEnded)
	}
	return fmt.Errorf("process %d: %w", pid, err)
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

// readSwitches reads the context switches of this process.
func readSwitches() result.Switches {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return result.Switches{}
	}
	return result.Switches{Voluntary: int64(u.Nvcsw), Involuntary: int64(u.Nivcsw)}
}
