package theory

import (
	"fmt"
	"math"
)

// WorkersFor is the least number of workers at which an open load is rejected by a
// share of loss at most, given up included, and what is expected of that many;
// Setting.Workers must be 0. It is exact where Predict is. Where that simulates it
// is the least number for which all of the interval is within the loss; fewer may
// do, which a note says: those whose interval holds it. An error where no number
// that can be simulated is sure.
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
	most := high
	known := map[int]*Prediction{}
	// first is the least of low to high of which enough is true.
	first := func(low, high int, enough func(*Prediction) bool) (int, error) {
		for low < high {
			mid := low + (high-low)/2
			p, ok := known[mid]
			if !ok {
				s.Workers = mid
				var err error
				if p, err = Predict(s); err != nil {
					return 0, err
				}
				known[mid] = p
			}
			if enough(p) {
				high = mid
			} else {
				low = mid + 1
			}
		}
		return high, nil
	}
	n, err := first(low, high, func(p *Prediction) bool { return surelyWithin(p, loss) })
	if err != nil {
		return 0, nil, err
	}
	// That those of the chain, or of Erlang, are enough is known of exact figures; a
	// simulation may need some more to show it.
	for more := 0; ; more++ {
		if known[n] == nil {
			s.Workers = n
			if known[n], err = Predict(s); err != nil {
				return 0, nil, err
			}
		}
		if known[n].Interval == nil || surelyWithin(known[n], loss) {
			break
		}
		if more == 8 || n == MaxWorkers {
			return 0, nil, bad(false, "--loss", loss, fmt.Sprintf("larger: a simulation of %d workers cannot tell whether so few are rejected", n))
		}
		n += max(1, n/100)
	}
	p := known[n]
	if p.Interval != nil {
		fewer, err := first(low, min(n, most), func(p *Prediction) bool {
			return p.Interval == nil || p.Interval.Rejected == nil || p.Interval.Rejected[0] <= loss
		})
		if err != nil {
			return 0, nil, err
		}
		if fewer < n {
			p.Notes = append(p.Notes, fmt.Sprintf("%d workers may be enough: the interval of what they reject includes %.4g %%", fewer, 100*loss))
		}
	}
	return n, p, nil
}

// surelyWithin says that no more than loss are rejected, nor may be.
func surelyWithin(p *Prediction, loss float64) bool {
	if p.Interval != nil {
		return p.Interval.Rejected != nil && p.Interval.Rejected[1] <= loss
	}
	return p.Rejected != nil && *p.Rejected <= loss
}
