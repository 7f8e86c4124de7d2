package targets_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// Every style over the backends that call an upstream: here the upstream is in
// the test's process, where its stats can be seen.

// eachUpstream runs a test over those backends, and the styles.
func eachUpstream(t *testing.T, test func(t *testing.T, b targets.Backend, style targets.Style)) {
	for _, b := range targets.Backends {
		if b.Upstream != "" {
			t.Run(b.Name, func(t *testing.T) {
				eachStyle(t, func(t *testing.T, style targets.Style) { test(t, b, style) })
			})
		}
	}
}

// startUpstream starts what the backend calls.
func startUpstream(t *testing.T, b targets.Backend, o targets.Options) targets.Server {
	t.Helper()
	style, ok := targets.Find(b.Upstream)
	if !ok {
		t.Fatalf("there is no style %s", b.Upstream)
	}
	return start(t, style, o)
}

// unlimited is an upstream that lets in any number.
var unlimited = targets.Options{GRPCLimit: targets.LimitNone}

// calling are the options of a target that calls the upstream.
func calling(b targets.Backend, upstream targets.Server, o targets.Options) targets.Options {
	o.Backend, o.BackendURL = b.Name, b.Scheme+upstream.Addr()
	return o
}

func TestEveryStyleAnswersWhatTheUpstreamDoes(t *testing.T) {
	t.Parallel()
	eachUpstream(t, func(t *testing.T, b targets.Backend, style targets.Style) {
		up := startUpstream(t, b, unlimited)
		s := start(t, style, calling(b, up, targets.Options{}))
		c := dial(t, s)
		for user := 1; user <= 10; user++ {
			sent := time.Now()
			c.send(t, askFor(user))
			r := c.read(t, "GET")
			if took := time.Since(sent); took < latency {
				t.Errorf("answered after %v, before the upstream's %v were over", took, latency)
			}
			wantOrders(t, r, user)
		}
		c.send(t, post(`{"user_id":7,"total_cents":1999}`))
		r := c.read(t, "POST")
		o := readOrder(t, r)
		if r.StatusCode != http.StatusCreated || o.ID < 1 || o.UserID != 7 || o.TotalCents != 1999 || o.Status != orders.StatusPaid || time.Since(o.Created) > time.Hour {
			t.Errorf("got %d %s", r.StatusCode, r.body)
		}
		for _, mode := range []string{orders.Sequential, orders.Concurrent} {
			c.send(t, get(orders.PathInvitations+"?friends=5&mode="+mode))
			if r := c.read(t, "GET"); r.StatusCode != 200 {
				t.Errorf("%s: %d %s", mode, r.StatusCode, r.body)
			}
		}
		st := s.Stats()
		if st.Backend.Name != b.Name || st.Backend.Calls != 21 || st.Backend.WaitError != nil || st.InFlight != 0 {
			t.Errorf("stats %+v", st)
		}
		if got := up.Stats(); got.Accepted != 21 || got.Rejected != 0 {
			t.Errorf("21 calls were %+v to the upstream", got)
		}
	})
}

// All that a target lets in is at the upstream together: no thread, and no
// loop, is held up by another request's wait.
func TestEveryStyleWaitsForManyAtOnce(t *testing.T) {
	t.Parallel()
	const n = 40
	eachUpstream(t, func(t *testing.T, b targets.Backend, style targets.Style) {
		o := unlimited
		o.Sim.Latency = 300 * time.Millisecond // room to send them all in
		up := startUpstream(t, b, o)
		s := start(t, style, calling(b, up, targets.Options{Workers: n, Loops: 1}))
		var clients [n]*client
		for i := range clients {
			clients[i] = dial(t, s)
			clients[i].send(t, askFor(i+1))
		}
		eventually(t, "all are at the upstream", func() bool { return up.Stats().Accepted == n })
		probe := dial(t, s)
		probe.send(t, get(orders.PathHealth)) // answered while they wait
		if r := probe.read(t, "GET"); r.StatusCode != 200 {
			t.Errorf("health: %d", r.StatusCode)
		}
		for i, c := range clients {
			wantOrders(t, c.read(t, "GET"), i+1)
		}
	})
}

