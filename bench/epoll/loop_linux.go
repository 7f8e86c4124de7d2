package epoll

import (
	"crypto/tls"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// readBuffer is how much is read at once, into one buffer for all connections.
const readBuffer = 64 << 10

// loop is one thread's share of a stage. All but called is for that thread.
type loop struct {
	plan   bench.Plan
	stage  *bench.Recorder
	rec    *bench.Shard
	picker request.Picker
	once   bool // a connection takes one request, which says so to the server
	fresh  bool // each request has a connection of its own
	small  bool // all requests fit the first window of a connection
	spin   time.Duration
	most   uint64 // arrivals of all loops

	all     []*loop
	sending *atomic.Int32 // loops that have any left to send

	peers   []peer          // to connect to, in turn
	dials   int             // connections begun; of each loop from another peer on
	sources []unix.Sockaddr // to connect from, in turn; nil is for the kernel to choose
	tls     *tls.Config     // of each connection; nil where they are plain
	shaking shaking

	mux *mux // its connections, where they are HTTP/2: then conns has but the clients

	poller     *poller
	reader     *http1.Reader
	buf        []byte
	conns      []conn
	open       line     // the requests under way
	trailing   line     // those whose stream is complete
	connecting int      // handshakes under way
	unread     []unread // what the next turn begins with
	later      []unread // of the turn that is being taken
	budget     int      // bytes that the turn may still read
	full       bool     // there may be more events than were fetched
	source     source
	reasons    exchange.Reasons
	meaning    *result.Meaning
	streams    *stream.Spec // of the replies; nil where they are none
	event      func(stream.Event)
	says       []byte // frames to be sent

	now       time.Duration // the last that was read of the clock
	spun      time.Duration
	cancelled atomic.Bool // set from outside, followed by poller.wake
}

// newClient adds a client without a connection.
func (l *loop) newClient() int32 {
	l.conns = append(l.conns, conn{fd: none})
	if l.mux != nil {
		l.mux.add()
	}
	return int32(len(l.conns) - 1)
}

// exhausted notes that the loop has nothing left to send.
func (l *loop) exhausted() {
	if l.sending.Add(-1) == 0 {
		l.stage.Exhausted(l.most)
		for _, other := range l.all { // which wait for a later end
			other.poller.wake()
		}
	}
}

// called empties the descriptors that woke the loop, and looks what for.
func (l *loop) called() {
	var b [8]byte
	_, _ = unix.Read(l.poller.wakeFD, b[:])
	if l.poller.timer >= 0 {
		_, _ = unix.Read(l.poller.timer, b[:])
	}
	l.shaken()
}

// connectAll connects the clients that there are, some at once, within the
// timeout of one request. A client that could not connect by then tries again
// at its first arrival, whose outcome shows it.
func (l *loop) connectAll(atOnce int) {
	l.source = idle{}
	limit := clock.Now() + l.plan.Timeout
	made := 0
	for !l.cancelled.Load() {
		l.now = clock.Now()
		more := true
		for l.connecting < atOnce && more {
			if more = l.connectNext(made); more {
				made++
			}
		}
		if l.connecting == 0 && !more {
			return
		}
		if l.now >= limit {
			break
		}
		l.turn(limit)
		if l.mux != nil {
			l.mux.flush()
		}
	}
	if l.mux != nil {
		l.mux.close(true)
	}
	for i := range l.conns {
		if c := &l.conns[i]; c.state == connecting || c.state == securing {
			l.hangUp(c)
		}
	}
}

// connectNext begins to make connection number n of those that there are from the
// beginning; false where there are no more.
func (l *loop) connectNext(n int) bool {
	if l.mux != nil {
		return l.mux.connectNext(n, l.now)
	}
	if n == len(l.conns) {
		return false
	}
	l.dial(int32(n), l.now)
	return true
}

// idle is the source before the stage starts.
type idle struct{}

func (idle) next() time.Duration                        { return never }
func (idle) fire(time.Duration)                         {}
func (idle) ended(int32, result.Outcome, time.Duration) {}
func (idle) over(time.Duration)                         {}

// turn waits until the instant at for events, and takes note of them.
func (l *loop) turn(at time.Duration) {
	if len(l.unread) > 0 {
		at = 0
	}
	n := l.wait(at)
	l.now = clock.Now()
	l.budget, l.full = turnBytes, n == maxEvents
	l.idleFirst(l.poller.events[:n])
	l.readOn()
	for e := range l.poller.events[:n] {
		l.handle(&l.poller.events[e])
		if l.budget <= 0 {
			l.now = clock.Now() // so much takes time also where no request ends
		}
		// What has become due meanwhile does not wait for the rest of them.
		if l.source.next() <= l.now {
			l.source.fire(l.now)
			if l.mux != nil {
				l.mux.flush()
			}
		}
	}
}

// wait waits for events, for the last of the time by polling where asked for.
func (l *loop) wait(at time.Duration) int {
	if l.spin <= 0 {
		return l.poller.wait(at, l.now)
	}
	if at-l.spin > l.now {
		if n := l.poller.wait(at-l.spin, l.now); n > 0 {
			return n
		}
	}
	began := clock.Now()
	for now := began; ; now = clock.Now() {
		if n := l.poller.wait(now, now); n > 0 || now >= at {
			l.spun += now - began
			return n
		}
	}
}

// run drives the loop's share of a stage from its start until all requests
// have ended, or the drain limit has passed, or it is cancelled.
func (l *loop) run() (used result.Loop) {
	begun, ended, lookedBack := false, false, never
	l.now = clock.Now()
	for {
		from, to := l.stage.Window()
		limit := to + l.plan.DrainTimeout
		if !begun && l.now >= from {
			begun = true
			used = result.Loop{CPU: -threadCPU(), Spun: -l.spun}
		}
		if !ended && l.stage.Over(l.now) {
			ended = true
			used.CPU, used.Spun = used.CPU+threadCPU(), used.Spun+l.spun
		}
		if l.cancelled.Load() {
			return used
		}
		next := l.source.next()
		if next >= to {
			next = never // the window ends before, unless it is extended
		}
		switch {
		case ended && l.now >= limit:
			l.giveUp()
			return used
		case ended && l.open.first == none && l.trailing.first == none && next == never && (l.mux == nil || l.mux.idle()):
			if lookedBack == never {
				lookedBack = l.now + exchange.LookBack
			}
			if l.fresh || l.now >= lookedBack {
				return used
			}
			next = lookedBack
		case !begun:
			next = min(next, from)
		case !ended:
			next = min(next, to)
		default:
			next = min(next, limit)
		}
		if first := l.open.first; first != none {
			next = min(next, l.conns[first].active+l.plan.Timeout)
		}
		if first := l.trailing.first; first != none {
			next = min(next, l.conns[first].active+exchange.Trailing)
		}
		l.turn(next)
		l.source.fire(l.now)
		l.expire()
		if l.mux != nil {
			l.mux.flush()
		}
	}
}

// expire ends the requests whose time is up.
func (l *loop) expire() {
	for range turn { // to close a connection takes as long as to read several events
		i := l.trailing.first
		if i == none || l.now < l.conns[i].active+exchange.Trailing {
			break
		}
		l.ended(i, true)
	}
	for i := l.open.first; i != none && l.now >= l.conns[i].active+l.plan.Timeout; i = l.open.first {
		why := exchange.NoReply
		switch c := &l.conns[i]; {
		case c.state == connecting || c.state == securing:
			why = exchange.NoConnection
		case c.stream != nil:
			why = stream.NoEvent
		}
		if l.mux != nil {
			why = l.mux.cancel(i)
		}
		l.finish(i, result.Timeout, why, true, l.now)
	}
}

// giveUp ends all that is under way: unfinished at the drain limit.
func (l *loop) giveUp() {
	now := clock.Now()
	l.source.over(now)
	for i := l.trailing.first; i != none; i = l.trailing.first {
		l.ended(i, true)
	}
	if l.mux != nil {
		l.mux.giveUp(now)
	}
	for i := l.open.first; i != none; i = l.open.first {
		if l.mux != nil {
			l.mux.cancel(i)
		}
		l.finish(i, result.Unfinished, exchange.InFlight, true, now)
	}
}

// close lets go of all descriptors.
func (l *loop) close() {
	for i := range l.conns {
		l.hangUp(&l.conns[i])
	}
	if l.mux != nil {
		l.mux.close(false)
	}
	l.shaking.running.Wait()
	l.shaken()
	l.poller.close()
}
