package epoll

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"golang.org/x/sys/unix"
)

// mostRecord is how much of a request is encrypted at once, in bytes: a record
// (RFC 8446, 5.1).
const mostRecord = 16 << 10

// mostKept bounds what a session keeps of what the kernel does not take, in bytes.
const mostKept = 64 << 10

// session is the TLS session of a connection, and to crypto/tls the connection
// under it. During the handshake a goroutine uses it and waits for the loop's
// events. After it the loop does, and nothing waits any more:
//
//  1. A read that finds nothing fails with EAGAIN. That is a temporary error,
//     so crypto/tls keeps what it has of a record.
//  2. A write takes what it is given, as crypto/tls takes any error of it for
//     the end of the session. What the kernel does not take is kept.
//
// Note: crypto/tls allocates 24 bytes per read. The loop reads only where a
// record may be complete, so that is per reply.
type session struct {
	net.Conn // nil: crypto/tls calls no more than the methods below
	tls      *tls.Conn
	fd       int32
	client   int32         // its index, or that of the connection of several
	began    time.Duration // the handshake
	connect  time.Duration // what the connection took before it
	took     time.Duration // the handshake, once it has ended
	err      error         // that the handshake ended with
	events   chan struct{} // that the goroutine waits for; closed to stop it, nil after the handshake
	ending   bool          // the peer has ended the connection: no event says so again

	kept   []byte  // encrypted, to be sent before anything else
	header [5]byte // of the record that is being received
	got    int     // bytes of it
	left   int     // bytes of the record behind it
	whole  int     // no more complete records than that wait to be decrypted
	full   bool    // the last read took all there was room for
}

// await waits for an event, and reports whether the handshake goes on.
func (s *session) await() bool {
	_, open := <-s.events
	return open
}

// Read implements [net.Conn].
func (s *session) Read(b []byte) (int, error) {
	for {
		n, errno := receive(s.fd, b)
		switch {
		case errno == 0 && n == 0:
			return 0, io.EOF
		case errno == 0:
			s.full = n == len(b)
			s.count(b[:n])
			return n, nil
		case errno == unix.EINTR:
		case errno != unix.EAGAIN || s.events == nil:
			s.full = false
			return 0, errno
		case !s.await():
			return 0, net.ErrClosed
		}
	}
}

// count counts the records that have come completely.
func (s *session) count(b []byte) {
	for len(b) > 0 {
		if s.left > 0 {
			n := min(s.left, len(b))
			s.left, b = s.left-n, b[n:]
		} else {
			n := copy(s.header[s.got:], b)
			s.got, b = s.got+n, b[n:]
			if s.got < len(s.header) {
				return
			}
			s.got, s.left = 0, int(s.header[3])<<8|int(s.header[4])
		}
		if s.left == 0 {
			s.whole++
		}
	}
}

// Write implements [net.Conn].
func (s *session) Write(b []byte) (sent int, err error) {
	for len(s.kept) == 0 && sent < len(b) {
		n, errno := send(s.fd, b[sent:])
		switch {
		case errno == 0:
			sent += n
		case errno == unix.EINTR:
		case errno != unix.EAGAIN:
			return sent, errno
		case s.events == nil:
			s.kept = append(s.kept, b[sent:]...)
			return len(b), nil
		case !s.await():
			return sent, net.ErrClosed
		}
	}
	if len(s.kept)+len(b)-sent > mostKept {
		return sent, unix.ENOBUFS
	}
	s.kept = append(s.kept, b[sent:]...)
	return len(b), nil
}

// flush sends what was kept.
func (s *session) flush() error {
	for len(s.kept) > 0 {
		n, errno := send(s.fd, s.kept)
		if errno != 0 {
			return errno
		}
		s.kept = s.kept[n:]
	}
	s.kept = nil
	return nil
}

// SetWriteDeadline implements [net.Conn]: no write waits.
func (s *session) SetWriteDeadline(time.Time) error { return nil }

// send encrypts and sends some of a request, and returns how much.
func (s *session) send(b []byte) (int, error) {
	if err := s.flush(); err != nil {
		return 0, err
	}
	return s.tls.Write(b[:min(len(b), mostRecord)])
}

// receive decrypts what has come: no bytes and no error at the end. There may be
// more that no event will report.
func (s *session) receive(b []byte) (n int, more bool, err error) {
	n, err = s.tls.Read(b)
	switch {
	case n > 0:
		s.whole--
		return n, s.whole > 0 || s.full || err != nil, nil
	case err == io.EOF:
		err = nil
	}
	s.whole = 0
	return 0, false, err
}

// shaking is the handshakes of a loop's connections.
type shaking struct {
	running sync.WaitGroup
	mu      sync.Mutex
	ended   []*session // not yet known to the loop
}

// secure begins the handshake of a connection, on a goroutine: the CPU time
// that it takes is more than what is due can wait.
func (l *loop) secure(c *conn, i int32, now time.Duration, ending bool) {
	s := &session{fd: c.fd, client: i, began: now, connect: now - c.dialed, events: make(chan struct{}, 1), ending: ending}
	s.tls = tls.Client(s, l.tls)
	c.session, c.state = s, securing
	l.shaking.running.Go(func() {
		s.err = s.tls.Handshake()
		s.took = clock.Now() - s.began
		l.shaking.mu.Lock()
		l.shaking.ended = append(l.shaking.ended, s)
		l.shaking.mu.Unlock()
		l.poller.wake()
	})
}

// awake passes an event on to the handshake of a connection.
func (s *session) awake(e *unix.EpollEvent) {
	s.ending = s.ending || e.Events&closing != 0
	select {
	case s.events <- struct{}{}:
	default:
	}
}

// shaken takes note of the handshakes that have ended.
func (l *loop) shaken() {
	l.shaking.mu.Lock()
	ended := l.shaking.ended
	l.shaking.ended = nil
	l.shaking.mu.Unlock()
	for _, s := range ended {
		if l.mux != nil {
			l.mux.secured(s)
			continue
		}
		c := &l.conns[s.client]
		if c.session != s { // it was given up
			unix.Close(int(s.fd))
			continue
		}
		s.events, c.state = nil, ready
		l.connecting--
		switch {
		case s.err == nil:
			l.rec.Secured(s.took)
			l.established(c, s.connect, clock.Now())
			if c.busy {
				l.write(s.client)
			}
			if c.session == s { // what has come behind the handshake has had its event
				l.read(s.client, s.ending)
			}
		case c.busy:
			outcome, why := bench.DialOutcome(fmt.Errorf("TLS handshake: %w", s.err))
			l.finish(s.client, outcome, why, true, clock.Now())
		default:
			l.hangUp(c)
		}
	}
}
