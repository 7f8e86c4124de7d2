package grpc_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// A stage of the driver: its calls, its connections, and its rejections are what
// the server counts.
func TestDriver(t *testing.T) {
	for _, conns := range []int{0, 3} {
		s := startFor(t, admission.Config{Workers: 2, Queue: 1, Backend: slow{open(), 2 * time.Millisecond}})
		d, err := driver(grpc.Client{Addr: s.Addr(), Connections: conns, Request: orders.Request{Kind: orders.Place, UserID: 7, TotalCents: 1}})
		if err != nil {
			t.Fatal(err)
		}
		p := bench.Plan{Load: bench.Load{Clients: 10, Backoff: 2 * time.Millisecond}, Duration: 200 * time.Millisecond, MaxLag: time.Minute}
		stage, err := bench.Run(t.Context(), p, d)
		if err != nil {
			t.Fatal(err)
		}
		st, n := s.Stats(), stage.Counts
		if n[result.OK] != st.Accepted || n[result.Rejected] != st.Rejected || n[result.OK] == 0 || n.Planned() != st.Accepted+st.Rejected {
			t.Errorf("the stage counts %v, the server %+v", n, st)
		}
		if want := int64(conns); conns > 0 && stage.Connect.N() != want || conns == 0 && stage.Connect.N() != 10 {
			t.Errorf("%d connections, want %d, or one for each of 10 clients", stage.Connect.N(), want)
		}
		if got := stage.Settings.Get(result.KeyDriver); got != grpc.Name {
			t.Errorf("driver %q", got)
		}
	}
}

// slow takes its time.
type slow struct {
	*held
	wait time.Duration
}

func (s slow) Park(q *backend.Query) {
	time.Sleep(s.wait)
	s.held.Park(q)
}

// What becomes of a call where the connection does, and that it is made once.
func TestBrokenConnections(t *testing.T) {
	h := newHeld()
	s := startFor(t, admission.Config{Backend: h})
	p := count(t, s.Addr())
	for _, conns := range []int{0, 1} {
		p := p
		if conns > 0 {
			p = count(t, s.Addr())
		}
		before := h.asked.Load()
		c := grpc.Client{Addr: p.Addr().String(), Connections: conns, Request: orders.Request{UserID: 42}}
		d, err := driver(c)
		if err != nil {
			t.Fatal(err)
		}
		dial := d.Dial
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan bench.Reply)
		go func() { got <- conn.Do(20 * time.Second) }()
		eventually(t, "the call is at work", func() bool { return h.asked.Load() == before+1 })
		p.cut()
		if r := <-got; r.Outcome != result.Reset || !r.Spent {
			t.Errorf("cut in mid-call: %+v", r)
		}
		eventually(t, "the caller knows", func() bool { return !usable(conn) })
		if r := conn.Do(20 * time.Second); r.Outcome != result.Refused || !r.Spent {
			t.Errorf("over a connection that was cut: %+v", r)
		}
		conn.Close()
		conn.Close()
		_, err = dial(t.Context())
		if o, _ := bench.DialOutcome(err); o != result.Refused {
			t.Errorf("where nobody listens: %v, %v", err, o)
		}
		if n := h.asked.Load(); n != before+1 {
			t.Errorf("one call was made %d times", n-before)
		}
	}
	close(h.answer)
}

func TestCloseEndsTheCall(t *testing.T) {
	for _, conns := range []int{0, 1} {
		h := newHeld()
		s := startFor(t, admission.Config{Backend: h})
		all := callers(t, grpc.Client{Addr: s.Addr(), Connections: conns}, 2)
		got := make(chan bench.Reply)
		go func() { got <- all[0].Do(time.Hour) }()
		eventually(t, "the call is at work", func() bool { return h.asked.Load() == 1 })
		all[0].Close()
		if r := <-got; r.Outcome == result.OK {
			t.Errorf("%+v", r)
		}
		close(h.answer)
		if r := all[1].Do(20 * time.Second); r.Outcome != result.OK {
			t.Errorf("the other caller: %+v", r)
		}
	}
}

