package bench

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/shared"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// http2Conn is one client, whose requests are streams on a connection of its own or one
// that others use, too.
type http2Conn struct {
	picker  request.Picker
	number  uint64 // of the next request
	meaning *result.Meaning
	reasons exchange.Reasons
	timer   *time.Timer
	closed  chan struct{} // by Close

	channel *channel
	lease   *shared.Lease[*channel]
	close   sync.Once

	// Of the request under way. The channel's lock guards them until it has ended.
	request  *http2.Request
	body     []byte
	tag      int32
	place    int32
	entered  time.Duration // when it was sent; 0: it waits for a stream
	first    time.Duration
	admitted chan struct{} // takes one, where it waited
	ended    chan ending   // takes one

	// Where replies are streams of events. The channel's lock guards these, too.
	stream     *stream.Stream // nil where they are none
	limit, gap time.Duration  // for the first event, and for each further one
	touched    bool           // the read that is under way brought something of it
	trailing   bool           // it is complete, its reply is not
	trails     chan struct{}  // takes one, when it is
}

// ending is how a stream ended: by an event, or else with its connection.
type ending struct {
	event   http2.Event
	outcome result.Outcome
	why     string // of a connection that ended
	cut     bool   // then: the server did, by no fault
}

var (
	_ Conn         = (*http2Conn)(nil)
	_ Checker      = (*http2Conn)(nil)
	_ NumberedConn = (*http2Conn)(nil)
	_ SharedConn   = (*http2Conn)(nil)
	_ SecureConn   = (*http2Conn)(nil)
)

// dialHTTP2 makes clients of the requests.
func dialHTTP2(set *request.Set) Dial {
	all := shared.New(set.Connections, func(ctx context.Context) (*channel, error) { return openChannel(ctx, set) })
	return func(ctx context.Context) (Conn, error) {
		lease, err := all.Get(ctx)
		if err != nil {
			return nil, err
		}
		c := &http2Conn{channel: lease.Conn, lease: lease, picker: set.Picker(), meaning: set.Meaning,
			closed: make(chan struct{}), admitted: make(chan struct{}, 1), ended: make(chan ending, 1), timer: time.NewTimer(time.Hour),
		}
		c.timer.Stop()
		if set.Stream != nil {
			return newHTTP2Stream(c, set.Stream), nil
		}
		return c, nil
	}
}

// Number implements [NumberedConn].
func (c *http2Conn) Number(n uint64) { c.number = n }

// Fresh implements [SharedConn].
func (c *http2Conn) Fresh() bool { return c.lease.Fresh }

// Handshake implements [SecureConn].
func (c *http2Conn) Handshake() time.Duration { return c.channel.handshake }

// Check implements [Checker]. A connection that the server is about to close takes no
// more requests.
func (c *http2Conn) Check() (usable, unsolicited bool) { return c.channel.Usable(), false }

// Close implements [Conn].
func (c *http2Conn) Close() error {
	c.close.Do(func() {
		close(c.closed)
		c.lease.Release()
	})
	return nil
}

// Do implements [Conn]. Where no stream is free it waits for one; the timeout counts from
// then on.
func (c *http2Conn) Do(timeout time.Duration) Reply {
	c.request, c.body = c.picker.Made(c.number)
	c.number++
	ch := c.channel
	ch.mu.Lock()
	c.first, c.entered = 0, 0
	switch {
	case ch.over || ch.h2.Going():
		ch.mu.Unlock()
		return Reply{Outcome: result.Reset, Why: exchange.Closed, Unbegun: true, Spent: true}
	case len(ch.waiting) == 0 && ch.h2.Room():
		ch.enter(c)
	default:
		ch.waiting = append(ch.waiting, c)
	}
	waits := c.entered == 0
	ch.mu.Unlock()
	if waits {
		select {
		case <-c.admitted:
		case e := <-c.ended:
			return c.waited(e)
		case <-c.closed:
			if ch.withdraw(c) {
				return Reply{Outcome: result.Unsent, Why: exchange.NoStream}
			}
			return Reply{Outcome: result.Reset, Why: exchange.Closed}
		}
	}
	reply := c.await(timeout)
	if waits {
		reply.Sent = c.entered
	}
	return reply
}

// waited is how a request ended that waited for a stream. It may have got one, and its
// reply, before this goroutine ran.
func (c *http2Conn) waited(e ending) Reply {
	select {
	case <-c.admitted: // else the next request that waits would take it for its own
		reply := c.reply(e)
		reply.Sent = c.entered
		return reply
	default:
	}
	select {
	case <-c.closed:
		return Reply{Outcome: result.Unsent, Why: exchange.NoStream}
	default:
		return c.reply(e)
	}
}

// await waits for the reply to a request that was sent.
func (c *http2Conn) await(timeout time.Duration) Reply {
	c.timer.Reset(timeout)
	defer c.timer.Stop()
	if c.stream != nil {
		return c.awaitEvents()
	}
	reply := Reply{Outcome: result.Timeout, Why: exchange.NoReply}
	select {
	case e := <-c.ended:
		return c.reply(e)
	case <-c.timer.C:
	case <-c.closed:
		reply = Reply{Outcome: result.Reset, Why: exchange.Closed}
	}
	if e, ended := c.channel.cancel(c); ended {
		return c.reply(e)
	}
	return reply
}

// reply is how a request ended.
func (c *http2Conn) reply(e ending) (r Reply) {
	if c.stream != nil && c.settled(e) {
		return c.streamed(e)
	}
	r.FirstByte = cmp.Or(c.first, AtOnce)
	if c.stream != nil && (e.cut || e.why == "" && e.event.Kind == http2.Reset) {
		c.stream.Cut()
	}
	if e.why != "" {
		return Reply{Outcome: e.outcome, Why: e.why, Spent: true}
	}
	switch e := e.event; e.Kind {
	case http2.Ended:
		r.Status = int(e.Status)
		r.Outcome, r.Why = c.means(r.Status)
	case http2.Refused:
		r = Reply{Outcome: result.Rejected, Unprocessed: e.Stale}
	case http2.Unprocessed:
		r = Reply{Outcome: result.Reset, Why: exchange.Unprocessed, Unprocessed: c.entered > 0, Unbegun: c.entered == 0}
	case http2.Reset:
		r = Reply{Outcome: result.Reset, Why: e.Code.Reason()}
	default:
		r = Reply{Outcome: result.Error, Why: "malformed reply: " + e.Why.Error()}
	}
	return r
}

// means is the outcome of a request whose reply has that status, and its reason.
func (c *http2Conn) means(status int) (outcome result.Outcome, why string) {
	if outcome = c.meaning.Of(status); outcome == result.Error {
		if c.reasons == nil {
			c.reasons = exchange.Reasons{}
		}
		why = c.reasons.Of(status)
	}
	return outcome, why
}
