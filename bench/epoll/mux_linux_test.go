package epoll

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// h2cServer is a server of net/http that speaks HTTP/2 without TLS only.
func h2cServer(t testing.TB, h http.HandlerFunc) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 20}}
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return "h2c://" + ln.Addr().String() + "/"
}

func run(t testing.TB, h bench.HTTP, p bench.Plan, threads int) *result.Stage {
	t.Helper()
	d, err := New(h, Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	s, err := bench.Run(context.Background(), p, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Requests of all loads arrive over HTTP/2, with one stream for each that is under way.
func TestLoadsOverHTTP2(t *testing.T) {
	url := h2cServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ProtoMajor != 2 || string(body) != "hello" {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Write([]byte("ok"))
	})
	for name, load := range map[string]bench.Load{
		"closed": {Clients: 30}, "constant": {Rate: 500, Arrivals: "constant"}, "burst": {Burst: 50, BurstInterval: 100 * time.Millisecond},
	} {
		for connections := range 4 {
			h := bench.HTTP{URL: url, Method: "POST", Body: []byte("hello"), Connections: connections}
			s := run(t, h, bench.Plan{Load: load, Duration: 300 * time.Millisecond}, 2)
			if n := s.Counts.Planned(); n == 0 || s.Counts[result.OK] != n {
				t.Errorf("%s over %d connections: %v %q", name, connections, s.Counts, s.Warnings)
			}
			if most := int64(connections); most > 0 && s.Connect.N() > max(most, 2) {
				t.Errorf("%s over %d connections: %d were made", name, connections, s.Connect.N())
			}
		}
	}
}
