package theory

import "math"

// DDc is the server with c workers and k places, where one arrives each 1/a of a
// service time, and each service takes the same: the model D/D/c/K. It is exact.
// Without places a worker that is busy misses all arrivals of its service but the
// first after it, so that 1-c/ceil(a) is rejected where a is above c: neither
// 1-c/a, nor Erlang's B. With places a worker that is free has its next at once,
// and 1-c/a is rejected. Where a is a whole number above c, arrivals and
// departures meet, and without places the answer hangs on which is first; that is
// an error. Nobody waits up to a = c; above, waits are not in the law: they hang
// on how the workers are staggered, which is never forgotten, and WaitMean is not
// a number. k may be [Unbounded] for a up to c.
func DDc(c, k int, a float64) (*Queue, error) {
	n := float64(c)
	if err := firstOf(badWorkers(c), badPlaces(k), badLoad(a),
		bad(k != Unbounded || a <= n, "load", a, "at most the number of workers, for a queue without a bound"),
		bad(k != 0 || a <= n || a != math.Trunc(a), "load", a, "other than a whole number: arrivals would meet departures")); err != nil {
		return nil, err
	}
	q := &Queue{Workers: c, Places: k, Load: a}
	if a <= n || k == 0 {
		q.tail = func(float64) float64 { return 0 }
		if a > n {
			q.Rejected = 1 - n/math.Ceil(a)
		}
		return q, nil
	}
	q.Rejected = 1 - n/a
	q.WaitProbability = 1
	q.WaitMean = math.NaN()
	q.longest = math.Ceil(float64(k) / n)
	return q, nil
}

// DMc is the share of rejected requests at c workers without a queue, where one
// arrives each 1/a of a mean service time, and service is exponential: the model
// D/M/c/c. It is exact. It takes a time of c.
//
// Source: the formula of Palm and Takács for any arrivals that are renewals
// (Takács, Introduction to the Theory of Queues, 1962), for constant gaps: 1/B is
// the sum over k of C(c,k) times the product over i to k of (1-f(i))/f(i), with
// f(i) = exp(-i/a).
func DMc(c int, a float64) (float64, error) {
	if err := firstOf(badWorkers(c), badLoad(a)); err != nil {
		return 0, err
	}
	if a == 0 {
		return 0, nil
	}
	sum, term := 1.0, 1.0
	for k := 1; k <= c && sum < math.MaxFloat64; k++ {
		term *= float64(c-k+1) / float64(k) * math.Expm1(float64(k)/a)
		sum += term
	}
	return 1 / sum, nil
}
