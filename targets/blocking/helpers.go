package blocking

import (
	"runtime"
	"sync"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
)

// maxHelpers bounds the threads beside the workers: with the most workers too,
// there are fewer than the 10,000 at which a Go process ends.
const maxHelpers = 4_000

// helpers are the threads that make a request's calls at once, when its worker
// alone could only make them one after another. This is a cached thread pool:
// a call takes an idle thread or a new one, and where there may be no more, the
// worker makes the call itself. The workers are not used for it, since a worker
// that waits for another to be free may wait for ever.
type helpers struct {
	mu      sync.Mutex
	idle    []*helper
	size    int
	threads sync.WaitGroup
}

type helper struct{ calls chan call }

type call struct {
	backend backend.Backend
	query   *backend.Query
	done    *sync.WaitGroup
}

// all answers the queries at once, the first of them on the calling thread.
func (h *helpers) all(b backend.Backend, queries []backend.Query) {
	var done sync.WaitGroup
	var own []*backend.Query // what no thread was left for
	for i := range queries[1:] {
		q := &queries[1+i]
		t := h.take()
		if t == nil {
			own = append(own, q)
			continue
		}
		done.Add(1)
		t.calls <- call{b, q, &done}
	}
	b.Block(&queries[0])
	for _, q := range own {
		b.Block(q)
	}
	done.Wait()
}

// take is an idle thread or a new one, and nil where there may be no more.
func (h *helpers) take() *helper {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.idle); n > 0 {
		t := h.idle[n-1]
		h.idle = h.idle[:n-1]
		return t
	}
	if h.size == maxHelpers {
		return nil
	}
	h.size++
	t := &helper{make(chan call, 1)}
	h.threads.Go(func() { h.work(t) })
	return t
}

// work is the life of one thread.
func (h *helpers) work(t *helper) {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	clock.Punctual()
	for c := range t.calls {
		c.backend.Block(c.query)
		h.mu.Lock()
		h.idle = append(h.idle, t)
		h.mu.Unlock()
		c.done.Done()
	}
}

// end ends the threads, of which none may be at work.
func (h *helpers) end() {
	h.mu.Lock()
	for _, t := range h.idle {
		close(t.calls)
	}
	h.mu.Unlock()
	h.threads.Wait()
}
