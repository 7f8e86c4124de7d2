package blocking

import (
	"runtime"
	"sync"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
)

// maxHelpers bounds the threads beside the workers.
const maxHelpers = 4_000

// helpers holds a token for each thread that makes one of a request's calls at once,
// when its worker alone could only make them one after another. This is a cached
// thread pool: the runtime keeps idle threads, and where there may be no more, the
// worker makes the call itself. The workers are not used for it, since a worker
// that waits for another to be free may wait for ever.
type helpers chan struct{}

// all answers the queries at once, the first of them on the calling thread.
func (h helpers) all(b backend.Backend, queries []backend.Query) {
	var done sync.WaitGroup
	var own []*backend.Query // what no thread was left for
	for i := range queries[1:] {
		q := &queries[1+i]
		select {
		case h <- struct{}{}:
			done.Go(func() {
				defer func() { <-h }()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				clock.Punctual()
				b.Block(q)
			})
		default:
			own = append(own, q)
		}
	}
	b.Block(&queries[0])
	for _, q := range own {
		b.Block(q)
	}
	done.Wait()
}
