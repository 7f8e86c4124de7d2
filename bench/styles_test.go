package bench_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/benchtest"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// BenchmarkStyles is the default run as benchmark lines: every style of target
// behind a database of 200 ms, a closed load, rising levels. One op is one
// stage, so it is run with -benchtime 1x and, for statistics, -count. With
// -short the stages are fewer and shorter.
func BenchmarkStyles(b *testing.B) {
	levels := []float64{1, 50, 100, 200, 300, 500, 1000, 2000}
	plan := bench.Plan{
		Load: bench.Load{Backoff: sim.DefaultLatency}, Warmup: bench.DefaultWarmup, Duration: bench.DefaultDuration,
		Wait: sim.DefaultLatency, Seed: bench.DefaultSeed,
	}
	if testing.Short() {
		levels = []float64{1, 100, 300, 500}
		plan.Warmup, plan.Duration = 400*time.Millisecond, time.Second
	}
	var cpus []int
	procs := runtime.GOMAXPROCS(0)
	if all, err := host.Affinity(0); err == nil {
		if target, generator := host.Split(all); target != nil {
			if err := host.PinSelf(generator); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = host.PinSelf(all) }()
			cpus, procs = target, len(generator)
		}
	}
	for _, style := range targets.Inline(targets.HTTP) {
		target := benchtest.Server(style.Name, func(b *testing.B) (string, int) {
			before := runtime.GOMAXPROCS(procs) // package testing sets it again before each benchmark
			process := launch(b, style.Name, cpus)
			b.Cleanup(func() {
				runtime.GOMAXPROCS(before)
				if err := process.Stop(); err != nil {
					b.Error(err)
				}
			})
			return "http://" + process.Addr, process.PID
		}).Path("/api/orders?user_id=42")
		sweep := bench.Sweep{Plan: plan, Levels: levels}
		for p := range sweep.Plans() {
			p.Load.RampUp = style.OnceEach(targets.Options{}, p.Load.Clients)
			benchtest.Run(b, p, target)
		}
	}
}
