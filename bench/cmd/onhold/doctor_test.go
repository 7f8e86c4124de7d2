package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/doctor"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// quietMachine is what an ordinary machine of two CPUs shows.
func quietMachine() *doctor.Report {
	return &doctor.Report{
		Environment: result.Environment{CPU: "AMD EPYC", Cores: 2, OS: "linux", Kernel: "6.18"},
		TargetCPUs:  "0", CPUs: "1", ClockRead: 25, PingPong: 45 * time.Microsecond,
		Limits: host.Limits{Descriptors: 100_000, MostAllowed: 100_000, Ports: 28_232, Backlog: 4096, ClockSource: "tsc"},
		Null:   doctor.Null{P50: 50 * time.Microsecond, P99: 90 * time.Microsecond},
		Most:   doctor.Most{Rate: 150_000, CPU: 6 * time.Microsecond},
		Pacing: []doctor.Pacing{{Rate: 1000, LagP50: 50 * time.Microsecond, LagP99: 100 * time.Microsecond, GridP50: 15 * time.Microsecond, GridP90: 40 * time.Microsecond}},
	}
}

func TestAdviceOfDoctor(t *testing.T) {
	for _, c := range []struct {
		name          string
		change        func(*doctor.Report)
		clients, rate int
		says          string
		not           string
	}{
		{"an ordinary machine", func(*doctor.Report) {}, 24_000, 120_000, "the generator has one CPU", "open files"},
		{"few open files", func(r *doctor.Report) { r.Limits.Descriptors, r.Limits.MostAllowed = 1024, 1024 }, 960, 120_000, "as root, run 'ulimit -n 200000'", ""},
		{"few open files that may be raised", func(r *doctor.Report) { r.Limits.Descriptors = 1024 }, 960, 120_000, "raise it with 'ulimit -n 100000'", "as root"},
		{"more clients than ports", func(r *doctor.Report) { r.Most.Rate = 300_000 }, 48_000, 240_000, "28,232 local ports per address", ""},
		{"several CPUs", func(r *doctor.Report) { r.TargetCPUs, r.CPUs = "0-3", "4-7" }, 96_000, 480_000, "'onhold run --threads 4'", "has one CPU"},
		{"one CPU", func(r *doctor.Report) { r.TargetCPUs, r.CPUs = "", "" }, 24_000, 120_000, "each slows the other", ""},
		{"a short backlog", func(r *doctor.Report) { r.Limits.Backlog = 128 }, 24_000, 120_000, "net.core.somaxconn=4096", ""},
		{"a slow clock", func(r *doctor.Report) { r.Limits.ClockSource = "hpet" }, 24_000, 120_000, `clock source is "hpet"`, ""},
		{"a server that was full", func(r *doctor.Report) { r.Most.ServerFull = true }, 24_000, 120_000, "limit at 150,000 requests/s", ""},
		{"a busy neighbour", func(r *doctor.Report) { r.Steal = 0.14 }, 24_000, 120_000, "took up to 14 %", ""},
		{"a CPU quota", func(r *doctor.Report) { r.CPUQuota = doctor.CPUQuota{CPUs: 1.5, Group: "/sys/fs/cgroup/ci"} }, 24_000, 120_000, "a CPU quota allows targets and generator 1.5 CPUs", "stopped"},
		{"a CPU quota that was felt", func(r *doctor.Report) {
			r.CPUQuota = doctor.CPUQuota{CPUs: 1.5, Group: "/sys/fs/cgroup/ci", Throttled: result.Throttled{Times: 4, Time: 90 * time.Millisecond}}
		}, 24_000, 120_000, "a CPU quota stopped the generator 4 times for 90ms", ""},
		{"no CPU quota", func(*doctor.Report) {}, 24_000, 120_000, "", "quota"},
		{"late", func(r *doctor.Report) { r.Pacing[0].LagP99 = 3 * time.Millisecond }, 24_000, 120_000, "p99 of the generator's lag is 3 ms", ""},
		{"nothing known", func(r *doctor.Report) { r.Limits = host.Limits{} }, 24_000, 120_000, "", "open files"},
	} {
		r := quietMachine()
		c.change(r)
		r.Conclude()
		all := strings.Join(advice(r), "\n")
		if r.MaxClients != c.clients || r.MaxRate != c.rate {
			t.Errorf("%s: %d clients and %d arrivals/s, want %d and %d", c.name, r.MaxClients, r.MaxRate, c.clients, c.rate)
		}
		if !strings.Contains(all, c.says) || c.not != "" && strings.Contains(all, c.not) {
			t.Errorf("%s: want %q and not %q in\n%s", c.name, c.says, c.not, all)
		}
	}
}

func TestReportForPeopleAndPrograms(t *testing.T) {
	r := quietMachine()
	r.CPUQuota = doctor.CPUQuota{CPUs: 1.5, Group: "/sys/fs/cgroup/ci"}
	r.Conclude()
	r.Advice = advice(r)
	text, err := doctorText(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AMD EPYC, 2 CPUs, linux 6.18", "1.5 CPUs, of control group /sys/fs/cgroup/ci", "targets run on 0, the generator on 1", "tsc, read in 25 ns",
		"100,000 open files, 28,232 local ports per address, backlog 4,096",
		"p50 50 µs, p99 90 µs with 1 client", "p50 45 µs with a blocking write and read", "150,000 requests/s, generator CPU 6 µs per request served",
		"24,000 clients on a backend of 200 ms", "120,000 arrivals/s", "- the generator has one CPU",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"ping_pong_ns":45000`, `"cpu_quota":{"cpus":1.5,"group":"/sys/fs/cgroup/ci"}`, `"max_clients":24000`, `"rate_per_s":1000`, `"descriptors":100000`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the JSON lacks %s: %s", want, raw)
		}
	}
}
