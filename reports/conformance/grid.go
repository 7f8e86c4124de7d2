package conformance

import (
	"time"

	"github.com/a628bb15/onhold/reports/theory"
)

// service is the mean time that a request keeps a worker: short, for theory
// knows no unit of time, and a window of some seconds has many of them.
const service = 20 * time.Millisecond

// Grid is the specs that say whether a pool of workers does what theory says:
// shares of rejected of 15 to 50 %, which some thousand requests tell, and loads
// at which the server soon forgets. quick leaves out what is most alike.
func Grid(quick bool) []Spec {
	var (
		rejected = []string{Rejected}
		both     = []string{Rejected, Wait}
		constant = theory.Constant
		expo     = theory.Exponential
		logn     = theory.Lognormal
	)
	poisson := func(name string, workers, places, rate int, law string, judged []string) Spec {
		s := Spec{Name: name, Load: theory.LoadPoisson, Rate: rate, Workers: workers, Places: places, Service: service, Law: law, Judged: judged}
		if law == logn {
			s.CV = 1.2
		}
		return s
	}
	all := []struct {
		quick bool
		Spec
	}{
		{true, poisson("loss-constant", 10, 0, 600, constant, rejected)},
		{true, poisson("loss-exponential", 10, 0, 600, expo, rejected)},
		{true, poisson("loss-lognormal", 10, 0, 600, logn, rejected)},
		{false, poisson("wide-loss", 40, 0, 2500, constant, rejected)},
		{true, poisson("queue-constant", 10, 5, 650, constant, both)},
		{true, poisson("queue-exponential", 10, 5, 650, expo, both)},
		{false, poisson("queue-lognormal", 10, 5, 650, logn, both)},
		{false, poisson("two-constant", 2, 3, 150, constant, both)},
		{false, poisson("wide-exponential", 30, 12, 1950, expo, both)},
		{true, Spec{Name: "clock-loss", Load: theory.LoadConstant, Rate: 620, Workers: 10, Service: service, Law: constant, Judged: rejected}},
		{false, Spec{Name: "clock-exponential", Load: theory.LoadConstant, Rate: 600, Workers: 10, Service: service, Law: expo, Judged: rejected}},
		{false, Spec{Name: "clock-queue", Load: theory.LoadConstant, Rate: 670, Workers: 10, Places: 5, Service: service, Law: constant, Judged: rejected}},
		{true, Spec{Name: "engset", Load: theory.LoadClosed, Clients: 25, Think: service, Workers: 10, Service: service, Law: expo, Judged: rejected}},
		{false, Spec{Name: "engset-lognormal", Load: theory.LoadClosed, Clients: 30, Think: 2 * service, Workers: 10, Service: service, Law: logn, CV: 1.2, Judged: rejected}},
		{false, Spec{Name: "cycle", Load: theory.LoadClosed, Clients: 30, Workers: 10, Places: 25, Service: service, Law: constant, Judged: []string{Wait}}},
		{true, Spec{Name: "burst", Load: theory.LoadBurst, Clients: 40, Every: 200 * time.Millisecond, Workers: 10, Places: 20, Service: service, Law: constant, Judged: both}},
	}
	var out []Spec
	for _, s := range all {
		if s.quick || !quick {
			out = append(out, s.Spec)
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
