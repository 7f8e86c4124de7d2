package bench

import (
	"cmp"
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// GoroutineDriver is the goroutine driver: one goroutine for each connection, in any
// protocol that has a Dial, on any operating system.
type GoroutineDriver struct {
	Dial Dial
	Kind string // names the driver in settings and reports; "goroutine" where empty

	// RequestSettings tells in settings what is sent; see HTTP.Settings.
	RequestSettings result.Settings

	// SharedConnections is how many connections there are in all, where the Conns that Dial
	// makes share them; 0: each has its own.
	SharedConnections int

	// Completions tells when the work of accepted requests is done, where the server
	// does it after its reply; nil where it does not.
	Completions Completions

	// sleep is clock.Sleep but in tests on a fake clock, which only package
	// time can follow.
	sleep func(done <-chan struct{}, at time.Duration) bool
}

var _ Driver = (*GoroutineDriver)(nil)

// Name names the driver.
func (d *GoroutineDriver) Name() string { return cmp.Or(d.Kind, "goroutine") }

// Drive runs the plan's load until every arrival has ended or the drain limit
// has passed. It returns the context's error where that ended first: then
// what was recorded is not a whole stage.
func (d *GoroutineDriver) Drive(ctx context.Context, p Plan, rec *Recorder) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	dr := &drive{plan: p, rec: rec, dialer: d.Dial, sleep: d.sleep, ctx: inner}
	if dr.sleep == nil {
		dr.sleep = clock.Sleep
	}
	if d.Completions != nil {
		watch, unwatch := context.WithCancel(ctx)
		defer unwatch()
		dr.later = rec.Later()
		if err := d.Completions.Watch(watch, dr.later.told); err != nil {
			return err
		}
	}
	for range runtime.GOMAXPROCS(0) {
		dr.shards = append(dr.shards, &lockedShard{shard: rec.NewShard()})
	}
	for i := range p.Clients() {
		dr.clients = append(dr.clients, dr.newClient(i))
	}
	defer dr.abort() // last of all, every connection is closed
	if !p.NewConnection {
		dr.connect()
	}
	if err := ctx.Err(); err != nil {
		return err
	}

	dr.start, dr.end = rec.Start()
	var guard sync.WaitGroup
	guard.Go(func() {
		// Whichever comes first: the drain limit, an interrupt, or the end of all.
		dr.sleep(inner.Done(), dr.end+p.DrainTimeout)
		dr.aborted.Store(true) // before a dial can fail for it
		cancel()
		dr.abort()
	})
	if schedule := p.Schedule(); schedule != nil {
		dr.open(schedule)
	} else {
		dr.closed()
	}
	if dr.later != nil {
		dr.later.Drain(inner)
	}
	dr.lookBack()
	cancel()
	guard.Wait()
	if dr.later != nil {
		dr.later.Settle(ctx, d.Completions)
	}
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
	shards     []*lockedShard
	later      *completions // nil where replies are all there is

	mu      sync.Mutex
	clients []*client // all that there are; grows in open loads
}

// lockedShard is a shard that several goroutines share. Its lock is free
// nearly always: a record takes a fraction of a microsecond.
type lockedShard struct {
	mu    sync.Mutex
	shard *Shard
}

func (s *lockedShard) begin(planned time.Duration) {
	s.mu.Lock()
	s.shard.Begin(planned)
	s.mu.Unlock()
}

func (s *lockedShard) record(a Arrival) {
	s.mu.Lock()
	s.shard.Record(a)
	s.mu.Unlock()
}

// connected notes a new connection, and that it replaces one where it does.
func (s *lockedShard) connected(took time.Duration, again bool) {
	s.mu.Lock()
	s.shard.Connected(took)
	if again {
		s.shard.Reconnected(clock.Now())
	}
	s.mu.Unlock()
}

