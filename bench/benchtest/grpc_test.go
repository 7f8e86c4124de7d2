package benchtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend/sim"
	ours "github.com/a628bb15/onhold/targets/grpc"
)

// A method of a gRPC server is described by the server; the message is given in JSON.
func BenchmarkCalls(b *testing.B) {
	calls := grpc.Calls{URL: "grpc://" + startCalls(b) + "/onhold.orders.v1.Orders/Find", Body: []byte(`{"userId": 42}`)}
	driver, err := calls.Driver()
	if err != nil {
		b.Fatal(err)
	}
	plan := bench.Plan{Load: bench.Load{Clients: 20, RampUp: 5 * time.Millisecond}, Warmup: 200 * time.Millisecond, Duration: time.Second}
	benchtest.Run(b, plan, benchtest.Driver("orders", driver))
}

// startCalls is the server: it answers each call after 5 ms.
func startCalls(b *testing.B) (addr string) {
	wait, err := sim.New(sim.Config{Latency: 5 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	s, err := ours.Start(admission.Config{Addr: "127.0.0.1:0", Backend: wait})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return s.Addr()
}

func BenchmarkFixtureCalls(b *testing.B) {
	plan := quick(b)
	for _, method := range []string{"Find", "Fnd"} {
		b.Run(method, func(b *testing.B) {
			driver, err := grpc.Calls{URL: "grpc://" + startCalls(b) + "/onhold.orders.v1.Orders/" + method, Body: []byte(`{"userId": 42}`)}.Driver()
			if err != nil {
				b.Fatal(err)
			}
			benchtest.Run(b, plan, benchtest.Driver("orders", driver))
		})
	}
}

// Calls are benchmarks as requests are; what is wrong with them fails the benchmark.
func TestCalls(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := goTest(t, "", "FixtureCalls")
	if code == 0 || !strings.Contains(stdout, "FixtureCalls/Find/target=orders/load=constant/level=400") || !strings.Contains(stdout, "did you mean Find?") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
