// Package admission decides which requests a target lets in, counts them, and logs
// each decision where it is traced.
package admission

import (
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/orders"
)

// Control counts requests in and out, and rejects those that find it full. It
// is safe for concurrent use. Limit must not change once requests come.
type Control struct {
	// Limit is how many requests may be inside at once; 0 means any number.
	Limit int64

	// Log is where Admit and Release log what they decide; nil means nowhere. Where
	// it is set, only the log calls Enter and Leave.
	Log *trace.Log

	inside   atomic.Int64
	entered  atomic.Int64
	rejected atomic.Int64

	served  atomic.Int64 // requests that have released their worker
	service atomic.Int64 // sum of their service times, in nanoseconds
}

// Enter admits a request, which then has to Leave, or reports false and counts
// it as rejected.
func (a *Control) Enter() bool {
	// Adding first and taking back on failure would be simpler, but for a
	// moment the count would be one too high, and another request could be
	// rejected although there is room.
	for {
		n := a.inside.Load()
		if a.Limit > 0 && n >= a.Limit {
			a.rejected.Add(1)
			return false
		}
		if a.inside.CompareAndSwap(n, n+1) {
			a.entered.Add(1)
			return true
		}
	}
}

// Leave makes room for another request.
func (a *Control) Leave() { a.inside.Add(-1) }

// Admit is Enter, logged. What it returns must be given to Release.
func (a *Control) Admit() (trace.Visit, bool) {
	if a.Log == nil {
		return 0, a.Enter()
	}
	return a.Log.Enter(a)
}

// Release is Leave, logged, for a request that has occupied a worker since the
// instant started of the log.
func (a *Control) Release(v trace.Visit, worker int, started time.Duration) {
	if a.Log == nil {
		a.Leave()
		return
	}
	a.Log.Leave(a, v, worker, started)
}

// Served counts a request with its service time: how long it occupied a worker,
// or a place where all requests are served at once. That is longer than the
// backend's wait by what the target does itself.
func (a *Control) Served(d time.Duration) {
	a.served.Add(1)
	a.service.Add(int64(d))
}

// Inside is the number of requests that entered and have not left.
func (a *Control) Inside() int64 { return a.inside.Load() }

// Stats fills in the counters of a target. Of the requests inside, at most
// workers are being served and the others are queued; 0 workers means that all
// of them are being served.
func (a *Control) Stats(style string, workers int, b orders.BackendStats) orders.Stats {
	inside := a.inside.Load()
	st := orders.Stats{
		Style: style, Workers: workers, Busy: inside, InFlight: inside,
		Accepted: a.entered.Load(), Rejected: a.rejected.Load(),
		ServiceTime: orders.ServiceTime{N: a.served.Load()}, Backend: b,
	}
	if workers > 0 {
		st.Busy = min(inside, int64(workers))
		st.Queued = inside - st.Busy
	}
	if n := st.ServiceTime.N; n > 0 {
		st.ServiceTime.Mean = a.service.Load() / n
	}
	return st
}
