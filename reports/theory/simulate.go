package theory

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// Defaults of the simulations of a [Setting].
const (
	DefaultRuns     = 20
	DefaultRequests = 50_000

	defaultConfidence = 0.95
)

const (
	// minServices is the least time that a run measures, in mean service times.
	minServices = 5
	// maxSimulated is how many arrivals a simulation takes at most: some four
	// seconds.
	maxSimulated = 20_000_000
	// maxUnseen is the share of a mean that may come from services so long that a
	// simulation did not contain one: the intervals of means were right up to it.
	maxUnseen = 0.03
)

// simulated is what a simulation estimates; the figures mean the same as in
// [queue].
type simulated struct {
	requests         int // measured in all
	rejected         Estimate
	waitProbability  Estimate
	waitMean         Estimate
	latencyMean      Estimate
	waitQuantiles    []Estimate // of the p that were asked for
	latencyQuantiles []Estimate
	throughput       Estimate // served in a mean service time
	inFlight         Estimate // by Little's law, for each run

	// rare reports that services too rare to be seen often enough contribute much
	// to the mean wait: means of waits, and quantiles above 0.9, are unknown then.
	rare bool
}

// simulation is how a setting is simulated. Times are in mean service times.
type simulation struct {
	Setting
	fewer   bool    // runs are enough where the default takes too long
	warm    float64 // discarded from the start of each run
	arrive  float64 // arrivals in that time, at most
	longest float64 // a request is dropped after this wait; 0: never
	run     func(r *rand.Rand) *simulatedRun
}

// simulate runs the setting, which takes some 0.3 µs per arrival. The estimates
// are of independent runs from an empty server, with intervals of the confidence
// that hold what is exact. It is a [*field.Error] where a steady state takes too
// long to reach.
func (s Setting) simulate(confidence float64, quantiles ...float64) (*simulated, error) {
	m := simulation{Setting: s, fewer: s.Runs == 0, longest: s.in(s.MaxWait)}
	m.Runs, m.Requests = cmp.Or(s.Runs, DefaultRuns), cmp.Or(s.Requests, DefaultRequests)
	name, value, want := "Load.Rate", any(s.Load.Rate), "one at which a steady state is reached sooner"
	switch s.Load.Model() {
	case load.Closed:
		name, value, want = "Load.Clients", s.clients(), "fewer, or longer pauses"
		m.closedRuns()
	case load.Burst:
		name, value, want = "Load.Burst", s.clients(), "fewer"
		m.waveRuns()
	default:
		m.openRuns()
	}
	each := m.arrive + float64(m.Requests)
	if runs := int(maxSimulated / each); m.fewer && s.Load.Model().Open() && runs < m.Runs && runs >= 5 {
		m.Runs = runs
	}
	if need := float64(m.Runs) * each; !(need <= maxSimulated) {
		return nil, field.Check(false, name, value, fmt.Sprintf("%s: %.2g requests would have to be simulated, and at most %.2g can be", want, need, float64(maxSimulated)))
	}
	out := m.summary(confidence, quantiles)
	if s.Load.Model().Open() && s.ServiceLaw.unseen(out.requests, m.moment()) > maxUnseen {
		out.waitMean, out.latencyMean, out.inFlight, out.rare = unknown, unknown, unknown, true
		for i, p := range quantiles {
			if p > 0.9 {
				out.waitQuantiles[i], out.latencyQuantiles[i] = unknown, unknown
			}
		}
	}
	return out, nil
}

