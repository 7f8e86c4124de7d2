package epoll

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// slot is a place for a connection.
type slot struct {
	link int32 // none where there is none
	had  bool  // a connection, at some time
}

// link is a connection. Its conn's busy and all that is of a request mean nothing.
type link struct {
	conn
	h2      *http2.Conn
	index   int32
	slot    int32   // none: it takes no further requests
	home    int32   // the slot in which it was made
	pending []int32 // clients that wait until it can be used
	dirty   bool
	full    bool // the kernel takes nothing more for now
}

// linkOf is the connection in a slot: a new one where there is none.
func (m *mux) linkOf(at int32) *link {
	if x := m.slots[at].link; x != none {
		return m.links[x]
	}
	var k *link
	if n := len(m.unused); n > 0 {
		k = m.links[m.unused[n-1]]
		m.unused = m.unused[:n-1]
	} else {
		k = &link{conn: conn{fd: none}, index: int32(len(m.links))}
		m.links = append(m.links, k)
	}
	k.slot, k.home, k.h2, k.full, k.broken, k.pending = at, at, nil, false, nil, k.pending[:0]
	m.slots[at].link = k.index
	return k
}

// rested is a connection, or the one that takes its place where the server has ended it
// while it was not in use, and the event of that was not fetched yet.
func (m *mux) rested(k *link, at int32, now time.Duration) *link {
	if m.full && k != m.taking && k.state == ready && k.h2.Open() == 0 && now-k.idleSince > exchange.Rested {
		m.read(k, false)
		k = m.linkOf(at)
	}
	return k
}

// dial begins to connect.
func (m *mux) dial(k *link, now time.Duration) {
	k.dialed = now
	errno := m.connect(&k.conn, k.index)
	k.state = connecting
	m.connecting++
	if errno != 0 {
		m.failed(k, os.NewSyscallError("connect", errno))
	}
}

// failed ends a connection that could not be made, and the requests that wait for it.
func (m *mux) failed(k *link, err error) {
	outcome, why := bench.DialOutcome(err)
	pending := slices.Clone(k.pending)
	m.hangUp(k)
	now := clock.Now()
	for _, i := range pending {
		m.end(i, outcome, why, now)
	}
}

// hangUp closes a connection on which no request is under way any more.
func (m *mux) hangUp(k *link) {
	m.leave(k)
	if k.state == greeting {
		m.connecting--
	}
	if k.h2 != nil && k.full && len(k.h2.Pending()) > 0 {
		k.state = sending
	}
	m.loop.hangUp(&k.conn)
	k.h2, k.pending = nil, k.pending[:0]
	m.unused = append(m.unused, k.index)
}

// leave makes room for another connection in a connection's slot.
func (m *mux) leave(k *link) {
	if k.slot != none {
		m.slots[k.slot].link = none
		k.slot = none
	}
}

// handle handles an event.
func (m *mux) handle(e *unix.EpollEvent) {
	k := m.links[e.Fd]
	if k.generation != e.Pad || k.state == gone {
		return // of a connection that was closed meanwhile
	}
	switch {
	case k.state == securing:
		k.session.awake(e)
		return
	case k.state == connecting:
		if err := connectError(&k.conn, e); err != nil {
			m.failed(k, err)
			return
		}
		if e.Events&unix.EPOLLOUT == 0 {
			return
		}
		now := clock.Now()
		if m.tls != nil {
			m.secure(&k.conn, k.index, now, e.Events&closing != 0)
			return
		}
		m.greet(k)
	case k.full && e.Events&unix.EPOLLOUT != 0:
		k.full = false
		m.write(k)
	}
	if e.Events&anything != 0 && k.generation == e.Pad && k.state != gone {
		m.read(k, e.Events&closing != 0)
	}
}

// secured takes note that the handshake of TLS has ended.
func (m *mux) secured(s *session) {
	k := m.links[s.client]
	if k.session != s { // it was given up
		unix.Close(int(s.fd))
		return
	}
	s.events, k.state = nil, greeting
	switch {
	case s.err != nil && request.NoProtocol(s.err):
		m.failed(k, request.ErrNoALPN)
	case s.err != nil:
		m.failed(k, fmt.Errorf("TLS handshake: %w", s.err))
	case s.tls.ConnectionState().NegotiatedProtocol != request.ALPN:
		m.failed(k, request.ErrNoALPN)
	default:
		m.rec.Secured(s.took)
		m.greet(k)
		if k.session == s { // what has come behind the handshake has had its event
			m.read(k, s.ending)
		}
	}
}

// greet says the preface. Requests are sent once the server's settings have come: they
// say how many it takes.
func (m *mux) greet(k *link) {
	k.state = greeting
	k.h2 = http2.New(m.requests, m.most)
	if m.streams != nil {
		k.h2.Sink = m
	} else {
		m.look.AtConn(k.h2)
	}
	m.write(k)
}

// greeted takes note that a connection can be used.
func (m *mux) greeted(k *link, now time.Duration) {
	k.state = ready
	m.connecting--
	took := now - k.dialed
	if k.session != nil {
		took -= k.session.took
	}
	k.had = m.slots[k.slot].had
	m.established(&k.conn, took, now)
	m.slots[k.slot].had = true
	k.idleSince = now
	pending := slices.Clone(k.pending)
	k.pending = k.pending[:0]
	for _, i := range pending {
		if k.h2.Room() {
			m.request(k, i)
			continue
		}
		if !m.shared {
			k.pending = append(k.pending, i)
			continue
		}
		if c := &m.conns[i]; !c.resent { // it is not under way yet
			m.open.remove(m.conns, i)
			c.sent = 0
		}
		m.queue(i)
	}
}

