package theory

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Arrivals of an open load.
const (
	PoissonArrivals  = "poisson"
	ConstantArrivals = "constant"
)

// What a [Simulation] does where it does not say.
const (
	DefaultRuns       = 20
	DefaultRequests   = 50_000
	DefaultConfidence = 0.95
)

// minServices is for how many mean service times a run is measured at least.
const minServices = 5

// maxSimulated bounds how many arrivals a simulation may need: some four seconds.
const maxSimulated = 20_000_000

// Simulation is a server to be simulated where no formula is exact: c workers,
// first come first served, and an open load. Times are in mean service times.
type Simulation struct {
	Arrivals        string // PoissonArrivals where empty
	Workers, Places int
	Load            float64 // in erlangs, above 0
	Service         Law
	Longest         float64 // what has waited for that long is given up; 0 for never

	Seed       uint64  // the same gives the same
	Runs       int     // runs from an empty server, each of its own seed; 0 for DefaultRuns, or 5 and more if those take too long; else 2 or more
	Requests   int     // measured in each, after WarmUp, or more at a high load; 0 for DefaultRequests
	Confidence float64 // of the intervals; 0 for DefaultConfidence
}

// Simulated is what a simulation estimates, of the same meaning as in [Queue].
type Simulated struct {
	Requests         int // measured, in all
	Confidence       float64
	Rejected         Estimate
	WaitProbability  Estimate
	WaitMean         Estimate
	LatencyMean      Estimate
	WaitQuantiles    []Estimate // of the p that were asked for
	LatencyQuantiles []Estimate
	Throughput       Estimate // served in a mean service time
	InFlight         Estimate // by Little\'s law, of each run

	// Rare says that services so rare that too few of them were seen make up much
	// of what is waited on average: means of waits, and quantiles above 0.9, are
	// unknown then.
	Rare bool
}

// Simulate runs a simulation, and takes some 0.3 µs for an arrival. What it
// returns is random, and exact within its intervals: of the values of independent
// runs from an empty server, by Student's t ([BatchMeans]). An error where what
// is steady is too far off to get there.
func Simulate(s Simulation, quantiles ...float64) (*Simulated, error) {
	fewer := s.Runs == 0 // if that many take too long
	s = s.normal()
	if err := s.check(quantiles); err != nil {
		return nil, err
	}
	warm, err := s.warmUp()
	if err != nil {
		return nil, err
	}
	if often := fewer && s.Service.unseen(s.Runs*s.Requests, s.moment()) > maxUnseen; often && s.Service.unseen(5*s.Runs*s.Requests, s.moment()) <= maxUnseen {
		s.Requests *= 5
	}
	// Constant services end in a pattern that repeats after one: what is measured
	// of less than some of them is that part of the pattern.
	s.Requests = max(s.Requests, int(minServices*s.Load))
	each := warm*s.Load + float64(s.Requests)
	if runs := int(maxSimulated / each); fewer && runs < s.Runs && runs >= 5 {
		s.Runs = runs
	}
	if need := float64(s.Runs) * each; need > maxSimulated {
		return nil, bad(false, "load", s.Load, fmt.Sprintf(
			"one at which a steady state is sooner reached: %.2g arrivals would have to be simulated, of at most %.2g", need, float64(maxSimulated)))
	}
	out := summary(s, quantiles, func(r *rand.Rand) simulatedRun { return s.run(r, warm) })
	if s.Service.unseen(out.Requests, s.moment()) > maxUnseen {
		unknown := Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
		out.WaitMean, out.LatencyMean, out.InFlight, out.Rare = unknown, unknown, unknown, true
		for i, p := range quantiles {
			if p > 0.9 {
				out.WaitQuantiles[i], out.LatencyQuantiles[i] = unknown, unknown
			}
		}
	}
	return out, nil
}

// maxUnseen is the share of what makes a mean that a simulation may be too short
// to have seen: the intervals of means were seen to hold up to there.
const maxUnseen = 0.03

