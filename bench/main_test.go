package bench_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/targets"
)

// roles are what the test binary does in place of running tests where a
// variable of that name is set, with its value.
var roles = map[string]func(value string) error{}

func TestMain(m *testing.M) {
	targets.ServeIfLaunched() // tests and benchmarks drive a process of its own, as the command does
	for name, play := range roles {
		if value := os.Getenv(name); value != "" {
			if err := play(value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	// Tests that run in parallel wait most of the time: more of them than CPUs.
	// What the command line says goes before.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// launch starts a target of the default options as its own process, for as
// long as the benchmark or test lasts.
func launch(tb testing.TB, style string, cpus []int) *targets.Process {
	tb.Helper()
	p, err := targets.Program{CPUs: cpus}.Launch(tb.Context(), style, targets.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// loadOf is the load of a model at a level, with what of more applies to it.
func loadOf(m load.Model, level float64, more bench.Load) bench.Load {
	l := load.Of(m, level)
	switch m {
	case load.Closed:
		l.ThinkTime, l.Backoff, l.RampUp = more.ThinkTime, more.Backoff, more.RampUp
	case load.Burst:
		l.BurstInterval = more.BurstInterval
	}
	return l
}
