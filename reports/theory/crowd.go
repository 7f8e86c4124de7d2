package theory

import (
	"errors"
	"fmt"
)

// crowd is a closed load of so many clients that it cannot be simulated, where
// most of them think or pause: together they are all but Poisson arrivals, of the
// rate at which as many clients as there are think, pause and are served (Little's
// law). The error is about the share of the clients that the server holds at once.
func (s Setting) crowd(refused error) (*Prediction, error) {
	var e *RangeError
	few := s.Clients < 100*(s.Workers+s.Places)
	if !errors.As(refused, &e) || e.Name != "clients" || s.Places == Unbounded || few || s.Think == 0 && s.pause() == 0 {
		return nil, refused
	}
	at := func(rate float64, runs, requests int) (*Prediction, error) {
		return Predict(Setting{Load: LoadPoisson, Rate: rate, Workers: s.Workers, Places: s.Places, Service: s.Service, ServiceLaw: s.ServiceLaw,
			MaxWait: s.MaxWait, Seed: s.Seed, Runs: runs, Requests: requests})
	}
	// Between all of them in the longer and in the shorter of the times: the more
	// of them that come, the more time they take.
	low, high := 0.0, float64(s.Clients)/max(1e-9, min(s.Think, s.pause()).Seconds())
	high = min(high, MaxLoad/s.Service.Seconds())
	for range 25 {
		rate := (low + high) / 2
		p, err := at(rate, 5, 10_000)
		if err != nil {
			return nil, refused
		}
		cycle := *p.Rejected*s.pause().Seconds() + (1-*p.Rejected)*(s.Think.Seconds()+*p.Latency.Mean/1e9)
		if rate*cycle < float64(s.Clients) {
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
