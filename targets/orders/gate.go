package orders

import (
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
)

// Gate counts requests in and out, and turns away those that find it full. It
// is safe for concurrent use. Limit must not change once requests come.
type Gate struct {
	// Limit is how many requests may be inside at once; 0 means any number.
	Limit int64

	// Log is where Admit and Release log what they do; nil: nowhere. Where there
	// is one, Enter and Leave are for it alone.
	Log *trace.Log

	inside   atomic.Int64
	entered  atomic.Int64
	rejected atomic.Int64

	held  atomic.Int64 // requests that have let go of their worker
	holds atomic.Int64 // how long they had it, in sum, in nanoseconds
}

// Enter admits a request, which then has to Leave, or reports false and counts
// it as rejected.
func (g *Gate) Enter() bool {
	// Adding first and taking back on failure would be simpler, but for a
	// moment the count would be one too high, and another request could be
	// turned away although there is room.
	for {
		n := g.inside.Load()
		if g.Limit > 0 && n >= g.Limit {
			g.rejected.Add(1)
			return false
		}
		if g.inside.CompareAndSwap(n, n+1) {
			g.entered.Add(1)
			return true
		}
	}
}

// Leave makes room for another request.
func (g *Gate) Leave() { g.inside.Add(-1) }

// Admit is Enter, logged. What it returns goes to Release.
func (g *Gate) Admit() (trace.Visit, bool) {
	if g.Log == nil {
		return 0, g.Enter()
	}
	return g.Log.Enter(g)
}

// Release is Leave, logged: of the request that has been with a worker since
// the instant started of the log.
func (g *Gate) Release(v trace.Visit, worker int, started time.Duration) {
	if g.Log == nil {
		g.Leave()
		return
	}
	g.Log.Leave(g, v, worker, started)
}

// Held counts a request that had a worker for so long, or a place where all are
// worked on at once: what a queueing model takes for the time of service. It is
// longer than the backend's wait by what the target does itself.
func (g *Gate) Held(d time.Duration) {
	g.held.Add(1)
	g.holds.Add(int64(d))
}

// Inside is the number of requests that entered and have not left.
func (g *Gate) Inside() int64 { return g.inside.Load() }

// Stats fills in the counters of a target whose requests are all worked on at
// once. One that queues them moves some from busy to queued.
func (g *Gate) Stats() Stats {
	inside := g.inside.Load()
	held := Held{N: g.held.Load()}
	if held.N > 0 {
		held.Mean = g.holds.Load() / held.N
	}
	return Stats{
		Busy:     inside,
		InFlight: inside,
		Accepted: g.entered.Load(),
		Rejected: g.rejected.Load(),
		Held:     held,
	}
}
