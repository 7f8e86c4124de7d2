package targets_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/a628bb15/onhold/bench"
	calls "github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// The suite in this file runs over the styles and the backends. A new backend takes part by a line in waitFor.

// waitFor has options for each backend: one that takes so long, with so many
// connections. It may skip the test where what it needs is not installed.
var waitFor = map[string]func(t *testing.T, latency time.Duration, conns int) targets.Options{
	"sim": func(_ *testing.T, latency time.Duration, conns int) targets.Options {
		return targets.Options{Sim: sim.Config{Latency: latency, Connections: conns}}
	},
	"http": func(t *testing.T, latency time.Duration, conns int) targets.Options {
		return upstreamOf(t, "http", latency, conns)
	},
	"grpc": func(t *testing.T, latency time.Duration, conns int) targets.Options {
		return upstreamOf(t, "grpc", latency, conns)
	},
	"postgres": func(t *testing.T, latency time.Duration, conns int) targets.Options {
		return targets.Options{Postgres: postgres.Config{DSN: pgtest.Shared(t).DSN(), Latency: latency, Connections: conns}}
	},
}

// upstreamOf starts what the backend calls, and has the options to call it.
func upstreamOf(t *testing.T, name string, latency time.Duration, conns int) targets.Options {
	b, err := targets.FindBackend(name)
	if err != nil {
		t.Fatal(err)
	}
	o := unlimited
	o.Sim.Latency = latency
	return calling(b, startUpstream(t, b, o), targets.Options{Sim: sim.Config{Latency: latency, Connections: conns}})
}

// optionsFor has options of a backend: one that takes so long, with so many
// connections.
type optionsFor func(latency time.Duration, conns int) targets.Options

// eachBackend runs a test over the backends. Its options may be asked for in a
// test below it, which is then given.
func eachBackend(t *testing.T, test func(t *testing.T, options func(*testing.T) optionsFor)) {
	for _, b := range targets.Backends {
		options := waitFor[b.Name]
		if options == nil {
			t.Errorf("backend %s is not tested: it has no line in waitFor", b.Name)
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			test(t, func(t *testing.T) optionsFor {
				return func(latency time.Duration, conns int) targets.Options {
					o := options(t, latency, conns)
					o.Backend = b.Name
					return o
				}
			})
		})
	}
}

func eachStyleAndBackend(t *testing.T, test func(t *testing.T, style targets.Style, options optionsFor)) {
	eachBackend(t, func(t *testing.T, options func(*testing.T) optionsFor) {
		eachStyle(t, func(t *testing.T, style targets.Style) { test(t, style, options(t)) })
	})
}

// A burst, and how many of it there is room for.
const (
	poolWorkers, poolQueue = 6, 4
	room                   = poolWorkers + poolQueue
	inBurst                = 40
)

// A burst finds exactly as many places as there are, whatever the target waits
// for: the workers and the queue, and no more.
func TestEveryBackendLeavesALimitExact(t *testing.T) {
	t.Parallel()
	eachStyleAndBackend(t, func(t *testing.T, style targets.Style, options optionsFor) {
		// The whole burst has to be in before the first place is free again. A
		// machine that is too slow for that gets more time.
		for wait := 300 * time.Millisecond; ; wait *= 4 {
			o := options(wait, poolWorkers)
			o.Workers, o.Queue, o.MaxInflight = poolWorkers, poolQueue, room
			s := start(t, style, o)
			replies, took := burst(t, s, inBurst)
			if took > wait && wait < 4*time.Second {
				continue
			}
			ok := 0
			for i, r := range replies {
				if r.StatusCode == http.StatusOK {
					wantOrders(t, r, i+1)
					ok++
					continue
				}
				wantError(t, r, http.StatusServiceUnavailable, "all places are taken")
				wantHeader(t, r, "Retry-After", "1")
			}
			if ok != room {
				t.Errorf("%d ok, want %d", ok, room)
			}
			wantRoomTaken(t, s, o.Backend)
			return
		}
	})
}

// The same for the style that speaks gRPC, which reports it by a status.
func TestEveryBackendLeavesTheLimitOfGRPCExact(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, options func(*testing.T) optionsFor) {
		for wait := 300 * time.Millisecond; ; wait *= 4 {
			o := options(t)(wait, poolWorkers)
			o.Workers, o.Queue = poolWorkers, poolQueue
			s := start(t, style(t, grpc.Name), o)
			all := callers(t, s, inBurst)
			replies := make([]bench.Reply, inBurst)
			var calls sync.WaitGroup
			began := time.Now()
			for i, c := range all {
				calls.Go(func() { replies[i] = c.Do(20 * time.Second) })
			}
			took := arrived(t, s, inBurst, began)
			calls.Wait()
			if took > wait && wait < 4*time.Second {
				continue
			}
			counts := map[result.Outcome]int{}
			for _, r := range replies {
				counts[r.Outcome]++ // rejected: RESOURCE_EXHAUSTED
			}
			if counts[result.OK] != room || counts[result.Rejected] != inBurst-room {
				t.Errorf("%v, want %d ok and %d rejected", replies, room, inBurst-room)
			}
			wantRoomTaken(t, s, o.Backend)
			return
		}
	})
}

