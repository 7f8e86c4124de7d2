package bench

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// Conns is the goroutine driver: one goroutine for each connection, in any
// protocol that has a Dial, on any operating system.
type Conns struct {
	Dial Dial
	Kind string // names the driver in settings and reports; "goroutine" where empty

	// sleep is clock.Sleep but in tests on a fake clock, which only package
	// time can follow.
	sleep func(done <-chan struct{}, at time.Duration) bool
}

var _ Driver = (*Conns)(nil)

// Name names the driver.
func (d *Conns) Name() string { return cmp.Or(d.Kind, "goroutine") }

// Drive runs the plan's load until every arrival has ended or the drain limit
// has passed. It returns the context's error where that ended first: then
// what was recorded is not a whole stage.
func (d *Conns) Drive(ctx context.Context, p Plan, rec *Recorder) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	dr := &drive{plan: p, rec: rec, dialer: d.Dial, sleep: d.sleep, ctx: inner}
	if dr.sleep == nil {
		dr.sleep = clock.Sleep
	}
	if !p.Load.Open() { // in open loads connections are made as they are needed
		for i := range p.Level {
			dr.clients = append(dr.clients, &client{drive: dr, shard: rec.Shard(i)})
		}
	}
	defer dr.abort() // last of all, every connection is closed
	dr.connect()
	if err := ctx.Err(); err != nil {
		return err
	}

	dr.start, dr.end = rec.Start()
	var guard sync.WaitGroup
	guard.Go(func() {
		// Whichever comes first: the drain limit, an interrupt, or the end of all.
		dr.sleep(inner.Done(), dr.end+p.Drain)
		dr.aborted.Store(true) // before a dial can fail for it
		cancel()
		dr.abort()
	})
	if arrivals := p.arrivals(); arrivals != nil {
		dr.open(arrivals.Schedule(p.Seed))
	} else {
		dr.closed()
	}
	cancel()
	guard.Wait()
	return ctx.Err()
}

// drive is one stage being driven.
type drive struct {
	plan       Plan
	rec        *Recorder
	dialer     Dial
	sleep      func(done <-chan struct{}, at time.Duration) bool
	ctx        context.Context // ends with the stage: at the drain limit, or before
	start, end time.Duration
	aborted    atomic.Bool

	mu      sync.Mutex
	clients []*client // all that there are; grows in open loads
}

// mostDialsAtOnce keeps the first connections from overflowing a server's
// queue of connections not yet accepted.
const mostDialsAtOnce = 64

// connect makes the clients' connections before the stage starts, so that a
// burst is a burst of requests, not of handshakes. All together they have one
// request's timeout for it; a client that could not connect by then tries
// again at its first arrival, whose outcome tells.
func (dr *drive) connect() {
	ctx, cancel := context.WithTimeout(dr.ctx, dr.plan.Timeout)
	defer cancel()
	var wg sync.WaitGroup
	slots := make(chan struct{}, mostDialsAtOnce)
	for _, c := range dr.clients {
		slots <- struct{}{}
		wg.Go(func() {
			if ctx.Err() == nil {
				c.dial(ctx)
			}
			<-slots
		})
	}
	wg.Wait()
}

// abort closes every connection, so that whatever is in flight returns.
func (dr *drive) abort() {
	dr.aborted.Store(true)
	dr.mu.Lock()
	clients := dr.clients
	dr.mu.Unlock()
	for _, c := range clients {
		c.interrupt()
	}
}

// closed drives clients that send when their last reply is in.
func (dr *drive) closed() {
	var wg sync.WaitGroup
	for i, c := range dr.clients {
		first := dr.start
		if n := len(dr.clients); n > 1 {
			first += dr.plan.Spread * time.Duration(i) / time.Duration(n)
		}
		wg.Go(func() {
			for at := first; at < dr.end; {
				if !dr.sleep(dr.ctx.Done(), at) {
					return
				}
				outcome, done := c.serve(at)
				at = done + dr.plan.Think
				if outcome != result.OK {
					at = done + dr.plan.RejectPause
				}
			}
		})
	}
	wg.Wait()
}

// open drives arrivals that come by the schedule. An arrival takes the
// connection that was used last; where none is free and no more are allowed
// it waits, its planned instant kept.
func (dr *drive) open(next func() time.Duration) {
	pool := &pool{drive: dr, most: dr.plan.MostConnections()}
	for _, c := range dr.clients {
		pool.run(c)
	}
	for {
		at := next()
		if at >= dr.end-dr.start {
			break
		}
		if !dr.sleep(dr.ctx.Done(), dr.start+at) {
			break
		}
		pool.dispatch(dr.start + at)
	}
	pool.drain()
}

