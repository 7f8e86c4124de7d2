package targets_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
)

// playEnv makes the test binary play a process that was launched as a target.
const playEnv = "ONHOLD_TEST_PLAY"

func TestMain(m *testing.M) {
	targets.ServeIfLaunched()
	switch os.Getenv(playEnv) {
	case "":
		// Tests that run in parallel wait most of the time: more of them than CPUs.
		// What the command line says goes before.
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
		os.Exit(pgtest.Tests{M: m}.Run())
	case "ends":
		fmt.Fprintln(os.Stderr, "the port is taken")
		os.Exit(5)
	case "babbles":
		fmt.Println("Listening on port 80 :-)")
		time.Sleep(time.Minute)
	case "logs":
		fmt.Println(`{"level":"info"}`)
		time.Sleep(time.Minute)
	case "hangs":
		time.Sleep(time.Minute)
	case "serves":
		fmt.Println(`{"addr":"127.0.0.1:1","pid":7,"style":"goroutine"}`)
		time.Sleep(time.Minute)
	case "dies later":
		fmt.Println(`{"addr":"127.0.0.1:1","pid":7,"style":"goroutine"}`)
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(3)
	}
}

func play(t *testing.T, part string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), playEnv+"="+part)
	return cmd
}

func TestLaunchSaysWhyATargetDidNotStart(t *testing.T) {
	for part, want := range map[string]string{
		"ends":    "it ended; its output: the port is taken",
		"babbles": `printed "Listening on port 80 :-)"`,
		"logs":    "which is no ready line",
	} {
		if _, err := targets.LaunchCommand(t.Context(), play(t, part), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that contains %q", part, err, want)
		}
	}
	if _, err := targets.LaunchCommand(t.Context(), exec.Command("/nowhere/onhold"), nil); err == nil {
		t.Error("a file that is not there was started")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := targets.LaunchCommand(ctx, play(t, "hangs"), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted while it waits: %v", err)
	}
}

// The kernel must end a target when its parent ends, not when one thread of
// the parent does: a blocking target in this very process ends its threads.
func TestProcessOutlivesThreadsOfItsParent(t *testing.T) {
	for range 5 {
		p, err := targets.LaunchCommand(t.Context(), play(t, "serves"), nil)
		if err != nil {
			t.Fatal(err)
		}
		server, err := style(t, "blocking").Start(targets.Options{Workers: 50})
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // for a signal to arrive
		if ended, how := p.Ended(); ended {
			t.Fatalf("it ended: %s", how)
		}
		if err := p.Stop(); err == nil {
			t.Error("a process that SIGTERM killed is said to have ended well")
		}
	}
}

func TestProcessThatDiesLater(t *testing.T) {
	p, err := targets.LaunchCommand(t.Context(), play(t, "dies later"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr != "127.0.0.1:1" || p.PID == 7 || p.Style != "goroutine" {
		t.Errorf("ready line read as %+v", p.Ready)
	}
	for range 500 {
		if ended, how := p.Ended(); ended {
			if !strings.Contains(how, "exit status 3") || !strings.Contains(how, "out of memory") {
				t.Errorf("it ended with %q", how)
			}
			if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "out of memory") {
				t.Errorf("Stop: %v", err)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it has not ended")
}
