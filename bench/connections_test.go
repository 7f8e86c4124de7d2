package bench_test

import (
	"net"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// closingReply says that the connection will be closed.
const closingReply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"

// So many connections as were asked for, no more and no fewer, and each is
// used: a cap on idle ones would make churn that looks like the server's.
func TestConnectionsAskedAreConnectionsUsed(t *testing.T) {
	t.Parallel()
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		const clients = 101
		s := newScripted(t, says(okReply))
		stage := run(t, bench.Plan{
			Load: bench.Load{Burst: clients}, Duration: 20 * time.Millisecond, DrainTimeout: time.Minute,
		}, made(t, bench.HTTP{URL: s.url()}))
		if s.connections() != clients || stage.Connect.N() != clients || stage.Reconnects != 0 {
			t.Errorf("%d connections made, %d timed, %d of them again; want %d, none again", s.connections(), stage.Connect.N(), stage.Reconnects, clients)
		}
		per := map[int]int{}
		for _, r := range s.log() {
			per[r.conn]++
		}
		for conn, n := range per {
			if n != 1 {
				t.Errorf("connection %d took %d requests of one wave", conn, n)
			}
		}
		s.noPipelining(t)
	})
}

// A connection that the server closes is made again for the client's next
// request: none is given up, and each is counted.
func TestLostConnectionsAreMadeAnew(t *testing.T) {
	const clients, waves, every = 7, 4, 250 * time.Millisecond
	for what, c := range map[string]struct {
		script script
		want   result.Outcome
	}{
		"closed as announced": {thenCloses(corked(says(closingReply))), result.OK},
		"closed between two":  {thenCloses(corked(says(okReply))), result.OK},
		"reset":               {resets, result.Reset},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, c.script)
				// From wave to wave there is time for a close to arrive, and for the
				// last connections to be made within the window.
				stage := run(t, bench.Plan{Load: bench.Load{Burst: clients, BurstInterval: every}, Duration: waves * every}, made(t, bench.HTTP{URL: s.url()}))
				if n := int64(clients * waves); stage.Counts[c.want] != n || int64(s.seen()) != n || int64(s.connections()) != n {
					t.Errorf("counts %v, %d requests, %d connections; want %d %v, each on its own", stage.Counts, s.seen(), s.connections(), n, c.want)
				}
				if again := int64(clients * (waves - 1)); stage.Reconnects != again {
					t.Errorf("%d connections made again, want %d: the first are not", stage.Reconnects, again)
				}
			})
		})
	}
}

// A fresh connection for each request is what was asked for: the server is
// notified, connecting is timed, and nothing is called a loss.
func TestNewConnectionForEachRequest(t *testing.T) {
	t.Parallel()
	for _, model := range load.Models {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, says(closingReply))
				p := bench.Plan{Load: loadOf(model, 20, bench.Load{ThinkTime: 20 * time.Millisecond, BurstInterval: 50 * time.Millisecond}), Duration: 300 * time.Millisecond, NewConnection: true}
				if model.Open() {
					p.Load = p.Load.At(200)
				}
				stage := run(t, p, made(t, bench.HTTP{URL: s.url(), NewConnection: true}))
				n := s.seen()
				if stage.Counts[result.OK] != int64(n) || n == 0 || s.connections() != n {
					t.Errorf("counts %v, %d requests over %d connections, want one each", stage.Counts, n, s.connections())
				}
				if stage.Connect.N() != int64(n) || stage.Reconnects != 0 {
					t.Errorf("%d connections timed, %d made again, want %d and none", stage.Connect.N(), stage.Reconnects, n)
				}
				for i, r := range s.log() {
					if !r.close {
						t.Fatalf("request %d does not say that it is the last", i)
					}
				}
			})
		})
	}
}

// A request that fails on a connection that has served before is not sent
// again in silence: its failure would be hidden, and two timed as one.
func TestNoSilentRetry(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s, stage := exchanges(t, made, bench.HTTP{}, 1, []script{says(okReply), says(okReply), thenCloses(says("")), says(okReply), resets, says(okReply)})
		if stage.Counts[result.OK] != 4 || stage.Counts[result.Reset] != 2 || s.connections() != 3 {
			t.Errorf("counts %v over %d connections, want 4 ok and 2 reset over 3", stage.Counts, s.connections())
		}
	})
}

// A request is sent when the reply to the one before is complete, not while it
// is still coming.
func TestNoPipelining(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		early := make(chan int, 1000)
		s := newScripted(t, func(c net.Conn) bool {
			says(okReply[:len(okReply)-1])(c)
			var b [1]byte
			c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			if n, _ := c.Read(b[:]); n > 0 {
				early <- n
			}
			c.SetReadDeadline(time.Time{})
			return says(okReply[len(okReply)-1:])(c)
		})
		stage := run(t, bench.Plan{Load: bench.Load{Rate: 1000, Arrivals: load.Constant}, MaxConnections: 3, Duration: 100 * time.Millisecond, DrainTimeout: time.Minute}, made(t, bench.HTTP{URL: s.url()}))
		if stage.Counts[result.OK] != 100 || s.connections() > 3 || len(early) > 0 {
			t.Errorf("counts %v over %d connections, %d requests too early; want 100 ok over 3", stage.Counts, s.connections(), len(early))
		}
		s.noPipelining(t)
	})
}

// Nobody listens: that is the server's, for every arrival, in every load; no
// connection was lost, as there never was one.
func TestRefusedIsTheServers(t *testing.T) {
	t.Parallel()
	for _, model := range load.Models {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			eachThreads(t, func(t *testing.T, made made) {
				t.Parallel()
				s := newScripted(t, says(okReply))
				url := s.url()
				s.close()
				stage := run(t, bench.Plan{
					Load: loadOf(model, 20, bench.Load{Backoff: 20 * time.Millisecond, BurstInterval: 50 * time.Millisecond}), Duration: 200 * time.Millisecond,
				}, made(t, bench.HTTP{URL: url}))
				if n := stage.Counts[result.Refused]; n == 0 || n != stage.Counts.Planned() {
					t.Errorf("counts %v, want all refused; %q", stage.Counts, stage.Notes())
				}
				if stage.Reconnects != 0 || stage.Connect.N() != 0 {
					t.Errorf("%d connections made, %d of them again, at a server that is not there", stage.Connect.N(), stage.Reconnects)
				}
			})
		})
	}
}

// A reply that comes after its request has timed out is nobody's: not that of
// the next request either.
func TestTimeoutIsOneOutcome(t *testing.T) {
	t.Parallel()
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		var s *scripted
		var stage *result.Stage
		// The replies come within the stage. A machine that is too busy to connect
		// within the timeout gets more time.
		for timeout := 60 * time.Millisecond; ; timeout *= 3 {
			s = newScripted(t, after(4*timeout, says(okReply)))
			stage = run(t, bench.Plan{Load: bench.Load{Clients: 5}, Timeout: timeout, Duration: 6 * timeout}, made(t, bench.HTTP{URL: s.url()}))
			n := stage.Counts.Planned()
			if stage.Counts[result.OK] > 0 || int64(s.seen()) == n && int64(s.connections()) == n || timeout > 500*time.Millisecond {
				break
			}
		}
		n := stage.Counts[result.Timeout]
		if n < 5 || n != stage.Counts.Planned() || n != int64(s.seen()) || n != int64(s.connections()) {
			t.Errorf("counts %v, %d requests over %d connections, want all timeouts, each on its own", stage.Counts, s.seen(), s.connections())
		}
		if stage.Latency.N() != 0 {
			t.Error("a timeout has a latency")
		}
	})
}
