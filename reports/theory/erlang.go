package theory

import (
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/field"
)

// erlangB is the share of rejected requests with c workers and no queue, under
// Poisson arrivals of load a: M/G/c/c. It is exact for any law of the service
// time with that mean, as long as service times do not depend on arrivals
// (Erlang, 1917). Retries, bursts and a constant rate all make arrivals that are
// not Poisson. The latency of what is accepted is its service time at any load.
//
// Source: the recursion of Jagerman, as in Tijms, A First Course in Stochastic
// Models; no factorials. It takes a time of c.
func erlangB(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c && b > 0; k++ {
		b *= a
		b /= float64(k) + b
	}
	return b
}

// erlangBWorkers is the least number of workers for which [erlangB] is at most b.
func erlangBWorkers(a, b float64) (int, error) {
	for k, have := 0, 1.0; k <= MaxWorkers; {
		if have <= b {
			return k, nil
		}
		k++
		have *= a
		have /= float64(k) + have
	}
	return 0, field.Check(false, "Load.Rate", a, fmt.Sprintf("lower: more than %d workers are needed", MaxWorkers))
}

// erlangC is the share of requests that wait for c workers with an unbounded
// queue, under Poisson arrivals of load a, below c, and exponential service:
// M/M/c. It is exact.
func erlangC(c int, a float64) float64 {
	b, n := erlangB(c, a), float64(c)
	return share(n * b / (n - a + a*b))
}

// engset is the share of rejected requests of n clients with c workers and no
// queue, where a client thinks after a reply and after a rejection, and ratio is
// the mean service time over the mean think time. It is exact for all laws of
// both, as long as one of them has a density: where both are constant, clients
// stay in step. It is the share of requests, not of time.
//
// Source: the recursion for Engset's call congestion, as in Iversen, Teletraffic
// Engineering Handbook (ITU-D SG 2/16, 2001), chapter on limited sources.
func engset(n, c int, ratio float64) float64 {
	e := 1.0
	for k := 1; k <= c && e > 0; k++ {
		e *= float64(max(n-k, 0)) * ratio // a client that sends sees n-1 others
		e /= float64(k) + e
	}
	return e
}

// dmc is the share of rejected requests with c workers and no queue, where one
// arrives each 1/a of a mean service time, and service is exponential: D/M/c/c.
// It is exact, and takes a time of c.
//
// Source: the formula of Palm and Takács for renewal arrivals (Takács,
// Introduction to the Theory of Queues, 1962), for constant gaps: 1/B is the sum
// over k of C(c,k) times the product over i to k of (1-f(i))/f(i), with
// f(i) = exp(-i/a).
func dmc(c int, a float64) float64 {
	if a == 0 {
		return 0
	}
	sum, term := 1.0, 1.0
	for k := 1; k <= c && sum < math.MaxFloat64; k++ {
		term *= float64(c-k+1) / float64(k) * math.Expm1(float64(k)/a)
		sum += term
	}
	return 1 / sum
}

// ddc is the server with c workers and a queue of k, where one request arrives
// each 1/a of a service time, and each service takes the same: D/D/c/K. It is
// exact. Without a queue a busy worker misses all arrivals during its service, so
// that 1-c/ceil(a) is rejected where a is above c: neither 1-c/a nor Erlang's B.
// With a queue a free worker starts the next request at once, and 1-c/a is
// rejected. a must not be a whole number above c without a queue, where arrivals
// and departures meet, nor above c with an unbounded one. Nobody waits up to
// a = c; above, the waits depend on how the workers are staggered, which is never
// forgotten, and waitMean is NaN.
func ddc(c, k int, a float64) *queue {
	n := float64(c)
	q := &queue{workers: c, load: a}
	if a <= n || k == 0 {
		q.tail = never
		if a > n {
			q.rejected = 1 - n/math.Ceil(a)
		}
		return q
	}
	q.rejected, q.waitProbability, q.waitMean = 1-n/a, 1, math.NaN()
	q.longest = math.Ceil(float64(k) / n)
	return q
}
