package theory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
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

// maxSimulated bounds how many arrivals a simulation may need: some ten seconds.
const maxSimulated = 30_000_000

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
	Inflation        Estimate // as in the function of that name, by its chi-square interval
	Throughput       Estimate // served in a mean service time
	InFlight         Estimate // by Little\'s law, of each run
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
	return summary(s, quantiles, func(r *rand.Rand) simulatedRun { return s.run(r, warm) }), nil
}

// summary does all runs.
func summary(s Simulation, quantiles []float64, do func(*rand.Rand) simulatedRun) *Simulated {
	var rejected, waits, means, latencies, rates, inside []float64
	byWait, byLatency := make([][]float64, len(quantiles)), make([][]float64, len(quantiles))
	total := 0
	for run := range s.Runs {
		r := rand.New(rand.NewPCG(s.Seed, uint64(run)))
		one := do(r)
		total += one.offered
		rejected = append(rejected, 1-float64(len(one.waits))/float64(one.offered))
		rates = append(rates, float64(len(one.waits))/one.length())
		if len(one.waits) == 0 {
			continue
		}
		waits = append(waits, one.waited/float64(len(one.waits)))
		means = append(means, mean(one.waits))
		latencies = append(latencies, mean(one.latencies))
		inside = append(inside, (mean(one.latencies)*float64(len(one.latencies))+one.spent)/one.length())
		slices.Sort(one.waits)
		slices.Sort(one.latencies)
		for i, p := range quantiles {
			byWait[i] = append(byWait[i], nearestRank(one.waits, p))
			byLatency[i] = append(byLatency[i], nearestRank(one.latencies, p))
		}
	}
	out := &Simulated{Requests: total, Confidence: s.Confidence}
	estimate := func(v []float64) Estimate {
		e, err := BatchMeans(v, s.Confidence)
		if err != nil {
			return Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
		}
		return e
	}
	out.Rejected = within(estimate(rejected), 0, 1)
	if out.Rejected.High == 0 {
		// That none was rejected does not say that none ever is: as many as would be
		// missed with the confidence, if they came one by one.
		out.Rejected.High = min(1, -math.Log(1-s.Confidence)/float64(total))
	}
	out.WaitProbability = within(estimate(waits), 0, 1)
	out.WaitMean = within(estimate(means), 0, math.Inf(1))
	out.LatencyMean = within(estimate(latencies), 0, math.Inf(1))
	out.Throughput = within(estimate(rates), 0, math.Inf(1))
	out.InFlight = within(estimate(inside), 0, math.Inf(1))
	for i := range quantiles {
		out.WaitQuantiles = append(out.WaitQuantiles, within(estimate(byWait[i]), 0, math.Inf(1)))
		out.LatencyQuantiles = append(out.LatencyQuantiles, within(estimate(byLatency[i]), 0, math.Inf(1)))
	}
	out.Inflation = inflationOf(rejected, total/s.Runs, s.Confidence)
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
	return firstOf(badWorkers(s.Workers), badPlaces(s.Places), badLoad(s.Load), badPositive("load", s.Load), s.Service.check("service", "cv"),
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

// inflationOf is the variance of shares of n each, over what it would be for
// independent requests.
func inflationOf(shares []float64, n int, confidence float64) Estimate {
	b := mean(shares)
	if !(b > 0 && b < 1) {
		return Estimate{1, 0, math.Inf(1)}
	}
	var squares float64
	for _, v := range shares {
		squares += (v - b) * (v - b)
	}
	squares *= float64(n) / (b * (1 - b))
	degrees := distuv.ChiSquared{K: float64(len(shares) - 1)}
	tail := (1 - confidence) / 2
	return Estimate{squares / degrees.K, squares / degrees.Quantile(1-tail), squares / degrees.Quantile(tail)}
}
