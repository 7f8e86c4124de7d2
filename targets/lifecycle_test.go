package targets_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

var stopped sync.Map // servers that a test has shut down itself

func shutdown(t testing.TB, s targets.Server) {
	t.Helper()
	if _, again := stopped.LoadOrStore(s, nil); again {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

// eventually waits until the condition holds. It is for what a server does by
// itself, after which there is nothing to wait for but the condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for range 20_000 { // a machine may be busy with the tests of other packages
		if condition() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("it did not happen in 20 s: %s", what)
}

func TestEveryStyleShutsDownGracefully(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{Sim: sim.Config{Latency: 500 * time.Millisecond}})
		idle, silent := dial(t, s), dial(t, s)
		idle.send(t, get(orders.PathHealth))
		idle.read(t, "GET")

		const n = 20
		var busy [n]*client
		for i := range busy {
			busy[i] = dial(t, s)
			busy[i].send(t, askFor(i+1))
		}
		eventually(t, "all requests in flight", func() bool { return s.Stats().InFlight == n })

		var answered atomic.Int64
		var wg sync.WaitGroup
		for i, c := range busy {
			wg.Go(func() {
				wantOrders(t, c.read(t, "GET"), i+1)
				answered.Add(1)
				c.ended(t)
			})
		}
		shutdown(t, s)
		wg.Wait()
		if answered.Load() != n {
			t.Errorf("%d of %d requests in flight were answered", answered.Load(), n)
		}
		idle.ended(t)
		silent.ended(t)
		if st := s.Stats(); st.InFlight != 0 || st.Accepted != n {
			t.Errorf("at the end the stats are %+v", st)
		}
		if c, err := net.Dial("tcp", s.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after the shutdown a dial gave %v, %v; want a refusal", c, err)
		}
		// The address is free again at once.
		again, err := style.Start(targets.Options{Addr: s.Addr()})
		if err != nil {
			t.Fatalf("starting on the address just left: %v", err)
		}
		shutdown(t, again)
	})
}

func TestEveryStyleGivesUpShuttingDownWhenToldTo(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		// Not start: the shutdown fails, and the server goes with the process.
		s, err := style.Start(targets.Options{Workers: 1, Sim: sim.Config{Latency: time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, s)
		c.send(t, askFor(1))
		eventually(t, "the request in flight", func() bool { return s.Stats().InFlight == 1 })
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown returned %v, want that its context ended", err)
		}
	})
}

func TestEveryStyleStopsWithoutHavingHadAnythingToDo(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		for range 3 {
			shutdown(t, start(t, style, targets.Options{}))
		}
	})
}

// A client that goes away leaves its request to be finished, as a query that
// has been sent to a database is; then the counts must be as if it had stayed.
func TestEveryStyleSurvivesClientsThatGoAway(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		s := start(t, style, targets.Options{})
		const n = 100
		for i := range n {
			c := dial(t, s)
			c.send(t, askFor(i+1))
			if i%2 == 0 {
				c.Conn.(*net.TCPConn).SetLinger(0) // a reset in place of an orderly end
			} else {
				c.send(t, askFor(i + 1)[:20])
			}
			// The request has to be in before its connection goes: closing at
			// once with a reset would throw it away.
			eventually(t, "the request arrived", func() bool { return s.Stats().Accepted == int64(i+1) })
			c.Close()
		}
		eventually(t, "nothing is in flight", func() bool { return s.Stats().InFlight == 0 })
		if st := s.Stats(); st.Accepted != n || st.Backend.WaitError.N != n || st.Rejected != 0 {
			t.Errorf("after %d clients that went away the stats are %+v", n, st)
		}
		c := dial(t, s)
		c.send(t, askFor(7))
		wantOrders(t, c.read(t, "GET"), 7)
	})
}

// A burst of connections waits in the listener's backlog, and all of them are
// served.
func TestEveryStyleTakesABurstOfConnections(t *testing.T) {
	const n = 2000
	for _, style := range targets.Inline(targets.HTTP) { // one after the other: descriptors
		t.Run(style.Name, func(t *testing.T) {
			s := start(t, style, targets.Options{Workers: 20, Queue: n})
			var wg sync.WaitGroup
			var ok atomic.Int64
			for i := range n {
				wg.Go(func() {
					c, err := net.Dial("tcp", s.Addr())
					if err != nil {
						t.Errorf("connection %d: %v", i, err)
						return
					}
					defer c.Close()
					c.SetDeadline(time.Now().Add(20 * time.Second))
					buf := make([]byte, 64)
					c.Write([]byte(get(orders.PathHealth)))
					if k, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:k]), "HTTP/1.1 200 ") {
						t.Errorf("connection %d: %q, %v", i, buf[:k], err)
						return
					}
					ok.Add(1)
				})
			}
			wg.Wait()
			if ok.Load() != n {
				t.Errorf("%d of %d connections were served", ok.Load(), n)
			}
		})
	}
}

// Every style with a limit keeps to it exactly, and says so in the same way.
func TestEveryStyleTurnsAwayWhatIsTooMany(t *testing.T) {
	eachStyle(t, func(t *testing.T, style targets.Style) {
		const limit, n = 10, 50
		s := start(t, style, targets.Options{
			Workers: 6, Queue: 4, MaxInflight: limit,
			Sim: sim.Config{Latency: 300 * time.Millisecond}, // room to send them all in
		})
		var clients [n]*client
		for i := range clients {
			clients[i] = dial(t, s)
		}
		for i, c := range clients {
			c.send(t, askFor(i+1))
		}
		eventually(t, "all requests arrived", func() bool {
			st := s.Stats()
			return st.Accepted+st.Rejected == n
		})
		ok := 0
		for i, c := range clients {
			r := c.read(t, "GET")
			if r.StatusCode == http.StatusOK {
				wantOrders(t, r, i+1)
				ok++
				continue
			}
			wantError(t, r, http.StatusServiceUnavailable, "taken")
			wantHeader(t, r, "Retry-After", "1")
			if r.Close {
				t.Error("a rejection closes the connection")
			}
		}
		if st := s.Stats(); ok != limit || st.Accepted != limit || st.Rejected != n-limit || st.InFlight != 0 {
			t.Errorf("%d ok, want %d; stats %+v", ok, limit, st)
		}
	})
}
