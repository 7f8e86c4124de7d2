package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
	"golang.org/x/sys/unix"
)

// Environment of a test binary that has a network of its own with few local
// ports, in which it drives a server of its own.
const (
	portsEnv     = "ONHOLD_TEST_PORTS" // how many
	portsPlanEnv = "ONHOLD_TEST_PORTS_PLAN"
)

func init() { roles[portsEnv] = fewPorts }

// portsPlan is what is to be driven in it.
type portsPlan struct {
	Driver string
	Plan   bench.Plan
}

// atExit stands in for the test that a scripted server belongs to.
type atExit struct{}

func (atExit) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
func (atExit) Cleanup(func())    {}

func fewPorts(ports string) error {
	var p portsPlan
	if err := json.Unmarshal([]byte(os.Getenv(portsPlanEnv)), &p); err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscan(ports, &n); err != nil {
		return err
	}
	s := newScripted(atExit{}, says(okReply)) // before the ports are few
	if err := loopbackUp(); err != nil {
		return err
	}
	const first = 20_000
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", fmt.Appendf(nil, "%d %d", first, first+n-1), 0); err != nil {
		return err
	}
	d, err := namedDriver(p.Driver, bench.HTTP{URL: s.url(), NewConnection: p.Plan.NewConnection})
	if err != nil {
		return err
	}
	stage, err := bench.Run(context.Background(), p.Plan, d)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(stage)
}

// loopbackUp brings up the loopback interface of a new network.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// withPorts drives the plan where there are only so many local ports, or skips
// the test where networks cannot be made.
func withPorts(t *testing.T, ports int, p portsPlan) *result.Stage {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", portsEnv, ports), portsPlanEnv+"="+string(plan))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	switch err := cmd.Run(); {
	case errors.Is(err, os.ErrPermission), strings.Contains(complaint.String(), "ip_local_port_range"):
		t.Skip("no network of its own: ", err, complaint.String())
	case err != nil:
		t.Fatal(err, complaint.String())
	}
	var stage result.Stage
	if err := json.Unmarshal(out.Bytes(), &stage); err != nil {
		t.Fatal(err)
	}
	return &stage
}

// Who has no port left cannot send, and the server is not to blame: each
// request leaves its port unusable for a while.
func TestPortExhaustionIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{bench.GoroutineName, epoll.Name} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			var stage *result.Stage
			// A busy machine may need longer to use up its ports.
			for length := 300 * time.Millisecond; ; length *= 4 {
				stage = withPorts(t, 10, portsPlan{driver, bench.Plan{Load: bench.Load{Clients: 4, Backoff: time.Millisecond}, NewConnection: true, Duration: length}})
				if stage.Counts[result.OK] > 0 && stage.Counts[result.Unsent] > 0 || length > 4*time.Second {
					break
				}
			}
			ok, unsent := stage.Counts[result.OK], stage.Counts[result.Unsent]
			if ok == 0 || unsent == 0 || ok+unsent != stage.Counts.Planned() {
				t.Errorf("counts %v, want some ok, the others unsent; %q", stage.Counts, stage.Notes())
			}
			if stage.Valid() || !strings.Contains(strings.Join(stage.Notes(), " "), "cannot assign requested address") {
				t.Errorf("valid %v, %q", stage.Valid(), stage.Notes())
			}
		})
	}
}

// The event-loop driver takes the ports of several addresses of loopback: it
// makes more connections than one has ports.
func TestMoreConnectionsThanPorts(t *testing.T) {
	t.Parallel()
	const clients = 2500
	stage := withPorts(t, 1000, portsPlan{epoll.Name, bench.Plan{Load: bench.Load{Burst: clients}, Duration: 200 * time.Millisecond, Timeout: time.Minute, DrainTimeout: time.Minute}})
	if stage.Counts[result.OK] != clients || stage.Connect.N() != clients || stage.Reconnects != 0 {
		t.Errorf("counts %v over %d connections, %d of them made again; want %d ok, each over its own", stage.Counts, stage.Connect.N(), stage.Reconnects, clients)
	}
}
