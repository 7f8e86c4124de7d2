package theory

import "math"

// mmcK is the server with c workers and a queue of k, Poisson arrivals of load a,
// and exponential service: M/M/c/K, and with k [Unbounded] M/M/c, where a is below
// c. It is exact. It takes a time of c, and its law of the wait one of the square
// root of k at most.
//
// Source: any book on queues, such as Kleinrock, Queueing Systems 1; the weights
// of the busy states are a geometric series that begins at Erlang's B, so that the
// rejected share is b·r^k/(1-b+b·(1+r+…+r^k)), with r the load of a worker.
func mmcK(c, k int, a float64) *queue {
	q := &queue{workers: c, load: a, tail: never}
	if k == Unbounded {
		p, rate := erlangC(c, a), float64(c)-a
		q.waitProbability, q.waitMean = p, p/rate
		q.tail = func(t float64) float64 { return p * math.Exp(-rate*t) }
		return q
	}
	// waits is the chance that a request finds all workers busy and fits in.
	b, r := erlangB(c, a), a/float64(c)
	var waits float64
	if r <= 1 {
		first := b / (1 - b + b*geometric(r, k+1)) // all are busy and nobody waits
		q.rejected = share(first * math.Pow(r, float64(k)))
		waits = first * geometric(r, k)
	} else {
		// From the other end, or the powers overflow. The chance that not all are
		// busy, 1-b, is rounded to 0 only where the load is overwhelming.
		q.rejected = share(b / ((1-b)*math.Pow(r, -float64(k)) + b*geometric(1/r, k+1)))
		waits = q.rejected / r * geometric(1/r, k)
	}
	if q.rejected < 1 && k > 0 {
		q.waitProbability = share(waits / (1 - q.rejected))
	}
	if q.waitProbability == 0 {
		return q
	}
	g := truncatedGeometric{k: k, log: math.Log(r)}
	q.waitMean = q.waitProbability * (g.mean() + 1) / float64(c)
	// A request that finds j waiting waits for j+1 departures, which come at a rate
	// of c: longer than t if at most j happen in t. Summed over j first, the terms
	// are those of one Poisson law.
	q.tail = func(t float64) float64 { return q.waitProbability * g.aboveEvents(float64(c)*t) }
	return q
}

// geometric is 1+r+…+r^(n-1), for r from 0 to 1.
func geometric(r float64, n int) float64 {
	switch {
	case float64(n)*(1-r) < 1e-9:
		return float64(n) * (1 - float64(n-1)*(1-r)/2)
	case r == 0:
		return 1
	}
	return -math.Expm1(float64(n)*math.Log(r)) / (1 - r)
}

// mmcD is the server with c workers and an unbounded queue, Poisson arrivals of
// load a, and exponential service, where a request is dropped after a wait of
// longest: M/M/c+D. It is exact, and steady at any load. With longest 0 it is
// Erlang's B, and with longest infinite M/M/c. It takes a time of c.
//
// Source: Gnedenko and Kovalenko, Introduction to Queueing Theory; the density of
// the work ahead of an arrival is that of M/M/c up to longest, and what waits less
// than that is served.
func mmcD(c int, a, longest float64) *queue {
	q := &queue{workers: c, load: a, longest: longest, spent: longest}
	b, n := erlangB(c, a), float64(c)
	if longest == 0 {
		q.rejected, q.tail = b, never
		return q
	}
	d := n - a
	if d*longest < -600 {
		// Overwhelmed, and the formula would overflow: no worker is ever idle, and all
		// waits are near the longest.
		q.rejected, q.waitProbability, q.waitMean = 1-n/a, 1, longest+1/d
		q.tail = func(t float64) float64 { return -math.Expm1((longest - min(t, longest)) * d) }
		return q
	}
	// Relative to the chance that not all are busy: e at the deadline, in the
	// density w·exp(-d·x), and its integral.
	w, e := b/(1-b), math.Exp(-d*longest)
	integral := func(x float64) float64 {
		if math.Abs(d*x) < 1e-12 {
			return x
		}
		return -math.Expm1(-d*x) / d
	}
	served := 1 + w*n*integral(longest)
	q.rejected = share(w * e / (served + w*e))
	q.waitProbability = share(w * n * integral(longest) / served)
	q.tail = func(t float64) float64 {
		t = min(t, longest)
		return w * n * math.Exp(-d*t) * integral(longest-t) / served
	}
	// The integral of x·exp(-d·x) from 0 to the longest.
	moment := (integral(longest) - longest*e) / d
	if math.Abs(d*longest) < 1e-4 {
		moment = longest * longest * (0.5 - d*longest/3 + d*longest*d*longest/8)
	}
	q.waitMean = max(0, w*n*moment/served)
	return q
}
