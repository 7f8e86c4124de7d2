package benchtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/reports/load"
)

// orders is the service under test: it answers when its database has.
var orders = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	time.Sleep(20 * time.Millisecond)
	fmt.Fprintf(w, `{"user":%q}`, r.URL.Query().Get("user_id"))
})

func BenchmarkOrders(b *testing.B) {
	plan := bench.Plan{
		Load:   bench.Load{Rate: 200}, // arrivals per second
		Warmup: time.Second, Duration: 5 * time.Second,
		Wait: 20 * time.Millisecond, // for the database; what is above it is our own
	}
	benchtest.Run(b, plan, benchtest.Handler(orders).Named("orders").Path("/api/orders?user_id=42"))
}

// A server that runs already, at rising levels. Here it is one of this process,
// which is named, so that its CPU time is known.
func BenchmarkOrdersAtAddress(b *testing.B) {
	server := httptest.NewServer(orders)
	defer server.Close()
	sweep := bench.Sweep{
		Plan:   bench.Plan{Load: bench.Load{Rate: 100, Arrivals: load.Constant}, Warmup: 200 * time.Millisecond, Duration: time.Second},
		Levels: []float64{100, 400},
	}
	benchtest.Sweep(b, sweep, benchtest.URL(server.URL+"/api/orders?user_id=42").PID(os.Getpid()))
}

// A door with room for three: whoever else comes at the same time is
// rejected.
func Example() {
	var served, rejected atomic.Int64
	places := make(chan struct{}, 3)
	door := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			time.Sleep(300 * time.Millisecond)
			<-places
			served.Add(1)
		default:
			rejected.Add(1)
			http.Error(w, "all places are taken", http.StatusServiceUnavailable)
		}
	})
	benchmark := func(b *testing.B) {
		plan := bench.Plan{Load: bench.Load{Burst: 5}, Duration: time.Second}
		benchtest.Run(b, plan, benchtest.Handler(door))
	}
	testing.Benchmark(benchmark) // as go test -bench would
	fmt.Println("served:", served.Load(), "rejected:", rejected.Load())
	// Output:
	// served: 3 rejected: 2
}
