package theory

import (
	"fmt"
	"math"
	"slices"
)

const staggerNote = "workers that are always busy keep the stagger that they start with, for as long as each service takes the same: the waits of one run are between those of all in step and those of all spread out, and the long run is not reached"

// Predict chooses the model for a setting, and says what it expects. Where no
// formula is exact it simulates, which takes up to some seconds; the same setting
// gives the same figures. The error of a setting that is out of range names the
// command's flag ([Setting.Validate]).
func Predict(s Setting) (*Prediction, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	predict := s.predictOpen
	switch s.Load {
	case LoadClosed:
		predict = s.predictClosed
	case LoadBurst:
		predict = s.predictBurst
	}
	p, err := predict()
	if err == nil && s.lockStep(p) && !slices.Contains(p.Notes, staggerNote) { // a crowd's is there already
		p.Notes = append(p.Notes, staggerNote)
	}
	return p, err
}

// lockStep says that workers are never idle, or hardly ever, and so never lose
// the phases that they start with.
func (s Setting) lockStep(p *Prediction) bool {
	return s.Load != LoadConstant && s.Load != LoadBurst && s.Workers >= 2 && s.ServiceLaw.kind() == Constant &&
		p.Utilisation != nil && *p.Utilisation > 0.99 && p.WaitProbability != nil && *p.WaitProbability > 0.99
}

func (s Setting) predictOpen() (*Prediction, error) {
	a, c, k := s.load(), s.Workers, s.Places
	constant := s.Load == LoadConstant
	law := s.ServiceLaw.kind()
	switch {
	case c == Unbounded:
		p := &Prediction{Model: model(constant, "G/inf"), Exact: true, Method: "closed form: none waits, whatever the law of service"}
		p.Rejected, p.Throughput, p.WaitProbability, p.InFlight = known(0), known(s.Rate), known(0), known(a)
		s.justService(p)
		return p, nil
	case k == Unbounded && s.MaxWait == 0 && s.never(a):
		return s.overloaded(constant), nil
	}
	// What is given up only after the longest wait that there can be never is.
	deadline := s.in(s.MaxWait)
	if k == 0 || law == Constant && k != Unbounded && math.Ceil(float64(k)/float64(c)) <= deadline {
		deadline = 0
	}
	switch {
	case constant && law == Constant:
		return s.clockwork(deadline)
	case constant && law == Exponential && k == 0:
		b, err := DMc(c, a)
		q := &Queue{Workers: c, Load: a, Rejected: b, tail: func(float64) float64 { return 0 }}
		return s.ofQueue("D/M/c/c", "Palm's and Takács' formula", q, err)
	case constant:
	case k == 0:
		q := &Queue{Workers: c, Load: a, Rejected: erlangB(c, a), tail: func(float64) float64 { return 0 }}
		return s.ofQueue("M/G/c/c", "Erlang's B, by recursion, for any law of service", q, nil)
	case deadline > 0 && law == Exponential && k == Unbounded:
		q, err := MMcD(c, a, deadline)
		return s.ofQueue("M/M/c+D", "Gnedenko's and Kovalenko's formula", q, err)
	case deadline > 0:
	case law == Exponential && k == Unbounded:
		q, err := MMcK(c, k, a)
		return s.ofQueue("M/M/c", "Erlang's C", q, err)
	case law == Exponential:
		q, err := MMcK(c, k, a)
		return s.ofQueue("M/M/c/K", "the chain's weights, and Poisson sums for the wait", q, err)
	case law == Constant && k == Unbounded:
		q, err := MDc(c, a)
		return s.ofQueue("M/D/c", "factored by Fourier transforms, and Franx's formula for the wait", q, err)
	case law == Lognormal && c == 1 && k == Unbounded && s.ServiceLaw.CV >= 0.01:
		q, err := MG1(a, s.ServiceLaw.CV)
		return s.ofQueue("M/G/1", "Pollaczek's and Khinchin's formula, and their integral equation for the law of the wait", q, err)
	case law == Constant && c == 1:
		q, err := MD1K(k, a)
		return s.ofQueue("M/D/1/K", "the chain at departures", q, err)
	case law == Constant && neverFull(c, k, a):
		q, err := MDc(c, a)
		return s.ofQueue("M/D/c/K", "as M/D/c, for fewer than one in 10^13 finds the queue full", q, err)
	case law == Constant && c == 2 && k <= MaxMD2KPlaces && a <= MaxMD2KLoad:
		q, err := MD2K(k, a)
		return s.ofQueue("M/D/2/K", "the integral equation of the phases", q, err)
	}
	if p, ok := s.flooded(constant); ok && deadline == 0 {
		return p, nil
	}
	return s.simulated(model(constant, letter(law)+"/c")+places(k)+patience(deadline), deadline)
}

