package bench_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
)

// A server that serves three requests at once and rejects the others.
func Example() {
	places := make(chan struct{}, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			time.Sleep(300 * time.Millisecond)
			<-places
		default:
			http.Error(w, "all places are taken", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()

	driver, err := epoll.Best(bench.HTTP{URL: server.URL}, epoll.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := bench.Plan{Load: bench.Load{Burst: 5}, Duration: time.Second, DrainTimeout: time.Minute}
	stage, err := bench.Run(context.Background(), plan, driver)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("served:", stage.Counts[result.OK], "rejected:", stage.Counts[result.Rejected])
	fmt.Println("nobody was served in less than 300 ms:", stage.Latency.CountBetween(0, 299*time.Millisecond) == 0)
	// Output:
	// served: 3 rejected: 2
	// nobody was served in less than 300 ms: true
}

// A server that streams its replies, as one with a language model does.
func ExampleStream() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, data := range []string{"Hello", "world", "[DONE]"} {
			fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	defer server.Close()

	driver, err := epoll.Best(bench.HTTP{URL: server.URL, Stream: bench.Stream{Kind: bench.StreamSSE, Done: "[DONE]"}}, epoll.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := bench.Plan{Load: bench.Load{Burst: 5}, Duration: time.Second, DrainTimeout: time.Minute}
	stage, err := bench.Run(context.Background(), plan, driver)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The end mark is an event, too.
	fmt.Println("streams:", stage.Counts[result.OK], "events:", stage.Streams.Events)
	fmt.Println("first events:", stage.Streams.FirstEvent.N(), "gaps:", stage.Streams.Gap.N())
	// Output:
	// streams: 5 events: 15
	// first events: 5 gaps: 10
}

// Twenty clients share one connection of HTTP/2.
func ExampleHTTP() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			http.Error(w, "want HTTP/2", http.StatusHTTPVersionNotSupported)
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	var connections atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()

	driver, err := epoll.Best(bench.HTTP{URL: "h2c://" + server.Listener.Addr().String(), Connections: 1}, epoll.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := bench.Plan{Load: bench.Load{Burst: 20}, Duration: time.Second}
	stage, err := bench.Run(context.Background(), plan, driver)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("served:", stage.Counts[result.OK], "connections:", connections.Load())
	// Output:
	// served: 20 connections: 1
}
