package theory

import (
	"fmt"
	"math"
)

// MMcD is the server with c workers and a queue without a bound, Poisson arrivals
// of load a, and exponential service, where a request that has waited for longest
// mean service times is given up, unserved: the model M/M/c+D. It is exact, and
// steady at any load. With longest 0 it is Erlang's B, and with longest without
// end M/M/c. Waits are of the served; Rejected is the share given up. It takes a
// time of c.
//
// Source: Gnedenko and Kovalenko, Introduction to Queueing Theory; the density of
// the work ahead of an arrival is that of M/M/c up to longest, and what waits less
// than that is served.
func MMcD(c int, a, longest float64) (*Queue, error) {
	if err := firstOf(badWorkers(c), badLoad(a), bad(longest >= 0 && longest <= maxTime, "longest", longest, fmt.Sprintf("from 0 to %g", float64(maxTime)))); err != nil {
		return nil, err
	}
	q := &Queue{Workers: c, Places: Unbounded, Load: a, longest: longest, spent: longest}
	b, n := erlangB(c, a), float64(c)
	if longest == 0 { // none waits
		q.Rejected = b
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	d := n - a
	if d*longest < -600 {
		// Overwhelmed, and the formula would overflow: what is served leaves no
		// worker idle, and all waits are near the longest.
		q.Rejected = 1 - n/a
		q.WaitProbability = 1
		q.WaitMean = longest + 1/d
		q.tail = func(t float64) float64 { return -math.Expm1((longest - min(t, longest)) * d) }
		return q, nil
	}
	// Relative to the chance that not all are busy: e at the deadline, in the
	// density w·exp(-d·x), and its integral.
	w := b / (1 - b)
	integral := func(x float64) float64 {
		if math.Abs(d*x) < 1e-12 {
			return x
		}
		return -math.Expm1(-d*x) / d
	}
	e := math.Exp(-d * longest)
	all := 1 + w*(n*integral(longest)+e)
	q.Rejected = share(w * e / all)
	served := (1 + w*n*integral(longest)) / all
	q.WaitProbability = share(w * n * integral(longest) / all / served)
	q.tail = func(t float64) float64 {
		t = min(t, longest)
		return w * n * (math.Exp(-d*t) * integral(longest-t)) / all / served
	}
	// Of x·exp(-d·x) from 0 to the longest.
	moment := (integral(longest) - longest*e) / d
	if math.Abs(d*longest) < 1e-4 {
		moment = longest * longest * (0.5 - d*longest/3 + d*longest*d*longest/8)
	}
	q.WaitMean = max(0, w*n*moment/all/served)
	return q, nil
}
