package host

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
)

// Cause is what kept a process from running.
type Cause uint8

// The causes.
const (
	// Stopped: the hypervisor took the CPU, or this process was stopped.
	Stopped Cause = iota
	// Others: other processes ran while a thread of the generator waited for the CPU.
	Others
	// Limited: a CPU quota stopped this process.
	Limited
)

// Spell is a time for which the machine kept a process from running. It is found
// without a look at the target: what a target does is never a spell.
type Spell struct {
	From, To time.Duration // instants of package clock
	Size     time.Duration // of that, how long nothing ran
	Cause    Cause
}

const (
	// nap is how long the sentinel of a CPU of the generator sleeps at a time. It takes
	// 0.8 % of a core so, half of it for Go's scheduler, which looks after a thread that
	// seems to run for 10 ms. A stop is seen by how much longer than a nap it makes one:
	// shorter ones may be missed.
	nap = 5 * time.Millisecond
	// targetNap is likewise that of the other CPUs: what stops a machine mostly stops all of them.
	targetNap = 8 * time.Millisecond
	// leastSpell is the shortest spell that is reported.
	leastSpell = time.Millisecond
	// mostSentinels bounds their cost on a machine with many CPUs.
	mostSentinels = 8
	// never is after all instants.
	never = time.Duration(math.MaxInt64)
)

// Guarded says what sentinels watch.
type Guarded struct {
	CPUs    []int // of the generator
	Targets []int // the CPUs of a target that is another process
	Threads []int // of the generator, that drive

	// Apart: only other processes than the target can keep the threads from the CPUs of
	// the generator, so that the time for which they wait for one counts.
	Apart bool
}

// Sentinels watch the machine, from their start until Stop.
type Sentinels struct {
	mu     sync.Mutex
	spells []Spell
	seen   []time.Duration // by each sentinel: up to when it has reported
	stop   atomic.Bool
	done   sync.WaitGroup
	procs  func() // gives back what the sentinels occupy
}

// StartSentinels starts one sentinel on each CPU, as far as the system allows.
func StartSentinels(g Guarded) *Sentinels {
	cpus := slices.Clone(g.CPUs)
	for _, cpu := range g.Targets {
		if !slices.Contains(cpus, cpu) {
			cpus = append(cpus, cpu)
		}
	}
	cpus = cpus[:min(len(cpus), mostSentinels)]
	s := &Sentinels{seen: make([]time.Duration, len(cpus)), procs: SpareProcs(len(cpus))}
	for i, cpu := range cpus {
		s.seen[i] = clock.Now()
		length := targetNap
		if slices.Contains(g.CPUs, cpu) {
			length = nap
		}
		var threads []int
		if own := min(len(cpus), len(g.CPUs)); g.Apart && i < own {
			threads = append(threads, 0) // itself
			for t := i; t < len(g.Threads); t += own {
				threads = append(threads, g.Threads[t])
			}
		}
		s.done.Go(func() {
			s.watch(i, cpu, length, threads)
			s.report(i, never)
		})
	}
	return s
}

// Spells returns the spells found since the last call, and up to when nothing more
// can be found. Spells of different CPUs are in no order.
func (s *Sentinels) Spells() (spells []Spell, until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spells, s.spells = s.spells, nil
	until = clock.Now()
	for _, seen := range s.seen {
		until = min(until, seen)
	}
	return spells, until
}

// Stop ends what StartSentinels began.
func (s *Sentinels) Stop() {
	s.stop.Store(true)
	s.done.Wait()
	s.procs()
}

func (s *Sentinels) report(i int, seen time.Duration, spells ...Spell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[i] = seen
	s.spells = append(s.spells, spells...)
}
