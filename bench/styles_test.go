package bench_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
)

// BenchmarkStyles is the default run as benchmark lines: every style of target
// behind a database of 200 ms, a closed load, rising levels. One op is one
// stage, so it is run with -benchtime 1x and, for statistics, -count. With
// -short the stages are fewer and shorter.
func BenchmarkStyles(b *testing.B) {
	for _, m := range result.Metrics {
		fmt.Printf("Unit %s better=%s\n", m.Unit, m.Better)
	}
	levels := []int{1, 50, 100, 200, 300, 500, 1000, 2000}
	plan := bench.Plan{
		Load: bench.LoadClosed, Warmup: bench.DefaultWarmup, Length: bench.DefaultLength,
		RejectPause: 200 * time.Millisecond, Seed: bench.DefaultSeed,
	}
	if testing.Short() {
		levels = []int{1, 100, 300, 500}
		plan.Warmup, plan.Length = 400*time.Millisecond, time.Second
	}
	var cpus []int
	procs := runtime.GOMAXPROCS(0)
	if all, err := host.Affinity(0); err == nil {
		if target, generator := host.Split(all); target != nil {
			if err := host.PinSelf(generator); err != nil {
				b.Fatal(err)
			}
			cpus, procs = target, len(generator)
		}
	}
	for _, style := range targets.Names() {
		sweep := bench.Sweep{Plan: plan, Levels: levels}
		for p := range sweep.Plans() {
			p.Spread = targets.Options{}.OnceEach(style, p.Level)
			b.Run(fmt.Sprintf("target=%s/load=%s/level=%d", style, p.Load, p.Level), func(b *testing.B) {
				var stages []*result.Stage
				for b.Loop() {
					runtime.GOMAXPROCS(procs) // package testing sets it anew before each benchmark
					stages = append(stages, styleStage(b, style, p, cpus))
				}
				s := result.Merge(stages)
				if !s.Valid {
					b.Errorf("not valid: %q", s.Warnings)
				}
				b.ReportMetric(0, "ns/op") // the length of a stage is no result
				for _, m := range result.Metrics {
					if v, ok := m.Of(s); ok {
						b.ReportMetric(v, m.Unit)
					}
				}
			})
		}
	}
}

// styleStage runs one stage against a process of its own.
func styleStage(b *testing.B, style string, p bench.Plan, cpus []int) *result.Stage {
	process := launch(b, style, cpus)
	defer func() {
		if err := process.Stop(); err != nil {
			b.Error(err)
		}
	}()
	p.TargetPID = process.PID
	driver, err := epoll.Best(bench.HTTP{URL: "http://" + process.Addr + "/api/orders?user_id=42"}, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	stage, err := bench.Run(b.Context(), p, driver)
	if err != nil {
		b.Fatal(err)
	}
	return stage
}
