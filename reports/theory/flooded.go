package theory

import "fmt"

// minFlood is how many times more than what is left out a queue must hold, or than
// the workers can serve must arrive, for a bounded queue to be called flooded.
const minFlood = 1000

// flooded is a bounded queue at which so much arrives that it is full, or nearly
// so, all the time: either a place that comes free is taken at once, by the next
// arrival, after c/a of a service time on average, so that each worker rests for
// at most that share of its time, also where all come free together; or the load
// is above the workers, and the places that are free are few against all, and
// never all of them. A simulation would have to reject thousands of requests for
// each that it serves, or to fill the queue first.
//
// The error of the shares is below c/a in the first case, and in the second below
// what a number can hold; that of the mean wait is below a thousandth. What single
// requests wait hangs on how the workers are staggered; the mean does not.
func (s Setting) flooded(constant bool) (p *Prediction, ok bool) {
	c, k, a := float64(s.Workers), float64(s.Places), s.load()
	if s.Places < 1 || a <= c {
		return nil, false
	}
	spread := 1 + s.ServiceLaw.variance()
	free := a / (a - c) * spread / 2 // as in a queue of places that arrivals serve
	note := fmt.Sprintf("shares are within %.2g of the truth", c/a)
	switch {
	case a >= minFlood*c:
		free = 0
	case k >= minFlood*free && k >= minFlood*c:
		note = fmt.Sprintf("the queue never empties; the mean wait is within %.2g of the truth", free/k)
	default:
		return nil, false
	}
	p = &Prediction{
		Model:    model(constant, letter(s.ServiceLaw.kind())+"/c") + places(s.Places),
		Method:   "saturation: a place that comes free is taken at once",
		Rejected: known(1 - c/a), Throughput: known(c / s.Service.Seconds()), Utilisation: known(1), WaitProbability: known(1), InFlight: known(c + k - free),
		Notes: []string{note},
	}
	p.Wait.Mean, p.Latency.Mean = s.ns((k-free)/c), s.ns(1+(k-free)/c)
	return p, true
}
