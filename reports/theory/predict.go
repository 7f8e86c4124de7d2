package theory

import (
	"fmt"
	"math"
	"slices"

	"github.com/a628bb15/onhold/reports/load"
)

// NoteExactMean is the note of a prediction of which the mean is exact, and times of
// single requests are not.
const NoteExactMean = "the mean is exact; single requests take up to a service time more or less, depending on how the workers are staggered"

const staggerNote = "workers that are always busy stay staggered as they started while every service takes the same time: the waits of one run lie between those of workers in step and those of evenly staggered workers, and do not converge"

// Predict chooses the model for a setting, and returns what it expects. Where no
// formula is exact it simulates, which takes up to some seconds; the same setting
// gives the same figures. The error is a [*field.Error] that names the field that
// is out of range, or too large to be simulated.
func Predict(s Setting) (*Prediction, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s = s.combined()
	predict := s.predictOpen
	switch s.Load.Model() {
	case load.Closed:
		predict = s.predictClosed
	case load.Burst:
		predict = s.predictBurst
	}
	p, err := predict()
	if err == nil && s.lockStep(p) && !slices.Contains(p.Notes, staggerNote) { // a crowd has it already
		p.Notes = append(p.Notes, staggerNote)
	}
	return p, err
}

// lockStep reports whether workers are hardly ever idle, and so never lose the
// phases in which they started.
func (s Setting) lockStep(p *Prediction) bool {
	m := s.Load.Model()
	return (m == load.Poisson || m == load.Closed) && s.Workers >= 2 && s.ServiceLaw.kind() == Constant &&
		p.Utilisation != nil && *p.Utilisation > 0.99 && p.WaitProbability != nil && *p.WaitProbability > 0.99
}

func (s Setting) predictOpen() (*Prediction, error) {
	a, c, k := s.load(), s.Workers, s.Queue
	constant, law := s.Load.Model() == load.Constant, s.ServiceLaw.kind()
	switch {
	case c == Unbounded:
		return s.noWait(s.arrivals()+"G/inf", "closed form: nobody waits, for any law of service", 0, a, math.NaN(), a), nil
	case k == Unbounded && s.MaxWait == 0 && !s.steady():
		return s.overloaded(), nil
	}
	// A request is never dropped after more than the longest possible wait.
	deadline := s.in(s.MaxWait)
	if k == 0 || law == Constant && k != Unbounded && math.Ceil(float64(k)/float64(c)) <= deadline {
		deadline = 0
	}
	model := s.arrivals() + pool(law, k, deadline)
	loss := func(b float64) *queue { return &queue{workers: c, load: a, rejected: b, tail: never} }
	switch {
	case constant && law == Constant:
		return s.clockwork(deadline), nil
	case constant && law == Exponential && k == 0:
		return s.exactly(model, "the formula of Palm and Takács", loss(dmc(c, a))), nil
	case constant:
	case k == 0:
		return s.exactly("M/G/c/c", "Erlang's B, by recursion, for any law of service", loss(erlangB(c, a))), nil
	case deadline > 0 && law == Exponential && k == Unbounded:
		return s.exactly(model, "the formula of Gnedenko and Kovalenko", mmcD(c, a, deadline)), nil
	case deadline > 0:
	case law == Exponential && k == Unbounded:
		return s.exactly(model, "Erlang's C", mmcK(c, k, a)), nil
	case law == Exponential:
		return s.exactly(model, "the weights of the chain, and Poisson sums for the wait", mmcK(c, k, a)), nil
	case law == Constant && k == Unbounded:
		return s.exactly(model, "factored by Fourier transforms, and the formula of Franx for the wait", mdc(c, a)), nil
	case law == Lognormal && c == 1 && k == Unbounded && s.ServiceLaw.CV >= 0.01:
		return s.exactly("M/G/1", "the formula of Pollaczek and Khinchin, and their integral equation for the law of the wait", mg1(a, s.ServiceLaw.CV)), nil
	case law == Constant && c == 1:
		return s.exactly("M/D/1/K", "the chain at departures", md1K(k, a)), nil
	case law == Constant && neverFull(c, k, a):
		return s.exactly(model, "as M/D/c, for fewer than one in 10^13 requests finds the queue full", mdc(c, a)), nil
	case law == Constant && c == 2 && k <= maxMD2KQueue && a <= maxMD2KLoad:
		if q := md2K(k, a); q != nil {
			return s.exactly("M/D/2/K", "the integral equation of the phases", q), nil
		}
	}
	if p, ok := s.flooded(); ok && deadline == 0 {
		return p, nil
	}
	p, err := s.simulated(model, deadline)
	if err != nil && k == Unbounded && deadline == 0 && !constant && s.ServiceLaw.variance() <= 1 {
		return s.interpolated(), nil
	}
	return p, err
}

