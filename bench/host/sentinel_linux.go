package host

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/bench/clock"
)

// sentinelName is what process lists call the threads.
var sentinelName = []byte("sentinel\x00")

// watch naps on one CPU, and reports what kept it from waking up.
//
// Note: it sleeps by a raw system call, which keeps Go's scheduler out of it: through
// the usual one the runtime would take its slot away and give it back at each nap, for
// twice the CPU time, and a late wake-up might be the scheduler's own doing.
func (s *Sentinels) watch(i, cpu int, nap time.Duration, threads []int) {
	runtime.LockOSThread() // never unlocked: the thread ends with this function
	// The name is for people, and for who looks for threads that are pinned: so it comes first.
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&sentinelName[0])), 0, 0, 0)
	if PinThread(cpu) != nil {
		return
	}
	clock.Punctual()
	own := openSchedule(unix.Gettid())
	defer own.close()
	var loops []*schedule
	for _, tid := range threads {
		loop := own
		if tid != 0 {
			loop = openSchedule(tid)
			defer loop.close()
		}
		loops = append(loops, loop)
	}
	var history usedBefore
	sleep := unix.NsecToTimespec(int64(nap))
	for before := clock.Now(); !s.stop.Load(); {
		unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&sleep)), 0, 0, 0)
		now := clock.Now()
		own.read()
		var spells []Spell
		// What it waited for the CPU while others ran is no spell: that may be the
		// target, on its own CPU.
		if size := now - before - nap - own.waited; size >= leastSpell {
			spells = append(spells, Spell{before, now, size, Stopped})
		}
		var used time.Duration // by this process, but for these threads
		if len(loops) > 0 {
			used = processTime()
		}
		for _, l := range loops {
			if l != own {
				l.read()
			}
			used -= l.ran
		}
		history.add(now, used)
		for _, l := range loops {
			if size := l.waited - (used - history.at(now-l.waited)); l.waited >= leastSpell && size >= leastSpell {
				spells = append(spells, Spell{now - l.waited, now, size, Others})
			}
		}
		s.report(i, now, spells...)
		before = clock.Now()
	}
}

// processTime is the CPU time of this process.
func processTime() time.Duration { return cpuClock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func cpuClock(id int32) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(id, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// usedBefore has the CPU time used up to the last instants.
type usedBefore struct {
	ring [64]struct{ at, used time.Duration }
	next int
}

func (u *usedBefore) add(at, used time.Duration) {
	u.ring[u.next%len(u.ring)].at, u.ring[u.next%len(u.ring)].used = at, used
	u.next++
}

// at is what was used up to the last instant before at, or the first there is.
func (u *usedBefore) at(at time.Duration) (used time.Duration) {
	for back := 1; back <= min(u.next, len(u.ring)); back++ {
		entry := u.ring[(u.next-back)%len(u.ring)]
		if used = entry.used; entry.at <= at {
			break
		}
	}
	return used
}

// schedule is the kernel's account of a thread: /proc/PID/task/TID/schedstat has how
// long it ran and how long it waited for a CPU. It does not count what the hypervisor
// took while the thread slept.
type schedule struct {
	fd          int
	buf         [96]byte
	ran, waited time.Duration // ran so far; waited since the last reading
	total       time.Duration // waited so far
}

// openSchedule returns a schedule that is all zero where the kernel keeps none.
func openSchedule(tid int) *schedule {
	s := &schedule{}
	var err error
	if s.fd, err = unix.Open(fmt.Sprintf("/proc/%d/task/%d/schedstat", os.Getpid(), tid), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		s.fd = -1
	}
	s.read()
	s.waited = 0
	return s
}

func (s *schedule) read() {
	if s.fd < 0 {
		return
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(s.fd), uintptr(unsafe.Pointer(&s.buf[0])), uintptr(len(s.buf)), 0, 0, 0)
	if errno != 0 {
		s.waited = 0 // the thread has ended
		return
	}
	var fields [3]time.Duration
	field := 0
	for _, c := range s.buf[:n] {
		switch {
		case c >= '0' && c <= '9':
			fields[field] = 10*fields[field] + time.Duration(c-'0')
		case field < 2:
			field++
		}
	}
	s.ran, s.waited, s.total = fields[0], fields[1]-s.total, fields[1]
}

func (s *schedule) close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
}
