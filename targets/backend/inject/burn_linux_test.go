package inject

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// However many threads there are to a CPU, each burns its own time.
func TestBurnIsCPUTimeOfTheThread(t *testing.T) {
	const d, times = 200 * time.Microsecond, 20
	var wg sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range times {
				before := threadTime()
				burn(d)
				if got := threadTime() - before; got < d {
					t.Errorf("burnt %v of CPU time, want %v", got, d)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkBurn shows by how much it burns too much.
func BenchmarkBurn(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const d = 40 * time.Microsecond
	before := threadTime()
	for b.Loop() {
		burn(d)
	}
	b.ReportMetric(float64(threadTime()-before)/float64(b.N), "cpu-ns/op")
}