// pool hands arrivals to clients in open loads.
type pool struct {
	*drive
	most int

	mu      sync.Mutex // guards what follows; never held over a call that waits
	idle    []*client  // last in, first out: the fewest connections stay busy
	size    int
	waiting ring
	closed  bool
	wg      sync.WaitGroup
}

// run starts a client's goroutine, at first idle.
func (p *pool) run(c *client) {
	c.work = make(chan time.Duration, 1)
	p.size++
	p.idle = append(p.idle, c)
	p.wg.Go(func() {
		for planned := range c.work {
			c.finish(planned, false)
			for waiting, ok := p.next(c); ok; waiting, ok = p.next(c) {
				c.finish(waiting, true)
			}
		}
	})
}

// dispatch hands one arrival to a client, or lets it wait.
func (p *pool) dispatch(planned time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shard := p.rec.Shard(0)
	if len(p.idle) == 0 && p.size < p.most {
		c := &client{drive: p.drive, shard: p.rec.Shard(p.size)}
		p.drive.mu.Lock()
		p.drive.clients = append(p.drive.clients, c)
		p.drive.mu.Unlock()
		p.run(c)
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		c.shard.Begin(planned)
		c.work <- planned
		return
	}
	shard.Begin(planned)
	if p.waiting.len() >= p.plan.MaxWaiting {
		shard.Record(Arrival{Planned: planned, Done: clock.Now(), Outcome: result.Unsent,
			Why: "all connections busy and the limit of waiting arrivals reached"})
		return
	}
	p.waiting.push(planned)
}

// next gives the client its next arrival, or makes it idle.
func (p *pool) next(c *client) (planned time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting.len() > 0 && !p.aborted.Load() {
		return p.waiting.pop(), true
	}
	if p.closed {
		close(c.work)
		return 0, false
	}
	p.idle = append(p.idle, c)
	return 0, false
}

// drain waits for what is in flight and waiting, up to the drain limit; what
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
	for p.waiting.len() > 0 {
		p.rec.Shard(0).Record(Arrival{Planned: p.waiting.pop(), Done: clock.Now(), Outcome: result.Unsent,
			Why: "no connection became free before the drain limit"})
	}
}

// client is one connection and the goroutine that uses it.
type client struct {
	*drive
	shard *Shard
	work  chan time.Duration // open loads: the planned instant of its next arrival

	mu   sync.Mutex // guards conn against hangUp
	conn Conn
}

// serve begins an arrival and sees it through.
func (c *client) serve(planned time.Duration) (result.Outcome, time.Duration) {
	c.shard.Begin(planned)
	return c.finish(planned, false)
}

// finish sees an arrival through that was begun, and records it. It waited
// where it came while all connections were busy.
func (c *client) finish(planned time.Duration, waited bool) (result.Outcome, time.Duration) {
	sent := clock.Now()
	reply := c.exchange(sent)
	done := clock.Now()
	if reply.Outcome != result.OK && c.aborted.Load() {
		reply.Outcome, reply.Why = result.Unfinished, "still in flight at the drain limit"
	}
	c.shard.Record(Arrival{planned, sent, done, reply.Outcome, reply.Why, waited})
	return reply.Outcome, done
}

// exchange makes one request, over a new connection where there is none.
func (c *client) exchange(sent time.Duration) Reply {
	left := c.plan.Timeout
	conn := c.current()
	if a, ok := conn.(Aliver); ok && !a.Alive() {
		c.hangUp()
		conn = nil
	}
	if conn == nil {
		if err := c.dial(c.ctx); err != nil {
			return dialFailed(err)
		}
		if left -= clock.Now() - sent; left <= 0 {
			return Reply{Outcome: result.Timeout, Why: "connecting took longer than the timeout"}
		}
		conn = c.current()
	}
	reply := conn.Do(left)
	if reply.Spent {
		c.hangUp()
	}
	return reply
}

func (c *client) current() Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// dial makes the client's connection within the plan's timeout.
func (c *client) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.plan.Timeout)
	defer cancel()
	began := clock.Now()
	conn, err := c.dialer(ctx)
	if err != nil {
		return err
	}
	took := clock.Now() - began
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	if c.aborted.Load() { // abort may have looked before there was a connection
		c.interrupt()
	}
	c.shard.Connected(took)
	return nil
}

// hangUp closes the connection; the client's next exchange makes a new one.
func (c *client) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.Close()
	c.conn = nil
}

// interrupt ends the exchange in progress, from another goroutine.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}

// ring is a queue of planned instants that reuses its memory.
type ring struct {
	buf  []time.Duration
	head int
	n    int
}

func (r *ring) len() int { return r.n }

func (r *ring) push(at time.Duration) {
	if r.n == len(r.buf) {
		grown := make([]time.Duration, max(64, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = at
	r.n++
}

func (r *ring) pop() time.Duration {
	at := r.buf[r.head]
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return at
}
