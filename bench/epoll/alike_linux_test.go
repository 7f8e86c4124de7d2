package epoll

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/http1/http1test"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// reading is what a driver makes of what a server says before it closes.
type reading struct {
	outcome     result.Outcome
	spent       bool
	unsolicited bool
}

// byEpoll lets the event-loop driver read it: all of it at once, then the end.
func byEpoll(t testing.TB, l *loop, end *ending, said []byte) reading {
	peer := join(t, l)
	end.n = 0
	ask(l)
	answer(t, peer, said)
	l.read(0, false)
	if end.n == 0 {
		if err := unix.Shutdown(peer, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		l.read(0, true)
	}
	if end.n != 1 {
		t.Fatalf("%q: %d requests ended, want 1", said, end.n)
	}
	spent := l.conns[0].state == gone
	l.hangUp(&l.conns[0])
	unix.Close(peer)
	return reading{end.outcome, spent, l.conns[0].once}
}

// byFasthttp lets the goroutine driver read it, over a real connection: there
// is no other to be had. All of it is there when it begins to read.
func byFasthttp(t testing.TB, ln net.Listener, dial bench.Dial, said []byte) reading {
	c, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	tcp := peer.(*net.TCPConn)
	defer tcp.Close()
	tcp.SetLinger(0) // thousands of these a second: none may keep its port
	_, err = tcp.Write(said)
	if err = errors.Join(err, tcp.CloseWrite()); err != nil {
		t.Fatal(err)
	}
	r := c.Do(time.Minute)
	return reading{r.Outcome, r.Spent, r.Unsolicited}
}

// alike is whether two readings are the same as far as they must be. Both find
// a broken reply of no use; whether they call it an error or, as it was also
// the end of the connection, a reset may differ: one may have seen what is
// wrong where the other waited for more.
func alike(a, b reading) bool {
	broken := func(r reading) bool { return r.outcome == result.Error || r.outcome == result.Reset }
	return a == b || a.spent && b.spent && broken(a) && broken(b)
}

// What one driver can use the other can, and takes it for the same.
func FuzzBothDriversReadAlike(f *testing.F) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	defer ln.Close()
	var loops [2]*loop
	var ends [2]*ending
	var dials [2]bench.Dial
	for i, method := range []string{"GET", "HEAD"} {
		h := bench.HTTP{URL: "http://" + ln.Addr().String() + "/", Method: method}
		loops[i], ends[i] = byHand(f, h)
		if dials[i], err = h.Dial(); err != nil {
			f.Fatal(err)
		}
	}
	for _, s := range http1test.Seeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, said []byte, head bool) {
		if len(said) > 4000 {
			t.Skip("does not arrive at once")
		}
		i := 0
		if head {
			i = 1
		}
		a, b := byEpoll(t, loops[i], ends[i], said), byFasthttp(t, ln, dials[i], said)
		if !alike(a, b) {
			t.Errorf("%q to %v: epoll %v, goroutine %v", said, []string{"GET", "HEAD"}[i], a, b)
		}
	})
}

func (r reading) String() string {
	return fmt.Sprintf("%v, spent: %v, unsolicited: %v", r.outcome, r.spent, r.unsolicited)
}
