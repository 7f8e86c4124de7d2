package eventloop

import (
	"strconv"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/panjf2000/gnet/v2"
)

// maxBehind bounds the bytes that a stream keeps, beside the kernel, for a client which
// reads more slowly than its events come. Beyond it the stream is closed.
const maxBehind = 16 << 10

// stream is an order whose events are sent: an entry in its loop's timers.
type stream struct {
	order int64
	next  int           // event
	due   time.Duration // when it is
	wake  func()        // c.event, made into a value once
}

// follow begins a stream, once the backend has answered.
func (c *conn) follow() {
	l := c.loop
	if c.stream == nil {
		c.stream = &stream{wake: c.event}
		_ = c.SetWriteBuffer(orders.EventBuffer) // the kernel's own bound holds without it
	}
	c.stream.order, c.stream.next, c.stream.due = c.job.OrderID, 0, clock.Now()
	c.job.Answer(&l.resp)
	c.job.Release()
	l.appendHeader(c, -1)
	l.resp.Reset()
	c.event()
}

// event sends the next event, and makes an entry for the one after it.
func (c *conn) event() {
	if c.closed { // the client has gone
		c.leave()
		return
	}
	l, s := c.loop, c.stream
	events := l.server.Config.Events
	l.event = events.Append(l.event[:0], s.order, s.next)
	l.out = appendChunk(l.out, l.event)
	s.next++
	if s.next == events.N {
		c.ended()
		return
	}
	_, _ = c.Write(l.out) // where it fails, gnet closes the connection
	l.out = l.out[:0]
	if !c.closed && c.OutboundBuffered() > maxBehind {
		l.close(c)
	}
	if c.closed {
		c.leave()
		return
	}
	s.due += events.Interval
	l.At(s.due, s.wake)
}

// ended sends the end of the stream, and goes on with what the client sent meanwhile.
func (c *conn) ended() {
	l := c.loop
	c.leave() // before the client can come back for the place
	l.out = append(l.out, "0\r\n\r\n"...)
	c.waiting = false
	c.last = c.last || l.draining
	if c.serve() == gnet.Close {
		l.close(c)
	}
}

// appendChunk frames data as a chunk of a reply.
func appendChunk(dst, data []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(data)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, data...)
	return append(dst, "\r\n"...)
}

var _ orders.Follower = (*Server)(nil)
