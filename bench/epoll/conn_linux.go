package epoll

import (
	"bytes"
	"cmp"
	"net/http"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// state is what a connection is doing.
type state uint8

const (
	gone       state = iota // there is none
	connecting              // the handshake of TCP is under way
	securing                // that of TLS is
	greeting                // that of HTTP/2 is: the server's settings have not come
	ready                   // nothing is under way but, where busy, the reply
	sending                 // the request did not fit into the kernel's buffer
)

// conn is a client's connection, and the request that the client has under
// way. A client keeps its place in loop.conns, also over several connections.
type conn struct {
	fd         int32
	generation int32 // of the connection: events of an earlier one are not meant
	prev, next int32 // in the loop's line of requests under way; none at its ends
	state      state
	busy       bool // a request is under way
	waited     bool // for a free connection, or stream
	resent     bool // as the server had not looked at it
	had        bool // a connection, at some time
	once       bool // a connection takes one request, as the server sends unsolicited bytes

	planned, sent time.Duration
	active        time.Duration // when the request was sent, or the last event of its reply came
	first         time.Duration // when the first byte of the reply had come, where more came after it
	dialed        time.Duration
	idleSince     time.Duration // since when no request is under way
	status        int16         // of the reply, where it is complete
	broken        error         // why the request could not be sent, nil where it could; a reply may be there all the same
	unsent        []byte        // the rest of the request, while sending
	number        uint64        // closed loads: of the next arrival
	head          bool          // the reply has no body, whatever its header says
	reply         http1.Reply
	session       *session // nil where the connection is plain

	stream   *stream.Stream // nil where replies are none
	trailing bool           // it is complete, and the connection is still read
}

const none = -1

// begin takes up an arrival on a client that is not busy.
func (l *loop) begin(i int32, planned, now time.Duration, number uint64, waited bool) {
	if l.mux != nil {
		l.mux.begin(i, planned, now, number, waited)
		return
	}
	c := &l.conns[i]
	c.busy, c.waited, c.broken = true, waited, nil
	c.planned, c.sent, c.active, c.first, c.status = planned, now, now, 0, 0
	c.unsent, c.head = l.picker.Next(number)
	c.reply.Again()
	if l.streams != nil {
		l.beginStream(c)
	}
	l.open.push(l.conns, i)
	if c.state == ready && l.full && now-c.idleSince > exchange.Rested {
		l.listen(i)
	}
	if c.state == gone {
		l.own(c)
		l.dial(i, now)
		return
	}
	if l.write(i); len(c.unsent) > 0 {
		l.own(c)
	}
}

// own gives a connection a request of its own, where the next one would overwrite it.
func (l *loop) own(c *conn) {
	if l.picker.Reused() {
		c.unsent = bytes.Clone(c.unsent)
	}
}

// idleFirst handles, of all the events that came, those of idle connections first:
// before a request is sent over one that the server has closed.
func (l *loop) idleFirst(events []unix.EpollEvent) {
	if l.mux != nil {
		l.mux.idleFirst(events)
		return
	}
	for k := range events {
		e := &events[k]
		if e.Fd == wakeup {
			continue
		}
		if c := &l.conns[e.Fd]; c.state == ready && !c.busy && c.generation == e.Pad && e.Events&anything != 0 {
			l.listen(e.Fd)
		}
	}
}

// listen reads what a server sent on an idle connection. If it sent anything, the
// connection cannot be used any more.
func (l *loop) listen(i int32) {
	c := &l.conns[i]
	n, _, err := c.receive(l.buf[:http1.Farewell])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err == nil && n > 0 && !http1.IsFarewell(l.buf[:n]):
		l.unsolicited(c)
	}
	l.hangUp(c)
}

// unsolicited notes that the server sent unsolicited bytes. It may do so again,
// and if the next request has been sent by then, no client can see that they are
// not the reply to that one. From here on this client takes a new connection for
// each request.
func (l *loop) unsolicited(c *conn) {
	c.once = true
	l.rec.Unsolicited()
}

