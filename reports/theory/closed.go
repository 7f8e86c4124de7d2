package theory

import (
	"math"
	"slices"
	"sort"
)

// closedCycle is the server with c workers and n clients, all of which fit in,
// that think for z mean service times after each reply, where both times are
// constant. Throughput and mean wait are exact: min(n/(1+z), c) requests are
// served in a service time, and a request takes max(1, n/c-z), so that the knee is
// at c(1+z) clients. Below the knee, and where n is a multiple of c, every request
// takes that, after the first round; elsewhere some take up to a service time
// less than others, depending on how the workers are staggered, and the law of the
// wait is not known.
func closedCycle(n, c int, z float64) *queue {
	clients, workers := float64(n), float64(c)
	q := &queue{workers: c, load: min(clients/(1+z), workers)}
	if clients <= workers*(1+z) {
		q.tail = never
		return q
	}
	q.waitMean = max(0, clients/workers-z-1)
	q.waitProbability = 1
	if n%c == 0 {
		q.tail = func(t float64) float64 { return boolTo(t < q.waitMean) }
	} else if q.waitMean < 1 {
		q.waitProbability = math.NaN()
	}
	return q
}

// closedChain is the server with c workers and a queue of k, and n clients that
// think for z mean service times after each reply, served or rejected, where both
// times are exponential: M/M/c/K/N, and where all clients fit in the machine
// repair model. It is exact. The load is what clients send, rejected or not; it
// falls when they wait. z is above 0. It takes a time of the square root of n.
//
// Source: Kleinrock, Queueing Systems 1, section 3.10; an arrival finds a state in
// proportion to its chance times the number of clients that think in it.
func closedChain(n, c, k int, z float64) *queue {
	last := n
	if k != Unbounded {
		last = min(n, c+k)
	}
	// The weights of the states, relative to the largest, have one peak: those that
	// matter are within some square roots of n about it, but for a last state, whose
	// weight is the rejected share.
	step := func(j int) float64 { return float64(n-j+1) / z / float64(min(j, c)) } // p[j] over p[j-1]
	peak := sort.Search(last, func(j int) bool { return step(j+1) < 1 })
	const least = 1e-40
	from, p := peak, []float64{1}
	for v := 1.0; from > 0; from-- {
		if v /= step(from); v < least {
			break
		}
		p = append(p, v)
	}
	slices.Reverse(p)
	for j, v := peak+1, 1.0; j <= last; j++ {
		if v *= step(j); v < least {
			break
		}
		p = append(p, v)
	}
	to := from + len(p) - 1
	var sum float64
	for _, v := range p {
		sum += v
	}
	// An arrival finds from+i with the weight a[i].
	a := p
	var sent, waits, waited float64
	for i := range a {
		a[i] *= float64(n-from-i) / sum
		sent += a[i]
	}
	var full float64 // 0 where all clients fit in
	if to == last {
		full = a[len(a)-1]
	}
	q := &queue{workers: c, load: sent / z, rejected: share(full / sent), tail: never}
	accepted := sent - full
	first := max(0, from-c) // the fewest that wait in a state that matters
	end := to - c           // one more than the most that wait before an accepted request
	if to < last {
		end++
	}
	after := make([]float64, max(0, end-first)) // after[i]: first+i or more wait before it
	for i := len(after) - 1; i >= 0; i-- {
		v := a[c+first+i-from]
		waits += v
		after[i] = waits
		waited += v * float64(first+i+1) / float64(c)
	}
	if waits == 0 || accepted <= 0 {
		return q
	}
	q.waitProbability = share(waits / accepted)
	q.waitMean = waited / accepted
	q.tail = func(t float64) float64 {
		return q.waitProbability * poissonSum(float64(c)*t, first+len(after)-1, func(i int) float64 {
			return after[max(0, i-first)] / waits
		})
	}
	return q
}

// closedFull is what n clients, more than fit in, that send again as soon as they
// have been served, and a pause after a rejection, get from a server with c
// workers and a queue of k. A client that has just been served is the first to
// send again, and keeps its place: the same c+k clients are always served, and the
// others are starved. The rejected share only says how often those send. It is
// exact for constant service and replies that take no time. pause is above 0.
func closedFull(n, c, k int, pause float64) *queue {
	served, sent := float64(c), float64(n-c-k)/pause
	q := &queue{workers: c, load: served + sent, rejected: sent / (sent + served), waitProbability: boolTo(k > 0), waitMean: float64(k) / served}
	if k > 0 && k%c == 0 {
		q.tail = func(t float64) float64 { return boolTo(t < q.waitMean) } // all wait as long
	}
	return q
}

// burst is a wave of n requests at an idle server with c workers and a queue of k,
// with constant service. It is exact: min(n, c+k) are accepted, and served in
// groups of c.
func burst(n, c, k int) *queue {
	accepted := n
	if k != Unbounded {
		accepted = min(n, c+k)
	}
	last := (accepted - 1) / c // groups that wait, the i-th for i services
	q := &queue{workers: c, rejected: float64(n-accepted) / float64(n)}
	q.waitProbability = float64(max(0, accepted-c)) / float64(accepted)
	full := float64(last) * float64(last-1) / 2 * float64(c) // services that all groups but the last wait for
	q.waitMean = (full + float64(last)*float64(accepted-last*c)) / float64(accepted)
	q.quantiles = func(p ...float64) (waits, latencies []float64) {
		for _, p := range p {
			rank := min(max(int(math.Ceil(p*float64(accepted))), 1), accepted) // from 1
			group := float64((rank - 1) / c)
			waits, latencies = append(waits, group), append(latencies, group+1)
		}
		return waits, latencies
	}
	return q
}
