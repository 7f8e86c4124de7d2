package bench_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// Replies are counted by their status, as many as the server sent of each, and what a
// status means is as it was asked for.
func TestStatuses(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		var mu sync.Mutex
		sent := result.Statuses{}
		n := 0
		server := either(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			status := []int{200, 404, 302, 403, 503, 500}[n%6]
			n++
			sent[status]++
			mu.Unlock()
			w.WriteHeader(status)
		}))
		defer server.Close()
		p := bench.Plan{Load: bench.Load{Rate: 600, Arrivals: "constant"}, Duration: 200 * time.Millisecond, MaxConnections: 20}
		s := run(t, p, made(t, bench.HTTP{URL: server.URL, OKStatus: "200-299,404", RejectedStatus: "403"}))
		if !maps.Equal(s.Statuses, sent) {
			t.Errorf("counted %v, but the server sent %v", s.Statuses, sent)
		}
		want := result.Counts{result.OK: sent[200] + sent[404], result.Rejected: sent[403] + sent[503], result.Error: sent[302] + sent[500]}
		if s.Counts != want {
			t.Errorf("outcomes %v, want %v of %v", s.Counts, want, sent)
		}
		if got := s.Settings.Get("ok-status") + " " + s.Settings.Get("rejected-status"); got != "200-299,404 403" {
			t.Errorf("settings %q", got)
		}
	})
}

// A server that sends a reply in two parts, 30 ms apart, has its first byte 30 ms before
// the end of the reply. One that sends it at once has both at once.
func TestFirstByte(t *testing.T) {
	t.Parallel()
	const gap = 30 * time.Millisecond
	server := either(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("first"))
		if r.URL.Path == "/parts" {
			w.(http.Flusher).Flush()
			time.Sleep(gap)
		}
		w.Write([]byte("last"))
	}))
	defer server.Close()
	eachDriver(t, func(t *testing.T, made made) {
		// rest is how long a reply takes after its first byte, in the mean: of sums, which
		// are exact to the unit in which the rest is kept.
		rest := func(path string, parts bool) time.Duration {
			s := run(t, bench.Plan{Load: bench.Load{Clients: 4}, Duration: 200 * time.Millisecond}, made(t, bench.HTTP{URL: server.URL + path}))
			// A busy machine may let the one part wait for the other, and be read with it.
			if s.FirstByte.N() != s.Counts[result.OK] || s.InParts() && !parts {
				t.Fatalf("%s: %d first bytes of %d replies; in parts: %v", path, s.FirstByte.N(), s.Counts[result.OK], s.InParts())
			}
			if s.InParts() != parts {
				return 0
			}
			if m, _ := result.MetricNamed("ttfb-p50"); m.Read(s).Value > float64(s.Shown().Latency.Quantile(0.5)) {
				t.Errorf("%s: ttfb-p50 %v, p50 %v", path, m.Read(s), s.Shown().Latency.Quantile(0.5))
			}
			return (s.Latency.Sum() - s.FirstByte.Sum()) / time.Duration(s.Counts[result.OK])
		}
		if r := rest("/", false); r < 0 {
			t.Errorf("the first byte of a reply comes %v after its end in the mean", -r)
		}
		// A first byte that a busy machine reads late makes the rest look shorter: a
		// later attempt is read in time, where the first byte is noted at all.
		for attempt := 1; ; attempt++ {
			r := rest("/parts", true)
			if r >= gap-time.Millisecond {
				break
			}
			if attempt == 20 {
				t.Fatalf("the rest of a reply in two parts takes %v in the mean, want %v", r, gap)
			}
		}
	})
}

// either is a server that speaks TLS where a client does.
func either(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Listener = wiretest.Listener{Listener: s.Listener}
	s.Start()
	return s
}