// neverFull says that a queue of constant services is so long that it is full for
// less than a share of 1e-13 of those that come.
func neverFull(c, k int, a float64) bool {
	return a > 0 && a <= float64(c)*(1-1e-6) && k > 0 && newWaitingLaw(c, a).more(k-1) < 1e-13
}

// never says that an open load leaves a queue without a bound no steady state.
func (s Setting) never(a float64) bool {
	n := float64(s.Workers)
	if s.Load == LoadConstant && s.ServiceLaw.kind() == Constant {
		return a > n*(1+1e-12)
	}
	return a > n*(1-1e-9)
}

// overloaded is a queue without a bound that grows.
func (s Setting) overloaded(constant bool) *Prediction {
	n := float64(s.Workers)
	p := &Prediction{Model: model(constant, "G/c"), Exact: true, Method: "flow balance: there is no steady state",
		Rejected: known(0), Throughput: known(n / s.Service.Seconds()), Utilisation: known(1), WaitProbability: known(1),
		Notes: []string{fmt.Sprintf("the queue has no bound, and the load of %.6g is not below the %d workers: the wait grows by %.3g s each second", s.load(), s.Workers, max(0, 1-n/s.load()))}}
	return p
}

// clockwork is a constant rate of constant services.
func (s Setting) clockwork(deadline float64) (*Prediction, error) {
	a, n := s.load(), float64(s.Workers)
	if math.Abs(a-math.Round(a)) < 1e-9*a {
		a = math.Round(a) // as 50 a second for 200 ms are 10 to rounding
	}
	const method = "counting"
	switch {
	case a > n && s.Places == 0 && a == math.Trunc(a):
		p := &Prediction{Model: "D/D/c/c", Method: method, WaitProbability: known(0)}
		s.justService(p)
		p.Notes = []string{fmt.Sprintf("the load of %.6g is a whole number: arrivals meet departures, and from %.6g to %.6g are rejected, as one or the other comes first", a, 1-n/a, 1-n/(a+1))}
		return p, nil
	case a > n && (s.Places == Unbounded || deadline > 0): // given up where it waits too long
		q := &Queue{Workers: s.Workers, Places: s.Places, Load: a, Rejected: 1 - n/a, WaitProbability: 1, WaitMean: math.NaN()}
		return s.ofQueue("D/D/c+D", method, q, nil)
	}
	q, err := DDc(s.Workers, s.Places, a)
	p, err := s.ofQueue("D/D/c"+places(s.Places), method, q, err)
	if err == nil && a > n && s.Places != 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("no wait is longer than %.6g service times; what they are hangs on how the workers are staggered", q.longest))
	}
	return p, err
}

func (s Setting) predictClosed() (*Prediction, error) {
	n, c, k := s.Clients, s.Workers, s.Places
	z, pause := s.in(s.Think), s.in(s.pause())
	law, think := s.ServiceLaw.kind(), s.ThinkLaw.kind()
	fit := k == Unbounded || n <= c+k
	// After a rejection as after a reply, or with no rejections.
	alike := s.pause() == s.Think || fit
	switch {
	case c == Unbounded || n <= c:
		x := float64(n) / (1 + z)
		p := &Prediction{Model: "closed, G/inf", Exact: true, Method: "closed form: none waits, whatever the laws",
			Rejected: known(0), Throughput: s.aSecond(x), WaitProbability: known(0), InFlight: known(x)}
		if c != Unbounded {
			p.Utilisation = known(x / float64(c))
		}
		s.justService(p)
		return p, nil
	case s.MaxWait > 0 && k != 0:
	case k == 0 && alike && z > 0 && (law != Constant || think != Constant):
		b, err := Engset(n, c, 1/z)
		q := &Queue{Workers: c, Load: float64(n) / (z + 1 - b), Rejected: b, tail: func(float64) float64 { return 0 }}
		return s.ofQueue("closed, M/G/c/c/N", "Engset's recursion, for any laws", q, err)
	case fit && law == Constant && think == Constant:
		q, err := ClosedCycle(n, c, k, z)
		p, err := s.ofQueue("closed, D/D/c", "the cycle of a client", q, err)
		if err == nil && q.tail == nil {
			p.Notes = append(p.Notes, "the mean is exact; requests take a service time more or less, depending on how the workers are staggered")
		}
		return p, err
	case alike && z >= 1e-9 && law == Exponential && think == Exponential:
		q, err := ClosedChain(n, c, k, z)
		return s.ofQueue("closed, M/M/c"+places(k)+"/N", "the finite chain", q, err)
	case !fit && z == 0 && law == Constant && s.MaxWait == 0:
		f, err := FlatOut(n, c, k, pause)
		if err != nil {
			return nil, err
		}
		q := &Queue{Workers: c, Load: f.Throughput / (1 - f.Rejected), Rejected: f.Rejected, WaitProbability: boolTo(k > 0), WaitMean: f.Latency - 1}
		if k > 0 && k%c == 0 {
			q.tail = func(t float64) float64 { return boolTo(t < q.WaitMean) } // all alike
		}
		p, err := s.ofQueue("closed, full, D/c/K", "counting those that get in", q, err)
		if err == nil {
			p.Notes = append(p.Notes, fmt.Sprintf("the same %d clients go round and %d starve; the rejected share tells how often those send, and nothing of the server", c+k, f.Starved))
		}
		return p, err
	}
	sim, err := SimulateClosed(ClosedSimulation{Clients: n, Workers: c, Places: k, Think: z, ThinkLaw: s.ThinkLaw, Pause: pause,
		Service: s.ServiceLaw, Longest: s.in(s.MaxWait), Seed: s.Seed, Runs: s.Runs, Requests: s.Requests}, percentiles...)
	if err != nil {
		return s.crowd(err)
	}
	return s.ofSimulation("closed, "+letter(law)+"/c"+places(k)+"/N"+patience(s.in(s.MaxWait)), sim, err)
}

