package epoll

import (
	"bytes"
	"cmp"
	"net/http"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// beginStream prepares a client for a reply that is a stream.
func (l *loop) beginStream(c *conn) {
	if c.stream == nil {
		c.stream = stream.New(l.streams, l.event)
	}
	c.trailing = false
	c.stream.Begin(c.planned, c.sent, l.plan.Timeout, l.plan.Timeout)
	c.unsent = c.stream.Ask(c.unsent)
}

// lineOf is the line in which a client's request is.
func (l *loop) lineOf(c *conn) *line {
	if c.trailing {
		return &l.trailing
	}
	return &l.open
}

// renew moves a request to the end of its line, or to that of the complete ones.
func (l *loop) renew(i int32) {
	c := &l.conns[i]
	l.lineOf(c).remove(l.conns, i)
	c.active, c.trailing = c.stream.Last(), c.stream.Done() != 0
	l.lineOf(c).push(l.conns, i)
}

// readStream is read for a client whose reply is a stream.
func (l *loop) readStream(i int32, ending bool) {
	c := &l.conns[i]
	s := c.stream
	for {
		if l.budget <= 0 {
			l.unread = append(l.unread, unread{i, c.generation, ending})
			return
		}
		n, more, err := c.receive(l.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && c.broken == nil:
			return
		case s.Done() != 0 && n == 0:
			l.ended(i, true)
			return
		case err != nil:
			s.Cut()
			l.finish(i, exchange.OfBroken(err), cmp.Or(c.broken, err).Error(), true, clock.Now())
			return
		case n == 0 && c.reply.EndsWithConnection():
			l.ended(i, true)
			return
		case n == 0:
			why := exchange.Closed
			if c.broken != nil {
				why = c.broken.Error()
			}
			s.Cut()
			l.finish(i, result.Reset, why, true, clock.Now())
			return
		}
		l.budget -= n
		l.reader.Head = c.head
		now := clock.Now()
		ended, after := s.Read(l.reader, &c.reply, l.buf[:n], now)
		c.first = cmp.Or(c.first, now)
		switch {
		case s.Late():
			l.finish(i, result.Timeout, stream.NoEvent, true, now)
			return
		case ended:
			spent := s.Unusable() || l.behind(c, l.buf[n-after:n], more) || ending
			l.ended(i, spent)
			return
		case s.Done() != 0 && !s.Trails():
			l.ended(i, true)
			return
		}
		if s.Last() != c.active {
			l.renew(i)
		}
		if !l.say(i) || !more && !ending {
			return
		}
	}
}

// say sends what a WebSocket has to say, as far as the request is out, and reports whether
// its stream goes on.
func (l *loop) say(i int32) bool {
	c := &l.conns[i]
	if c.state != ready {
		return true
	}
	if l.says = c.stream.Says(l.says[:0]); len(l.says) == 0 {
		return true
	}
	generation := c.generation
	c.unsent = l.says
	l.write(i)
	if c = &l.conns[i]; c.generation != generation || !c.busy {
		return false
	}
	if len(c.unsent) > 0 {
		c.unsent = bytes.Clone(c.unsent)
	}
	return true
}

// ended ends a request whose reply is complete, or whose stream is. The connection is
// spent where it cannot take another request.
func (l *loop) ended(i int32, spent bool) {
	if l.mux != nil {
		l.mux.complete(i)
		return
	}
	c := &l.conns[i]
	s := c.stream
	now := clock.Now()
	status := c.reply.Status()
	outcome, why, faulty := l.judge(c, status)
	spent = spent || faulty
	if !l.say(i) { // a close frame is answered
		return
	}
	if s.Done() != 0 || status == http.StatusSwitchingProtocols {
		c.had = false // its end is no failure of the connection, after which another is made
	}
	l.finish(i, outcome, why, spent || l.last(c), now)
}

// judge is how a request ended whose reply is complete, or whose stream is, and whether
// that is a fault of the stream.
func (l *loop) judge(c *conn, status int) (outcome result.Outcome, why string, faulty bool) {
	s := c.stream
	outcome, why = l.meaning.Of(status), s.Ended()
	if s.Fault() == "" || s.Refused() {
		c.status = int16(status)
	}
	switch {
	case s.Late():
		outcome, why = result.Timeout, stream.NoEvent
	case why != "":
		return result.Error, why, true
	case s.Live():
		outcome = result.OK
	case outcome == result.Error:
		why = l.reasons.Of(status)
	}
	return outcome, why, false
}

// ofStream adds to an arrival what is known of its stream.
func (c *conn) ofStream(a *bench.Arrival) {
	s := c.stream
	a.FirstEvent, a.Events, a.MedianGap, a.EndedEarly = s.First(), s.Events(), s.MedianGap(), s.EndedEarly()
	if a.Outcome == result.OK {
		a.Done = cmp.Or(s.Done(), a.Done)
	}
}