// wantRoomTaken checks what a target says after the burst, and its backend.
func wantRoomTaken(t *testing.T, s targets.Server, backend string) {
	t.Helper()
	st := s.Stats()
	if st.Accepted != room || st.Rejected != inBurst-room || st.InFlight != 0 {
		t.Errorf("stats %+v, want %d accepted", st, room)
	}
	if st.Backend.Name != backend || st.Backend.Connections != poolWorkers || st.Backend.Calls != room {
		t.Errorf("the backend says %+v", st.Backend)
	}
	if w := st.Backend.PoolWait; w != nil && w.N != room {
		t.Errorf("%d calls waited for a connection, want %d", w.N, room)
	}
}

// arrived waits until n requests are in, and says how long that took.
func arrived(t *testing.T, s targets.Server, n int, began time.Time) time.Duration {
	t.Helper()
	eventually(t, "all requests arrived", func() bool {
		st := s.Stats()
		return st.Accepted+st.Rejected == int64(n)
	})
	return time.Since(began)
}

// burst sends a request for each of the first n users at once. It returns the
// replies, and how long it took until all requests were in.
func burst(t *testing.T, s targets.Server, n int) (replies []reply, took time.Duration) {
	t.Helper()
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = dial(t, s)
	}
	began := time.Now()
	for i, c := range clients {
		c.send(t, askFor(i+1))
	}
	took = arrived(t, s, n, began)
	for _, c := range clients {
		replies = append(replies, c.read(t, "GET"))
	}
	return replies, took
}