// handle handles an event.
func (l *loop) handle(e *unix.EpollEvent) {
	if e.Fd == wakeup {
		l.called()
		return
	}
	if l.mux != nil {
		l.mux.handle(e)
		return
	}
	c := &l.conns[e.Fd]
	if c.generation != e.Pad || c.state == gone {
		return // of a connection that was closed meanwhile
	}
	switch {
	case c.state == securing:
		c.session.awake(e)
		return
	case c.state == connecting:
		if !l.connected(c, e) {
			return
		}
		if c.busy {
			l.write(e.Fd)
		}
		if e.Events&(unix.EPOLLIN|unix.EPOLLRDHUP) == 0 {
			return
		}
	case c.state == sending && e.Events&unix.EPOLLOUT != 0:
		l.write(e.Fd)
		if c.stream != nil && c.generation == e.Pad && c.busy && !l.say(e.Fd) {
			return
		}
	}
	if e.Events&anything != 0 && c.generation == e.Pad {
		l.read(e.Fd, e.Events&closing != 0)
	}
}

// What events say: that the peer has ended the connection, or that there is
// anything to read.
const (
	closing  = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	anything = unix.EPOLLIN | closing
)

// send sends more of the request.
func (c *conn) send() error {
	if c.session != nil {
		n, err := c.session.send(c.unsent)
		c.unsent = c.unsent[n:]
		return err
	}
	n, errno := send(c.fd, c.unsent)
	if errno != 0 {
		return errno
	}
	c.unsent = c.unsent[n:]
	return nil
}

// receive reads what has come: no bytes and no error at the end. There may be more
// that no event will report.
func (c *conn) receive(b []byte) (n int, more bool, err error) {
	if c.session != nil {
		return c.session.receive(b)
	}
	n, errno := receive(c.fd, b)
	if errno != 0 {
		return 0, false, errno
	}
	return n, n == len(b), nil
}

// write sends what is left of the request.
func (l *loop) write(i int32) {
	c := &l.conns[i]
	for len(c.unsent) > 0 || c.session != nil && len(c.session.kept) > 0 {
		switch err := c.send(); err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			c.state = sending
			return
		default:
			// A server that rejects a caller may reply and close before it has
			// read the request: then the reply is there all the same.
			c.state, c.broken = ready, err
			l.read(i, true)
			return
		}
	}
	c.state = ready
}

// turnBytes is about how many bytes are read in a turn: a server that sends more
// must not keep the loop from what is due.
const turnBytes = 512 << 10

// unread is a connection that has more to read, of which there is no event.
type unread struct {
	i, generation int32
	ending        bool
}

// readOn reads what the turn before left.
func (l *loop) readOn() {
	if len(l.unread) == 0 {
		return
	}
	l.later, l.unread = l.unread, l.later[:0]
	for _, u := range l.later {
		if l.mux != nil {
			l.mux.readOn(u)
			continue
		}
		if c := &l.conns[u.i]; c.generation == u.generation && c.state != gone {
			l.read(u.i, u.ending)
		}
	}
}

