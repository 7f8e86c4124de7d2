package bench

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/result"
)

// client is one connection and the goroutine that uses it.
type client struct {
	*drive
	shard     *lockedShard
	work      chan due      // open loads: its next arrival
	had       bool          // a connection, at some time
	once      bool          // a connection takes one request, as the server sends unsolicited bytes
	idleSince time.Duration // since when no request is under way
	jar       *jar          // its cookies; nil where it has none yet, or keeps none
	planned   time.Duration // of the arrival that is served
	streams   bool          // its replies may be streams, which have no end by which they are late

	mu   sync.Mutex // guards conn against hangUp
	conn Conn
}

// due is an arrival: its planned instant and its number.
type due struct {
	planned time.Duration
	number  uint64
}

// serve begins an arrival and sees it through.
func (c *client) serve(a due) (result.Outcome, time.Duration) {
	c.shard.begin(a.planned)
	return c.finish(a, false)
}

// mostTries bounds over how many connections a request is made that end before it is sent.
const mostTries = 10

// finish sees an arrival through that was begun, and records it. It waited
// where it came while all connections were busy.
func (c *client) finish(a due, waited bool) (result.Outcome, time.Duration) {
	sent := clock.Now()
	c.planned = a.planned
	reply := c.exchange(sent, a)
	resent := false
	for tries := 0; tries < mostTries && !c.aborted.Load() && (reply.Unbegun || reply.Unprocessed && !resent); tries++ {
		resent = resent || reply.Unprocessed
		c.hangUp()
		reply = c.exchange(sent, a)
	}
	switch {
	case !resent && reply.Sent > 0:
		sent, waited = reply.Sent, true
	}
	now := clock.Now()
	done := cmp.Or(reply.Done, now)
	switch {
	case reply.Outcome == result.Unsent:
	case reply.Outcome != result.OK && c.aborted.Load():
		reply.Outcome, reply.Why, reply.EndedEarly = result.Unfinished, exchange.InFlight, false
	case !c.untimed && !c.streams && exchange.TooLate(reply.Outcome, done-sent, c.plan.Timeout):
		reply.Outcome, reply.Why = result.Timeout, exchange.NoReply
		c.hangUp()
	}
	c.idleSince = now
	if c.completions != nil && reply.Outcome == result.OK {
		c.completions.accepted(reply.ID, a.planned)
	}
	c.shard.record(Arrival{
		Planned: a.planned, Sent: sent, First: reply.first(done), Done: done, Status: reply.Status, Redirects: reply.Redirects, Outcome: reply.Outcome, Why: reply.Why, Waited: waited, Resent: resent,
		FirstEvent: reply.FirstEvent, Events: reply.Events, MedianGap: reply.MedianGap, EndedEarly: reply.EndedEarly,
	})
	return reply.Outcome, now
}

// exchange makes one request, over a new connection where there is none.
func (c *client) exchange(sent time.Duration, a due) Reply {
	left := c.plan.Timeout
	conn := c.current()
	if conn != nil && sent-c.idleSince > exchange.Rested && !c.usable(conn) {
		c.hangUp()
		conn = nil
	}
	if conn == nil {
		if err := c.dial(c.ctx); err != nil {
			outcome, why := DialOutcome(err)
			return Reply{Outcome: outcome, Why: why}
		}
		if left = c.plan.Timeout - (clock.Now() - sent); left <= 0 {
			return Reply{Outcome: result.Timeout, Why: exchange.NoConnection}
		}
		conn = c.current()
	}
	if n, ok := conn.(NumberedConn); ok {
		n.Number(a.number)
	}
	if b, ok := conn.(clientConn); ok {
		b.begin(c, a.planned)
	}
	reply := conn.Do(left)
	if reply.Outcome == result.Timeout && reply.Why == "" {
		reply.Why = exchange.NoReply
	}
	if reply.Unsolicited {
		c.unsolicited()
	}
	if reply.Spent || c.plan.NewConnection || c.once {
		c.hangUp()
		c.had = c.had && reply.Done == 0 // else it was for the client to close
	}
	return reply
}

// event notes an event of the arrival that is served.
func (c *client) event(e Event) {
	e.Planned = c.planned
	c.shard.event(e)
}

// usable checks a connection that was idle.
func (c *client) usable(conn Conn) bool {
	checker, ok := conn.(Checker)
	if !ok {
		return true
	}
	usable, unsolicited := checker.Check()
	if unsolicited {
		c.unsolicited()
	}
	return usable
}

// unsolicited notes that the server sent unsolicited bytes. It may do so again,
// and if the next request has been sent by then, no client can see that they are
// not the reply to that one. From here on this client takes a new connection for
// each request.
func (c *client) unsolicited() {
	c.once = true
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
	if s, ok := conn.(StreamConn); ok {
		c.streams = true
		s.Events(c.event)
	}
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	if c.aborted.Load() { // abort may have looked before there was a connection
		c.interrupt()
	}
	if s, ok := conn.(SharedConn); !ok || s.Fresh() {
		c.shard.connected(conn, took, c.had && !c.plan.NewConnection)
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

func (s *lockedShard) event(e Event) {
	s.mu.Lock()
	s.shard.Event(e)
	s.mu.Unlock()
}

// connected notes a new connection, its TLS handshake separately, and that it
// replaces one where it does.
func (s *lockedShard) connected(conn Conn, took time.Duration, again bool) {
	s.mu.Lock()
	if secure, ok := conn.(SecureConn); ok && secure.Handshake() > 0 {
		s.shard.Secured(secure.Handshake())
		took -= secure.Handshake()
	}
	s.shard.Connected(took)
	if again {
		s.shard.Reconnected(clock.Now())
	}
	s.mu.Unlock()
}
