package doctor

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
)

// wait is that of the backend that levels of a closed load are told for.
const wait = 200 * time.Millisecond

// What is worth a word.
const (
	fewDescriptors = 20_000
	shortBacklog   = 4096
	muchSteal      = 0.02
	muchLag        = time.Millisecond // as every stage may have
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
			advise("open files are the limit: this process may raise them to %d itself (ulimit -n %d)", r.Limits.MostAllowed, r.Limits.MostAllowed)
		} else {
			advise("open files are the limit: as root, 'ulimit -n 200000' before onhold, or a 'nofile' line in /etc/security/limits.conf")
		}
	}
	if n := r.Limits.Ports; n > 0 && n < r.MaxClients {
		advise("%d local ports for one address: on loopback we connect from as many addresses as it takes; to another machine, widen the range (sysctl -w net.ipv4.ip_local_port_range='1024 65535')", n)
	}
	if n := r.Limits.Backlog; n > 0 && n < shortBacklog {
		advise("a server here lets only %d connections wait to be accepted: for bursts, sysctl -w net.core.somaxconn=%d", n, shortBacklog)
	}
	if s := r.Limits.ClockSource; s != "" && s != "tsc" && s != "arch_sys_counter" {
		advise("the clock is read from %q, in %v: where the machine has it, tsc is faster (see /sys/devices/system/clocksource)", s, r.ClockRead)
	}
	switch {
	case r.TargetCPUs == "":
		advise("there is one CPU for targets and generator: each takes time from the other, and nothing measured here is the server's alone")
	case loops > 1:
		advise("the generator may use CPUs %s: 'onhold run --threads %d' drives from all of them", r.CPUs, loops)
	default:
		advise("the generator has one CPU: with more CPUs than two it would get half of them, one a loop (--threads)")
	}
	if r.Most.ServerFull {
		advise("the server that does nothing was the limit of %s requests/s, so that the generator could make more", count(int(r.Most.Rate)))
	}
	if q := r.CPUQuota; q.CPUs > 0 || q.Throttled.Any() {
		const raise = "a stage in which a quota stops the generator for more than 0.1 % of the time is not valid; raise it, or run outside of that control group"
		if q.Throttled.Any() {
			advise("a CPU quota stopped the generator %v while this machine was examined, so that the figures above are too low: %s", q.Throttled, raise)
		} else {
			advise("a CPU quota allows targets and generator %.4g CPUs: %s", q.CPUs, raise)
		}
	}
	if r.Steal > muchSteal {
		advise("the hypervisor took up to %.0f %% of the generator's CPU time away: tails contain that, and stages spoilt by it are run again (--retries)", 100*r.Steal)
	}
	for _, p := range r.Pacing {
		if p.LagP99 > muchLag {
			advise("at %s arrivals/s p99 of the generator's lag is %v: other work on its CPU, or a machine whose CPUs sleep deeply; '--spin 200µs' keeps it awake, at the price of CPU", count(p.Rate), p.LagP99.Round(10*time.Microsecond))
			break
		}
	}
}

// count writes n with commas between thousands.
func count(n int) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
