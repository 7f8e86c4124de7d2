package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// driveEnv makes the test binary drive the address that it holds, once a line
// comes on its standard input, and print the stage.
const driveEnv = "ONHOLD_TEST_DRIVE"

func init() { roles[driveEnv] = driveAddress }

func driveAddress(addr string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	d, err := epoll.Best(bench.HTTP{URL: "http://" + addr + "/"}, epoll.Options{})
	if err != nil {
		return err
	}
	s, err := bench.Run(context.Background(), busyPlan(0), d)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// busyPlan takes all the CPU time that there is.
func busyPlan(pid int) bench.Plan {
	return bench.Plan{Load: bench.Load{Clients: 16}, Duration: 500 * time.Millisecond, TargetPID: pid}
}

// quotaGroup makes a control group that may use so little of a CPU, or skips
// the test where this machine does not allow that.
func quotaGroup(t *testing.T, thousandths int) (admit func(pid int)) {
	t.Helper()
	name := fmt.Sprintf("onhold-test-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"))
	quota := strconv.Itoa(thousandths * 100) // µs of 100 ms
	var why error
	for _, c := range []struct {
		top   string
		files map[string]string
	}{
		{"/sys/fs/cgroup", map[string]string{"cpu.max": quota + " 100000"}},
		{"/sys/fs/cgroup/cpu", map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": quota}},
		{"/sys/fs/cgroup/cpu,cpuacct", map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": quota}},
	} {
		dir := filepath.Join(c.top, name)
		if why = os.Mkdir(dir, 0o755); why != nil {
			continue
		}
		for file, text := range c.files {
			// Not created where there is none: in a plain folder that would always work.
			f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(text)
				f.Close()
			}
			if err != nil {
				why = err
			}
		}
		if why != nil {
			os.Remove(dir)
			continue
		}
		t.Cleanup(func() {
			for range 200 { // its processes have to be gone
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("%s is still there", dir)
		})
		return func(pid int) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
				t.Fatal(err)
			}
			if q := host.ReadQuota(pid); q.CPUs != float64(thousandths)/1000 || q.Group != dir {
				t.Errorf("the quota of process %d is %v, want %d/1000 CPUs of %s", pid, q, thousandths, dir)
			}
		}
	}
	t.Skip("no control group with a CPU quota can be made here:", why)
	return nil
}

// A closed load has no lag: its clients plan the next request when the last has
// been answered. So a stop of the generator by a quota shows in latencies alone.
func TestQuotaOfTheGenerator(t *testing.T) {
	t.Parallel()
	admit := quotaGroup(t, 20)
	target := launch(t, "bare", nil)
	t.Cleanup(func() { target.Stop() })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), driveEnv+"="+target.Addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	admit(cmd.Process.Pid)
	fmt.Fprintln(in)
	var s result.Stage
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		t.Fatal(err)
	}
	g := s.Generator
	if s.Valid() || g.Quota != 0.02 || !g.Throttled.Any() || !strings.Contains(strings.Join(s.Notes(), "\n"), "a CPU quota of 0.02 CPUs stopped the generator") {
		t.Errorf("valid %v, %+v, %q", s.Valid(), g, s.Notes())
	}
}

// A quota of the target is a limit of the target.
func TestQuotaOfTheTarget(t *testing.T) {
	t.Parallel()
	admit := quotaGroup(t, 10)
	target := launch(t, "bare", nil)
	t.Cleanup(func() { target.Stop() })
	admit(target.PID)
	d, err := epoll.Best(bench.HTTP{URL: "http://" + target.Addr + "/"}, epoll.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for attempt := 1; ; attempt++ {
		s, err := bench.Run(t.Context(), busyPlan(target.PID), d)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Target.Throttled.Any() && attempt < 20 { // a busy machine gave the target less than its quota
			continue
		}
		all := strings.Join(s.Notes(), "\n")
		if s.Target.Quota != 0.01 || !s.Target.Throttled.Any() || s.Generator.Throttled.Any() || !strings.Contains(all, "a CPU quota of 0.01 CPUs stopped the target") {
			t.Errorf("%+v, %+v, %q", s.Target, s.Generator.Throttled, s.Notes())
		}
		break
	}
}
