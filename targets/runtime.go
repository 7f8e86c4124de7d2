package targets

import (
	"runtime"
	"runtime/debug"
)

// MinProcs is what TuneRuntime raises GOMAXPROCS to at the least.
const MinProcs = 4

// maxSlotted is the largest pool of which every worker gets a slot of
// GOMAXPROCS. With more slots the runtime has more to look through: of 200
// workers each request costs half as much CPU time again, and with 2,000 less
// is served.
const maxSlotted = 128

// spareSlots are for accepting, deciding and replying.
const spareSlots = 8

// gcPercent is how much garbage may gather, in percent of what is in use, before
// it is collected. A target makes hardly any for a request: what there is comes
// from connections being made, and would otherwise stay as memory. Measured
// with 10,000 connections on style eventloop it is 1 MB less than at 100.
const gcPercent = 50

// TuneRuntime collects garbage early, and raises GOMAXPROCS to what a target with
// so many threads that block needs; 0 is a target that has none. In a process that
// is pinned to one or two cores GOMAXPROCS is below that. [Serve] calls it, and
// [Style.Start] does not, as the setting belongs to the process.
//
// A thread that blocks in a system call (a worker that waits, an event loop in
// epoll_wait) keeps its slot of GOMAXPROCS until the runtime's monitor takes it
// back, up to 10 ms later. With spare slots, other goroutines do not wait for it. In a
// small pool each worker gets a slot: at 2,500 requests a second on 40 workers and
// one core the median service time of 20 ms was 45 ms with 4 slots, admission
// standing still meanwhile, and 20 ms with 48.
//
// Of large ones, measured on one core with style blocking and a 200 ms backend: with
// 2,000 clients on 2,000 threads, where 10,000 requests a second is the ideal, 4,900
// were answered with 1 slot, 6,800 with 2, 8,600 with 4, 8,800 with 8 and 7,000 with
// 16. The other styles are near the ideal with any.
func TuneRuntime(threads int) {
	debug.SetGCPercent(gcPercent)
	slots := MinProcs
	if threads > 0 && threads <= maxSlotted {
		slots = max(slots, threads+spareSlots)
	}
	if runtime.GOMAXPROCS(0) < slots {
		runtime.GOMAXPROCS(slots)
	}
}

// Threads is how many threads a target of the style has that block in system
// calls; 0 where it has none of its own.
func (s Style) Threads(o Options) int {
	o = o.withDefaults()
	if s.threads == nil || !s.threads(o) {
		return 0
	}
	workers, _ := s.room(o)
	return workers
}
