package theory

import "fmt"

// minFlood is how many times what the workers can serve has to arrive for a
// bounded queue to be called flooded.
const minFlood = 1000

// flooded is a bounded queue at which so much arrives that a place that comes
// free is taken at once: by the next arrival, after c/a of a service time on
// average, so that each worker rests for at most that share of its time, also
// where all come free together. A simulation of it would have to reject
// thousands of requests for each that it serves.
//
// The error of the shares is below c/a, which is a thousandth at the most. What
// single requests wait hangs on how the workers are staggered; the mean does not.
func (s Setting) flooded(constant bool) (p *Prediction, ok bool) {
	c, k, a := float64(s.Workers), float64(s.Places), s.load()
	if s.Places < 1 || a < minFlood*c {
		return nil, false
	}
	p = &Prediction{
		Model:    model(constant, letter(s.ServiceLaw.kind())+"/c") + places(s.Places),
		Method:   "saturation: a place that comes free is taken at once",
		Rejected: known(1 - c/a), Throughput: known(c / s.Service.Seconds()), Utilisation: known(1), WaitProbability: known(1), InFlight: known(c + k),
		Notes: []string{fmt.Sprintf("shares are within %.2g of the truth", c/a)},
	}
	p.Wait.Mean, p.Latency.Mean = s.ns(k/c), s.ns(1+k/c)
	return p, true
}
