package theory

import (
	"fmt"
	"math"
)

// WorkersFor is the least number of workers at which an open load is rejected by a
// share of loss at most, given up included, and what is expected of that many;
// Setting.Workers must be 0. It is exact where Predict is, and elsewhere as sure as
// a simulation.
func WorkersFor(s Setting, loss float64) (int, *Prediction, error) {
	if err := firstOf(bad(s.Workers == 0, "--workers", s.Workers, "left out where they are asked for"), bad(loss > 0 && loss < 1, "--loss", loss, "more than 0 and less than 1"),
		bad(s.open(), "--loss", loss, "left out of this load")); err != nil {
		return 0, nil, err
	}
	s.Workers = 1
	if err := s.Validate(); err != nil {
		return 0, nil, err
	}
	if err := bad(s.Places != Unbounded || s.MaxWait > 0, "--loss", loss, "left out where nothing is rejected: with a queue without a bound"); err != nil {
		return 0, nil, err
	}
	a := s.load()
	// No fewer can serve what is not rejected. No more are needed than without a
	// place to wait in, under arrivals as irregular as any here.
	low := max(1, int(math.Ceil(a*(1-loss)*(1-1e-12))))
	high, err := ErlangBWorkers(a, loss)
	if err == nil {
		err = bad(low <= MaxWorkers, "--rate", s.Rate, fmt.Sprintf("lower: more than %d workers are needed", MaxWorkers))
	}
	if err != nil {
		return 0, nil, err
	}
	if law := s.ServiceLaw; law.kind() == Constant && s.Places != Unbounded && s.MaxWait == 0 {
		// Constant service rejects less than exponential, of which the chain tells
		// at once.
		chain := s
		chain.Load, chain.ServiceLaw = LoadPoisson, Law{Kind: Exponential}
		if high, _, err = chain.search(low, high, loss); err != nil {
			return 0, nil, err
		}
	}
	return s.search(low, high, loss)
}

// search halves the workers from low to high, of which high are enough.
func (s Setting) search(low, high int, loss float64) (int, *Prediction, error) {
	var of *Prediction
	for low < high {
		s.Workers = low + (high-low)/2
		p, err := Predict(s)
		if err != nil {
			return 0, nil, err
		}
		if p.Rejected != nil && *p.Rejected <= loss {
			high, of = s.Workers, p
		} else {
			low = s.Workers + 1
		}
	}
	if of != nil {
		return high, of, nil
	}
	s.Workers = high
	of, err := Predict(s)
	return high, of, err
}
