package theory

import (
	"fmt"
)

// ErlangB is the share of rejected requests at c workers without a queue, under
// Poisson arrivals of load a: the model M/G/c/c. It is exact, for any law of the
// service time with that mean, as long as service times do not depend on
// arrivals (Erlang, 1917). Retries, bursts, the setting-up of connections and a
// generator of a constant rate all make arrivals at the server other than
// Poisson. c is from 0. It takes a time of c.
//
// The latency of what is accepted is its service time, at any load.
//
// Source: the recursion of Jagerman, as in Tijms, A First Course in Stochastic
// Models; no factorials.
func ErlangB(c int, a float64) (float64, error) {
	if err := firstOf(bad(c >= 0 && c <= MaxWorkers, "workers", c, fmt.Sprintf("from 0 to %d", MaxWorkers)), badLoad(a)); err != nil {
		return 0, err
	}
	return erlangB(c, a), nil
}

func erlangB(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c && b > 0; k++ {
		b *= a
		b /= float64(k) + b
	}
	return b
}

// ErlangBWorkers is how many workers without a queue are needed to reject a
// share of at most b under load a: the inverse of [ErlangB] in the workers. An
// error where that is more than [MaxWorkers]. b is more than 0 and less than 1.
func ErlangBWorkers(a, b float64) (int, error) {
	if err := firstOf(badLoad(a), badShare("rejected", b)); err != nil {
		return 0, err
	}
	for k, have := 0, 1.0; k <= MaxWorkers; {
		if have <= b {
			return k, nil
		}
		k++
		have *= a
		have /= float64(k) + have
	}
	return 0, bad(false, "load", a, fmt.Sprintf("less: more than %d workers are needed", MaxWorkers))
}

// bisect is the smallest number from low to high of which above is true, given
// that it is false below some point and true from there.
func bisect(low, high float64, above func(float64) bool) float64 {
	for range 2000 {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		if above(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
