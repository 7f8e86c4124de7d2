package bench_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	requests "github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/result"
)

// serveAt serves on a listener, and counts what it serves and to whom.
func serveAt(t *testing.T, network, addr string) (l net.Listener, served, connections *atomic.Int64) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
	if err != nil {
		t.Skip(err)
	}
	served, connections = new(atomic.Int64), new(atomic.Int64)
	server := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if served.Add(1); r.Host != "app.example" && network == "unix" {
				t.Errorf("the Host line says %q", r.Host)
			}
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateActive {
				connections.Add(1)
			}
		},
	}}
	server.Start()
	t.Cleanup(server.Close)
	return l, served, connections
}

// eachPlain runs the test for both drivers, without TLS: what is reached is no matter of
// that.
func eachPlain(t *testing.T, test func(t *testing.T, made made)) {
	t.Helper()
	t.Run("goroutine", func(t *testing.T) { test(t, connsDriver) })
	if epoll.Supported {
		t.Run("epoll", func(t *testing.T) { test(t, epollDriver(1)) })
		t.Run("epoll-2", func(t *testing.T) { test(t, epollDriver(2)) })
	}
}

func brief(clients int) bench.Plan {
	return bench.Plan{Load: bench.Load{Clients: clients, ThinkTime: time.Millisecond}, Duration: 100 * time.Millisecond}
}

// A server is reached over a Unix socket, over IPv6, and at a name.
func TestReach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ network, addr, url string }{
		{"unix", filepath.Join(t.TempDir(), "s"), "http://app.example/a"},
		{"tcp6", "[::1]:0", "http://[::1]:%d/"},
		{"tcp4", "127.0.0.1:0", "http://localhost:%d/"}, // which may also be ::1, where nobody listens
	} {
		t.Run(c.network, func(t *testing.T) {
			if c.network == "unix" && runtime.GOOS == "windows" {
				t.Skip("there are none to speak of")
			}
			l, served, _ := serveAt(t, c.network, c.addr)
			h := bench.HTTP{URL: c.url}
			if tcp, ok := l.Addr().(*net.TCPAddr); ok {
				h.URL = fmt.Sprintf(c.url, tcp.Port)
			} else {
				h.UnixSocket = c.addr
			}
			eachPlain(t, func(t *testing.T, made made) {
				before := served.Load()
				s := run(t, brief(8), made(t, h))
				if got := served.Load() - before; s.Counts[result.OK] == 0 || s.Counts[result.OK] != s.Counts.Planned() || got != s.Counts[result.OK] {
					t.Errorf("outcomes %v of %d requests; %q", s.Counts, got, s.Notes())
				}
				if got := s.Settings.Get("unix-socket"); got != h.UnixSocket {
					t.Errorf("the settings say %q", got)
				}
			})
		})
	}
}

// Connections are spread over all addresses that take one, and the settings name them.
func TestSeveralAddresses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	lookup := requests.Lookup
	defer func() { requests.Lookup = lookup }()
	requests.Lookup = func(context.Context, string, string) (ips []netip.Addr, err error) {
		for _, ip := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.9", "127.0.0.4"} { // at the third nobody listens
			ips = append(ips, netip.MustParseAddr(ip))
		}
		return ips, nil
	}
	first, _, _ := serveAt(t, "tcp4", "127.0.0.2:0")
	_, port, _ := net.SplitHostPort(first.Addr().String())
	var connections [2]*atomic.Int64
	for i, ip := range []string{"127.0.0.3", "127.0.0.4"} {
		_, _, connections[i] = serveAt(t, "tcp4", ip+":"+port)
	}
	eachPlain(t, func(t *testing.T, made made) {
		before := [2]int64{connections[0].Load(), connections[1].Load()}
		s := run(t, brief(9), made(t, bench.HTTP{URL: "http://app.example:" + port + "/"}))
		if s.Counts[result.OK] == 0 || s.Counts[result.OK] != s.Counts.Planned() {
			t.Errorf("outcomes %v; %q", s.Counts, s.Notes())
		}
		want := strings.ReplaceAll("127.0.0.2:P 127.0.0.3:P 127.0.0.4:P", "P", port)
		if got := s.Settings.Get("addresses"); got != want {
			t.Errorf("the settings name %q, want %q", got, want)
		}
		for i := range connections {
			if n := connections[i].Load() - before[i]; n < 2 {
				t.Errorf("%d of 9 connections to address %d of 3", n, i+2)
			}
		}
	})
}

// A socket that is not there refuses, and says which.
func TestNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	eachPlain(t, func(t *testing.T, made made) {
		s := run(t, brief(1), made(t, bench.HTTP{URL: "http://a/", UnixSocket: path}))
		if s.Counts[result.Refused] == 0 || s.Counts[result.Refused] != s.Counts.Planned() {
			t.Errorf("outcomes %v; %q", s.Counts, s.Notes())
		}
	})
	if err := (bench.HTTP{URL: "http://a/", UnixSocket: strings.Repeat("x", 200)}).Validate(); err == nil || !strings.Contains(err.Error(), "want a path of at most 103 bytes") {
		t.Error(err)
	}
}
