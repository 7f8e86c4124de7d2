package host

import (
	"cmp"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	mostProcesses = 4096 // that are looked at
	mostNamed     = 2
	leastNamed    = 0.05 // of a CPU: less is no cause of anything
	mostName      = 32   // characters
)

// account is what a process has used so far, with the children that it has waited for.
type account struct {
	name    string
	parent  int
	started uint64
	cpu     time.Duration
	yields  bool // to processes of normal priority
}

// Neighbours finds the processes that use the CPUs of this machine.
type Neighbours struct {
	at     time.Duration
	before map[int]account
}

// WatchNeighbours begins to look. It takes some 20 µs per process, here and at the end.
func WatchNeighbours() *Neighbours { return &Neighbours{clock.Now(), accounts()} }

// Busiest are the one or two that used the most CPU time since WatchNeighbours, by name, of
// those that may run on the CPUs: not this process, and not the process target. The CPU
// time is their share of a window of that length. There are none where the operating
// system does not report them.
func (o *Neighbours) Busiest(cpus []int, target int, length time.Duration) []result.Process {
	all := o.busy(cpus, target, length)
	return all[:min(len(all), mostNamed)]
}

func (o *Neighbours) busy(cpus []int, target int, length time.Duration) (named []result.Process) {
	elapsed := clock.Now() - o.at
	if elapsed <= 0 {
		return nil
	}
	byName := map[string]time.Duration{}
	for pid, used := range usedSince(o.before, accounts()) {
		if pid != target && used.cpu > elapsed/100 && runsOn(pid, cpus) {
			byName[used.name] += used.cpu
		}
	}
	for name, cpu := range byName {
		if share := cpu.Seconds() / elapsed.Seconds(); share >= leastNamed {
			named = append(named, result.Process{Name: name, CPU: time.Duration(share * float64(length))})
		}
	}
	slices.SortFunc(named, func(a, b result.Process) int { return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(a.Name, b.Name)) })
	return named
}

// usedSince is what each process has used in between. A child that has ended counts for
// the parent that waited for it, but not what it had used before.
func usedSince(before, now map[int]account) map[int]account {
	used := map[int]account{}
	lives := func(pid int) bool {
		a, ok := now[pid]
		b, was := before[pid]
		return ok && (!was || a.started == b.started)
	}
	for pid, a := range now {
		if lives(pid) {
			a.cpu -= before[pid].cpu
		}
		used[pid] = a
	}
	for pid, b := range before {
		if lives(pid) {
			continue
		}
		heir := b.parent
		for range mostProcesses {
			if _, known := before[heir]; lives(heir) || !known {
				break
			}
			heir = before[heir].parent
		}
		if a, ok := used[heir]; ok {
			a.cpu -= b.cpu
			used[heir] = a
		}
	}
	for pid, a := range used {
		a.name = escape.Line(a.name)
		if runes := []rune(a.name); len(runes) > mostName {
			a.name = string(runes[:mostName]) + "…"
		}
		if used[pid] = a; a.yields {
			delete(used, pid)
		}
	}
	return used
}
