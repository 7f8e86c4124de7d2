package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
)

// A server that serves three requests at once and turns the others away.
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
	plan := bench.Plan{Load: bench.Load{Burst: 5}, Duration: time.Second}
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
