package theory

import "math"

// MMcK is the server with c workers and k places, Poisson arrivals of load a, and
// exponential service, first come first served: the model M/M/c/K, and with k
// [Unbounded] M/M/c, where a must be below c. It is exact. It takes a time of c,
// and its law of the wait one of the square root of k at most.
//
// Source: any book on queues, such as Kleinrock, Queueing Systems 1; the weights
// of busy states are a geometric series from Erlang's B on, so that the loss is
// b·r^k/(1-b+b·(1+r+…+r^k)), with r the load of a worker.
func MMcK(c, k int, a float64) (*Queue, error) {
	if err := firstOf(badWorkers(c), badPlaces(k), badLoad(a)); err != nil {
		return nil, err
	}
	if k == Unbounded {
		return mmc(c, a)
	}
	m := newBusy(c, k, a)
	q := &Queue{Workers: c, Places: k, Load: a, Rejected: m.full}
	if m.full >= 1 || k == 0 {
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	g := truncatedGeometric{k: k, log: math.Log(m.r)}
	q.WaitProbability = share(m.waits() / (1 - m.full))
	if q.WaitProbability == 0 {
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	q.WaitMean = q.WaitProbability * (g.mean() + 1) / float64(c)
	// Who finds j waiting waits for j+1 departures, which come at a rate of c: it
	// is longer than t if at most j happen in t. Summed over j first, the terms
	// are those of one Poisson law.
	q.tail = func(t float64) float64 { return q.WaitProbability * g.aboveEvents(float64(c)*t) }
	return q, nil
}

// busy has the chances of the states of M/M/c/K in which all workers are busy.
type busy struct {
	k    int
	r    float64 // the load of a worker
	full float64 // chance of the last: the rejected share
	none float64 // chance of the first: all are busy and nobody waits
}

func newBusy(c, k int, a float64) busy {
	b, r := erlangB(c, a), a/float64(c)
	m := busy{k: k, r: r}
	if r <= 1 {
		m.none = b / (1 - b + b*geometric(r, k+1))
		m.full = share(m.none * math.Pow(r, float64(k)))
		return m
	}
	// From the other end, or the powers overflow. The chance that not all are
	// busy, 1-b, is 0 in rounding only where the load is overwhelming.
	m.full = share(b / ((1-b)*math.Pow(r, -float64(k)) + b*geometric(1/r, k+1)))
	m.none = m.full * math.Pow(r, -float64(k))
	return m
}

// waits is the chance of all states in which an arrival has to wait, and may: none
// or more wait, and one more can.
func (m busy) waits() float64 {
	if m.r <= 1 {
		return m.none * geometric(m.r, m.k)
	}
	return m.full / m.r * geometric(1/m.r, m.k)
}

// geometric is 1+r+…+r^(n-1), for r from 0 to 1.
func geometric(r float64, n int) float64 {
	if float64(n)*(1-r) < 1e-9 {
		return float64(n) * (1 - float64(n-1)*(1-r)/2)
	}
	if r == 0 {
		return 1
	}
	return -math.Expm1(float64(n)*math.Log(r)) / (1 - r)
}

// ErlangC is the share of requests that wait at c workers with a queue without a
// bound, under Poisson arrivals of load a and exponential service: M/M/c. It is
// exact; a is below c.
func ErlangC(c int, a float64) (float64, error) {
	if err := firstOf(badWorkers(c), badLoad(a), badStable(c, a)); err != nil {
		return 0, err
	}
	b, n := erlangB(c, a), float64(c)
	return share(n * b / (n - a + a*b)), nil
}

func mmc(c int, a float64) (*Queue, error) {
	p, err := ErlangC(c, a)
	if err != nil {
		return nil, err
	}
	rate := float64(c) - a
	return &Queue{
		Workers: c, Places: Unbounded, Load: a,
		WaitProbability: p,
		WaitMean:        p / rate,
		tail:            func(t float64) float64 { return p * math.Exp(-rate*t) },
	}, nil
}