// moment is the power of the service time on whose mean the mean wait hangs.
// Where the queue has a bound, a long service adds to it what it takes; where it
// has none, as much again for each that comes meanwhile, unless so many workers
// are left that as many services must be long at once (Scheller-Wolf and Vesilo,
// Structural Interpretation and Derivation of Necessary and Sufficient Conditions
// for Delay Moments in FIFO Multiserver Queues, Queueing Systems 54, 2006).
func (s Simulation) moment() float64 {
	if s.Places != Unbounded || s.Longest > 0 {
		return 1
	}
	return 1 + 1/math.Floor(float64(s.Workers)-s.Load+1)
}

// summary does all runs.
func summary(s Simulation, quantiles []float64, do func(*rand.Rand) simulatedRun) *Simulated {
	var rejected, waits, means, latencies, rates, inside []float64
	var arriving, serving []float64 // weights of the runs in which any came, or was served
	var byWait, byLatency sampledTimes
	total := 0
	for run := range s.Runs {
		r := rand.New(rand.NewPCG(s.Seed, uint64(run)))
		one := do(r)
		total += one.offered
		rejected = append(rejected, 1-float64(len(one.waits))/float64(one.offered))
		arriving = append(arriving, float64(one.offered)/one.length())
		rates = append(rates, float64(len(one.waits))/one.length())
		if len(one.waits) == 0 {
			continue
		}
		waits = append(waits, one.waited/float64(len(one.waits)))
		means = append(means, mean(one.waits))
		latencies = append(latencies, mean(one.latencies))
		inside = append(inside, (mean(one.latencies)*float64(len(one.latencies))+one.spent)/one.length())
		rate := rates[len(rates)-1]
		serving = append(serving, rate)
		byWait.add(one.waits, rate)
		byLatency.add(one.latencies, rate)
	}
	out := &Simulated{Requests: total, Confidence: s.Confidence}
	counted := func(v []float64) Estimate { return countedMean(v, math.Inf(1), s.Confidence) }
	out.Rejected = countedShare(weighted(rejected, arriving), float64(total), s.Confidence)
	out.WaitProbability = Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
	if len(waits) > 0 {
		out.WaitProbability = countedShare(weighted(waits, serving), float64(total), s.Confidence)
	}
	out.WaitMean = counted(weighted(means, serving))
	out.LatencyMean = counted(weighted(latencies, serving))
	out.Throughput = counted(rates)
	out.InFlight = counted(inside)
	for _, p := range quantiles {
		out.WaitQuantiles = append(out.WaitQuantiles, byWait.quantile(p, s.Confidence))
		out.LatencyQuantiles = append(out.LatencyQuantiles, byLatency.quantile(p, s.Confidence))
	}
	return out
}

func (s Simulation) normal() Simulation {
	if s.Arrivals == "" {
		s.Arrivals = PoissonArrivals
	}
	if s.Runs == 0 {
		s.Runs = DefaultRuns
	}
	if s.Requests == 0 {
		s.Requests = DefaultRequests
	}
	if s.Confidence == 0 {
		s.Confidence = DefaultConfidence
	}
	return s
}

func (s Simulation) check(quantiles []float64) error {
	for _, p := range quantiles {
		if err := badShare("quantile", p); err != nil {
			return err
		}
	}
	return firstOf(badWorkers(s.Workers), badPlaces(s.Places), badLoad(s.Load), bad(s.Load > 0, "load", s.Load, "above 0"), s.Service.check("service", "cv"),
		bad(s.Arrivals == PoissonArrivals || s.Arrivals == ConstantArrivals, "arrivals", s.Arrivals, "poisson or constant"),
		bad(s.Longest >= 0 && s.Longest <= maxTime, "longest", s.Longest, fmt.Sprintf("from 0 to %g", float64(maxTime))),
		bad(s.Runs >= 2 && s.Runs <= 10_000, "runs", s.Runs, "from 2 to 10000"),
		bad(s.Requests >= 1 && s.Requests <= maxSimulated, "requests", s.Requests, fmt.Sprintf("from 1 to %d", maxSimulated)),
		badShare("confidence", s.Confidence),
		bad(s.Places != Unbounded || s.Longest > 0 || s.Load <= float64(s.Workers)*(1-1e-9), "load", s.Load, "below the number of workers, for a queue without a bound"),
	)
}