func (dr *drive) newClient(i int) *client {
	return &client{drive: dr, shard: dr.shards[i%len(dr.shards)]}
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

// LookBack is how long a stage waits, once all its requests have ended, for what
// a server says on connections that it was asked nothing more on. Of one that
// sends two replies to each request, late, the second is always taken for the
// reply to the next request; only here it is seen that there are too many.
const LookBack = 20 * time.Millisecond

func (dr *drive) lookBack() {
	var idle []*client // no other goroutine uses them any more
	for _, c := range dr.clients {
		if _, ok := c.current().(Unasker); ok {
			idle = append(idle, c)
		}
	}
	if len(idle) == 0 || !dr.sleep(dr.ctx.Done(), clock.Now()+LookBack) {
		return
	}
	for _, c := range idle {
		c.alive(c.current())
	}
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
		first := dr.start + dr.plan.Begins(i)
		wg.Go(func() {
			for at := first; at < dr.end; {
				if !dr.sleep(dr.ctx.Done(), at) {
					return
				}
				outcome, done := c.serve(at)
				at = done + dr.plan.Load.ThinkTime
				if outcome != result.OK {
					at = done + dr.plan.Load.Backoff
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
	idle    []*client  // in the order in which they became so
	size    int
	waiting clock.Ring
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
	if len(p.idle) == 0 && p.size < p.most {
		c := p.newClient(p.size)
		p.drive.mu.Lock()
		p.drive.clients = append(p.drive.clients, c)
		p.drive.mu.Unlock()
		p.run(c)
	}
	if len(p.idle) > 0 {
		c := p.take()
		c.shard.begin(planned)
		c.work <- planned
		return
	}
	p.shards[0].begin(planned)
	if p.waiting.Len() >= p.plan.MaxWaiting {
		p.shards[0].record(NeverSent(planned, clock.Now(), true))
		return
	}
	p.waiting.Push(planned)
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
func (p *pool) next(c *client) (planned time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting.Len() > 0 && !p.aborted.Load() {
		return p.waiting.Pop(), true
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
	for p.waiting.Len() > 0 {
		p.shards[0].record(NeverSent(p.waiting.Pop(), clock.Now(), false))
	}
}

// client is one connection and the goroutine that uses it.
type client struct {
	*drive
	shard *lockedShard
	work  chan time.Duration // open loads: the planned instant of its next arrival
	had   bool               // a connection, at some time
	wary  bool               // of a server that says what nobody asked for
	rests time.Duration      // since when no request is under way

	mu   sync.Mutex // guards conn against hangUp
	conn Conn
}

// serve begins an arrival and sees it through.
func (c *client) serve(planned time.Duration) (result.Outcome, time.Duration) {
	c.shard.begin(planned)
	return c.finish(planned, false)
}

// finish sees an arrival through that was begun, and records it. It waited
// where it came while all connections were busy.
func (c *client) finish(planned time.Duration, waited bool) (result.Outcome, time.Duration) {
	sent := clock.Now()
	reply := c.exchange(sent)
	done := clock.Now()
	switch {
	case reply.Outcome != result.OK && c.aborted.Load():
		reply.Outcome, reply.Why = result.Unfinished, "still in flight at the drain limit"
	case TooLate(reply.Outcome, done-sent, c.plan.Timeout):
		reply.Outcome, reply.Why = result.Timeout, WhyTimeout
		c.hangUp()
	}
	c.rests = done
	if c.later != nil && reply.Outcome == result.OK {
		c.later.Accepted(reply.ID, planned)
	}
	c.shard.record(Arrival{planned, sent, done, reply.Outcome, reply.Why, waited})
	return reply.Outcome, done
}

// rested is how long a connection rests before it is asked whether it still is
// one: a system call, which a client that sends again at once can spare.
const rested = 100 * time.Microsecond

// exchange makes one request, over a new connection where there is none.
func (c *client) exchange(sent time.Duration) Reply {
	left := c.plan.Timeout
	conn := c.current()
	if conn != nil && sent-c.rests > rested && !c.alive(conn) {
		c.hangUp()
		conn = nil
	}
	if conn == nil {
		if err := c.dial(c.ctx); err != nil {
			return DialFailed(err)
		}
		if left -= clock.Now() - sent; left <= 0 {
			return Reply{Outcome: result.Timeout, Why: "connecting took longer than the timeout"}
		}
		conn = c.current()
	}
	reply := conn.Do(left)
	if reply.Unsolicited {
		c.surplus()
	}
	if reply.Spent || c.plan.NewConnection || c.wary {
		c.hangUp()
	}
	return reply
}

// alive asks a connection that rests whether it still is one.
func (c *client) alive(conn Conn) bool {
	a, ok := conn.(Aliver)
	if !ok || a.Alive() {
		return true
	}
	if u, ok := conn.(Unasker); ok && u.Unasked() {
		c.surplus()
	}
	return false
}

// surplus notes that the server said what nobody asked for. Where it does so
// once it may again, and if the next request is already out by then, no client
// can see that it is not the reply to that one. So from here on this client
// takes a new connection for each request.
func (c *client) surplus() {
	c.wary = true
	c.shard.mu.Lock()
	c.shard.shard.Unsolicited()
	c.shard.mu.Unlock()
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
	if s, ok := conn.(Sharer); !ok || s.Fresh() {
		c.shard.connected(took, c.had && !c.plan.NewConnection)
	}
	c.had = true
	return nil
}

// hangUp closes the connection, where there is one; the client's next exchange
// makes a new one. A reply may be both the last of its connection and too late.
func (c *client) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// interrupt ends the exchange in progress, from another goroutine.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}