// An upstream that is full is 503, one that is gone 502, and when it is back so
// is the target.
func TestEveryStyleTellsFullFromGone(t *testing.T) {
	t.Parallel()
	eachUpstream(t, func(t *testing.T, b targets.Backend, style targets.Style) {
		full := targets.Options{Workers: 1, Queue: targets.NoQueue, MaxInflight: 1, Sim: sim.Config{Latency: 200 * time.Millisecond}}
		up := startUpstream(t, b, full)
		s := start(t, style, calling(b, up, targets.Options{}))
		first, second := dial(t, s), dial(t, s)
		first.send(t, askFor(1))
		eventually(t, "the upstream is full", func() bool { return up.Stats().InFlight == 1 })
		second.send(t, askFor(2))
		r := second.read(t, "GET")
		wantError(t, r, http.StatusServiceUnavailable, "backend: the upstream is full")
		wantHeader(t, r, "Retry-After", "1")
		wantOrders(t, first.read(t, "GET"), 1)
		second.send(t, askFor(2))
		wantOrders(t, second.read(t, "GET"), 2)

		addr := up.Addr()
		shutdown(t, up)
		for _, request := range []string{askFor(3), post(`{"user_id":7,"total_cents":1}`)} {
			first.send(t, request)
			wantError(t, first.read(t, "GET"), http.StatusBadGateway, "upstream")
		}
		full.Addr = addr
		startUpstream(t, b, full)
		eventually(t, "the target is back", func() bool {
			first.send(t, askFor(4))
			return first.read(t, "GET").StatusCode == 200
		})
		if st := s.Stats(); st.InFlight != 0 || st.Rejected != 0 {
			t.Errorf("at the end the stats are %+v", st)
		}
	})
}

// A bound on the target's connections bounds what is at the upstream, where a
// connection carries one call.
func TestEveryStyleKeepsToItsConnections(t *testing.T) {
	const conns, n = 3, 12
	for _, style := range targets.Inline(targets.HTTP) {
		t.Run(style.Name, func(t *testing.T) {
			t.Parallel()
			b, err := targets.FindBackend("http")
			if err != nil {
				t.Fatal(err)
			}
			// An upstream that rejects more calls than the target has connections.
			up := startUpstream(t, b, targets.Options{MaxInflight: conns})
			s := start(t, style, calling(b, up, targets.Options{Loops: 1, Sim: sim.Config{Connections: conns}}))
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					c := dial(t, s)
					c.send(t, askFor(i+1))
					wantOrders(t, c.read(t, "GET"), i+1)
				})
			}
			wg.Wait()
			st := s.Stats().Backend
			if st.Connections != conns || st.PoolWait == nil || st.PoolWait.N != n || st.PoolWait.Max < int64(latency) {
				t.Errorf("of %d calls on %d connections the stats say %+v, %+v", n, conns, st, st.PoolWait)
			}
		})
	}
}

func TestUpstreamsNeedAnAddress(t *testing.T) {
	for _, row := range []struct {
		options targets.Options
		want    string
	}{
		{targets.Options{Backend: "http"}, "URL is , want http://HOST:PORT"},
		{targets.Options{Backend: "grpc"}, "URL is , want grpc://HOST:PORT"},
		{targets.Options{Backend: "http", BackendURL: "127.0.0.1:80"}, "BackendURL is 127.0.0.1:80, want http://HOST:PORT"},
		{targets.Options{Backend: "grpc", BackendURL: "http://127.0.0.1:80"}, "BackendURL is http://127.0.0.1:80, want grpc://HOST:PORT"},
		{targets.Options{Backend: "grpc", Sim: sim.Config{Connections: 5000}}, "Sim.Connections is 5000, want 1 to 1000 with backend grpc"},
		{targets.Options{BackendURL: "http://127.0.0.1:80"}, "BackendURL is http://127.0.0.1:80, want no address: backend sim calls no upstream"},
		{targets.Options{GRPCLimit: "some"}, "GRPCLimit is some, want pool or none"},
	} {
		s, err := style(t, "goroutine").Start(row.options)
		if err == nil {
			shutdown(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", fmt.Sprint(row.options.Backend, row.options.BackendURL), err, row.want)
		}
	}
}

// The style that speaks gRPC is started from the same table.
func TestStyleGRPC(t *testing.T) {
	for _, row := range []struct {
		limit          string
		workers, queue int
	}{
		{targets.LimitPool, 3, 2},
		{targets.LimitNone, 0, 0},
	} {
		o := targets.Options{Workers: 3, Queue: 2, GRPCLimit: row.limit}
		s := start(t, style(t, "grpc"), o)
		if st := s.Stats(); st.Style != "grpc" || st.Workers != row.workers || st.Queue != row.queue || st.Backend.Name != "sim" {
			t.Errorf("%s: stats %+v", row.limit, st)
		}
		o.Sim.Latency = latency
		want := latency
		if row.workers > 0 {
			want *= 10
		}
		if got := style(t, "grpc").OnceEach(o, 30); got != want {
			t.Errorf("%s: 30 clients are served once each in %v, want %v", row.limit, got, want)
		}
	}
	if got := targets.Names(targets.Inline(targets.HTTP)); strings.Join(got, ",") != "blocking,goroutine,eventloop" {
		t.Errorf("the styles that speak HTTP are %v", got)
	}
}
