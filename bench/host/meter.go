// Package host measures what this machine and a process on it did: CPU time,
// memory, threads, descriptors, time stolen by a hypervisor, limits, and
// which CPUs a process may use. What the operating system does not report is
// absent, never zero.
package host

import (
	"errors"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// sampleEvery is how often the figures are read of which the highest counts.
const sampleEvery = 250 * time.Millisecond

// errEnded means that a process is no more.
var errEnded = errors.New("has ended")

// errUnsupported means that this operating system does not report it.
var errUnsupported = errors.New("not reported by this operating system")

// snapshot is what the operating system reports of a process at one moment.
type snapshot struct {
	cpu               time.Duration
	rss, threads, fds int64
	steal, busy       time.Duration // of the CPUs that the process may use
	cpus              string
	quota             Quota
	gcPauses          *metrics.Float64Histogram // of this process only, as the next
	switches          result.Switches
}

// Meter measures one process between Start and Stop.
type Meter struct {
	// CountAllocs makes a meter of this process count the objects that it
	// allocates on the heap, exactly. That stops all of it for some 100 µs at
	// Start and at Stop.
	CountAllocs bool

	pid    int
	self   bool
	watch  *watch
	allocs uint64 // at Start
	from   snapshot
	usage  result.Usage
	err    error
	stop   chan struct{}
	ticker sync.WaitGroup
}

// Process returns a meter of the process pid.
func Process(pid int) *Meter { return &Meter{pid: pid} }

// Ended is an error that says so where the process pid has ended, and nil where
// it lives or that is not known.
func Ended(pid int) error {
	if _, err := readProcess(pid); errors.Is(err, errEnded) {
		return err
	}
	return nil
}

// Self returns a meter of this process, its garbage collector included.
func Self() *Meter { return &Meter{pid: os.Getpid(), self: true} }

// Start begins to measure. It fails where the process does not exist.
func (m *Meter) Start() error {
	s, err := m.read()
	if err != nil {
		return err
	}
	m.from = s
	m.usage = result.Usage{CPUs: s.cpus, Quota: s.quota.CPUs}
	m.highest(s)
	if m.watch, err = watchProcess(m.pid); err != nil {
		return err
	}
	m.stop = make(chan struct{})
	m.ticker.Go(func() {
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s, err := m.watch.read()
				if err != nil {
					m.err = err
					return
				}
				m.highest(s)
			case <-m.stop:
				return
			}
		}
	})
	m.allocs = m.countAllocs() // last of all, so that nothing of the above is counted
	return nil
}

// countAllocs is how many heap objects this process has allocated so far.
//
// Note: package runtime/metrics would not stop anything, but counts a span of
// objects only when it is full, thousands late.
func (m *Meter) countAllocs() uint64 {
	if !m.self || !m.CountAllocs {
		return 0
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// Stop ends what Start began and returns what the process used in between. It
// fails where the process has ended meanwhile.
func (m *Meter) Stop() (result.Usage, error) {
	if m.stop == nil {
		return result.Usage{}, errors.New("not started")
	}
	allocs := m.countAllocs() - m.allocs
	close(m.stop)
	m.ticker.Wait()
	m.watch.close()
	if m.err != nil {
		return result.Usage{}, m.err
	}
	s, err := m.read()
	if err != nil {
		return result.Usage{}, err
	}
	m.highest(s)
	m.usage.Allocs = int64(allocs)
	m.usage.CPU = s.cpu - m.from.cpu
	// The kernel's counts of a CPU may go back a little.
	m.usage.Steal = max(0, s.steal-m.from.steal)
	m.usage.CPUsBusy = max(0, s.busy-m.from.busy)
	m.usage.Throttled = s.quota.Throttled.Minus(m.from.quota.Throttled)
	m.usage.Switches = result.Switches{
		Voluntary:   s.switches.Voluntary - m.from.switches.Voluntary,
		Involuntary: s.switches.Involuntary - m.from.switches.Involuntary,
	}
	m.usage.GCPauseMax = longestSince(m.from.gcPauses, s.gcPauses)
	return m.usage, nil
}

func (m *Meter) highest(s snapshot) {
	m.usage.RSSMax = max(m.usage.RSSMax, s.rss)
	m.usage.ThreadsMax = max(m.usage.ThreadsMax, s.threads)
	m.usage.FDsMax = max(m.usage.FDsMax, s.fds)
}

func (m *Meter) read() (snapshot, error) {
	s, err := readProcess(m.pid)
	if errors.Is(err, errUnsupported) {
		err = nil
	}
	if m.self {
		s.switches = readSwitches()
		pauses := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
		metrics.Read(pauses)
		if pauses[0].Value.Kind() == metrics.KindFloat64Histogram {
			s.gcPauses = pauses[0].Value.Float64Histogram()
		}
	}
	return s, err
}

// longestSince returns the upper edge of the highest bucket of now that has
// grown since then.
func longestSince(then, now *metrics.Float64Histogram) time.Duration {
	if then == nil || now == nil || len(then.Counts) != len(now.Counts) {
		return 0
	}
	for i := len(now.Counts) - 1; i >= 0; i-- {
		if now.Counts[i] > then.Counts[i] {
			edge := now.Buckets[i+1]
			if math.IsInf(edge, 1) {
				edge = now.Buckets[i]
			}
			return time.Duration(edge * float64(time.Second))
		}
	}
	return 0
}
