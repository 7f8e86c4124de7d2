package doctor

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/units"
)

// wait is the latency of the backend for which MaxClients is stated.
const wait = 200 * time.Millisecond

// Beyond these bounds there is advice.
const (
	fewDescriptors = 20_000
	shortBacklog   = 4096
	muchSteal      = 0.02
	muchLag        = time.Millisecond // the default bound of a stage
)

// conclude derives levels and advice from what was measured.
func (r *Report) conclude() {
	cpus := max(1, host.CountCPUs(r.CPUs))
	loops := min(cpus, epoll.MaxThreads)
	r.MaxRate = int(bench.MaxGeneratorCPU * r.Most.Rate * float64(loops))
	byCPU := int(float64(r.MaxRate) * wait.Seconds())
	connections := math.MaxInt
	if n := r.Limits.Descriptors; n > 0 {
		connections = min(connections, host.MaxConnectionsFor(n))
	}
	r.MaxClients = min(byCPU, connections)

	advise := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	if connections < byCPU || r.Limits.Descriptors < fewDescriptors && r.Limits.Descriptors > 0 {
		if r.Limits.MostAllowed > r.Limits.Descriptors {
			advise("open files are the limit: raise it with 'ulimit -n %d'", r.Limits.MostAllowed)
		} else {
			advise("open files are the limit: as root, run 'ulimit -n 200000' before onhold, or add a 'nofile' line to /etc/security/limits.conf")
		}
	}
	if n := r.Limits.Ports; n > 0 && n < r.MaxClients {
		advise("%s local ports per address: on loopback onhold connects from several addresses; to another machine, widen the range (sysctl -w net.ipv4.ip_local_port_range='1024 65535')", units.Int(n))
	}
	if n := r.Limits.Backlog; n > 0 && n < shortBacklog {
		advise("a server on this machine queues at most %d connections before it accepts them: for bursts, run sysctl -w net.core.somaxconn=%d", n, shortBacklog)
	}
	if s := r.Limits.ClockSource; s != "" && s != "tsc" && s != "arch_sys_counter" {
		advise("the clock source is %q, and a read takes %v: where the machine has it, tsc is faster (see /sys/devices/system/clocksource)", s, r.ClockRead)
	}
	switch {
	case r.TargetCPUs == "":
		advise("targets and generator share one CPU: each slows the other, and no result describes the server alone")
	case loops > 1:
		advise("the generator may use CPUs %s: 'onhold run --threads %d' uses all of them", r.CPUs, loops)
	default:
		advise("the generator has one CPU: with more than two CPUs it would get half of them, each with its own loop (--threads)")
	}
	if r.Most.ServerFull {
		advise("the server was the limit at %s requests/s: the generator can send more", units.Int(int(r.Most.Rate)))
	}
	if q := r.CPUQuota; q.CPUs > 0 || q.Throttled.Any() {
		const raise = "a stage in which a quota stops the generator for more than 0.1 % of the time is not valid; raise the quota, or run outside of that control group"
		if q.Throttled.Any() {
			advise("a CPU quota stopped the generator %v during this examination, so the results above are too low: %s", q.Throttled, raise)
		} else {
			advise("a CPU quota allows targets and generator %.4g CPUs: %s", q.CPUs, raise)
		}
	}
	if r.Steal > muchSteal {
		advise("the hypervisor took up to %s of the generator's CPU time: tail latencies include that, and disturbed stages are repeated (--retries)", units.Percent(r.Steal))
	}
	for _, p := range r.Pacing {
		if p.LagP99 > muchLag {
			advise("at %s arrivals/s p99 of the generator's lag is %v: other work runs on its CPU, or its CPU sleeps deeply; '--spin 200µs' keeps it awake but uses more CPU", units.Int(p.Rate), units.Duration(p.LagP99))
			break
		}
	}
}