func (s Setting) predictBurst() (*Prediction, error) {
	law := s.ServiceLaw.kind()
	c, k, deadline := s.Workers, s.Places, s.in(s.MaxWait)
	if c == Unbounded || s.Clients <= c || k == 0 {
		p := &Prediction{Model: "burst, G/c", Exact: true, Method: "counting: none waits, whatever the law of service", Rejected: known(0), WaitProbability: known(0)}
		if c != Unbounded && s.Clients > c {
			p.Rejected = known(float64(s.Clients-c) / float64(s.Clients))
		}
		s.justService(p)
		return p, nil
	}
	if law != Constant {
		sim, err := simulateBurst(s.Clients, c, k, s.ServiceLaw, deadline, s.Seed, s.Runs, s.Requests)
		p, err := s.ofSimulation("burst, "+letter(law)+"/c"+places(k)+patience(deadline), sim, err)
		if err == nil {
			p.Throughput, p.Utilisation, p.InFlight = nil, nil, nil
			p.Interval.Throughput, p.Interval.Utilisation, p.Interval.InFlight = nil, nil, nil
		}
		return p, err
	}
	if deadline > 0 { // those of later ranks are given up
		if most := float64(c) * math.Floor(deadline); k == Unbounded || most < float64(k) {
			k = int(min(most, MaxPlaces))
		}
	}
	b, err := NewBurst(s.Clients, c, k)
	if err != nil {
		return nil, err
	}
	accepted := float64(b.Accepted())
	p := &Prediction{Model: "burst, D/c" + places(s.Places) + patience(deadline), Exact: true, Method: "counting",
		Rejected: known(b.Rejected()), WaitProbability: known(max(0, accepted-float64(c)) / accepted)}
	p.Wait.Mean, p.Latency.Mean = s.ns(b.LatencyMean()-1), s.ns(b.LatencyMean())
	var at []float64
	for _, q := range percentiles {
		at = append(at, b.LatencyQuantile(q))
	}
	s.setLatency(p, at)
	s.setWait(p, []float64{at[0] - 1, at[1] - 1, at[2] - 1})
	return p, nil
}

// ofQueue is what an exact model says.
func (s Setting) ofQueue(model, method string, q *Queue, err error) (*Prediction, error) {
	if err != nil {
		return nil, err
	}
	p := &Prediction{Model: model, Exact: true, Method: method,
		Rejected: known(q.Rejected), Throughput: s.aSecond(q.Throughput()), Utilisation: known(q.Utilisation()),
		WaitProbability: known(q.WaitProbability), InFlight: known(q.InFlight())}
	if q.tail != nil && q.WaitProbability == 0 {
		s.justService(p)
		return p, nil
	}
	p.Wait.Mean, p.Latency.Mean = s.ns(q.WaitMean), s.ns(q.WaitMean+1)
	if q.quantiles != nil {
		waits, latencies := q.quantiles(percentiles...)
		s.setWait(p, waits)
		s.setLatency(p, latencies)
		return p, nil
	}
	var waits []float64
	for _, share := range percentiles {
		if t, ok := q.WaitQuantile(share); ok {
			waits = append(waits, t)
		}
	}
	s.setWait(p, waits)
	switch s.ServiceLaw.kind() {
	case Constant:
		if t, ok := q.ConstantLatency(percentiles...); ok {
			s.setLatency(p, t)
		}
	case Exponential:
		if t, ok := q.ExponentialLatency(percentiles...); ok {
			s.setLatency(p, t)
		}
	}
	return p, nil
}