func TestOutcomeOfEachStatus(t *testing.T) {
	for _, row := range []struct {
		err  error
		want result.Outcome
		text string
	}{
		{nil, result.OK, ""},
		{orders.ErrBusy, result.Rejected, ""},
		// The server says so, on a connection that is fine.
		{errors.New("the database is gone"), result.Error, "gRPC status UNAVAILABLE: backend: the database is gone"},
	} {
		h := open()
		h.err = row.err
		c := callers(t, grpc.Client{Addr: startFor(t, admission.Config{Backend: h}).Addr()}, 1)[0]
		if r := c.Do(20 * time.Second); r.Outcome != row.want || r.Why != row.text || r.Spent {
			t.Errorf("%v: got %+v, want %v", row.err, r, row.want)
		}
	}
	c := callers(t, grpc.Client{Addr: startFor(t, admission.Config{Backend: open()}).Addr(), Request: orders.Request{Kind: orders.Place, TotalCents: -1}}, 1)[0]
	if r := c.Do(20 * time.Second); r.Outcome != result.Error || !strings.Contains(r.Why, "INVALID_ARGUMENT") {
		t.Errorf("a call that makes no sense: %+v", r)
	}
	if _, err := driver(grpc.Client{Request: orders.Request{Kind: orders.Invite}}); err == nil {
		t.Error("there is no call for invitations, and yet it can be driven")
	}
}

func TestServersThatDoNotSpeakGRPC(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	closes := make(chan bool, 1)
	go func() {
		var silent []net.Conn
		for {
			c, err := ln.Accept()
			if err != nil {
				break
			}
			if <-closes {
				c.Close()
			} else {
				silent = append(silent, c)
			}
		}
		for _, c := range silent {
			c.Close()
		}
	}()
	for closing, want := range map[bool]result.Outcome{true: result.Refused, false: result.Timeout} {
		for _, conns := range []int{0, 1} {
			closes <- closing
			d, err := driver(grpc.Client{Addr: ln.Addr().String(), Connections: conns})
			if err != nil {
				t.Fatal(err)
			}
			limit := 20 * time.Second
			if !closing {
				limit = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			if _, err = d.Dial(ctx); err == nil {
				t.Fatal("a connection was made")
			}
			cancel()
			if o, _ := bench.DialOutcome(err); o != want {
				t.Errorf("closing %v: %v, %v", closing, o, err)
			}
		}
	}
}

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	h := newHeld()
	s := start(t, admission.Config{Workers: 5, Queue: 15, Backend: h})
	silent, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	idle := callers(t, grpc.Client{Addr: s.Addr()}, 1)[0]
	var ok atomic.Int64
	var wg sync.WaitGroup
	for _, c := range callers(t, grpc.Client{Addr: s.Addr(), Connections: 2}, 20) {
		wg.Go(func() {
			if r := c.Do(20 * time.Second); r.Outcome == result.OK {
				ok.Add(1)
			} else {
				t.Errorf("%+v", r)
			}
		})
	}
	eventually(t, "all calls are in", func() bool { return s.Stats().InFlight == 20 })
	down := make(chan struct{})
	go func() {
		shutdown(t, s)
		close(down)
	}()
	eventually(t, "the idle connection is closed", func() bool { return !usable(idle) })
	close(h.answer)
	wg.Wait()
	<-down
	if ok.Load() != 20 {
		t.Errorf("%d of 20 calls in flight were answered", ok.Load())
	}
	again := start(t, admission.Config{Addr: s.Addr(), Backend: open()}) // the address is free at once
	shutdown(t, again)
}

func TestShutdownGivesUpWhenToldTo(t *testing.T) {
	h := newHeld()
	defer close(h.answer)
	s := start(t, admission.Config{Backend: h})
	c := callers(t, grpc.Client{Addr: s.Addr()}, 1)[0]
	got := make(chan bench.Reply)
	go func() { got <- c.Do(20 * time.Second) }()
	eventually(t, "the call is in", func() bool { return s.Stats().InFlight == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v, want that its context ended", err)
	}
	if r := <-got; r.Outcome != result.Reset {
		t.Errorf("the call that was dropped: %+v", r)
	}
}

func TestStopsWithoutHavingHadAnythingToDo(t *testing.T) {
	for range 20 {
		shutdown(t, start(t, admission.Config{Backend: open()}))
	}
}

// usable is what a caller says of its connection.
func usable(c bench.Conn) bool {
	ok, _ := c.(bench.Checker).Check()
	return ok
}

// Callers that share connections need descriptors and ports for those only.
func TestLimitsAreOfConnections(t *testing.T) {
	many := bench.Plan{Load: bench.Load{Clients: 100_000_000}, Duration: time.Second}
	for conns, fits := range map[int]bool{0: false, 2: true} {
		d, err := driver(grpc.Client{Addr: "127.0.0.1:1", Connections: conns})
		if err != nil {
			t.Fatal(err)
		}
		if err := bench.CheckLimits(many, d); (err == nil) != fits && runtime.GOOS == "linux" {
			t.Errorf("--conns %d: %v", conns, err)
		}
	}
}
