package conformance

import (
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
)

// serviceTime is short, for theory knows no unit of time, and a window of some
// seconds has many of them.
const serviceTime = 20 * time.Millisecond

// Grid is the specs that check a pool of workers against theory: rejected shares of
// 15 to 50 %, which some thousand requests determine, and loads at which the server
// soon forgets. quick leaves out what is most alike.
func Grid(quick bool) []Spec {
	var (
		rejected  = []string{Rejected}
		both      = []string{Rejected, Wait}
		constant  = theory.Law{Kind: theory.Constant}
		expo      = theory.Law{Kind: theory.Exponential}
		lognormal = theory.Law{Kind: theory.Lognormal, CV: 1.2}

		poisson = func(rate float64) load.Load { return load.Load{Rate: rate} }
		steady  = func(rate float64) load.Load { return load.Load{Rate: rate, Arrivals: load.Constant} }
		clients = func(n int, think time.Duration) load.Load { return load.Load{Clients: n, ThinkTime: think} }
	)
	var out []Spec
	for _, s := range []struct {
		quick          bool
		name           string
		load           load.Load
		workers, queue int
		law            theory.Law
		judged         []string
	}{
		{true, "loss-constant", poisson(600), 10, 0, constant, rejected},
		{true, "loss-exponential", poisson(600), 10, 0, expo, rejected},
		{true, "loss-lognormal", poisson(600), 10, 0, lognormal, rejected},
		{false, "wide-loss", poisson(2500), 40, 0, constant, rejected},
		{true, "queue-constant", poisson(650), 10, 5, constant, both},
		{true, "queue-exponential", poisson(650), 10, 5, expo, both},
		{false, "queue-lognormal", poisson(650), 10, 5, lognormal, both},
		{false, "two-constant", poisson(150), 2, 3, constant, both},
		{false, "wide-exponential", poisson(1950), 30, 12, expo, both},
		{true, "clock-loss", steady(620), 10, 0, constant, rejected},
		{false, "clock-exponential", steady(600), 10, 0, expo, rejected},
		{false, "clock-queue", steady(670), 10, 5, constant, rejected},
		{true, "engset", clients(25, serviceTime), 10, 0, expo, rejected},
		{false, "engset-lognormal", clients(30, 2*serviceTime), 10, 0, lognormal, rejected},
		{false, "cycle", clients(30, 0), 10, 25, constant, []string{Wait}},
		{true, "burst", load.Load{Burst: 40, BurstInterval: 200 * time.Millisecond}, 10, 20, constant, both},
	} {
		if s.quick || !quick {
			set := theory.Setting{Load: s.load, Workers: s.workers, Queue: s.queue, ServiceTime: serviceTime, ServiceLaw: s.law}
			out = append(out, Spec{Name: s.name, Setting: set, Judged: s.judged})
		}
	}
	return out
}

// Judged is how many quantities the specs have.
func Judged(specs []Spec) (n int) {
	for _, s := range specs {
		n += len(s.Judged)
	}
	return n
}