// openRuns prepares runs of an open load.
func (m *simulation) openRuns() {
	if n := m.Runs * m.Requests; m.fewer && m.ServiceLaw.unseen(n, m.moment()) > maxUnseen && m.ServiceLaw.unseen(5*n, m.moment()) <= maxUnseen {
		m.Requests *= 5
	}
	// Constant services end in a pattern that repeats after one service: less than
	// some of them would measure a part of the pattern.
	m.Requests = max(m.Requests, int(minServices*m.load()))
	m.warm = m.warmUp()
	m.arrive = m.warm * m.load()
	m.run = func(r *rand.Rand) *simulatedRun {
		service := m.ServiceLaw.Sampler(r)
		l := newLine[float64](m.Workers, m.Queue)
		out := &simulatedRun{begin: m.warm}
		gap := 1 / m.load()
		var t float64
		for range m.backlog(r) { // they come at once, so that the steady state is reached sooner
			l.submit(0, service(), 0)
		}
		for i := 1; out.offered < m.Requests; i++ {
			if m.Load.Model() == load.Constant {
				t = float64(i) * gap // no sum, which would drift
			} else {
				t += gap * r.ExpFloat64()
			}
			took := service()
			o, wait := l.submit(t, took, m.longest)
			out.add(t, m.warm, o, wait, took)
		}
		return out
	}
}

// closedRuns prepares runs of clients, which begin evenly over a service and the rest
// of a think time. The rejected share is that of what clients send, and so
// describes them as much as the server.
func (m *simulation) closedRuns() {
	n, workers := float64(m.clients()), float64(m.Workers)
	think, backoff := m.in(m.Load.ThinkTime), m.in(m.backoff())
	inside := n
	if m.Queue != Unbounded {
		inside = min(inside, workers+float64(m.Queue))
	}
	m.warm = (10 + 5*(think+inside/workers)) * (1 + m.ServiceLaw.variance()/2)
	rate := inside / max(1, inside/workers+think) // at most
	if n > inside {
		rate += (n - inside) / backoff
	}
	m.arrive = m.warm * rate
	m.run = func(r *rand.Rand) *simulatedRun {
		service, law := m.ServiceLaw.Sampler(r), m.ThinkLaw.Sampler(r)
		l := newLine[float64](m.Workers, m.Queue)
		next := make([]float64, m.clients()) // when each client sends: a heap
		for i := range next {
			next[i] = r.Float64() + think*m.ThinkLaw.residual(r)
		}
		slices.Sort(next)
		out := &simulatedRun{begin: m.warm}
		for out.offered < m.Requests {
			t, took := next[0], service()
			o, wait := l.submit(t, took, m.longest)
			if o == served {
				siftDown(next, t+wait+took+think*law())
			} else {
				siftDown(next, t+wait+backoff*law())
			}
			out.add(t, m.warm, o, wait, took)
		}
		return out
	}
}

// waveRuns prepares runs of as many waves as make up the requests, each at an idle
// server. Throughput means nothing.
func (m *simulation) waveRuns() {
	n := m.clients()
	waves := (m.Requests + n - 1) / n
	m.Requests = waves * n
	m.run = func(r *rand.Rand) *simulatedRun {
		out := &simulatedRun{}
		service := m.ServiceLaw.Sampler(r)
		for range waves {
			l := newLine[float64](m.Workers, m.Queue)
			for range n {
				took := service()
				o, wait := l.submit(0, took, m.longest)
				out.add(0, 0, o, wait, took)
			}
		}
		return out
	}
}

// moment is the power of the service time whose mean decides the mean wait. Where
// the queue is bounded, a long service adds its own length; where it is not, as
// much again for each request that arrives meanwhile, unless so many workers are
// left that as many services must be long at once (Scheller-Wolf and Vesilo,
// Structural Interpretation and Derivation of Necessary and Sufficient Conditions
// for Delay Moments in FIFO Multiserver Queues, Queueing Systems 54, 2006).
func (m *simulation) moment() float64 {
	if m.Queue != Unbounded || m.longest > 0 {
		return 1
	}
	return 1 + 1/math.Floor(float64(m.Workers)-m.load()+1)
}

