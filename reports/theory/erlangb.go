package theory

import (
	"fmt"
	"math"
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

// ErlangBLoad is the load at which c workers without a queue reject a share of
// b: the inverse of [ErlangB] in the load. Exact as that, to 14 digits of the
// load; b is more than 0 and less than 1.
func ErlangBLoad(c int, b float64) (float64, error) {
	if err := firstOf(badWorkers(c), badShare("rejected", b)); err != nil {
		return 0, err
	}
	// Workers carry at most c: a(1-B) < c.
	high := float64(c) / (1 - b)
	if high > MaxLoad {
		return 0, bad(false, "rejected", b, fmt.Sprintf("at most %g with %d workers", 1-float64(c)/MaxLoad, c))
	}
	// In logarithms: a small share has a tiny load.
	lowest := math.Log(math.SmallestNonzeroFloat64)
	log := bisect(lowest, math.Log(high), func(l float64) bool { return erlangB(c, math.Exp(l)) >= b })
	return math.Exp(log), nil
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

// ErlangBSlope is by how much the rejected share of [ErlangB] rises for a load
// that is larger by 1: what an error of the measured load or service time makes
// of it. Exact as that.
func ErlangBSlope(c int, a float64) (float64, error) {
	b, err := ErlangB(c, a)
	switch {
	case err != nil:
		return 0, err
	case a < 1e-300: // where c/a would overflow: B is a^c/c!
		return boolTo(c == 1), nil
	}
	return max(0, b*(float64(c)/a-1+b)), nil
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
