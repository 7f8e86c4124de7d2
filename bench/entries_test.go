package bench

import (
	"runtime"
	"testing"
	"time"
)

// What one goroutine puts in, another takes out: all of it, in order, once.
func TestEntriesKeepTheirOrder(t *testing.T) {
	const n = 20 * chunkEntries
	q := newQueue[entry]()
	go func() {
		for i := range n {
			q.put(entry{planned: time.Duration(i)}, time.Duration(i))
			if i%500 == 0 {
				runtime.Gosched()
			}
		}
	}()
	for at := 0; at < n; {
		q.ahead.skip()
		e := q.oldest()
		if e == nil {
			runtime.Gosched()
			continue
		}
		if e.planned != time.Duration(at) {
			t.Fatalf("entry %d is %d", at, e.planned)
		}
		q.behind.read++
		at++
	}
	if q.dropped != 0 || q.held.Load() > 2 {
		t.Errorf("%d dropped, %d chunks held", q.dropped, q.held.Load())
	}
}

// Nobody reads: the memory has a bound, and what does not fit is counted.
func TestEntriesAreBounded(t *testing.T) {
	q := newQueue[entry]()
	for range (mostChunks + 1) * chunkEntries {
		q.put(entry{}, 0)
	}
	if q.dropped != chunkEntries || q.held.Load() != mostChunks {
		t.Errorf("%d dropped with %d chunks held, want %d and %d", q.dropped, q.held.Load(), chunkEntries, mostChunks)
	}
}

// BenchmarkEntries is what noting an arrival costs the thread that drives.
func BenchmarkEntries(b *testing.B) {
	q := newQueue[entry]()
	b.ReportAllocs()
	for b.Loop() {
		q.put(entry{planned: 1, lag: 2, took: 3}, 4)
		if q.filled == chunkEntries {
			q.ahead.skip()
			for q.oldest() != nil {
				q.behind.read = q.behind.at.n.Load()
			}
		}
	}
}

// BenchmarkFold is what an arrival costs the goroutine that folds.
func BenchmarkFold(b *testing.B) {
	r := NewRecorder(Plan{Duration: time.Hour}.withDefaults())
	f := newFold(r)
	e := entry{planned: time.Second, lag: 20 * time.Microsecond, took: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		e.planned += 20 * time.Microsecond
		e.took = (e.took + 17*time.Microsecond) % (20 * time.Millisecond)
		f.add(&e)
	}
}
