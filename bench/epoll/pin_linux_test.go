package epoll_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
)

func TestNoPin(t *testing.T) {
	cpus, err := host.Affinity(0)
	if err != nil || len(cpus) < 2 {
		t.Skip("there is one CPU, to which nothing can be confined:", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	for _, noPin := range []bool{true, false} {
		d, err := epoll.New(bench.HTTP{URL: server.URL}, epoll.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		s, err := bench.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 2}, Duration: 50 * time.Millisecond, NoPin: noPin}, d)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range s.Generator.Loops {
			if (l.Pinned < 0) != noPin {
				t.Errorf("no pin %v: loop %d is confined to CPU %d", noPin, i, l.Pinned)
			}
		}
		if len(s.Generator.Loops) != 2 {
			t.Errorf("%d loops", len(s.Generator.Loops))
		}
	}
}
