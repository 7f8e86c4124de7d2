package bench_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/bare"
	"golang.org/x/sys/unix"
)

// raiseFiles lets the process have so many open files while the test lasts,
// or skips it.
func raiseFiles(t *testing.T, n uint64) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Skip(err)
	}
	if before.Cur >= n {
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: max(n, before.Max)}); err != nil {
		t.Skipf("%d open files are needed, the limit is %d: %v", n, before.Max, err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// More connections than one address has local ports, from one process.
func TestThirtyThousandConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("30,000 connections")
	}
	const clients = 30_000
	raiseFiles(t, 2*clients+1000) // the server is in this process too
	server, err := bare.Start(bare.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	stage := run(t, bench.Plan{Load: bench.Load{Burst: clients}, Duration: time.Second, Timeout: time.Minute, DrainTimeout: time.Minute},
		epollDriver(2)(t, bench.HTTP{URL: "http://" + server.Addr() + "/"}))
	if stage.Counts[result.OK] != clients || stage.Connect.N() != clients || stage.Reconnects != 0 {
		t.Errorf("counts %v over %d connections, %d of them made again; want %d ok, each over its own", stage.Counts, stage.Connect.N(), stage.Reconnects, clients)
	}
}

// A request of the event-loop driver allocates nothing, whichever load it
// comes from: ten times the requests, the same number of allocations, nearly.
func TestRequestsDoNotAllocate(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of load")
	}
	process := launch(t, bare.Name, nil)
	defer process.Stop()
	const most = 0.05
	for name, p := range map[string]bench.Plan{
		"closed":   {Load: bench.Load{Clients: 50}},
		"thinking": {Load: bench.Load{Clients: 50, ThinkTime: time.Millisecond}},
		"constant": {Load: bench.Load{Rate: 10_000, Arrivals: load.Constant}, MaxConnections: 20},
		"burst":    {Load: bench.Load{Burst: 50, BurstInterval: 5 * time.Millisecond}},
		"waiting":  {Load: bench.Load{Rate: 10_000}, MaxConnections: 1},
	} {
		var mallocs, requests [2]uint64
		enough := func() bool { return requests[0] > 0 && requests[1] >= 4*requests[0] }
		per := func() float64 { return (float64(mallocs[1]) - float64(mallocs[0])) / float64(requests[1]-requests[0]) }
		// Others may have taken the CPU from the longer one, and each process of the machine is looked at.
		for try := 0; try < 5 && (!enough() || per() > most); try++ {
			for i, length := range []time.Duration{40 * time.Millisecond, 400 * time.Millisecond} {
				p.Duration, p.MaxLag, p.DrainTimeout = length, time.Minute, time.Minute
				d := epollDriver(1)(t, bench.HTTP{URL: "http://" + process.Addr + "/api/orders?user_id=42"})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				stage := run(t, p, d)
				runtime.ReadMemStats(&after)
				mallocs[i], requests[i] = after.Mallocs-before.Mallocs, uint64(stage.Counts[result.OK])
			}
		}
		if !enough() {
			t.Fatalf("%s: %d and %d requests", name, requests[0], requests[1])
		}
		if t.Logf("%s: %.4f allocations a request", name, per()); per() > most {
			t.Errorf("%s: %.3f allocations a request (%d for %d, %d for %d)", name, per(), mallocs[0], requests[0], mallocs[1], requests[1])
		}
	}
}
