package bench

import (
	"cmp"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// http2Stream is a client whose replies are streams of events. The goroutine that reads
// the connection notes the events, so that they have the instant of their read.
type http2Stream struct {
	*http2Conn
	streaming
}

var (
	_ StreamConn   = (*http2Stream)(nil)
	_ NumberedConn = (*http2Stream)(nil)
	_ SharedConn   = (*http2Stream)(nil)
	_ SecureConn   = (*http2Stream)(nil)
	_ Checker      = (*http2Stream)(nil)
	_ clientConn   = (*http2Stream)(nil)
	_ http2.Sink   = (*channel)(nil)
)

func newHTTP2Stream(conn *http2Conn, spec *stream.Spec) *http2Stream {
	c := &http2Stream{http2Conn: conn}
	conn.trails = make(chan struct{}, 1)
	conn.stream = c.streaming.read(spec)
	return c
}

// Do implements [Conn]. The timeout is for the first event.
func (c *http2Stream) Do(timeout time.Duration) Reply {
	c.limit, c.gap, c.trailing = timeout, cmp.Or(c.most, timeout), false
	select {
	case <-c.trails: // of the stream before
	default:
	}
	c.stream.Begin(0, clock.Now(), c.limit, c.gap)
	return c.http2Conn.Do(timeout).of(c.stream)
}

// awaitEvents waits for the end of a stream. The timer runs.
func (c *http2Conn) awaitEvents() Reply {
	for trailing := false; ; {
		reply := Reply{Outcome: result.Timeout, Why: stream.NoEvent}
		patient := false
		select {
		case e := <-c.ended:
			return c.reply(e)
		case <-c.trails:
			trailing = true
			c.timer.Reset(exchange.Trailing)
			continue
		case <-c.timer.C:
			patient = !trailing
		case <-c.closed:
			reply = Reply{Outcome: result.Reset, Why: exchange.Closed}
		}
		left, e, ended := c.channel.give(c, patient)
		switch {
		case left > 0:
			c.timer.Reset(left)
			continue
		case ended || c.settled(e):
			return c.reply(e)
		}
		return reply
	}
}

// give ends a stream, or is how it has ended by now. One that is patient goes on while
// its next event has time left.
func (c *channel) give(call *http2Conn, patient bool) (left time.Duration, e ending, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(call.ended) > 0 {
		return 0, <-call.ended, true
	}
	if patient {
		left = call.stream.Left(clock.Now())
		if call.trailing { // it is about to learn that
			left = exchange.Trailing
		}
	}
	if left <= 0 {
		c.abandon(call)
		c.send()
	}
	return left, e, false
}

// settled reports whether the stream says how a request ended that ended so.
func (c *http2Conn) settled(e ending) bool {
	return c.stream.Settled() || e.why == "" && e.event.Kind == http2.Ended
}

// streamed is how a request ended whose reply is complete, or whose stream is.
func (c *http2Conn) streamed(e ending) Reply {
	s := c.stream
	why := s.Ended()
	r := Reply{FirstByte: cmp.Or(c.first, AtOnce), Spent: e.why != ""}
	if s.Fault() == "" || s.Refused() {
		r.Status = s.Status()
	}
	switch {
	case s.Late():
		r.Outcome, r.Why = result.Timeout, stream.NoEvent
	case why != "":
		r.Outcome, r.Why = result.Error, why
	case s.Live():
		r.Outcome, r.Done = result.OK, s.Done()
	default:
		r.Outcome, r.Why = c.means(r.Status)
	}
	return r
}

// touch is the stream of events on which a read has brought something.
func (c *channel) touch(tag int32) *stream.Stream {
	call := c.calls[tag]
	if !call.touched {
		call.touched = true
		c.touched = append(c.touched, call)
		call.stream.Reads(c.at)
	}
	return call.stream
}

// Header implements [http2.Sink].
func (c *channel) Header(tag int32, h http2.Header) bool {
	return c.touch(tag).Opened(h.Status, h.EventStream, h.Coded)
}

// Body implements [http2.Sink].
func (c *channel) Body(tag int32, data []byte) { c.touch(tag).Body(data) }

// settle ends the streams of events that a read has made complete or late.
func (c *channel) settle() {
	for _, call := range c.touched {
		call.touched = false
		s := call.stream
		switch {
		case c.calls[call.tag] != call: // its reply has ended
		case s.Settled() && !s.Trails():
			c.abandon(call)
			call.ended <- ending{}
		case s.Trails() && !call.trailing:
			call.trailing = true
			call.trails <- struct{}{}
		}
	}
	clear(c.touched)
	c.touched = c.touched[:0]
}