// steady reports whether an open load leaves an unbounded queue a steady state.
func (s Setting) steady() bool {
	if s.Load.Model() == load.Constant && s.ServiceLaw.kind() == Constant {
		return s.load() <= float64(s.Workers)*(1+1e-12)
	}
	return s.load() <= float64(s.Workers)*(1-1e-9)
}

// neverFull reports whether less than a share of 1e-13 of the requests finds a
// queue of constant services full.
func neverFull(c, k int, a float64) bool {
	return a > 0 && a <= float64(c)*(1-1e-6) && k > 0 && newWaitingLaw(c, a).more(k-1) < 1e-13
}

// overloaded is an unbounded queue that grows.
func (s Setting) overloaded() *Prediction {
	n := float64(s.Workers)
	p := s.predicted(s.arrivals()+"G/c", "flow balance: there is no steady state", 0, n, 1, 1)
	p.Notes = []string{fmt.Sprintf("the queue is unbounded, and the load of %.6g is not below the %d workers: the wait grows by %.3g s each second", s.load(), s.Workers, max(0, 1-n/s.load()))}
	return p
}

// interpolated is the mean wait of a queue that is too near its limit to be
// simulated.
func (s Setting) interpolated() *Prediction {
	q := &queue{workers: s.Workers, load: s.load(), waitProbability: math.NaN()}
	q.waitMean = mgcWait(s.Workers, q.load, s.ServiceLaw.variance())
	p := s.exactly("M/G/c", "interpolation between constant and exponential service, right to some percent", q)
	p.Exact = false
	return p
}

// clockwork is a constant rate of constant services.
func (s Setting) clockwork(deadline float64) *Prediction {
	a, n := s.load(), float64(s.Workers)
	if math.Abs(a-math.Round(a)) < 1e-9*a {
		a = math.Round(a) // 50 per second for 200 ms are 10, but for rounding
	}
	const method = "counting"
	switch {
	case a > n && s.Queue == 0 && a == math.Trunc(a):
		p := s.noWait("D/D/c/c", method, math.NaN(), math.NaN(), math.NaN(), math.NaN())
		p.Exact = false
		p.Notes = []string{fmt.Sprintf("the load of %.6g is a whole number: arrivals meet departures, and between %.6g and %.6g are rejected, depending on which comes first", a, 1-n/a, 1-n/(a+1))}
		return p
	case a > n && (s.Queue == Unbounded || deadline > 0): // dropped where it waits too long
		q := &queue{workers: s.Workers, load: a, rejected: 1 - n/a, waitProbability: 1, waitMean: math.NaN()}
		return s.exactly("D/D/c+D", method, q)
	}
	q := ddc(s.Workers, s.Queue, a)
	p := s.exactly("D/"+pool(Constant, s.Queue, 0), method, q)
	if a > n && s.Queue != 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("no wait is longer than %.6g service times; the waits depend on how the workers are staggered", q.longest))
	}
	return p
}

func (s Setting) predictClosed() (*Prediction, error) {
	n, c, k := s.clients(), s.Workers, s.Queue
	z, backoff := s.in(s.Load.ThinkTime), s.in(s.backoff())
	law, think := s.ServiceLaw.kind(), s.ThinkLaw.kind()
	allFit := k == Unbounded || n <= c+k
	alike := backoff == z || allFit // clients pause after a rejection as after a reply
	model := "closed, " + pool(law, k, 0) + "/N"
	if s.MaxWait > 0 {
		model += "+D"
	}
	switch {
	case c == Unbounded || n <= c:
		x := float64(n) / (1 + z)
		busy := x / float64(c)
		if c == Unbounded {
			busy = math.NaN()
		}
		return s.noWait("closed, G/inf", "closed form: nobody waits, for any laws", 0, x, busy, x), nil
	case s.MaxWait > 0 && k != 0:
	case k == 0 && alike && z > 0 && (law != Constant || think != Constant):
		b := engset(n, c, 1/z)
		return s.exactly("closed, M/G/c/c/N", "Engset's recursion, for any laws", &queue{workers: c, load: float64(n) / (z + 1 - b), rejected: b, tail: never}), nil
	case allFit && law == Constant && think == Constant:
		q := closedCycle(n, c, z)
		p := s.exactly("closed, D/D/c", "the cycle of a client", q)
		if q.tail == nil {
			p.Notes = append(p.Notes, NoteExactMean)
		}
		return p, nil
	case alike && z >= 1e-9 && law == Exponential && think == Exponential:
		return s.exactly("closed, M/"+pool(law, k, 0)+"/N", "the finite chain", closedChain(n, c, k, z)), nil
	case !allFit && z == 0 && law == Constant && s.MaxWait == 0:
		p := s.exactly("closed, full, D/c/K", "counting the clients that get in", closedFull(n, c, k, backoff))
		p.Notes = append(p.Notes, fmt.Sprintf("the same %d clients are always served and %d starve; the rejected share only shows how often those send, not what the server does", c+k, n-c-k))
		return p, nil
	}
	p, err := s.simulated(model, s.in(s.MaxWait))
	if err != nil {
		return s.crowd(err)
	}
	return p, nil
}

