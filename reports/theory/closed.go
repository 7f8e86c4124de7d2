package theory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// ClosedCycle is the server with c workers and k places, and n clients that think
// for z mean service times after each reply, where both take the same each time,
// and all clients fit in: n is at most c+k. Nothing is rejected, whatever the
// load. Throughput and mean wait are exact: min(n/(1+z), c) requests are served in
// a service time, and a request takes max(1, n/c-z), so that the knee is at
// c(1+z) clients. Below the knee, and where n is a multiple of c, every single
// request takes that, once all have gone round; elsewhere some take a whole
// service time less than others, depending on how the workers are staggered, and
// the law of the wait is not known. z is from 0; k may be [Unbounded].
func ClosedCycle(n, c, k int, z float64) (*Queue, error) {
	if err := firstOf(badClients(n), badWorkers(c), badPlaces(k), badThink(z),
		bad(k == Unbounded || n <= c+k, "clients", n, fmt.Sprintf("at most %d, all that fit in", c+k))); err != nil {
		return nil, err
	}
	clients, workers := float64(n), float64(c)
	q := &Queue{Workers: c, Places: k, Load: min(clients/(1+z), workers)}
	if clients <= workers*(1+z) {
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	q.WaitMean = max(0, clients/workers-z-1)
	q.WaitProbability = 1
	if n%c == 0 {
		q.tail = func(t float64) float64 { return boolTo(t < q.WaitMean) }
	} else if q.WaitMean < 1 {
		q.WaitProbability = math.NaN()
	}
	return q, nil
}

func badThink(z float64) error {
	return bad(z >= 0 && z <= maxTime, "think", z, fmt.Sprintf("from 0 to %g", float64(maxTime)))
}

// ClosedChain is the server with c workers and k places, and n clients that think
// for z mean service times after each reply, served or rejected, where both are
// exponential: a finite chain, the model M/M/c/K/N, or that of the repairman where
// all clients fit in. It is exact. Load is what clients send, rejected or not; it
// falls when they wait. z is above 0, k may be [Unbounded]. It takes a time of
// the square root of n.
//
// Source: Kleinrock, Queueing Systems 1, section 3.10; an arrival finds a state in
// proportion to its chance times the number of clients that think in it.
func ClosedChain(n, c, k int, z float64) (*Queue, error) {
	if err := firstOf(badClients(n), badWorkers(c), badPlaces(k), badThink(z), bad(z >= 1e-9, "think", z, "above 1e-9")); err != nil {
		return nil, err
	}
	last := n
	if k != Unbounded {
		last = min(n, c+k)
	}
	// The weights of the states, relative to the largest, are of one peak: those
	// that matter are within some square roots of all about it, but for a last
	// state, whose weight is the rejected share.
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
	// What arrives finds from+i with the weight a[i].
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
	q := &Queue{Workers: c, Places: k, Load: sent / z, Rejected: share(full / sent)}
	accepted := sent - full
	first := max(0, from-c) // the least that wait in a state that matters
	end := to - c           // one more than the most that wait before one that is accepted
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
		q.tail = func(float64) float64 { return 0 }
		return q, nil
	}
	q.WaitProbability = share(waits / accepted)
	q.WaitMean = waited / accepted
	q.tail = func(t float64) float64 {
		return q.WaitProbability * poissonSum(float64(c)*t, first+len(after)-1, func(i int) float64 {
			return after[max(0, i-first)] / waits
		})
	}
	return q, nil
}

// Flat is what clients that send again at once get from a full server.
type Flat struct {
	Throughput float64 // requests served in a service time: all workers are busy
	Latency    float64 // of the served, in service times
	Starved    int     // clients that never get in
	Sent       float64 // requests that those send in a service time
	Rejected   float64 // the share: it tells how fast those spin, and nothing of the server
}

