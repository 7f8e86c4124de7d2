package host

import (
	"runtime"
	"sync"
)

var procs struct {
	sync.Mutex
	threads int // of all stages that run
	before  int // GOMAXPROCS before the first
}

// SpareProcs lets Go run two goroutines at once beside so many threads that wait in
// the kernel, until the function that it returns is called. Such a thread keeps its
// slot for a while; with too few, it would find it taken when it wakes.
func SpareProcs(threads int) func() {
	procs.Lock()
	defer procs.Unlock()
	if procs.threads == 0 {
		procs.before = runtime.GOMAXPROCS(0)
	}
	procs.threads += threads
	if want := procs.threads + 2; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	return func() {
		procs.Lock()
		defer procs.Unlock()
		if procs.threads -= threads; procs.threads == 0 {
			runtime.GOMAXPROCS(procs.before)
		}
	}
}