func (s Setting) predictBurst() (*Prediction, error) {
	n, c, k, deadline := s.clients(), s.Workers, s.Queue, s.in(s.MaxWait)
	model := "burst, " + pool(s.ServiceLaw.kind(), k, deadline)
	var p *Prediction
	switch {
	case c == Unbounded || n <= c || k == 0:
		rejected := 0.0
		if c != Unbounded && n > c {
			rejected = float64(n-c) / float64(n)
		}
		p = s.noWait("burst, G/c", "counting: nobody waits, for any law of service", rejected, 0, 0, 0)
	case s.ServiceLaw.kind() == Constant:
		if most := float64(c) * math.Floor(deadline); deadline > 0 && (k == Unbounded || most < float64(k)) {
			k = int(min(most, MaxQueue)) // those behind are dropped
		}
		p = s.exactly(model, "counting", burst(n, c, k))
	default:
		var err error
		if p, err = s.simulated(model, deadline); err != nil {
			return nil, err
		}
		p.Interval.Throughput, p.Interval.Utilisation, p.Interval.InFlight = nil, nil, nil
	}
	p.Throughput, p.Utilisation, p.InFlight = nil, nil, nil // they depend on when the next wave comes
	return p, nil
}

// exactly is what an exact model says.
func (s Setting) exactly(model, method string, q *queue) *Prediction {
	if q.tail != nil && q.waitProbability == 0 {
		return s.noWait(model, method, q.rejected, q.throughput(), q.utilisation(), q.inFlight())
	}
	figures := []float64{q.rejected, q.throughput(), q.utilisation(), q.waitProbability, q.inFlight(), q.waitMean}
	for _, p := range percentiles {
		t, ok := q.waitQuantile(p)
		if !ok {
			t = math.NaN()
		}
		figures = append(figures, t)
	}
	figures = append(figures, 1+q.waitMean)
	return s.predicted(model, method, append(figures, q.latencyQuantiles(s.ServiceLaw, percentiles...)...)...)
}

// noWait is a prediction in which the latency is the service time.
func (s Setting) noWait(model, method string, rejected, throughput, utilisation, inFlight float64) *Prediction {
	figures := []float64{rejected, throughput, utilisation, 0, inFlight, 0, 0, 0, 0, 1}
	for _, q := range percentiles {
		figures = append(figures, s.ServiceLaw.quantile(q))
	}
	return s.predicted(model, method, figures...)
}

// simulated is what a simulation estimates, where requests are dropped after a
// wait of deadline service times; 0: never.
func (s Setting) simulated(model string, deadline float64) (*Prediction, error) {
	if deadline == 0 {
		s.MaxWait = 0
	}
	sim, err := s.simulate(defaultConfidence, percentiles...)
	if err != nil {
		return nil, err
	}
	p := &Prediction{Model: model, Method: fmt.Sprintf("simulation of %d requests", sim.requests), Interval: &Intervals{Confidence: defaultConfidence}}
	n, busy := float64(s.Workers), sim.throughput
	busy = Estimate{share(busy.Mean / n), max(0, busy.Low/n), min(1, busy.High/n)}
	figures := slices.Concat([]Estimate{sim.rejected, sim.throughput, busy, sim.waitProbability, sim.inFlight, sim.waitMean}, sim.waitQuantiles,
		[]Estimate{sim.latencyMean}, sim.latencyQuantiles)
	intervals := p.Interval.all()
	for i, at := range p.all() {
		e, unit := figures[i], s.unit(i)
		*at = known(e.Mean * unit)
		if known(e.Low*unit) != nil && known(e.High*unit) != nil {
			*intervals[i] = &Range{e.Low * unit, e.High * unit}
		}
	}
	if sim.rare {
		p.Notes = append(p.Notes, fmt.Sprintf("the mean wait is unknown: more than %.0f %% of it comes from services so long that %d requests contain too few of them; it is known for a lower coefficient of variation, a bounded queue, or one worker, for which there is a formula", 100*maxUnseen, sim.requests))
	}
	return p, nil
}

// arrivals is how a model's name says how requests arrive.
func (s Setting) arrivals() string {
	if s.Load.Model() == load.Constant {
		return "D/"
	}
	return "M/"
}

// pool is how a model's name says what serves: the law of service, c workers, how
// long the queue is, and +D where a request waits for at most a deadline.
func pool(law string, k int, deadline float64) string {
	name := "G/c"
	switch law {
	case Constant:
		name = "D/c"
	case Exponential:
		name = "M/c"
	}
	switch k {
	case Unbounded:
	case 0:
		name += "/c"
	default:
		name += "/K"
	}
	if deadline > 0 {
		name += "+D"
	}
	return name
}
