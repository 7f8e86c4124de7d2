package theory

import (
	"errors"
	"fmt"
	"math"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// minFlood is how many times the load must exceed the workers, or the queue what
// is free in it, for a bounded queue to count as flooded.
const minFlood = 1000

// flooded is a bounded queue that is full, or nearly so, all the time: either so
// much arrives that a free place is taken after c/a of a service time on average,
// so that a worker is idle for at most that share of its time; or the load is above
// the workers, and few places are free compared with all, never all of them. A
// simulation would have to reject thousands of requests for each that it serves,
// or to fill the queue first.
//
// The error of the shares is below c/a in the first case, and below what a number
// can hold in the second; that of the mean wait is below a thousandth. Single waits
// depend on how the workers are staggered; the mean does not.
func (s Setting) flooded() (p *Prediction, ok bool) {
	c, k, a := float64(s.Workers), float64(s.Queue), s.load()
	if s.Queue < 1 || a <= c {
		return nil, false
	}
	free := a / (a - c) * (1 + s.ServiceLaw.variance()) / 2 // as in a queue of places that arrivals serve
	note := fmt.Sprintf("shares are exact to within %.2g", c/a)
	switch {
	case a >= minFlood*c:
		free = 0
	case k >= minFlood*free && k >= minFlood*c:
		note = fmt.Sprintf("the queue is never empty; the mean wait is exact to within a share of %.2g", free/k)
	default:
		return nil, false
	}
	none, wait := math.NaN(), (k-free)/c
	p = s.predicted(s.arrivals()+pool(s.ServiceLaw.kind(), s.Queue, 0), "saturation: a free place is taken at once",
		1-c/a, c, 1, 1, c+k-free, wait, none, none, none, 1+wait)
	p.Exact, p.Notes = false, []string{note}
	return p, true
}

// crowd is a closed load of so many clients that a simulation refused them, where
// most of them think or pause: together they are nearly Poisson arrivals, at the
// rate at which that many clients think, pause and are served (Little's law). The
// error is about the share of the clients that the server holds at once.
func (s Setting) crowd(refused error) (*Prediction, error) {
	var e *field.Error
	few := s.clients() < 100*(s.Workers+s.Queue)
	if !errors.As(refused, &e) || e.Field != "Load.Clients" || s.Queue == Unbounded || few || s.backoff() == 0 {
		return nil, refused
	}
	at := func(rate float64, runs, requests int) (*Prediction, error) {
		open := s
		open.Load, open.ThinkLaw, open.Runs, open.Requests = load.Load{Rate: rate}, Law{}, runs, requests
		return Predict(open)
	}
	// Between all of them in the longer and in the shorter of the times: the more
	// of them arrive, the longer they take.
	think := s.Load.ThinkTime.Seconds()
	low, high := 0.0, float64(s.clients())/max(1e-9, min(think, s.backoff().Seconds()))
	high = min(high, MaxLoad/s.ServiceTime.Seconds())
	for range 25 {
		rate := (low + high) / 2
		p, err := at(rate, 5, 10_000)
		if err != nil {
			return nil, refused
		}
		cycle := *p.Rejected*s.backoff().Seconds() + (1-*p.Rejected)*(think+*p.Latency.Mean/1e9)
		if rate*cycle < float64(s.clients()) {
			low = rate
		} else {
			high = rate
		}
	}
	p, err := at(high, s.Runs, s.Requests)
	if err != nil {
		return nil, refused
	}
	p.Exact = false
	p.Method = fmt.Sprintf("as Poisson arrivals of %.6g/s, which so many clients come close to: %s", high, p.Method)
	p.Model = "closed, as " + p.Model
	return p, nil
}
