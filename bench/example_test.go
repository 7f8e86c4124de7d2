package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
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

	driver, err := epoll.Best(bench.HTTP{URL: server.URL}, 0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := bench.Plan{Load: bench.LoadBurst, Level: 5, Length: time.Second}
	stage, err := bench.Run(context.Background(), plan, driver)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("served:", stage.Counts[result.OK], "turned away:", stage.Counts[result.Rejected])
	fmt.Println("nobody was served in less than 300 ms:", stage.Latency.CountBetween(0, 299*time.Millisecond) == 0)
	// Output:
	// served: 3 turned away: 2
	// nobody was served in less than 300 ms: true
}

// ordersURL is where the reader's service would be; here, one that TestMain
// starts and that answers in 20 ms.
var ordersURL string

func BenchmarkOrders(b *testing.B) {
	driver, err := epoll.Best(bench.HTTP{URL: ordersURL}, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	plan := bench.Plan{Load: bench.LoadPoisson, Level: 200, Warmup: time.Second, Length: 5 * time.Second}
	for b.Loop() {
		stage, err := bench.Run(b.Context(), plan, driver)
		if err != nil || !stage.Valid {
			b.Fatal(err, stage)
		}
		b.ReportMetric(float64(stage.Latency.Quantile(0.99)), "p99-ns")
		b.ReportMetric(1e6*stage.RejectedShare(), "rejected-ppm")
	}
}

// The benchmark that the README shows is this file's, to the letter.
func TestReadmeShowsTheBenchmark(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	shown, _, _ := strings.Cut(rest, "```")
	if !ok || !strings.Contains(string(self), shown) {
		t.Errorf("the README shows\n%s\nwhich is not in example_test.go", shown)
	}
}