// read takes what has come, as much as the turn allows. The peer has ended the
// connection where ending is true: then the last of it must be read, as no
// further event will come.
func (l *loop) read(i int32, ending bool) {
	c := &l.conns[i]
	if !c.busy {
		l.listen(i)
		return
	}
	if c.stream != nil {
		l.readStream(i, ending)
		return
	}
	for {
		if l.budget <= 0 {
			l.unread = append(l.unread, unread{i, c.generation, ending})
			return
		}
		n, more, err := c.receive(l.buf)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && c.broken == nil:
			return
		case err != nil:
			l.finish(i, exchange.OfBroken(err), cmp.Or(c.broken, err).Error(), true, clock.Now())
			return
		case n == 0:
			if c.reply.EndsWithConnection() {
				l.answered(i, true)
				return
			}
			why := exchange.Closed
			if c.broken != nil {
				why = c.broken.Error()
			}
			l.finish(i, result.Reset, why, true, clock.Now())
			return
		default:
			l.budget -= n
			l.reader.Head = c.head
			done, after, err := l.reader.Next(&c.reply, l.buf[:n])
			switch {
			case err != nil:
				l.finish(i, result.Error, "malformed reply: "+err.Error(), true, clock.Now())
				return
			case done:
				l.answered(i, l.behind(c, l.buf[n-after:n], more) || ending)
				return
			}
			if c.first == 0 {
				c.first = clock.Now()
			}
			if !more && !ending {
				return // the kernel's buffer is empty: more will be an event
			}
		}
	}
}

// behind looks what came behind a reply, where more may wait there too, and reports
// whether the connection takes no other request.
func (l *loop) behind(c *conn, said []byte, more bool) (spent bool) {
	if len(said) == 0 && more {
		n, _, err := c.receive(l.buf[:http1.Farewell])
		said, spent = l.buf[:n], err != unix.EAGAIN
	}
	if len(said) > 0 && !http1.IsFarewell(said) && c.reply.Status() != http.StatusSwitchingProtocols {
		l.unsolicited(c)
	}
	return spent || len(said) > 0
}

// answered ends a request whose reply is complete. The connection is spent
// where it cannot take another request: it closes, or unsolicited bytes
// came, or this request was not sent completely.
func (l *loop) answered(i int32, spent bool) {
	c := &l.conns[i]
	status := c.reply.Status()
	c.status = int16(status)
	outcome, why := l.means(status)
	l.finish(i, outcome, why, spent || l.last(c), clock.Now())
}

// means is the outcome of a request whose reply has that status, and its reason.
func (l *loop) means(status int) (outcome result.Outcome, why string) {
	if outcome = l.meaning.Of(status); outcome == result.Error {
		why = l.reasons.Of(status)
	}
	return outcome, why
}

// last reports whether the connection takes no other request after the reply that it has.
func (l *loop) last(c *conn) bool {
	return c.reply.Last() || c.once || l.once || c.broken != nil || c.state != ready
}

// finish records how a client's request ended, and lets the client go on.
func (l *loop) finish(i int32, outcome result.Outcome, why string, spent bool, done time.Duration) {
	c := &l.conns[i]
	if exchange.TooLate(outcome, done-c.active, l.plan.Timeout) && !c.trailing {
		outcome, why, spent = result.Timeout, exchange.NoReply, true
	}
	l.lineOf(c).remove(l.conns, i)
	c.busy, c.unsent, c.idleSince = false, nil, done
	l.now = done
	a := bench.Arrival{Planned: c.planned, Sent: c.sent, First: cmp.Or(c.first, done), Done: done, Status: int(c.status), Outcome: outcome, Why: why, Waited: c.waited, Resent: c.resent}
	if c.stream != nil {
		c.ofStream(&a)
	}
	l.rec.Record(a)
	if spent || l.fresh {
		l.hangUp(c)
	}
	l.source.ended(i, outcome, done)
}

// hangUp closes a connection.
func (l *loop) hangUp(c *conn) {
	if c.state == connecting || c.state == securing {
		l.connecting--
	}
	switch {
	case c.state == securing:
		close(c.session.events) // shaken closes the descriptor: the goroutine uses it
	case c.fd != none:
		if c.state == sending {
			// Else the kernel would go on sending what it has, megabytes that stay
			// with it for minutes where the server does not take them.
			_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		} else if c.session != nil {
			_ = c.session.tls.CloseWrite() // close_notify, as far as the kernel takes it
		}
		unix.Close(int(c.fd))
	}
	c.fd, c.state, c.session, c.generation = none, gone, nil, c.generation+1
	c.reply.Again() // one long header must not keep its memory for ever
}