// warmUp is how long an open load must run before anything is measured.
func (m *simulation) warmUp() float64 {
	n, room := float64(m.Workers), float64(m.Queue)
	if m.Queue == Unbounded {
		room = math.Inf(1)
	}
	if m.longest > 0 { // only so many wait for less
		room = min(room, math.Ceil(n*m.longest))
	}
	room = min(room, math.Ceil(m.reach()), MaxQueue)
	warm, err := WarmUp(m.Workers, int(room), m.load())
	if err != nil {
		return math.Inf(1)
	}
	// A service far above the mean is remembered for as long.
	return warm * (1 + m.ServiceLaw.variance()/2)
}

// backlog is how many requests are there when a run begins: in a queue that
// hardly ever reaches its bound about as many as in the long run, which it would
// take long to reach from an empty one.
func (m *simulation) backlog(r *rand.Rand) int {
	if m.Queue != Unbounded && float64(m.Queue) < 3*m.reach() || m.longest > 0 {
		return 0
	}
	n, a := float64(m.Workers), m.load()
	if r.Float64() > erlangC(m.Workers, a) {
		return 0
	}
	spread := 1 + m.ServiceLaw.variance()
	if m.Load.Model() == load.Constant {
		spread--
	}
	return m.Workers + int(min(r.ExpFloat64()*a/(n-a)*spread/2, maxSimulated/1000))
}

// reach is how many wait at most, but for rare moments; infinite where the load
// leaves the workers no time.
func (m *simulation) reach() float64 {
	n, a := float64(m.Workers), m.load()
	if a > n*(1-1e-9) {
		return math.Inf(1)
	}
	return 3 * a / (n - a) * max(1, (1+m.ServiceLaw.variance())/2)
}

// simulatedRun is what one run measured.
type simulatedRun struct {
	offered          int
	begin, end       float64
	waited           float64 // how many did
	spent            float64 // waiting, by requests that were dropped
	waits, latencies []float64
}

// add is a request that arrived at t, and its outcome.
func (r *simulatedRun) add(t, warm float64, o outcome, wait, took float64) {
	if t < warm {
		r.begin = t
		return
	}
	r.offered++
	r.end = t
	if o != served {
		r.spent += boolTo(o == dropped) * wait
		return
	}
	r.waited += boolTo(wait > 0)
	r.waits = append(r.waits, wait)
	r.latencies = append(r.latencies, wait+took)
}

// summary does all runs.
func (m *simulation) summary(confidence float64, quantiles []float64) *simulated {
	var rejected, waits, means, latencies, rates, inside []float64
	var arriving, serving []float64 // weights of the runs in which requests arrived, or were served
	var byWait, byLatency sampledTimes
	out := &simulated{}
	for run := range m.Runs {
		one := m.run(rand.New(rand.NewPCG(m.Seed, uint64(run))))
		length, n := max(one.end-one.begin, 1e-300), float64(len(one.waits))
		out.requests += one.offered
		rejected = append(rejected, 1-n/float64(one.offered))
		arriving = append(arriving, float64(one.offered)/length)
		rates = append(rates, n/length)
		if n == 0 {
			continue
		}
		waits = append(waits, one.waited/n)
		means = append(means, mean(one.waits))
		latencies = append(latencies, mean(one.latencies))
		inside = append(inside, (mean(one.latencies)*n+one.spent)/length)
		serving = append(serving, n/length)
		byWait.add(one.waits, n/length)
		byLatency.add(one.latencies, n/length)
	}
	counted := func(v []float64) Estimate { return countedMean(v, math.Inf(1), confidence) }
	out.rejected = countedShare(weighted(rejected, arriving), float64(out.requests), confidence)
	out.waitProbability = unknown
	if len(waits) > 0 {
		out.waitProbability = countedShare(weighted(waits, serving), float64(out.requests), confidence)
	}
	out.waitMean = counted(weighted(means, serving))
	out.latencyMean = counted(weighted(latencies, serving))
	out.throughput = counted(rates)
	out.inFlight = counted(inside)
	for _, p := range quantiles {
		out.waitQuantiles = append(out.waitQuantiles, byWait.quantile(p, confidence))
		out.latencyQuantiles = append(out.latencyQuantiles, byLatency.quantile(p, confidence))
	}
	return out
}
