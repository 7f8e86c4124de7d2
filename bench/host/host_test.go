package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/host"
)

// spinEnv makes the test binary burn CPU time and memory in place of running
// tests, so that there is a process whose use of both is known.
const spinEnv = "ONHOLD_TEST_SPIN"

func TestMain(m *testing.M) {
	if name := os.Getenv(spinEnv); name != "" {
		if name != "1" { // of the process, as the kernel has it
			os.WriteFile("/proc/self/comm", []byte(name), 0)
		}
		spin()
		return
	}
	os.Exit(m.Run())
}

var sink []byte

func spin() {
	if cpus, err := host.Affinity(0); err == nil {
		fmt.Println(host.FormatCPUs(cpus))
	}
	sink = make([]byte, 64<<20)
	for i := range sink {
		sink[i] = 1
	}
	fmt.Println("ready")
	for began := time.Now(); time.Since(began) < time.Minute; {
	}
}

// spinner starts a process that is busy until the test ends.
func spinner(t *testing.T, cpus []int) (pid int, says string) { return spinnerNamed(t, "1", cpus) }

func spinnerNamed(t *testing.T, name string, cpus []int) (pid int, says string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux reports what another process does")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), spinEnv+"="+name)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.StartPinned(cmd, cpus); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var all string
	for b := make([]byte, 256); !strings.Contains(all, "ready"); {
		n, err := stdout.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		all += string(b[:n])
	}
	return cmd.Process.Pid, all
}

// A process that takes a CPU is named, whatever it is called: not the target, and not one
// that cannot run there.
func TestOthersAreNamed(t *testing.T) {
	cpus, err := host.Affinity(0)
	if err != nil {
		t.Skip(err)
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if _, after, _ := strings.Cut(string(stat), ") "); err != nil || strings.Fields(after)[16] != "0" {
		t.Skipf("these tests have another priority than 0, and so has what they start, which is not named then: %v", err)
	}
	others := host.WatchNeighbours()
	pid, _ := spinnerNamed(t, "a) R 1 (|b", cpus[:1])
	const length = 10 * time.Second
	named := func(cpus []int, target int) (cpu time.Duration) {
		for _, p := range others.Busy(cpus, target, length) { // others may be busier
			if p.Name == "a) R 1 (|b" {
				cpu = p.CPU
			}
		}
		return cpu
	}
	var got time.Duration
	for began := time.Now(); got == 0 && time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
		got = named(cpus[:1], 0)
	}
	if got <= 0 || got > length*11/10 {
		t.Errorf("a process that spins used %v of %v; named are %v", got, length, others.Busy(cpus[:1], 0, length))
	}
	if n := len(others.Busiest(cpus[:1], 0, length)); n < 1 || n > 2 {
		t.Errorf("%d are named", n)
	}
	if got := named(cpus[:1], pid); got > 0 {
		t.Errorf("the target is named, with %v", got)
	}
	if got := named([]int{1 << 12}, 0); got > 0 {
		t.Errorf("a process that cannot run there is named, with %v", got)
	}
}

func TestMeterMeasuresAnotherProcess(t *testing.T) {
	pid, _ := spinner(t, nil)
	m := host.Process(pid)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond)
	u, err := m.Stop()
	if err != nil {
		t.Fatal(err)
	}
	// How much CPU time a busy loop gets depends on the machine; none at all or
	// more than there is would be a wrong figure.
	if u.CPU <= 0 || u.CPU > time.Duration(runtime.NumCPU())*5*time.Second {
		t.Errorf("CPU time %v", u.CPU)
	}
	if u.RSSMax < 64<<20 {
		t.Errorf("%d bytes resident, want at least the 64 MiB that it touched", u.RSSMax)
	}
	if u.ThreadsMax < 2 || u.FDsMax < 3 {
		t.Errorf("%d threads, %d descriptors", u.ThreadsMax, u.FDsMax)
	}
}

func TestMeterTellsThatAProcessEnded(t *testing.T) {
	pid, _ := spinner(t, nil)
	m := host.Process(pid)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	for range 200 { // until the kernel has ended it
		if host.Process(pid).Start() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := m.Stop(); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("error %v, want one that says that the process has ended", err)
	}
}

func TestMeterOfThisProcessSeesItsCollector(t *testing.T) {
	m := host.Self()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	u, err := m.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if u.GCPauseMax <= 0 {
		t.Error("a collection left no pause")
	}
	if runtime.GOOS == "linux" && u.CPU <= 0 {
		t.Error("a collection took no CPU time")
	}
}

// Exactly, since a comparison of two builds has no noise to allow for.
func TestMeterCountsAllocations(t *testing.T) {
	const want = 5000
	m := host.Self()
	m.CountAllocs = true
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	for range want {
		sink = make([]byte, 100)
	}
	u, err := m.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if u.Allocs < want || u.Allocs > want+want/100 {
		t.Errorf("%d allocations, want %d and the few of the runtime", u.Allocs, want)
	}
}

func TestStartPinned(t *testing.T) {
	all, err := host.Affinity(0)
	if err != nil {
		t.Skip("CPUs cannot be chosen here:", err)
	}
	last := all[len(all)-1:]
	_, says := spinner(t, last)
	if want := host.FormatCPUs(last) + "\n"; !strings.HasPrefix(says, want) {
		t.Errorf("the process says that it may use CPU %q, want %q", says, want)
	}
	if after, _ := host.Affinity(0); !slices.Equal(after, all) {
		t.Errorf("the parent is now confined to %v, before to %v", after, all)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ all, target, generator []int }{
		{nil, nil, nil},
		{[]int{3}, nil, nil},
		{[]int{0, 1}, []int{0}, []int{1}},
		{[]int{0, 2, 4}, []int{0}, []int{2, 4}},
		{[]int{0, 1, 2, 3}, []int{0, 1}, []int{2, 3}},
	} {
		target, generator := host.Split(c.all)
		if !slices.Equal(target, c.target) || !slices.Equal(generator, c.generator) {
			t.Errorf("Split(%v) = %v, %v; want %v, %v", c.all, target, generator, c.target, c.generator)
		}
	}
}

func TestFormatCPUs(t *testing.T) {
	for want, cpus := range map[string][]int{
		"": nil, "0": {0}, "0-1": {0, 1}, "0,2-4,7": {7, 0, 2, 3, 4}, "5,63-64": {5, 63, 64},
	} {
		if got := host.FormatCPUs(cpus); got != want {
			t.Errorf("FormatCPUs(%v) = %q, want %q", cpus, got, want)
		}
	}
}

func TestCheckLimitsSaysWhatToChange(t *testing.T) {
	most := host.MaxConnections()
	if err := host.CheckLimits(most, 1); err != nil {
		t.Errorf("MaxConnections is %d, but CheckLimits says: %v", most, err)
	}
	err := host.CheckLimits(most+1, 1)
	if err == nil {
		t.Fatalf("%d connections are allowed, one more than MaxConnections", most+1)
	}
	if !strings.Contains(err.Error(), "ulimit -n") && !strings.Contains(err.Error(), "ip_local_port_range") {
		t.Errorf("%q does not say what to change", err)
	}
}

func TestEnvironment(t *testing.T) {
	e := host.Environment()
	if e.OS != runtime.GOOS || e.Cores < 1 || e.Go == "" || e.Onhold == "" {
		t.Errorf("%+v", e)
	}
	if runtime.GOOS == "linux" && (e.Kernel == "" || e.Memory == 0 || strings.ContainsRune(e.Kernel, 0)) {
		t.Errorf("%+v", e)
	}
}
