package bench

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// streaming is what a connection whose replies are streams has over either version of
// HTTP.
type streaming struct {
	most  time.Duration // the longest gap, by the plan; 0 where there is none
	event func(Event)   // nil where nobody asks
}

// Events implements [StreamConn].
func (s *streaming) Events(event func(Event)) { s.event = event }

// begin implements clientConn: the timeout of Do may be less than the plan's, where the
// connection was made for it.
func (s *streaming) begin(of *client, _ time.Duration) { s.most = of.plan.Timeout }

// read is a stream whose events are passed on.
func (s *streaming) read(spec *stream.Spec) *stream.Stream {
	return stream.New(spec, func(e stream.Event) {
		if s.event != nil {
			s.event(Event(e))
		}
	})
}

// of adds to a reply what is known of its stream.
func (r Reply) of(s *stream.Stream) Reply {
	r.FirstEvent, r.Events, r.MedianGap, r.EndedEarly = s.First(), s.Events(), s.MedianGap(), s.EndedEarly()
	return r
}

// streamConn is a connection with a request whose reply is a stream.
type streamConn struct {
	*httpConn
	streaming
	stream *stream.Stream
	gap    time.Duration // the longest gap
	says   []byte        // frames to be sent
}

var (
	_ StreamConn   = (*streamConn)(nil)
	_ NumberedConn = (*streamConn)(nil)
)

func newStreamConn(conn *httpConn, spec *stream.Spec) *streamConn {
	c := &streamConn{httpConn: conn}
	c.stream = c.streaming.read(spec)
	return c
}

// Do makes one request and reads the stream to its end. The timeout is for the first
// event.
func (c *streamConn) Do(timeout time.Duration) Reply {
	request, head := c.picker.Next(c.number)
	c.number++
	c.reader.Head = head
	if c.under != nil {
		c.busy.Store(true)
		defer c.busy.Store(false)
	}
	c.gap = cmp.Or(c.most, timeout)
	c.stream.Begin(0, clock.Now(), timeout, c.gap)
	request = c.stream.Ask(request)
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return c.broken(err)
	}
	if len(request) > mostAtOnce {
		return c.doLong(request, c.read)
	}
	if _, err := c.conn.Write(request); err != nil {
		// The reply may be there all the same: see httpConn.send.
		if reply := c.read(); c.replied {
			reply.Spent = true
			return reply
		}
		return c.broken(err)
	}
	return c.read()
}

// read reads until the stream is complete, and the reply where that is about to end.
//
// Note: it has no larger buffer than its own, as a stream would keep that for all of its
// time.
func (c *streamConn) read() Reply {
	c.replied, c.first = false, 0
	c.reply.Again()
	s := c.stream
	for trailing := false; ; {
		n, err := c.conn.Read(c.buf)
		if n > 0 {
			now, last := clock.Now(), s.Last()
			ended, after := s.Read(&c.reader, &c.reply, c.buf[:n], now)
			switch {
			case s.Late():
				return c.notedAs(result.Timeout, stream.NoEvent)
			case ended || s.Done() != 0 && !s.Trails():
				c.first = cmp.Or(c.first, now)
				return c.ended(c.buf[n-after:n], n == len(c.buf), !ended || err != nil || s.Unusable())
			}
			c.first = cmp.Or(c.first, now)
			if says := c.say(); says != nil && s.Done() == 0 {
				return c.broken(says)
			}
			switch {
			case s.Done() != 0 && !trailing:
				trailing = true
				_ = c.conn.SetDeadline(time.Now().Add(exchange.Trailing))
			case s.Last() != last && s.Done() == 0:
				_ = c.conn.SetDeadline(time.Now().Add(c.gap))
			}
		}
		switch {
		case err == nil:
		case s.Done() != 0, err == io.EOF && c.reply.EndsWithConnection():
			return c.ended(nil, false, true)
		default:
			return c.broken(err)
		}
	}
}

// say sends the frames that are due.
func (c *streamConn) say() error {
	if c.says = c.stream.Says(c.says[:0]); len(c.says) == 0 {
		return nil
	}
	_, err := c.conn.Write(c.says)
	return err
}

// ended is how a reply ended that is complete, or whose stream is.
func (c *streamConn) ended(behind []byte, more, closed bool) Reply {
	s := c.stream
	why := s.Ended()
	if s.Late() {
		return c.notedAs(result.Timeout, stream.NoEvent)
	}
	if why != "" {
		_ = c.say() // a close frame is answered
		c.replied = true
		reply := c.notedAs(result.Error, why)
		if s.Live() && s.Fault() == "" || s.Refused() {
			reply.Status = c.reply.Status()
		}
		return reply
	}
	reply := c.answered(behind, more, closed)
	if s.Live() {
		reply.Outcome, reply.Why, reply.Done = result.OK, "", s.Done()
		if c.reply.Status() == http.StatusSwitchingProtocols {
			reply.Done = cmp.Or(reply.Done, clock.Now()) // its connection ends with it
		}
		_ = c.say()
	}
	return reply.of(c.stream)
}

// broken is how a stream ended whose connection failed with err.
func (c *streamConn) broken(err error) Reply {
	reply := failed(err, err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		reply.Why = stream.NoEvent
	default:
		c.stream.Cut()
	}
	c.reply.Again()
	return reply.of(c.stream)
}

// notedAs is an outcome that spends the connection.
func (c *streamConn) notedAs(outcome result.Outcome, why string) Reply {
	return Reply{Outcome: outcome, Why: why, Spent: true, FirstByte: c.first}.of(c.stream)
}
