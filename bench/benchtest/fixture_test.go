package benchtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
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
	return bench.Plan{Load: bench.Load{Rate: 400, Arrivals: load.Constant}, Warmup: 50 * time.Millisecond, Duration: 300 * time.Millisecond, Extend: 1, MaxLag: time.Minute}
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

// BenchmarkFixtureData prints how many requests of a file's seven rows differ.
func BenchmarkFixtureData(b *testing.B) {
	var mu sync.Mutex
	seen := map[string]bool{}
	benchtest.Run(b, quick(b), benchtest.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.RequestURI] = true
		mu.Unlock()
	})).Request(rows(b, "")))
	fmt.Fprintf(os.Stderr, "%d differ, /u/6: %v\n", len(seen), seen["/u/6"])
}

func BenchmarkFixtureFindOfDataThatEnds(b *testing.B) {
	benchtest.Find(b, quick(b), benchtest.Handler(orders).Request(rows(b, bench.DataStop)), "rejected<1%")
}

// rows are requests for /u/0 to /u/6.
func rows(b *testing.B, end string) bench.HTTP {
	path := filepath.Join(b.TempDir(), "ids.csv")
	if err := os.WriteFile(path, []byte("id\n0\n1\n2\n3\n4\n5\n6\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	data, err := bench.DataFiles{Data: path, DataEnd: end}.Read()
	if err != nil {
		b.Fatal(err)
	}
	return bench.HTTP{URL: "/u/{id}", Data: data}
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

// BenchmarkFixtureFind searches a target that rejects everything: there is nothing to
// find, and it takes one visit.
func BenchmarkFixtureFind(b *testing.B) {
	p := quick(b)
	p.Load = bench.Load{Rate: 20}
	benchtest.Find(b, p, benchtest.Dial("full", func(context.Context) (bench.Conn, error) { return full{}, nil }), "rejected<1%")
}

// BenchmarkFixtureFindCapacity searches a target that rejects what exceeds 300/s.
func BenchmarkFixtureFindCapacity(b *testing.B) {
	p := quick(b)
	p.Load.Rate = 200
	s := &limited{rate: 300, began: time.Now()}
	benchtest.Find(b, p, benchtest.Dial("limited", func(context.Context) (bench.Conn, error) { return s, nil }), "rejected<5%")
}

// limited is a Conn whose target serves that many requests per second, and rejects the rest.
type limited struct {
	full
	rate   float64
	began  time.Time
	mu     sync.Mutex
	served float64
}

func (l *limited) Do(time.Duration) bench.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := l.rate * time.Since(l.began).Seconds()
	if l.served = max(l.served, due-5); l.served > due {
		return bench.Reply{Outcome: result.Rejected}
	}
	l.served++
	return bench.Reply{Outcome: result.OK}
}

// full is a Conn whose target rejects everything.
type full struct{}

func (full) Do(time.Duration) bench.Reply { return bench.Reply{Outcome: result.Rejected} }
func (full) Close() error                 { return nil }
