package epoll

import (
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/stream"
)

// touch is the stream of events of a client, of which a read has brought something.
func (m *mux) touch(i int32) *stream.Stream {
	s := m.conns[i].stream
	if u := &m.users[i]; !u.touched {
		u.touched = true
		m.touched = append(m.touched, i)
		s.Reads(m.at)
	}
	return s
}

// Header implements [http2.Sink].
func (m *mux) Header(tag int32, h http2.Header) bool {
	return m.touch(tag).Opened(h.Status, h.EventStream, h.Coded)
}

// Body implements [http2.Sink].
func (m *mux) Body(tag int32, data []byte) { m.touch(tag).Body(data) }

// settle ends the streams of events that a read has made complete or late, and lets the
// others wait for their next event. It comes behind what happened to them: a client may
// have its next request by now.
func (m *mux) settle(now time.Duration) {
	for _, i := range m.touched {
		u, c := &m.users[i], &m.conns[i]
		u.touched = false
		if u.at != onStream {
			continue
		}
		switch s := c.stream; {
		case s.Settled() && !s.Trails():
			k := m.links[u.link] // took closes it, where that was its last stream
			k.h2.Cancel(u.place)
			m.mark(k)
			m.streamed(i, now)
		case s.Last() != c.active:
			m.renew(i)
		}
	}
	m.touched = m.touched[:0]
}

// cut takes note that a client's stream of events ends with a fault, which is an end that
// the server made where by is true. It ends the request, and returns true, where it was
// known before how that ends.
func (m *mux) cut(i int32, by bool, now time.Duration) (ended bool) {
	s := m.conns[i].stream
	switch {
	case s == nil:
		return false
	case s.Settled():
		m.streamed(i, now)
		return true
	case by:
		s.Cut()
	}
	return false
}

// complete ends a request whose stream of events is complete, and whose reply does not end.
func (m *mux) complete(i int32) {
	m.cancel(i)
	m.streamed(i, clock.Now())
}

// streamed ends a request whose reply is complete, or whose stream of events is.
func (m *mux) streamed(i int32, now time.Duration) {
	c := &m.conns[i]
	outcome, why, _ := m.judge(c, c.stream.Status())
	m.end(i, outcome, why, now)
}

var _ http2.Sink = (*mux)(nil)
