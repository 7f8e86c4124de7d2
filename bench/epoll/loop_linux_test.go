package epoll

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// ending is the source of a loop that a test drives by hand: it only notes
// how requests ended.
type ending struct {
	idle
	n       int
	outcome result.Outcome
}

func (e *ending) ended(_ int32, o result.Outcome, _ time.Duration) {
	e.n++
	e.outcome = o
}

// byHand returns a loop of one client without a connection, for a test to
// call the functions of.
func byHand(t testing.TB, h bench.HTTP) (*loop, *ending) {
	t.Helper()
	requests, err := h.Requests()
	if err != nil {
		t.Fatal(err)
	}
	poller, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	plan := bench.Plan{Load: bench.Load{Clients: 1}, Duration: time.Hour, Timeout: time.Hour}
	rec := bench.NewRecorder(plan)
	end := &ending{}
	l := &loop{
		plan: plan, stage: rec, rec: rec.NewShard(), picker: requests.Picker(), most: requests.Most(), sending: new(atomic.Int32), once: requests.Close,
		poller: poller, reader: &http1.Reader{}, buf: make([]byte, readBuffer),
		open: newLine(), trailing: newLine(), reasons: exchange.Reasons{}, meaning: requests.Meaning, source: end, budget: 1 << 40,
	}
	l.newClient()
	rec.Start()
	t.Cleanup(l.close)
	return l, end
}

// join gives the loop's client one end of a connection and returns the other.
func join(t testing.TB, l *loop) (peer int) {
	t.Helper()
	return joinAs(t, l, 0)
}

// joinAs does the same for client i.
func joinAs(t testing.TB, l *loop, i int32) (peer int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &l.conns[i]
	c.fd, c.state, c.once = int32(pair[0]), ready, false
	return pair[1]
}

// connectByHand connects the loop's client to the server of its requests.
func connectByHand(t testing.TB, l *loop, hostPort string) {
	t.Helper()
	var err error
	if l.peers, err = peersOf(t.Context(), &request.Set{Addr: hostPort}); err != nil {
		t.Fatal(err)
	}
	l.sources = []unix.Sockaddr{nil}
	source := l.source
	l.connectAll(1)
	l.source = source
	if l.conns[0].state != ready {
		t.Fatal("not connected")
	}
}

// ask lets the client send a request.
func ask(l *loop) {
	now := clock.Now()
	l.rec.Begin(now)
	l.begin(0, now, now, 0, false)
}

// answer puts what a server says into the client's connection.
func answer(t testing.TB, peer int, text []byte) {
	t.Helper()
	for len(text) > 0 {
		n, err := unix.Write(peer, text)
		if err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
}

// What fills the buffer to its last byte may go on behind it. Taken for the
// next request's reply it would turn all that follow into those of others.
func TestRestBehindAFullBuffer(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\nContent-Length: 65494\r\n\r\n"
	text := append([]byte(header), make([]byte, readBuffer-len(header))...)
	for rest, spent := range map[string]bool{"": false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": true} {
		l, end := byHand(t, bench.HTTP{URL: "http://127.0.0.1/"})
		peer := join(t, l)
		ask(l)
		answer(t, peer, append(text, rest...))
		l.read(0, false)
		if end.n != 1 || end.outcome != result.OK || (l.conns[0].state == gone) != spent {
			t.Errorf("%d bytes behind the reply: %d ended, the last %v, connection kept: %v", len(rest), end.n, end.outcome, l.conns[0].state != gone)
		}
		unix.Close(peer)
	}
}

// whenEnded calls a function when a request has ended.
type whenEnded struct {
	idle
	do func(i int32)
}

func (w whenEnded) ended(i int32, _ result.Outcome, _ time.Duration) { w.do(i) }

// No request goes out over a connection that the server has closed while it
// rested: not where the event of it stands behind others that came at the same
// time, and not where it was not fetched yet.
func TestClosedConnectionsAmongUnreadEvents(t *testing.T) {
	for _, said := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 408 Request Timeout\r\n\r\n"} {
		for _, fetched := range []bool{true, false} {
			h := bench.HTTP{URL: listen(t, okReply)}
			l, _ := byHand(t, h)
			l.newClient()
			requests, err := h.Requests()
			if err != nil {
				t.Fatal(err)
			}
			if l.peers, err = peersOf(t.Context(), requests); err != nil {
				t.Fatal(err)
			}
			l.sources = []unix.Sockaddr{nil}
			var peers [2]int
			for i := range int32(2) {
				peers[i] = joinAs(t, l, i)
				if fetched {
					if err := l.poller.watch(int(l.conns[i].fd), i, l.conns[i].generation, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET&(1<<32-1)); err != nil {
						t.Fatal(err)
					}
				}
			}
			next := func() {
				now := clock.Now()
				l.rec.Begin(now)
				l.begin(1, now, now, 0, false)
			}
			l.source = whenEnded{do: func(i int32) {
				if i == 0 {
					next()
				}
			}}
			ask(l)
			answer(t, peers[0], []byte(okReply))
			answer(t, peers[1], []byte(said))
			unix.Close(peers[1])
			if fetched {
				l.turn(0)
			} else {
				l.full = true
				next()
			}
			if c := &l.conns[1]; c.state != connecting || !c.busy {
				t.Errorf("%q, events fetched: %v: state %d, want the request to wait for a new connection", said, fetched, c.state)
			}
			unsolicited := said != "" && said[9:12] == "200"
			if l.conns[1].once != unsolicited {
				t.Errorf("%q: noticed as unsolicited bytes: %v", said, l.conns[1].once)
			}
			unix.Close(peers[0])
		}
	}
}

// However much servers send, a turn reads about as much as it may, and the next
// ones go on with it.
func TestTurnIsBounded(t *testing.T) {
	const clients, size = 16, 100_000
	reply := append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), make([]byte, size)...)
	l, end := byHand(t, bench.HTTP{URL: "http://127.0.0.1/"})
	waits := func() (bytes int) {
		for i := range l.conns {
			n, err := unix.IoctlGetInt(int(l.conns[i].fd), unix.TIOCINQ)
			if err != nil {
				t.Fatal(err)
			}
			bytes += n
		}
		return bytes
	}
	for i := range int32(clients) {
		if i > 0 {
			l.newClient()
		}
		peer := joinAs(t, l, i)
		defer unix.Close(peer)
		if err := l.poller.watch(int(l.conns[i].fd), i, l.conns[i].generation, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLET&(1<<32-1)); err != nil {
			t.Fatal(err)
		}
		now := clock.Now()
		l.rec.Begin(now)
		l.begin(i, now, now, 0, false)
		answer(t, peer, reply)
	}
	turns := 0
	for ; end.n < clients && turns < clients; turns++ {
		before := waits()
		l.turn(0)
		if read := before - waits(); read > turnBytes+readBuffer {
			t.Errorf("a turn read %d bytes, want at most %d", read, turnBytes+readBuffer)
		}
	}
	if end.n != clients || end.outcome != result.OK || turns < clients*size/(turnBytes+readBuffer) {
		t.Errorf("%d of %d replies, the last %v, in %d turns", end.n, clients, end.outcome, turns)
	}
}
