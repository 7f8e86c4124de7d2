package epoll

import (
	"cmp"
	"net/http"
	"os"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// state is what a connection is doing.
type state uint8

const (
	gone       state = iota // there is none
	connecting              // the handshake is under way
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
	waited     bool // for a free connection
	had        bool // a connection, at some time
	once       bool // a connection takes one request, as the server sends unsolicited bytes

	planned, sent time.Duration
	dialed        time.Duration
	idleSince     time.Duration // since when no request is under way
	broken        unix.Errno    // why the request could not be sent, 0 where it could; a reply may be there all the same
	unsent        []byte        // the rest of the request, while sending
	reply         http1.Reply
}

const none = -1

// begin takes up an arrival on a client that is not busy.
func (l *loop) begin(i int32, planned, now time.Duration, waited bool) {
	c := &l.conns[i]
	c.busy, c.waited, c.broken = true, waited, 0
	c.planned, c.sent = planned, now
	c.unsent = l.picker.Next()
	c.reply.Again()
	l.open.push(l.conns, i)
	if c.state == ready && l.full && now-c.idleSince > exchange.Rested {
		l.listen(i)
	}
	if c.state == gone {
		l.dial(i, now)
		return
	}
	l.write(i)
}

// idleFirst handles, of all the events that came, those of idle connections first:
// before a request is sent over one that the server has closed.
func (l *loop) idleFirst(events []unix.EpollEvent) {
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
	n, errno := receive(c.fd, l.buf[:http1.Farewell])
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno == 0 && n > 0 && !http1.IsFarewell(l.buf[:n]):
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

// dial begins to connect. The request is sent once that is done.
func (l *loop) dial(i int32, now time.Duration) {
	c := &l.conns[i]
	c.dialed = now
	errno := l.connect(c, i)
	switch {
	case errno != 0 && c.busy:
		outcome, why := bench.DialOutcome(os.NewSyscallError("connect", errno))
		l.finish(i, outcome, why, true, clock.Now())
	case errno != 0:
		l.hangUp(c)
	default:
		c.state = connecting // also where it is done: the event comes at once
		l.connecting++
	}
}

// connect makes a socket, registers it and begins the handshake.
func (l *loop) connect(c *conn, i int32) unix.Errno {
	fd, err := unix.Socket(l.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return err.(unix.Errno)
	}
	c.fd = int32(fd)
	l.must(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if l.small {
		// A request that the first window holds has no congestion to control, and
		// some algorithms (bbr) pace and keep a timer for each all the same. Where
		// reno is not to be had, the machine's own stays.
		_ = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	}
	if source := l.sources[(int(i)+int(c.generation))%len(l.sources)]; source != nil {
		// Without the option the kernel would look for a port that is free
		// towards every server, and there are only so many.
		l.must(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
		if err := unix.Bind(fd, source); err != nil {
			return err.(unix.Errno)
		}
	}
	if err := unix.Connect(fd, l.server); err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		return err.(unix.Errno)
	}
	// Registered once, for both directions: edge-triggered, what is not waited
	// for costs nothing.
	if err := l.poller.watch(fd, i, c.generation, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET&(1<<32-1)); err != nil {
		return err.(unix.Errno)
	}
	return 0
}

// must panics where a call fails that fails only by a fault of ours.
func (l *loop) must(err error) {
	if err != nil {
		panic("epoll: setting an option: " + err.Error())
	}
}

// handle handles an event.
func (l *loop) handle(e *unix.EpollEvent) {
	if e.Fd == wakeup {
		l.called()
		return
	}
	c := &l.conns[e.Fd]
	if c.generation != e.Pad || c.state == gone {
		return // of a connection that was closed meanwhile
	}
	if c.state == connecting {
		if !l.connected(c, e) {
			return
		}
		if c.busy {
			l.write(e.Fd)
		}
		if e.Events&(unix.EPOLLIN|unix.EPOLLRDHUP) == 0 {
			return
		}
	} else if c.state == sending && e.Events&unix.EPOLLOUT != 0 {
		l.write(e.Fd)
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

// connected reads how a handshake ended, and reports whether it is done.
func (l *loop) connected(c *conn, e *unix.EpollEvent) bool {
	if e.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		errno, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && errno == 0 {
			errno = int(unix.ECONNRESET) // accepted and reset at once
		}
		l.connecting--
		c.state = ready
		if !c.busy {
			l.hangUp(c)
			return false
		}
		outcome, why := bench.DialOutcome(os.NewSyscallError("connect", unix.Errno(errno)))
		l.finish(e.Fd, outcome, why, true, clock.Now())
		return false
	}
	if e.Events&unix.EPOLLOUT == 0 {
		return false
	}
	l.connecting--
	c.state = ready
	now := clock.Now()
	l.rec.Connected(now - c.dialed)
	if c.had && !l.fresh {
		l.rec.Reconnected(now)
	}
	c.had = true
	return true
}

// write sends what is left of the request.
func (l *loop) write(i int32) {
	c := &l.conns[i]
	for len(c.unsent) > 0 {
		n, errno := send(c.fd, c.unsent)
		switch errno {
		case 0:
			c.unsent = c.unsent[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			c.state = sending
			return
		default:
			// A server that rejects a caller may reply and close before it has
			// read the request: then the reply is there all the same.
			c.state, c.broken = ready, errno
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
	for {
		if l.budget <= 0 {
			l.unread = append(l.unread, unread{i, c.generation, ending})
			return
		}
		n, errno := receive(c.fd, l.buf)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN && c.broken == 0:
			return
		case errno != 0:
			l.finish(i, result.Reset, cmp.Or(c.broken, errno).Error(), true, clock.Now())
			return
		case n == 0:
			if c.reply.EndsWithConnection() {
				l.answered(i, true)
				return
			}
			why := exchange.Closed
			if c.broken != 0 {
				why = c.broken.Error()
			}
			l.finish(i, result.Reset, why, true, clock.Now())
			return
		default:
			l.budget -= n
			done, after, err := l.reader.Next(&c.reply, l.buf[:n])
			switch {
			case err != nil:
				l.finish(i, result.Error, "malformed reply: "+err.Error(), true, clock.Now())
				return
			case done:
				behind := l.buf[n-after : n]
				if after == 0 && n == len(l.buf) { // there may be more behind it, without an event
					n, errno = receive(c.fd, l.buf[:http1.Farewell])
					behind = l.buf[:max(0, n)]
					ending = ending || errno != unix.EAGAIN
				}
				if len(behind) > 0 && !http1.IsFarewell(behind) && c.reply.Status() != http.StatusSwitchingProtocols {
					l.unsolicited(c)
				}
				l.answered(i, len(behind) > 0 || ending)
				return
			case n < len(l.buf) && !ending:
				return // the kernel's buffer is empty: more will be an event
			}
		}
	}
}

// answered ends a request whose reply is complete. The connection is spent
// where it cannot take another request: it closes, or unsolicited bytes
// came, or this request was not sent completely.
func (l *loop) answered(i int32, spent bool) {
	c := &l.conns[i]
	status := c.reply.Status()
	outcome, why := exchange.OfStatus(status), ""
	if outcome == result.Error {
		why = l.reasons.Of(status)
	}
	l.finish(i, outcome, why, spent || c.reply.Last() || c.once || l.once || c.broken != 0 || c.state != ready, clock.Now())
}

// finish records how a client's request ended, and lets the client go on.
func (l *loop) finish(i int32, outcome result.Outcome, why string, spent bool, done time.Duration) {
	c := &l.conns[i]
	if exchange.TooLate(outcome, done-c.sent, l.plan.Timeout) {
		outcome, why, spent = result.Timeout, exchange.NoReply, true
	}
	l.open.remove(l.conns, i)
	c.busy, c.unsent, c.idleSince = false, nil, done
	l.now = done
	l.rec.Record(bench.Arrival{Planned: c.planned, Sent: c.sent, Done: done, Outcome: outcome, Why: why, Waited: c.waited})
	if spent || l.fresh {
		l.hangUp(c)
	}
	l.source.ended(i, outcome, done)
}

// hangUp closes a connection.
func (l *loop) hangUp(c *conn) {
	if c.state == connecting {
		l.connecting--
	}
	if c.fd != none {
		if c.state == sending {
			// Else the kernel would go on sending what it has, megabytes that stay
			// with it for minutes where the server does not take them.
			_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		unix.Close(int(c.fd))
	}
	c.fd, c.state, c.generation = none, gone, c.generation+1
	c.reply.Again() // one long header must not keep its memory for ever
}