// Every kind of request is served in every style by every backend, and one
// connection takes them one after another.
func TestEveryBackendServesEveryRequest(t *testing.T) {
	t.Parallel()
	const friends = 10
	coming := 0
	for f := range int64(friends) {
		if orders.Comes(orders.Generate(nil, f+1)) {
			coming++
		}
	}
	eachStyleAndBackend(t, func(t *testing.T, style targets.Style, options optionsFor) {
		s := start(t, style, options(latency, 4))
		c := dial(t, s)
		for range 2 {
			c.send(t, askFor(42))
			wantOrders(t, c.read(t, "GET"), 42)

			c.send(t, post(`{"user_id":77,"total_cents":1999}`))
			r := c.read(t, "POST")
			o := readOrder(t, r)
			if r.StatusCode != http.StatusCreated || o.ID < 1 || o.Status != orders.StatusPaid || o.TotalCents != 1999 {
				t.Errorf("got %d %s", r.StatusCode, r.body)
			}
			for _, mode := range []string{orders.Sequential, orders.Concurrent} {
				began := time.Now()
				c.send(t, get(fmt.Sprintf("%s?friends=%d&mode=%s", orders.PathInvitations, friends, mode)))
				r := c.read(t, "GET")
				if want := fmt.Sprintf(`{"friends":%d,"mode":%q,"coming":%d}`, friends, mode, coming); r.StatusCode != 200 || string(r.body) != want {
					t.Errorf("got %d %s, want %s", r.StatusCode, r.body, want)
				}
				waits := time.Duration(friends)
				switch {
				case mode == orders.Concurrent && s.Stats().Backend.Name == "grpc":
					waits = 1 // a connection carries any number of calls
				case mode == orders.Concurrent:
					waits = (friends + 3) / 4 // over 4 connections
				}
				if took := time.Since(began); took < waits*latency {
					t.Errorf("%s: answered after %v, want at least %d waits of %v", mode, took, waits, latency)
				}
			}
		}
		if st := s.Stats(); st.Backend.Calls != 2*(2+2*friends) || st.InFlight != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// No style ends with its database: each reports an error for queries that were
// running and for new ones, and serves again when the database is back.
func TestEveryStyleOutlivesItsDatabase(t *testing.T) {
	cluster := pgtest.Own(t)
	const n = 3
	const wait = time.Second // time to stop the database while all wait for it
	var servers []targets.Server
	var clients [][]*client
	styles := targets.Inline(targets.HTTP)
	for _, style := range styles {
		s := start(t, style, targets.Options{Backend: "postgres", Postgres: postgres.Config{DSN: cluster.DSN(), Latency: wait, Connections: n + 1}})
		own := make([]*client, n)
		for i := range own {
			own[i] = dial(t, s)
		}
		servers, clients = append(servers, s), append(clients, own)
	}
	each := func(do func(style string, c *client)) {
		for i, style := range styles {
			for _, c := range clients[i] {
				do(style.Name, c)
			}
		}
	}
	ask := func(user int) { each(func(_ string, c *client) { c.send(t, askFor(user)) }) }
	ask(42)
	for _, s := range servers {
		eventually(t, "all requests have a connection", func() bool { return s.Stats().Backend.PoolWait.N == n })
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	each(func(_ string, c *client) { wantError(t, c.read(t, "GET"), http.StatusBadGateway, "backend: ") })
	ask(7)
	each(func(style string, c *client) {
		r := c.read(t, "GET")
		wantError(t, r, http.StatusBadGateway, "refused")
		if strings.Contains(string(r.body), pgtest.Password) {
			t.Errorf("%s shows the password: %s", style, r.body)
		}
	})
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	ask(8)
	each(func(_ string, c *client) { wantOrders(t, c.read(t, "GET"), 8) })
	for i, s := range servers {
		if st := s.Stats(); st.InFlight != 0 || st.Accepted != 3*n {
			t.Errorf("%s: %+v", styles[i].Name, st)
		}
	}
}

// A target that is stopped while more wait for the pool than can be served
// in time leaves no schema behind, whether its clients wait on or have gone.
func TestNoStyleLeavesASchemaBehind(t *testing.T) {
	const conns, n, drain = 2, 80, time.Second
	const wait = 500 * time.Millisecond
	for _, gone := range []bool{false, true} {
		for _, style := range slices.Concat(targets.Inline(targets.HTTP), targets.Inline(targets.GRPC)) {
			t.Run(fmt.Sprintf("%s/gone=%v", style.Name, gone), func(t *testing.T) {
				t.Parallel()
				role, schemas := newRole(t)
				s, err := style.Start(targets.Options{
					Workers: n, Backend: "postgres",
					Postgres: postgres.Config{DSN: pgtest.Shared(t).As(role), Latency: wait, Connections: conns},
				})
				if err != nil {
					t.Fatal(err)
				}
				if schemas() != 1 {
					t.Errorf("a target that has started has %d schemas", schemas())
				}
				hangUp := askAll(t, s, style, n)
				eventually(t, "all requests are in", func() bool { return s.Stats().Accepted == n })
				if gone {
					hangUp()
				}
				ctx, cancel := context.WithTimeout(context.Background(), drain)
				defer cancel()
				began := time.Now()
				if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "stays behind") {
					t.Errorf("Shutdown returned %v, want only that its context ended", err)
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %v", took)
				}
				if left := schemas(); left != 0 {
					t.Errorf("%d schemas are left", left)
				}
			})
		}
	}
}

var granting sync.Mutex // PostgreSQL refuses two grants on one database at once

// newRole makes a role in the shared cluster, and counts the schemas that it has.
func newRole(t *testing.T) (name string, schemas func() int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Shared(t).DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	granting.Lock()
	defer granting.Unlock()
	name = fmt.Sprintf("role_%d", time.Now().UnixNano())
	for _, sql := range []string{"CREATE ROLE " + name + " LOGIN", "GRANT CREATE ON DATABASE postgres TO " + name} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return name, func() (n int) {
		row := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE pg_get_userbyid(nspowner) = $1", name)
		if err := row.Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// askAll has n clients ask for orders at once, and does not wait for the
// answers; hangUp ends them.
func askAll(t *testing.T, s targets.Server, style targets.Style, n int) (hangUp func()) {
	t.Helper()
	if style.Protocol == targets.GRPC {
		all := callers(t, s, n)
		for _, c := range all {
			go c.Do(time.Hour)
		}
		return func() {
			for _, c := range all {
				c.Close()
			}
		}
	}
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = dial(t, s)
		clients[i].send(t, askFor(i+1))
	}
	return func() {
		for _, c := range clients {
			c.Close()
		}
	}
}

// callers are n who call a target that speaks gRPC, each for the orders of a
// user of its own.
func callers(t *testing.T, s targets.Server, n int) []bench.Conn {
	t.Helper()
	all := make([]bench.Conn, n)
	for i := range all {
		call, err := grpc.Client{Addr: s.Addr(), Request: orders.Request{UserID: int64(i + 1)}}.Call()
		if err != nil {
			t.Fatal(err)
		}
		d, err := calls.Calls{URL: call.URL, Method: call.Method, Body: call.Body}.Driver()
		if err != nil {
			t.Fatal(err)
		}
		if all[i], err = d.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { all[i].Close() })
	}
	return all
}