// FlatOut is what n clients that send again as soon as they have been served get
// from a server with c workers and k places, and that send again after pause
// service times when they have been rejected, where not all fit in: n is more than
// c+k. Who has just been served is the first to send again, and keeps its place:
// the same c+k go round, and the others starve. It is exact for a server that is
// full, constant service, and replies that take no time. pause is above 0.
func FlatOut(n, c, k int, pause float64) (Flat, error) {
	if err := firstOf(badClients(n), badWorkers(c), badBoundedPlaces(k), bad(pause >= 1e-9 && pause <= maxTime, "pause", pause, "from 1e-9 to 1e9"),
		bad(n > c+k, "clients", n, fmt.Sprintf("more than the %d that fit in", c+k))); err != nil {
		return Flat{}, err
	}
	f := Flat{Throughput: float64(c), Latency: float64(c+k) / float64(c), Starved: n - c - k}
	f.Sent = float64(f.Starved) / pause
	f.Rejected = f.Sent / (f.Sent + f.Throughput)
	return f, nil
}

// ClosedSimulation is a server to be simulated, under n clients that each send,
// wait for the reply, and think. Times are in mean service times. Clients start
// spread out over a service and what is left of a time of thinking.
type ClosedSimulation struct {
	Clients, Workers, Places int
	Think                    float64 // mean, after a reply
	ThinkLaw                 Law
	Pause                    float64 // mean, after a rejection, of the same law; above 0 where clients may be rejected
	Service                  Law
	Longest                  float64 // what has waited for that long is given up, and counts as rejected; 0 for never

	// As in Simulation.
	Seed       uint64
	Runs       int
	Requests   int // sent, rejected or not
	Confidence float64
}

// SimulateClosed runs it, as [Simulate] does. Rejected is the share of what
// clients send, and so tells of them as much as of the server.
func SimulateClosed(s ClosedSimulation, quantiles ...float64) (*Simulated, error) {
	open := Simulation{Workers: s.Workers, Places: s.Places, Load: float64(s.Workers) / 2, Service: s.Service,
		Seed: s.Seed, Runs: s.Runs, Requests: s.Requests, Confidence: s.Confidence}.normal()
	if err := firstOf(open.check(quantiles), badClients(s.Clients), badThink(s.Think), s.ThinkLaw.check("think-law", "think-cv"), badThink(s.Pause), bad(s.Longest >= 0 && s.Longest <= maxTime, "longest", s.Longest, "from 0 to 1e9"),
		bad(s.Places == Unbounded || s.Clients <= s.Workers+s.Places || s.Pause >= 1e-6, "pause", s.Pause, "from 1e-6, where clients may be rejected")); err != nil {
		return nil, err
	}
	inside := float64(s.Clients)
	if s.Places != Unbounded {
		inside = min(inside, float64(s.Workers+s.Places))
	}
	warm := (10 + 5*(s.Think+inside/float64(s.Workers))) * (1 + s.Service.CV*s.Service.CV/2)
	// What is sent in that time, at most.
	rate := inside / max(1, inside/float64(s.Workers)+s.Think)
	if out := float64(s.Clients) - inside; out > 0 {
		rate += out / s.Pause
	}
	need := float64(open.Runs) * (warm*rate + float64(open.Requests))
	if err := bad(need <= maxSimulated, "clients", s.Clients, "fewer, or they must pause for longer: too much would have to be simulated"); err != nil {
		return nil, err
	}
	return summary(open, quantiles, func(r *rand.Rand) simulatedRun { return s.run(r, warm, open.Requests) }), nil
}

func (s ClosedSimulation) run(r *rand.Rand, warm float64, requests int) simulatedRun {
	service, think := s.Service.sampler(r), s.ThinkLaw.sampler(r)
	l := newLine[float64](s.Workers, s.Places, s.Service.kind() == Constant)
	next := make([]float64, s.Clients) // when each client sends: a heap
	for i := range next {
		next[i] = r.Float64() + s.Think*s.ThinkLaw.residual(r)
	}
	slices.Sort(next)
	out := simulatedRun{begin: warm}
	for out.offered < requests {
		t := next[0]
		took := service()
		f, wait := l.submit(t, took, s.Longest)
		if f == served {
			siftDown(next, t+wait+took+s.Think*think())
		} else {
			siftDown(next, t+wait+s.Pause*think())
		}
		out.add(t, warm, f, wait, took)
	}
	return out
}