func (s Setting) simulated(model string, deadline float64) (*Prediction, error) {
	sim, err := Simulate(Simulation{Arrivals: s.Load, Workers: s.Workers, Places: s.Places, Load: s.load(), Service: s.ServiceLaw,
		Longest: deadline, Seed: s.Seed, Runs: s.Runs, Requests: s.Requests}, percentiles...)
	return s.ofSimulation(model, sim, err)
}

// ofSimulation is what a simulation estimates.
func (s Setting) ofSimulation(model string, sim *Simulated, err error) (*Prediction, error) {
	if err != nil {
		return nil, err
	}
	p := &Prediction{Model: model, Method: fmt.Sprintf("simulation of %d requests", sim.Requests)}
	p.Rejected, p.Throughput, p.WaitProbability = known(sim.Rejected.Mean), s.aSecond(sim.Throughput.Mean), known(sim.WaitProbability.Mean)
	p.Wait.Mean, p.Latency.Mean = s.ns(sim.WaitMean.Mean), s.ns(sim.LatencyMean.Mean)
	in := &Intervals{Confidence: sim.Confidence}
	in.Rejected, in.Throughput = knownRange(sim.Rejected, 1), knownRange(sim.Throughput, 1/s.Service.Seconds())
	in.WaitProbability = knownRange(sim.WaitProbability, 1)
	unit := float64(s.Service)
	in.Wait.Mean, in.Latency.Mean = knownRange(sim.WaitMean, unit), knownRange(sim.LatencyMean, unit)
	p.Utilisation = known(share(sim.Throughput.Mean / float64(s.Workers)))
	in.Utilisation = knownRange(within(Estimate{0, sim.Throughput.Low / float64(s.Workers), sim.Throughput.High / float64(s.Workers)}, 0, 1), 1)
	p.InFlight = known(sim.InFlight.Mean)
	in.InFlight = knownRange(sim.InFlight, 1)
	var waits, latencies []float64
	for i := range percentiles {
		waits = append(waits, sim.WaitQuantiles[i].Mean)
		latencies = append(latencies, sim.LatencyQuantiles[i].Mean)
	}
	s.setWait(p, waits)
	s.setLatency(p, latencies)
	w, l := sim.WaitQuantiles, sim.LatencyQuantiles
	in.Wait.P50, in.Wait.P90, in.Wait.P99 = knownRange(w[0], unit), knownRange(w[1], unit), knownRange(w[2], unit)
	in.Latency.P50, in.Latency.P90, in.Latency.P99 = knownRange(l[0], unit), knownRange(l[1], unit), knownRange(l[2], unit)
	p.Interval = in
	if sim.Rare {
		p.Notes = append(p.Notes, fmt.Sprintf("the mean wait is unknown: services so long that %d requests have too few of them make up more than %.0f %% of it; a lower coefficient of variation, a queue with a bound, or one worker, for which there is a formula, has one", sim.Requests, 100*maxUnseen))
	}
	return p, nil
}

// justService is a latency that is the service time, without a wait.
func (s Setting) justService(p *Prediction) {
	s.setWait(p, []float64{0, 0, 0})
	p.Wait.Mean, p.Latency.Mean = known(0), s.ns(1)
	var at []float64
	for _, q := range percentiles {
		at = append(at, s.ServiceLaw.quantile(q))
	}
	s.setLatency(p, at)
}

// setWait and setLatency set the percentiles, where all are given.
func (s Setting) setWait(p *Prediction, at []float64) {
	if len(at) == len(percentiles) {
		p.Wait.P50, p.Wait.P90, p.Wait.P99 = s.ns(at[0]), s.ns(at[1]), s.ns(at[2])
	}
}

func (s Setting) setLatency(p *Prediction, at []float64) {
	if len(at) == len(percentiles) {
		p.Latency.P50, p.Latency.P90, p.Latency.P99 = s.ns(at[0]), s.ns(at[1]), s.ns(at[2])
	}
}

// ns is a time in service times, in nanoseconds.
func (s Setting) ns(t float64) *float64 { return known(t * float64(s.Service)) }

// aSecond is a rate in a service time, in a second.
func (s Setting) aSecond(x float64) *float64 { return known(x / s.Service.Seconds()) }

func model(constant bool, rest string) string {
	if constant {
		return "D/" + rest
	}
	return "M/" + rest
}

func letter(law string) string {
	switch law {
	case Constant:
		return "D"
	case Exponential:
		return "M"
	}
	return "G"
}

func places(k int) string {
	switch k {
	case Unbounded:
		return ""
	case 0:
		return "/c"
	}
	return "/K"
}

func patience(deadline float64) string {
	if deadline > 0 {
		return "+D"
	}
	return ""
}
