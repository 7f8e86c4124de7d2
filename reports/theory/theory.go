// Package theory has the queueing models that a measured server can be held
// against: pure functions, without a clock and without randomness that is not
// seeded.
//
// It is used in three ways.
//
//  1. [Predict] takes the description of a load and a server, chooses the model,
//     and says what it expects: shares, rates, waits and latencies, and whether
//     that is exact.
//  2. [Replay] takes recorded arrivals and service times and says of each single
//     request whether it had to be accepted, and when it had to start: no
//     sampling error, and so the sharpest check.
//  3. The models themselves, one family a file, where a caller knows which one
//     applies; and what is needed to hold a measurement against them: how long to
//     warm up ([WarmUp]), what the interval is ([BatchMeans]), and whether it
//     confirms ([Judge]).
//
// # Notation
//
// There are c workers, and places for k requests that wait; the system holds c+k
// (books often call that K). The offered load a, in erlangs, is the arrival rate
// times the mean service time; a/c is the load of a worker. Times that a model
// takes or returns are in units of the mean service time, unless it says
// otherwise. A share is a number from 0 to 1.
//
// # Range
//
// Workers are at most [MaxWorkers], places at most [MaxPlaces] or [Unbounded],
// loads at most [MaxLoad]. Within it nothing overflows: recursions are scaled, or
// all their terms are positive. What is out of range is a [*RangeError], and no
// input makes anything panic.
package theory

import (
	"fmt"
)

// What the models take at most; see the range of the package.
const (
	MaxWorkers = 1_000_000
	MaxPlaces  = 10_000_000
	MaxLoad    = 1e7
)

// maxTime is the longest time a model takes, in mean service times.
const maxTime = 1e9

// Unbounded is how many places a queue has that never rejects.
const Unbounded = -1

// RangeError says which parameter of a model is out of range.
type RangeError struct {
	Name  string // of the parameter, or of the command's flag, such as --workers
	Value any
	Must  string // what it must be, such as "from 1 to 10"
}

func (e *RangeError) Error() string { return fmt.Sprintf("%s=%v: must be %s", e.Name, e.Value, e.Must) }

// bad is a RangeError, where ok is not so.
func bad(ok bool, name string, value any, must string) error {
	if ok {
		return nil
	}
	return &RangeError{name, value, must}
}

// firstOf is the first error there is.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func badWorkers(c int) error {
	return bad(c >= 1 && c <= MaxWorkers, "workers", c, fmt.Sprintf("from 1 to %d", MaxWorkers))
}

func badPlaces(k int) error {
	return bad(k >= Unbounded && k <= MaxPlaces, "places", k, fmt.Sprintf("from 0 to %d, or %d for no bound", MaxPlaces, Unbounded))
}

func badBoundedPlaces(k int) error {
	return bad(k >= 0 && k <= MaxPlaces, "places", k, fmt.Sprintf("from 0 to %d", MaxPlaces))
}

func badLoad(a float64) error {
	return bad(a >= 0 && a <= MaxLoad, "load", a, fmt.Sprintf("from 0 to %g", float64(MaxLoad)))
}

// badStable is for queues without a bound: the load must leave the workers some
// time, or nothing is ever steady.
func badStable(c int, a float64) error {
	return bad(a <= float64(c)*(1-1e-9), "load", a, fmt.Sprintf("below the number of workers, %d, for a queue without a bound", c))
}

func badShare(name string, p float64) error {
	return bad(p > 0 && p < 1, name, p, "more than 0 and less than 1")
}

// share keeps rounding from making a share less than 0 or more than 1.
func share(p float64) float64 { return min(max(p, 0), 1) }
