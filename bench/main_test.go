package bench_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

// serveEnv makes the test binary serve a target in place of running tests, so
// that tests and benchmarks drive a process of its own as the command does.
const serveEnv = "ONHOLD_TEST_SERVE"

// roles are what the test binary does in place of running tests where a
// variable of that name is set, with its value.
var roles = map[string]func(value string) error{serveEnv: serveTarget}

func TestMain(m *testing.M) {
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

func serveTarget(style string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	targets.TuneRuntime(0)
	server, err := start(style)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(targets.Ready{Addr: server.Addr(), PID: os.Getpid(), Style: style}); err != nil {
		return err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

// server is a target, or the yardstick.
type server interface {
	Addr() string
	Shutdown(context.Context) error
}

func start(style string) (server, error) {
	if style == bare.Name {
		return bare.Start(bare.Config{Addr: "127.0.0.1:0"})
	}
	return targets.Start(style, targets.Options{})
}

// launch starts a target of the default options as its own process, for as
// long as the benchmark or test lasts.
func launch(tb testing.TB, style string, cpus []int) *targets.Process {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), serveEnv+"="+style)
	p, err := targets.Launch(tb.Context(), cmd, cpus)
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
