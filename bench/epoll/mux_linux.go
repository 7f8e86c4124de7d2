package epoll

import (
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// mux is a loop's HTTP/2 connections: each of its clients is a stream on one of them,
// while it has a request under way.
//
// A connection stands in a slot. Clients have a slot each, or share all that the loop has
// and take them in turn. A connection that the server ends leaves its slot, to which
// another one is made, and stays until its last stream has ended.
//
// Whatever is to be sent in one go of the source is one write on each connection.
type mux struct {
	*loop
	requests *http2.Requests
	look     *stream.Look      // at replies that are not read as streams
	most     int               // streams on a connection; 0: as many as the server allows
	shared   bool              // the slots are for all clients
	links    []*link           // by the index in events
	unused   []int32           // of links
	slots    []slot            //
	turn     int               // the slot that the next client takes, where it is shared
	users    []user            // the clients
	waiting  clock.Ring[int32] // clients for which there is no stream; some of them are not any more
	dirty    []int32           // links with something to send
	tags     []int32           // of the streams that end with a connection
	taking   *link             // whose events are being taken: it must not be read meanwhile
	at       time.Duration     // instant of the read whose bytes come
	touched  []int32           // clients of whose streams of events that read brought something
}

// user is where a client's request is.
type user struct {
	number      uint64 // of the arrival
	at          whereabouts
	link, place int32
	touched     bool
}

type whereabouts uint8

const (
	nowhere  whereabouts = iota
	queued               // it waits for a stream
	linking              // it waits for a connection
	onStream             // it was sent
)

func newMux(l *loop, requests *request.Set, slots int) *mux {
	m := &mux{loop: l, requests: requests.Made(), look: &requests.Look, most: requests.Streams, shared: slots > 0}
	for range slots {
		m.slots = append(m.slots, slot{link: none})
	}
	for range l.conns {
		m.add()
	}
	return m
}

// add adds a client.
func (m *mux) add() {
	m.users = append(m.users, user{})
	if !m.shared {
		m.slots = append(m.slots, slot{link: none})
	}
}

// begin takes up an arrival on a client that is not busy.
func (m *mux) begin(i int32, planned, now time.Duration, number uint64, waited bool) {
	c := &m.conns[i]
	c.busy, c.waited, c.resent = true, waited, false
	c.planned, c.sent, c.active, c.first, c.status = planned, 0, 0, 0, 0
	m.users[i].number = number
	if m.shared && m.waiting.Len() > 0 {
		m.queue(i)
		return
	}
	m.start(i, now)
}

// queue makes a client wait for a stream.
func (m *mux) queue(i int32) {
	m.conns[i].waited = true
	m.users[i].at = queued
	m.waiting.Push(i)
}

// start sends a client's request, or makes it wait for a connection or a stream.
func (m *mux) start(i int32, now time.Duration) { m.startOn(m.pick(i, now), i, now) }

// startOn does so on a connection, nil where there is none.
func (m *mux) startOn(k *link, i int32, now time.Duration) {
	switch {
	case k == nil:
		m.queue(i)
	case k.state == ready && k.h2.Room():
		m.enter(i, now)
		m.request(k, i)
	default:
		m.enter(i, now)
		m.users[i].at, m.users[i].link = linking, k.index
		k.pending = append(k.pending, i)
		if k.state == gone {
			m.dial(k, now)
		}
	}
}

// enter puts a client into the line of those whose requests are under way.
func (m *mux) enter(i int32, now time.Duration) {
	if c := &m.conns[i]; c.sent == 0 { // else it is sent again
		c.sent, c.active = now, now
		if m.streams != nil {
			m.beginStream(c)
		}
		m.open.push(m.conns, i)
	}
}

// request makes a client's request on a connection that has room for it.
func (m *mux) request(k *link, i int32) {
	u := &m.users[i]
	q, body := m.picker.Made(u.number)
	u.at, u.link, u.place = onStream, k.index, k.h2.Request(i, q, body, m.picker.Reused())
	m.mark(k)
}

// mark notes that a connection has something to send.
func (m *mux) mark(k *link) {
	if !k.dirty {
		k.dirty = true
		m.dirty = append(m.dirty, k.index)
	}
}

// pick is the connection for a client's request. It may be one that is still to be made,
// or has no room yet; nil where the client has to wait for any.
func (m *mux) pick(i int32, now time.Duration) *link {
	if !m.shared {
		return m.rested(m.linkOf(i), i, now)
	}
	var making, missing *link
	for range m.slots {
		at := int32(m.turn)
		if m.turn++; m.turn == len(m.slots) {
			m.turn = 0
		}
		k := m.rested(m.linkOf(at), at, now)
		switch {
		case k.state == ready && k.h2.Room():
			if missing != nil {
				m.dial(missing, now)
			}
			return k
		case k.state == gone && missing == nil:
			missing = k
		}
		if k.state != ready && (making == nil || len(k.pending) < len(making.pending)) && (m.most == 0 || len(k.pending) < m.most) {
			making = k
		}
	}
	return making
}

// end ends a client's request.
func (m *mux) end(i int32, outcome result.Outcome, why string, now time.Duration) {
	m.users[i].at = nowhere
	m.finish(i, outcome, why, false, now)
}

// serve sends what waits for a stream, as far as there are any.
func (m *mux) serve() {
	for m.waiting.Len() > 0 {
		i := m.waiting.First()
		if m.users[i].at != queued { // it was given up
			m.waiting.Pop()
			continue
		}
		now := clock.Now()
		k := m.pick(i, now)
		if k == nil {
			return
		}
		m.waiting.Pop()
		m.users[i].at = nowhere
		m.startOn(k, i, now)
	}
}

// flush sends what the turn brought.
func (m *mux) flush() {
	m.serve()
	for n := 0; n < len(m.dirty); n++ { // it may grow: a server may have ended its connection
		k := m.links[m.dirty[n]]
		k.dirty = false
		if k.h2 != nil && !k.full {
			m.write(k)
		}
	}
	m.dirty = m.dirty[:0]
}

// happened takes what happened to a stream.
func (m *mux) happened(e *http2.Event, now time.Duration) {
	i := e.Tag
	c := &m.conns[i]
	switch e.Kind {
	case http2.Began:
		c.first = now
	case http2.Ended:
		if c.stream != nil {
			m.streamed(i, now)
			return
		}
		c.status = e.Status
		outcome, why := m.means(int(e.Status))
		m.end(i, outcome, why, now)
	case http2.Refused:
		if e.Stale && !c.resent {
			m.again(i, now)
			return
		}
		m.end(i, result.Rejected, "", now)
	case http2.Unprocessed:
		if !c.resent {
			m.again(i, now)
			return
		}
		m.end(i, result.Reset, exchange.Unprocessed, now)
	case http2.Reset:
		if m.cut(i, true, now) {
			return
		}
		m.end(i, result.Reset, e.Code.Reason(), now)
	default:
		if m.cut(i, false, now) {
			return
		}
		m.end(i, result.Error, "malformed reply: "+e.Why.Error(), now)
	}
}

// again sends a request again that the server did not look at.
func (m *mux) again(i int32, now time.Duration) {
	m.conns[i].resent = true
	m.users[i].at = nowhere
	k := m.links[m.users[i].link]
	if k.h2.Going() {
		m.leave(k)
	}
	// Of the connections that are shared, too, it takes the one in its own place: that is
	// new, where another one may be about to end as well.
	m.startOn(m.linkOf(k.home), i, now)
}

// cancel takes a client's request back, and is the reason where it timed out.
func (m *mux) cancel(i int32) (why string) {
	u := &m.users[i]
	why = exchange.NoReply
	if m.streams != nil {
		why = stream.NoEvent
	}
	switch u.at {
	case onStream:
		k := m.links[u.link]
		k.h2.Cancel(u.place)
		m.mark(k)
		if k.h2.Open() == 0 {
			k.idleSince = m.now
		}
		if k.h2.Open() == 0 && (k.h2.Going() || m.fresh) {
			m.bye(k)
		}
	case linking:
		k := m.links[u.link]
		if at := slices.Index(k.pending, i); at >= 0 {
			k.pending = slices.Delete(k.pending, at, at+1)
		}
		if k.state != ready {
			why = exchange.NoConnection
		}
		if len(k.pending) == 0 && k.state != ready { // what takes so long is not waited for
			m.hangUp(k)
		}
	}
	u.at = nowhere
	return why
}

// giveUp ends what waits for a stream: it was never sent.
func (m *mux) giveUp(now time.Duration) {
	for m.waiting.Len() > 0 {
		i := m.waiting.Pop()
		c := &m.conns[i]
		if m.users[i].at != queued || c.sent != 0 {
			continue // of those that are sent again the line knows
		}
		m.users[i].at, c.busy = nowhere, false
		m.rec.Record(bench.Arrival{Planned: c.planned, Done: now, Outcome: result.Unsent, Why: exchange.NoStream, Waited: true})
	}
}

// idle is whether nothing waits for a stream.
func (m *mux) idle() bool { return m.waiting.Len() == 0 }
