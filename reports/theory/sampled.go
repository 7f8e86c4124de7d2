package theory

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// maxKept is how many of the sorted times of a run are kept at most, evenly over
// their ranks: a share is off by a hundred-thousandth then.
const maxKept = 100_000

// countedMean is the mean of values that are 0 or more, each of a run of its own,
// and its interval. Where few events make up a mean its law is skewed, and
// Student's interval misses too often: it is widened to that of as many Poisson
// events as have the same spread (Garwood, Fiducial Limits for the Poisson
// Distribution, 1936). Where all values are 0, as many events of n as are missed
// with the confidence are the upper end. Of shares n is how many independent ones
// there were, and no more of them than that make up the mean; else it is infinite.
func countedMean(values []float64, n, confidence float64) Estimate {
	e, err := BatchMeans(values, confidence)
	if err != nil {
		return Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
	}
	e.Low, e.Mean = max(e.Low, 0), max(e.Mean, 0)
	if e.Mean == 0 {
		e.High = -math.Log(1-confidence) / max(n, 1)
		return e
	}
	if len(values) < 2 {
		return e
	}
	half := (e.High - e.Mean) / student(confidence, len(values)-1) // the standard error
	if !(half > 0) || math.IsInf(half, 0) {
		return e
	}
	events := min(e.Mean/half*e.Mean/half, e.Mean*n)
	if events > 1e6 {
		return e
	}
	tail := (1 - confidence) / 2
	e.Low = min(e.Low, e.Mean*distuv.ChiSquared{K: 2 * events}.Quantile(tail)/(2*events))
	e.High = max(e.High, e.Mean*distuv.ChiSquared{K: 2*events + 2}.Quantile(1-tail)/(2*events))
	return e
}

// weighted are values of runs as their deviations count from the mean by weights of
// mean 1: a run in which fewer came in the same time says less of what comes.
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

// countedShare is countedMean of shares: what is rarer, the one or the other, is
// what is counted.
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
	n       float64     // as many independent ones would spread as much from run to run
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
		at, _ := slices.BinarySearchFunc(run, t, func(v, t float64) int { // the first above t
			if v <= t {
				return -1
			}
			return 1
		})
		shares[i] = float64(len(run)-at) / float64(len(run))
	}
	return weighted(shares, s.weights)
}

// pool makes one of all runs. Long times come in a row, so that n is far below how
// many there are: it is taken from how the share of the longest tenth differs
// between runs, as it says nothing where it is not seen.
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

// quantile is what a share p does not exceed, and its interval: the times at which
// the interval of the share above still allows it. High is infinite where so few
// are seen beyond it that any may be.
func (s *sampledTimes) quantile(p, confidence float64) Estimate {
	if len(s.runs) == 0 {
		return Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}
	}
	if s.all == nil {
		s.pool()
	}
	first := func(enough func(Estimate) bool) float64 {
		low, high := -1, len(s.all) // above all[low] it is not enough, above all[high] it is
		for high-low > 1 {
			if mid := low + (high-low)/2; enough(countedShare(s.shares(s.all[mid]), s.n, confidence)) {
				high = mid
			} else {
				low = mid
			}
		}
		if high == len(s.all) {
			return math.Inf(1)
		}
		return s.all[high]
	}
	e := Estimate{first(func(e Estimate) bool { return e.Mean <= 1-p+1e-12 }), first(func(e Estimate) bool { return e.Low <= 1-p }), first(func(e Estimate) bool { return e.High <= 1-p })}
	e.Low, e.High = min(e.Low, e.Mean), max(e.High, e.Mean)
	return e
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
