package theory

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// maxKept is how many of the sorted times of a run are kept at most, evenly over
// their ranks: a share is off by a hundred-thousandth then.
const maxKept = 100_000

// unknown is an estimate of which nothing is known.
var unknown = Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}

// countedMean is the mean of values of 0 or more, each from one run, and its
// interval. Where few events make up a mean its distribution is skewed, and
// Student's interval misses too often: it is widened to that of as many Poisson
// events as have the same spread (Garwood, Fiducial Limits for the Poisson
// Distribution, 1936). Where all values are 0, the upper end is the rate at which n
// requests have no event with the probability 1-confidence. For shares n is the
// number of independent requests; no more events than that make up the mean. Else
// it is infinite.
func countedMean(values []float64, n, confidence float64) Estimate {
	e, err := BatchMeans(values, confidence)
	if err != nil {
		return unknown
	}
	e.Low, e.Mean = max(e.Low, 0), max(e.Mean, 0)
	if e.Mean == 0 {
		e.High = -math.Log(1-confidence) / max(n, 1)
		return e
	}
	sd := (e.High - e.Mean) / Student(confidence, max(len(values)-1, 1)) // of the mean
	events := min(e.Mean/sd*e.Mean/sd, e.Mean*n)
	if !(sd > 0) || math.IsInf(sd, 0) || events > 1e6 {
		return e
	}
	tail := (1 - confidence) / 2
	e.Low = min(e.Low, e.Mean*distuv.ChiSquared{K: 2 * events}.Quantile(tail)/(2*events))
	e.High = max(e.High, e.Mean*distuv.ChiSquared{K: 2*events + 2}.Quantile(1-tail)/(2*events))
	return e
}

// weighted are the values of runs with their deviations from the mean times weights
// of mean 1: a run in which fewer requests came in the same time says less.
func weighted(values, weights []float64) []float64 {
	var middle, all float64
	for i, v := range values {
		middle += v * weights[i]
		all += weights[i]
	}
	middle /= all
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = middle + weights[i]*float64(len(values))/all*(v-middle)
	}
	return out
}

// countedShare is countedMean of shares. It counts what is rarer: the events, or
// their absence.
func countedShare(shares []float64, n, confidence float64) Estimate {
	if mean(shares) <= 0.5 {
		e := countedMean(shares, n, confidence)
		e.High = min(e.High, 1)
		return e
	}
	rest := make([]float64, len(shares))
	for i, v := range shares {
		rest[i] = 1 - v
	}
	e := countedMean(rest, n, confidence)
	return Estimate{1 - e.Mean, max(0, 1-e.High), 1 - e.Low}
}

// sampledTimes are times of several runs.
type sampledTimes struct {
	runs    [][]float64 // sorted, thinned
	weights []float64   // as in weighted
	all     []float64   // of all runs, sorted
	n       float64     // number of independent times that would differ as much from run to run
}

func (s *sampledTimes) add(times []float64, weight float64) {
	s.weights = append(s.weights, weight)
	slices.Sort(times)
	s.n += float64(len(times))
	if len(times) > maxKept {
		kept := make([]float64, maxKept)
		for i := range kept {
			kept[i] = times[int((float64(i)+0.5)/maxKept*float64(len(times)))]
		}
		times = kept
	}
	s.runs = append(s.runs, times)
}

// shares are those above t, of each run.
func (s *sampledTimes) shares(t float64) []float64 {
	shares := make([]float64, len(s.runs))
	for i, run := range s.runs {
		above := sort.Search(len(run), func(i int) bool { return run[i] > t })
		shares[i] = float64(len(run)-above) / float64(len(run))
	}
	return weighted(shares, s.weights)
}

// pool joins all runs. Long times come in clusters, so that n is far below the
// number of times: it is estimated from how much the share of the longest half and
// tenth differs between runs.
func (s *sampledTimes) pool() {
	s.all = slices.Sorted(slices.Values(slices.Concat(s.runs...)))
	for _, p := range []float64{0.5, 0.9} {
		shares := s.shares(nearestRank(s.all, p))
		b, sd := stat.MeanStdDev(shares, nil)
		if b > 0 && sd > 0 {
			s.n = min(s.n, b*(1-b)/(sd*sd)*float64(len(shares)))
		}
	}
}

// quantile is the time that a share p does not exceed, and its interval: the times
// at which the interval of the share above still allows it. High is infinite where
// too few times lie beyond it.
func (s *sampledTimes) quantile(p, confidence float64) Estimate {
	if len(s.runs) == 0 {
		return unknown
	}
	if s.all == nil {
		s.pool()
	}
	first := func(enough func(Estimate) bool) float64 {
		i := sort.Search(len(s.all), func(i int) bool { return enough(countedShare(s.shares(s.all[i]), s.n, confidence)) })
		if i == len(s.all) {
			return math.Inf(1)
		}
		return s.all[i]
	}
	e := Estimate{first(func(e Estimate) bool { return e.Mean <= 1-p+1e-12 }), first(func(e Estimate) bool { return e.Low <= 1-p }), first(func(e Estimate) bool { return e.High <= 1-p })}
	e.Low, e.High = min(e.Low, e.Mean), max(e.High, e.Mean)
	return e
}

func mean(v []float64) float64 { return stat.Mean(v, nil) }

// nearestRank is the value that a share p of the sorted does not exceed.
func nearestRank(sorted []float64, p float64) float64 {
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