// warmUp is how long to run before anything is measured.
func (s Simulation) warmUp() (float64, error) {
	n := float64(s.Workers)
	places := s.Places
	if s.Longest > 0 {
		// So many at most wait for less.
		if most := math.Ceil(n * s.Longest); places == Unbounded || most < float64(places) {
			places = int(min(most, MaxPlaces))
		}
	}
	if reach := s.reach(); reach < float64(places) {
		places = int(math.Ceil(reach))
	}
	warm, err := WarmUp(s.Workers, places, s.Load)
	if err != nil {
		return 0, err
	}
	// A service far above the mean is remembered for as long.
	warm *= 1 + s.Service.CV*s.Service.CV/2
	return warm, nil
}

// simulatedRun is what one run measured.
type simulatedRun struct {
	offered          int
	begin, end       float64
	waited           float64 // how many did
	spent            float64 // waiting, by those that were given up
	waits, latencies []float64
}

// add is one that arrived at t, and what became of it.
func (r *simulatedRun) add(t, warm float64, f simulatedFate, wait, took float64) {
	if t < warm {
		r.begin = t
		return
	}
	r.offered++
	r.end = t
	if f != served {
		r.spent += boolTo(f == givenUp) * wait
		return
	}
	if wait > 0 {
		r.waited++
	}
	r.waits = append(r.waits, wait)
	r.latencies = append(r.latencies, wait+took)
}

// length is the time in which those came that are counted.
func (r *simulatedRun) length() float64 { return max(r.end-r.begin, 1e-300) }

func (s Simulation) run(r *rand.Rand, warm float64) simulatedRun {
	service := s.Service.sampler(r)
	l := newLine[float64](s.Workers, s.Places, s.Service.kind() == Constant)
	out := simulatedRun{begin: warm}
	gap := 1 / s.Load
	var t float64
	for range s.backlog(r) { // they come at once, so that the long run is sooner reached
		l.submit(0, service(), 0)
	}
	for i := 1; out.offered < s.Requests; i++ {
		if s.Arrivals == ConstantArrivals {
			t = float64(i) * gap // no sum, which would drift
		} else {
			t += gap * r.ExpFloat64()
		}
		took := service()
		f, wait := l.submit(t, took, s.Longest)
		out.add(t, warm, f, wait, took)
	}
	return out
}

// backlog is how many are there when a run begins: of a queue that hardly ever
// reaches its bound about as many as in the long run, which it would take long to
// get to from an empty one.
func (s Simulation) backlog(r *rand.Rand) int {
	if s.Places != Unbounded && float64(s.Places) < 3*s.reach() || s.Longest > 0 {
		return 0
	}
	busy, n := mustShare(ErlangC(s.Workers, s.Load)), float64(s.Workers)
	if r.Float64() > busy {
		return 0
	}
	spread := 1 + s.Service.variance()
	if s.Arrivals == ConstantArrivals {
		spread--
	}
	return s.Workers + int(min(r.ExpFloat64()*s.Load/(n-s.Load)*spread/2, maxSimulated/1000))
}

// reach is how many wait at most, but for rare moments, where the load leaves the
// workers some time; else it is infinite.
func (s Simulation) reach() float64 {
	n := float64(s.Workers)
	if s.Load > n*(1-1e-9) {
		return math.Inf(1)
	}
	return 3 * s.Load / (n - s.Load) * max(1, (1+s.Service.variance())/2)
}

// mustShare is a share, 0 where there is none.
func mustShare(p float64, err error) float64 {
	if err != nil {
		return 0
	}
	return p
}

func mean(v []float64) float64 {
	var sum float64
	for _, v := range v {
		sum += v
	}
	return sum / float64(len(v))
}

// nearestRank is the value that a share p of the sorted does not exceed.
func nearestRank(sorted []float64, p float64) float64 {
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func within(e Estimate, low, high float64) Estimate {
	e.Low, e.High = max(e.Low, low), min(e.High, high)
	return e
}
