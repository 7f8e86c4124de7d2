// Package admission decides which requests a target lets in, counts them, and logs
// each decision where it is traced.
package admission

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// Config is how to start a server. A style uses what it needs of it.
type Config struct {
	Addr        string // TCP address, port 0 for any
	Style       string // the name under which it serves; empty: that of its package
	Workers     int    // requests that are served at once; 0: as many as are admitted
	Queue       int    // requests that may wait for a worker; others are rejected
	MaxInflight int    // without Workers, how many are admitted at once; 0 means any number
	Loops       int    // event loops
	Backend     backend.Backend
	Log         *trace.Log // of what admission decides; nil: none

	// Events is how the events of orders are sent. A stream is a request that stays
	// inside until its last event.
	Events orders.Events
}

// Control counts requests in and out, and rejects those that find it full. It
// is safe for concurrent use.
type Control struct {
	Config Config
	style  string
	limit  int64 // how many requests may be inside at once; 0 means any number

	inside   atomic.Int64
	entered  atomic.Int64
	rejected atomic.Int64

	served  atomic.Int64 // requests that have released their worker
	service atomic.Int64 // sum of their service times, in nanoseconds
}

// New is the control of a server of that style.
func New(style string, c Config) *Control {
	limit := c.MaxInflight
	if c.Workers > 0 {
		limit = c.Workers + c.Queue
	}
	return &Control{Config: c, style: cmp.Or(c.Style, style), limit: int64(limit)}
}

// Events implements [orders.Follower].
func (a *Control) Events() orders.Events { return a.Config.Events }

// Enter admits a request, which then has to Leave, or reports false and counts
// it as rejected.
func (a *Control) Enter() bool {
	// Adding first and taking back on failure would be simpler, but for a
	// moment the count would be one too high, and another request could be
	// rejected although there is room.
	for {
		n := a.inside.Load()
		if a.limit > 0 && n >= a.limit {
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

// Admit is Enter, logged where there is a log, which then calls Enter and Leave. What
// it returns must be given to Release.
func (a *Control) Admit() (trace.Visit, bool) {
	if a.Config.Log == nil {
		return 0, a.Enter()
	}
	return a.Config.Log.Enter(a)
}

// Release is Leave, logged, for a request that has occupied a worker since the
// instant started of the log.
func (a *Control) Release(v trace.Visit, worker int, started time.Duration) {
	if a.Config.Log == nil {
		a.Leave()
		return
	}
	a.Config.Log.Leave(a, v, worker, started)
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

// Stats reports what the server is doing. Of the requests inside, at most as many as
// there are workers are being served, and the others are queued.
func (a *Control) Stats() orders.Stats {
	c, inside := a.Config, a.inside.Load()
	st := orders.Stats{
		Style: a.style, Workers: c.Workers, Queue: c.Queue, MaxInflight: c.MaxInflight, Loops: c.Loops,
		Busy: inside, InFlight: inside, Accepted: a.entered.Load(), Rejected: a.rejected.Load(),
		ServiceTime: orders.ServiceTime{N: a.served.Load()}, Backend: c.Backend.Stats(),
	}
	if c.Workers > 0 {
		st.Busy = min(inside, int64(c.Workers))
		st.Queued = inside - st.Busy
	}
	if n := st.ServiceTime.N; n > 0 {
		st.ServiceTime.Mean = a.service.Load() / n
	}
	return st
}
