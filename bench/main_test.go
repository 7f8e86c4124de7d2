package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
)

// serveEnv makes the test binary serve a target in place of running tests, so
// that tests and benchmarks drive a process of its own as the command does.
const serveEnv = "ONHOLD_TEST_SERVE"

func TestMain(m *testing.M) {
	if style := os.Getenv(serveEnv); style != "" {
		if err := serveTarget(style); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(20 * time.Millisecond)
	}))
	ordersURL = service.URL
	os.Exit(m.Run())
}

func serveTarget(style string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	targets.TuneRuntime()
	server, err := targets.Start(style, targets.Options{})
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

// launch starts a target of the default options as its own process, for as
// long as the benchmark lasts.
func launch(b *testing.B, style string, cpus []int) *targets.Process {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), serveEnv+"="+style)
	p, err := targets.Launch(b.Context(), cmd, cpus)
	if err != nil {
		b.Fatal(err)
	}
	return p
}
