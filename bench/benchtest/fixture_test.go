package benchtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// Benchmarks that the tests run in a process of their own, and nobody else.
// They are short, and however late a busy machine makes the generator they are
// valid where that is not what they are about.
const fixtureEnv = "ONHOLD_TEST_FIXTURE"

func quick(b *testing.B) bench.Plan {
	if os.Getenv(fixtureEnv) == "" {
		b.Skip("for the tests of this package")
	}
	return bench.Plan{Load: bench.Load{Rate: 400, Arrivals: load.Constant}, Warmup: 50 * time.Millisecond, Duration: 300 * time.Millisecond, MaxLag: time.Minute}
}

// allocated keeps the compiler from leaving out what a handler allocates.
var allocated atomic.Pointer[[100]byte]

func allocate(ctx *fasthttp.RequestCtx) {
	for range 20 {
		allocated.Store(new([100]byte))
	}
	ctx.SetStatusCode(fasthttp.StatusOK)
}

func BenchmarkFixtureFasthttp(b *testing.B) {
	p := quick(b)
	p.Wait, p.Load.Rate = time.Microsecond, 1000
	benchtest.Run(b, p, benchtest.Fasthttp(allocate))
}

// One client of a closed load: whatever the machine does, there is one connection,
// and one request at most lies across an edge of the window.
func BenchmarkFixtureAllocs(b *testing.B) {
	p := quick(b)
	p.Wait, p.Load, p.Duration = time.Microsecond, bench.Load{}, time.Second
	benchtest.Run(b, p, benchtest.Fasthttp(allocate))
}

func BenchmarkFixtureNames(b *testing.B) {
	p := quick(b)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /a", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /b", func(http.ResponseWriter, *http.Request) {})
	benchtest.Sweep(b, bench.Sweep{Plan: p, Levels: []float64{400, 500}}, benchtest.Handler(mux).Named("a shop/with 100%-7").Request(bench.HTTP{
		Method: http.MethodPost, Body: []byte("x"), Mix: []bench.Weighted{{URL: "/a", Weight: 9}, {URL: "/b?c=d", Weight: 1}},
	}))
}

// instant is a Conn whose target is known to nobody.
type instant struct{}

func (instant) Do(time.Duration) bench.Reply { return bench.Reply{Outcome: result.OK} }
func (instant) Close() error                 { return nil }

func BenchmarkFixtureDial(b *testing.B) {
	benchtest.Run(b, quick(b), benchtest.Dial("instant", func(context.Context) (bench.Conn, error) { return instant{}, nil }))
}

func BenchmarkFixtureServer(b *testing.B) {
	benchtest.Run(b, quick(b), benchtest.Server("own", func(b *testing.B) (string, int) {
		s := httptest.NewServer(orders)
		b.Cleanup(s.Close)
		return s.URL, 0
	}).Path("/api/orders?user_id=42"))
}

func BenchmarkFixtureLate(b *testing.B) {
	p := quick(b)
	p.MaxLag = time.Nanosecond
	benchtest.Run(b, p, benchtest.Handler(orders))
}

func BenchmarkFixtureNoLevel(b *testing.B) {
	p := quick(b)
	p.Load = bench.Load{Clients: -1}
	benchtest.Run(b, p, benchtest.Handler(orders))
}

func BenchmarkFixtureNoLevels(b *testing.B) {
	benchtest.Sweep(b, bench.Sweep{Plan: quick(b)}, benchtest.Handler(orders))
}

func BenchmarkFixtureNoPath(b *testing.B) {
	benchtest.Run(b, quick(b), benchtest.Handler(orders).Path("api/orders"))
}

func BenchmarkFixtureNothingServed(b *testing.B) {
	benchtest.Run(b, quick(b), benchtest.Handler(http.NotFoundHandler()))
}

func BenchmarkFixtureNobodyThere(b *testing.B) {
	benchtest.Run(b, quick(b), benchtest.URL("http://127.0.0.1:1/"))
}

func BenchmarkFixtureTooMany(b *testing.B) {
	p := quick(b)
	p.Load = bench.Load{Clients: load.MaxClients}
	benchtest.Run(b, p, benchtest.Handler(orders))
}

// epollSupported is whether a handler's CPU time can be separated from the
// generator's.
const epollSupported = epoll.Supported

// BenchmarkFixtureFailsLater serves its first stage only.
func BenchmarkFixtureFailsLater(b *testing.B) {
	p, started := quick(b), 0
	benchtest.Run(b, p, benchtest.Server("tired", func(b *testing.B) (string, int) {
		started++
		s := httptest.NewServer(orders)
		if started > 1 {
			s.Config.Handler = http.NotFoundHandler()
		}
		b.Cleanup(s.Close)
		return s.URL, 0
	}))
}
