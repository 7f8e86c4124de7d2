package host

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a628bb15/onhold/reports/result"
)

// Sampler reads samples; once made, it allocates next to nothing.
type Sampler struct {
	cpus         []int
	self, target *usage
	stat         *os.File
	buf          []byte
	limited      bool // there is a quota
}

// tick is the unit of /proc/stat on every architecture of Linux.
const tick = 10 * time.Millisecond

// NewSampler returns a sampler of this process, of the process target where that is
// not 0, and of the CPUs.
func NewSampler(target int, cpus []int) *Sampler {
	s := &Sampler{cpus: cpus, self: openUsage(os.Getpid()), buf: make([]byte, 64<<10), limited: ReadQuota(os.Getpid()).CPUs > 0}
	if target != 0 {
		s.target = openUsage(target)
	}
	s.stat, _ = os.Open("/proc/stat") // where it fails, nothing is known of the CPUs
	return s
}

// Read reads a sample.
func (s *Sampler) Read() (sample Sample) {
	sample.Generator = s.self.read()
	sample.Target = s.target.read()
	if s.limited {
		sample.Throttled = SelfThrottled()
	}
	if s.stat == nil {
		return sample
	}
	n, _ := s.stat.ReadAt(s.buf, 0)
	for line := range bytes.Lines(s.buf[:n]) {
		fields := bytes.Fields(line)
		if len(fields) < 9 || !bytes.HasPrefix(fields[0], []byte("cpu")) {
			break // the lines of the CPUs come first
		}
		cpu, err := strconv.Atoi(string(fields[0][3:]))
		if err != nil || !slices.Contains(s.cpus, cpu) {
			continue
		}
		ticks := func(field int) time.Duration { return time.Duration(number(fields[field])) * tick }
		sample.Busy += ticks(1) + ticks(3) // user, system; 2 is that of nice processes
		sample.Steal += ticks(8)
	}
	return sample
}

// Close ends the sampler.
func (s *Sampler) Close() {
	s.self.close()
	s.target.close()
	if s.stat != nil {
		s.stat.Close()
	}
}

// usage reads the CPU time and the memory of a process.
type usage struct {
	pid   int
	statm *os.File
	buf   [128]byte
}

func openUsage(pid int) *usage {
	u := &usage{pid: pid}
	u.statm, _ = os.Open(fmt.Sprintf("/proc/%d/statm", pid))
	return u
}

func (u *usage) read() (s result.Spent) {
	if u == nil {
		return s
	}
	const cpuclockSched = 2 // as in cpuTime
	s.CPU = cpuClock(int32(^u.pid<<3 | cpuclockSched))
	if u.statm != nil {
		n, _ := u.statm.ReadAt(u.buf[:], 0)
		if fields := bytes.Fields(u.buf[:n]); len(fields) > 1 {
			s.RSS = number(fields[1]) * int64(unix.Getpagesize())
		}
	}
	return s
}

func (u *usage) close() {
	if u != nil && u.statm != nil {
		u.statm.Close()
	}
}
