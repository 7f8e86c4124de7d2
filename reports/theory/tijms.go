package theory

import "math"

// TijmsMDcK is an approximation of the server with c workers and k places,
// Poisson arrivals of load a, and constant service: the model M/D/c/K. It is exact
// for one worker and without places; elsewhere the rejected share was seen to be
// 3 % too high (2 workers) to 11 % too low (100 workers, 10 places, a = 100), and
// the mean wait 3 to 26 % too high: hold no measurement against it, [Simulate].
// It gives no law of the wait. k is from 0. It takes a time of c and k.
//
// Source: the approximation of Tijms and van Hoorn for M/G/c/K, as in Tijms, A
// First Course in Stochastic Models, section 9.8, for constant service.
func TijmsMDcK(c, k int, a float64) (*Queue, error) {
	if err := firstOf(badWorkers(c), badBoundedPlaces(k), badLoad(a)); err != nil {
		return nil, err
	}
	q := &Queue{Workers: c, Places: k, Load: a, longest: math.Ceil(float64(k) / float64(c))}
	if a == 0 || k == 0 {
		q.Rejected = erlangB(c, a) * boolTo(k == 0)
		return q, nil
	}
	// All is relative to the state in which one worker is idle; those before it are
	// as Erlang's.
	r := a / float64(c)
	if r > 300 {
		// In the time of a departure so many come that a place is never free.
		q.Rejected = 1 - 1/r
		q.WaitProbability, q.WaitMean = 1, float64(k)/float64(c)
		return q, nil
	}
	first := firstArrivals(c, k, a)
	_, above := poissonLaw(r)
	for len(above) > 1 && above[len(above)-1] < 1e-30 { // no digit of a sum
		above = above[:len(above)-1]
	}
	p := make([]float64, k) // p[j] with j waiting
	idle, scale := 1.0, math.Exp(r)
	for j := range p {
		sum := 0.0
		if j < len(first) {
			sum = a * first[j] * idle
		}
		for i := max(0, j-len(above)+1); i < j; i++ {
			sum += above[j-i] * p[i]
		}
		p[j] = sum * scale
		if p[j] > 1e100 {
			down := p[j]
			for i := j; i >= 0 && p[i] > 0; i-- {
				if p[i] /= down; p[i] < 1e-290 {
					p[i] = 0
				}
			}
			idle /= down
		}
	}
	var busy, waiting float64
	for j, v := range p {
		busy += v
		waiting += v * float64(j)
	}
	full := max(0, r*idle-(1-r)*busy)
	waiting += full * float64(k)
	before := erlangB(c-1, a)
	if before == 0 {
		q.WaitProbability = 0
		return q, nil
	}
	all := idle/before + busy + full
	q.Rejected = share(full / all)
	q.WaitProbability = share(busy / all / (1 - q.Rejected))
	q.WaitMean = waiting / all / (a * (1 - q.Rejected))
	return q, nil
}

// firstArrivals are the integrals over t from 0 to 1 of (1-t)^(c-1) times the
// chance of exactly n events where a·t are expected, for n from 0 to below k, as
// far as they matter.
func firstArrivals(c, k int, a float64) []float64 {
	const panels, nodes = 60, 16
	var x, w []float64
	// Both fall off at a rate of c and a: panels that grow from there.
	edge := 0.0
	for i := range panels {
		next := math.Expm1(float64(i+1)/panels*math.Log1p(float64(c)+a)) / (float64(c) + a)
		s, v := gauss(nodes, edge, min(next, 1))
		edge = next
		for j := range s {
			x = append(x, s[j])
			w = append(w, v[j]*math.Exp(float64(c-1)*math.Log1p(-s[j])))
		}
	}
	var out []float64
	for n := range k {
		var sum float64
		for i, t := range x {
			if w[i] > 0 {
				sum += w[i] * poisson(n, a*t)
			}
		}
		out = append(out, sum)
		if float64(n) > a/float64(c) && sum < 1e-20*out[0] {
			break
		}
	}
	return out
}
