package theory

import (
	"fmt"
	"math"
	"sort"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// WorkersFor is the least number of workers with which an open load is rejected
// by at most a share of maxRejected, and what is expected of them; s.Workers must
// be 0. It is exact where [Predict] is. Where that simulates it is the least
// number whose interval lies below maxRejected; a note says where fewer may be
// enough. The error is a [*field.Error], also where no number that can be
// simulated is certain to be enough.
func WorkersFor(s Setting, maxRejected float64) (int, *Prediction, error) {
	if err := field.First(
		field.Check(s.Workers == 0, "Workers", s.Workers, "left out where they are the question"),
		field.Check(maxRejected > 0 && maxRejected < 1, "MaxRejected", maxRejected, "above 0 and below 1"),
		field.Check(s.Load.Model().Open(), "MaxRejected", maxRejected, "left out, for the load is "+s.Load.String()),
		field.Check(s.Queue != Unbounded || s.MaxWait > 0, "MaxRejected", maxRejected, "left out with an unbounded queue, which rejects nothing"),
	); err != nil {
		return 0, nil, err
	}
	s.Workers = 1
	if err := s.Validate(); err != nil {
		return 0, nil, err
	}
	// No fewer can serve what is not rejected. No more are needed than without a
	// queue, under arrivals as irregular as any here.
	a := s.combined().load()
	low := max(1, int(math.Ceil(a*(1-maxRejected)*(1-1e-12))))
	high, err := erlangBWorkers(a, maxRejected)
	if err != nil || low > MaxWorkers {
		return 0, nil, field.Check(false, "Load.Rate", s.Load.Rate, fmt.Sprintf("lower: more than %d workers are needed", MaxWorkers))
	}
	if s.ServiceLaw.kind() == Constant && s.Queue != Unbounded && s.MaxWait == 0 {
		// Constant service rejects less than exponential, for which the chain has the
		// answer at once.
		chain := s
		chain.Load.Arrivals, chain.ServiceLaw = load.Poisson, Law{Kind: Exponential}
		if high, _, err = chain.search(low, high, maxRejected); err != nil {
			return 0, nil, err
		}
	}
	return s.search(low, high, maxRejected)
}

// search bisects the workers from low to high, of which high are enough.
func (s Setting) search(low, high int, maxRejected float64) (int, *Prediction, error) {
	known := map[int]*Prediction{}
	predict := func(n int) (p *Prediction, err error) {
		if known[n] == nil {
			s.Workers = n
			known[n], err = Predict(s)
		}
		return known[n], err
	}
	// first is the least number from low to high for which enough is true.
	first := func(low, high int, enough func(*Prediction) bool) (n int, err error) {
		n = low + sort.Search(high-low, func(i int) bool {
			var p *Prediction
			if err == nil {
				p, err = predict(low + i)
			}
			return err != nil || enough(p)
		})
		return n, err
	}
	n, err := first(low, high, func(p *Prediction) bool { return within(p, maxRejected) })
	if err != nil {
		return 0, nil, err
	}
	// That high are enough is known of exact figures; a simulation may need some more
	// to show it.
	var p *Prediction
	for more := 0; ; more++ {
		if p, err = predict(n); err != nil {
			return 0, nil, err
		}
		if p.Interval == nil || within(p, maxRejected) {
			break
		}
		if more == 8 || n == MaxWorkers {
			return 0, nil, field.Check(false, "MaxRejected", maxRejected, fmt.Sprintf("larger: a simulation of %d workers cannot show that so few are rejected", n))
		}
		n += max(1, n/100)
	}
	if p.Interval != nil {
		fewer, err := first(low, min(n, high), func(p *Prediction) bool {
			return p.Interval == nil || p.Interval.Rejected == nil || p.Interval.Rejected[0] <= maxRejected
		})
		if err != nil {
			return 0, nil, err
		}
		if fewer < n {
			p.Notes = append(p.Notes, fmt.Sprintf("%d workers may be enough: the interval of their rejected share includes %.4g %%", fewer, 100*maxRejected))
		}
	}
	return n, p, nil
}

// within reports whether at most that share is rejected, with all of its interval.
func within(p *Prediction, maxRejected float64) bool {
	if p.Interval != nil {
		return p.Interval.Rejected != nil && p.Interval.Rejected[1] <= maxRejected
	}
	return p.Rejected != nil && *p.Rejected <= maxRejected
}
