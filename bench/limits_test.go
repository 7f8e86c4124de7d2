//go:build unix

package bench_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// Environment of a test binary that drives a server until it has no
// descriptors left. That is done in a process of its own: without any, the one
// that runs the tests would fail in other ways too.
const (
	exhaustEnv    = "ONHOLD_TEST_EXHAUST" // the driver
	exhaustURLEnv = "ONHOLD_TEST_EXHAUST_URL"
)

func init() { roles[exhaustEnv] = exhausted }

// exhausted drives a burst of 200 clients with descriptors left for some of
// them, though the limit, which was looked at before, allows for all.
func exhausted(driver string) error {
	stage, err := burstWithoutDescriptors(driver, os.Getenv(exhaustURLEnv))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(stage)
}

func burstWithoutDescriptors(driver, url string) (*result.Stage, error) {
	d, err := namedDriver(driver, bench.HTTP{URL: url})
	if err != nil {
		return nil, err
	}
	const limit, left = 400, 100
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return nil, err
	}
	clock.Sleep(nil, clock.Now()+time.Millisecond) // what waits for all has a descriptor of its own, made once
	for {
		fd, err := unix.Dup(0)
		if err != nil || fd >= limit-left {
			break
		}
	}
	return bench.Run(context.Background(), bench.Plan{Load: bench.Load{Burst: 200}, Duration: 500 * time.Millisecond}, d)
}

// Who has no descriptors left cannot send. That is no fault of the server's:
// it refused nobody.
func TestExhaustionIsNotTheServersFault(t *testing.T) {
	drivers := []string{bench.GoroutineName}
	if epoll.Supported {
		drivers = append(drivers, epoll.Name)
	}
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t, says(okReply))
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), exe)
			cmd.Env = append(os.Environ(), exhaustEnv+"="+driver, exhaustURLEnv+"="+s.url())
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var stage result.Stage
			if err := json.Unmarshal(out, &stage); err != nil {
				t.Fatal(err)
			}
			ok, unsent := stage.Counts[result.OK], stage.Counts[result.Unsent]
			if ok == 0 || unsent == 0 || ok+unsent != 200 || int64(s.seen()) != ok {
				t.Errorf("counts %v, %d requests; want some ok, the other of 200 unsent", stage.Counts, s.seen())
			}
			if stage.Valid() || !strings.Contains(stage.Notes()[0], "could not send") {
				t.Errorf("valid %v, %q", stage.Valid(), stage.Notes())
			}
		})
	}
}
