package bench

import (
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// open drives arrivals that come by the schedule. An arrival takes the
// connection that was used last; where none is free and no more are allowed
// it waits, its planned instant kept.
func (dr *drive) open(next func() time.Duration) {
	pool := &pool{drive: dr, most: dr.plan.MostConnections(), mostWaiting: dr.plan.MostWaiting()}
	for _, c := range dr.clients {
		pool.run(c)
	}
	for numbers := dr.plan.Numbers(); ; {
		number := numbers()
		at := dr.start + next()
		inTime := dr.until(at)
		// Where the machine stopped this process for so long, it was never sent.
		missed := !inTime && at < dr.rec.End() && clock.Now() >= dr.rec.End()+dr.plan.DrainTimeout
		if !inTime && !missed {
			break
		}
		if number >= dr.most {
			dr.rec.Exhausted(dr.most)
			break
		}
		if missed {
			pool.shards[0].begin(at)
			pool.unsent(due{at, number}, exchange.NotBegun)
			continue
		}
		pool.dispatch(due{at, number})
	}
	pool.drain()
}

// pool hands arrivals to clients in open loads.
type pool struct {
	*drive
	most, mostWaiting int

	mu      sync.Mutex // guards what follows; never held over a call that waits
	idle    []*client  // in the order in which they became so
	size    int
	waiting clock.Ring[due]
	closed  bool
	wg      sync.WaitGroup
}

// run starts a client's goroutine, at first idle.
func (p *pool) run(c *client) {
	c.work = make(chan due, 1)
	p.size++
	p.idle = append(p.idle, c)
	p.wg.Go(func() {
		for a := range c.work {
			c.finish(a, false)
			for waiting, ok := p.next(c); ok; waiting, ok = p.next(c) {
				c.finish(waiting, true)
			}
		}
	})
}

// dispatch hands one arrival to a client, or lets it wait.
func (p *pool) dispatch(a due) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 && p.size < p.most {
		c := p.newClient(p.size)
		p.drive.mu.Lock()
		p.drive.clients = append(p.drive.clients, c)
		p.drive.mu.Unlock()
		p.run(c)
	}
	if len(p.idle) > 0 {
		c := p.take()
		c.shard.begin(a.planned)
		c.work <- a
		return
	}
	p.shards[0].begin(a.planned)
	if p.waiting.Len() >= p.mostWaiting {
		p.unsent(a, exchange.AllBusy)
		return
	}
	p.waiting.Push(a)
}

func (p *pool) unsent(a due, why string) {
	p.shards[0].record(Arrival{Planned: a.planned, Done: clock.Now(), Outcome: result.Unsent, Why: why})
}

// take is the client that an arrival goes to: the one that was used last, so
// that the fewest connections stay busy; but of a burst each takes another one,
// also where the first replies are back before the last request is out.
func (p *pool) take() *client {
	if p.plan.Load.Model() == load.Burst {
		c := p.idle[0]
		p.idle = p.idle[1:]
		return c
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// next gives the client its next arrival, or makes it idle.
func (p *pool) next(c *client) (a due, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting.Len() > 0 && !p.aborted.Load() {
		return p.waiting.Pop(), true
	}
	if p.closed {
		close(c.work)
		return due{}, false
	}
	p.idle = append(p.idle, c)
	return due{}, false
}

// drain waits for what is in flight and waiting, up to the drain timeout; what
// then still waits was never sent.
func (p *pool) drain() {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.idle {
		close(c.work)
	}
	p.idle = nil
	p.mu.Unlock()
	p.wg.Wait()
	for p.waiting.Len() > 0 {
		p.unsent(p.waiting.Pop(), exchange.NoneFree)
	}
}