// write sends what is pending on a connection.
func (m *mux) write(k *link) {
	for {
		k.unsent = k.h2.Pending()
		n := len(k.unsent)
		if n == 0 && (k.session == nil || len(k.session.kept) == 0) {
			return
		}
		err := k.send()
		k.h2.Sent(n - len(k.unsent))
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			k.full = true
			return
		default:
			// The server may have replied, and said why it closes.
			k.broken = err
			m.read(k, true)
			return
		}
	}
}

// read takes what has come on a connection, as much as the turn allows. The peer has ended
// the connection where ending is true.
func (m *mux) read(k *link, ending bool) {
	for k.h2 != nil {
		if m.budget <= 0 {
			m.unread = append(m.unread, unread{k.index, k.generation, ending})
			return
		}
		n, more, err := k.receive(m.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && k.broken == nil:
			return
		case err != nil:
			m.lost(k, err)
			return
		case n == 0:
			m.lost(k, nil)
			return
		}
		m.budget -= n
		m.took(k, m.buf[:n])
		if !more && !ending {
			return
		}
	}
}

// took takes bytes that came on a connection.
func (m *mux) took(k *link, data []byte) {
	now := clock.Now()
	was, outer := k.h2.Open(), m.taking
	m.at, m.taking = now, k
	events, err := k.h2.Read(data)
	for n := range events {
		m.happened(&events[n], now)
	}
	if was > 0 { // else this may be within another read that is still to be settled
		m.settle(now)
	}
	m.taking = outer
	if err != nil {
		m.broken(k, err)
		return
	}
	switch {
	case k.state == greeting && k.h2.Going():
		m.failed(k, k.h2.GoAway())
		return
	case k.state == greeting && k.h2.Ready():
		m.greeted(k, now)
	}
	if was > 0 && k.h2.Open() == 0 {
		k.idleSince = now
	}
	if len(k.h2.Pending()) > 0 {
		m.mark(k)
	}
	switch {
	case k.state == ready && len(k.pending) > 0 && !k.h2.Going():
		for len(k.pending) > 0 && k.h2.Room() {
			i := k.pending[0]
			k.pending = slices.Delete(k.pending, 0, 1)
			m.request(k, i)
		}
	case k.h2.Going():
		m.leave(k)
		for len(k.pending) > 0 { // they were not sent
			i := k.pending[0]
			k.pending = slices.Delete(k.pending, 0, 1)
			m.users[i].at = nowhere
			m.start(i, now)
		}
		if k.h2.Open() == 0 {
			m.bye(k)
		}
	case m.fresh && was > 0 && k.h2.Open() == 0:
		m.bye(k)
	}
}

// bye closes a connection after what is pending was sent, as far as the kernel takes it.
func (m *mux) bye(k *link) {
	generation := k.generation
	if k.broken == nil && !k.full {
		m.write(k)
	}
	if k.generation == generation && k.h2 != nil {
		m.hangUp(k)
	}
}

// broken ends a connection on which the server said what it may not.
func (m *mux) broken(k *link, err error) {
	if k.state == greeting {
		m.failed(k, err)
		return
	}
	if !k.full { // say why
		k.unsent = k.h2.Pending()
		_ = k.send()
	}
	m.drop(k, false, result.Error, "malformed reply: "+err.Error())
}

// lost ends a connection that the server has closed, or that broke.
func (m *mux) lost(k *link, err error) {
	if k.state == greeting {
		if err == nil {
			err = errGreeting
		}
		m.failed(k, err)
		return
	}
	outcome, why := result.Reset, exchange.Closed
	switch {
	case k.broken != nil:
		outcome, why = exchange.OfBroken(k.broken), k.broken.Error()
	case err != nil:
		outcome, why = exchange.OfBroken(err), err.Error()
	}
	if goAway := k.h2.GoAway(); goAway != nil {
		why = exchange.AfterGoAway(goAway)
	}
	m.drop(k, true, outcome, why)
}

var errGreeting = errors.New(exchange.NoGreeting)

// drop closes a connection, and ends the requests on it. The server has cut them off where
// cut is true.
func (m *mux) drop(k *link, cut bool, outcome result.Outcome, why string) {
	m.tags = append(m.tags[:0], k.pending...)
	k.h2.Streams(func(tag int32) { m.tags = append(m.tags, tag) })
	m.hangUp(k)
	now := clock.Now()
	for _, i := range m.tags {
		if !m.cut(i, cut, now) {
			m.end(i, outcome, why, now)
		}
	}
}

// idleFirst reads from those connections that are not in use, of all that have anything
// to be read.
func (m *mux) idleFirst(events []unix.EpollEvent) {
	for n := range events {
		e := &events[n]
		if e.Fd == wakeup {
			continue
		}
		if k := m.links[e.Fd]; k.state == ready && k.generation == e.Pad && k.h2.Open() == 0 && e.Events&anything != 0 {
			m.read(k, e.Events&closing != 0)
		}
	}
}

// connectNext begins to make the connection number n of those that are known beforehand;
// false where there is none.
func (m *mux) connectNext(n int, now time.Duration) bool {
	if n >= len(m.slots) {
		return false
	}
	if k := m.linkOf(int32(n)); k.state == gone {
		m.dial(k, now)
	}
	return true
}

// close lets go of all connections, or of those that are still being made.
func (m *mux) close(making bool) {
	for _, k := range m.links {
		if k.state != gone && (!making || k.state != ready) {
			m.hangUp(k)
		}
	}
}

// readOn reads what the turn before left on a connection.
func (m *mux) readOn(u unread) {
	if k := m.links[u.i]; k.generation == u.generation && k.h2 != nil {
		m.read(k, u.ending)
	}
}
