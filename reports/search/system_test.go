package search_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"github.com/a628bb15/onhold/reports/search"
)

// system is a simulated server with Poisson arrivals: first come, first served.
type system struct {
	name     string
	truth    float64 // arrivals per second at which 1 % are bad, by TestSlowTruth
	workers  int
	queue    int // places to wait; negative: unbounded
	service  func(*rand.Rand) float64
	deadline float64    // seconds of latency beyond which an arrival is bad; 0: only a rejected one is
	slow     float64    // in the slow state, service takes that many times longer; 0: there is none
	dwell    [2]float64 // mean seconds in the fast and in the slow state
	drift    float64    // by how much service takes longer with each second of the search
	typical  float64    // seconds that a request takes
	rare     bool       // its clusters come more seldom than a search can see: a limit of the method
}

var systems = []system{
	{name: "M/D/10/5", truth: 401.6, workers: 10, queue: 5, service: constant(0.019)},
	{name: "M/M/10/5", truth: 424.8, workers: 10, queue: 5, service: exponential(0.0162)},
	{name: "M/D/100/50", truth: 419.6, workers: 100, queue: 50, service: constant(0.24), typical: 0.24},
	{name: "M/G/10/5, cv 2", truth: 421.3, workers: 10, queue: 5, service: lognormal(0.0155, 2)},
	{name: "M/M/10, p99", truth: 473.8, workers: 10, queue: -1, service: exponential(0.02), deadline: 0.2},
	{name: "M/G/1, p99", truth: 296.4, workers: 1, queue: -1, service: lognormal(0.0018, 1), deadline: 0.02},
	{name: "two states, 4.5 s", truth: 356.1, workers: 10, queue: 5, service: constant(0.0185), slow: 1.5, dwell: [2]float64{4, 0.5}},
	{name: "two states, 30 s", truth: 359.6, workers: 10, queue: 5, service: constant(0.0185), slow: 1.5, dwell: [2]float64{27, 3}, rare: true},
}

func constant(d float64) func(*rand.Rand) float64 { return func(*rand.Rand) float64 { return d } }

func exponential(mean float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
}

func lognormal(mean, cv float64) func(*rand.Rand) float64 {
	s2 := math.Log(1 + cv*cv)
	mu, sd := math.Log(mean)-s2/2, math.Sqrt(s2)
	return func(r *rand.Rand) float64 { return math.Exp(mu + sd*r.NormFloat64()) }
}

// instants is a heap.
type instants []float64

func (h instants) Len() int           { return len(h) }
func (h instants) Less(i, j int) bool { return h[i] < h[j] }
func (h instants) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *instants) Push(any)          {}
func (h *instants) Pop() any          { return nil }

// run drives the system, which is empty at first, and counts the arrivals after the
// warm-up, in batches.
func (y *system) run(r *rand.Rand, rate, warm, length float64, batches int) []search.Batch {
	out := make([]search.Batch, batches)
	for i := range out {
		out[i] = search.Batch{Bad: []int64{0}, Near: []int64{0}}
	}
	free := make(instants, y.workers) // when each worker is free
	var begins []float64              // of the accepted, those that may still wait
	state, until := 0, math.Inf(1)
	if y.slow > 0 {
		if r.Float64() < y.dwell[1]/(y.dwell[0]+y.dwell[1]) {
			state = 1
		}
		until = r.ExpFloat64() * y.dwell[state]
	}
	for t := r.ExpFloat64() / rate; t < warm+length; t += r.ExpFloat64() / rate {
		for t > until {
			state = 1 - state
			until += r.ExpFloat64() * y.dwell[state]
		}
		for len(begins) > 0 && begins[0] <= t {
			begins = begins[1:]
		}
		bad, near := y.queue >= 0 && free[0] > t && len(begins) >= y.queue, false
		done := t
		if !bad {
			s := y.service(r)
			if state == 1 {
				s *= y.slow
			}
			begin := max(t, free[0])
			free[0] = begin + s
			heap.Fix(&free, 0)
			if y.queue >= 0 && begin > t {
				begins = append(begins, begin)
			}
			done = begin + s
			latency := done - t
			bad, near = y.deadline > 0 && latency > y.deadline, y.deadline > 0 && latency > y.deadline/2
		}
		if t < warm {
			continue
		}
		if k := int((done - warm) / length * float64(batches)); k < batches {
			out[k].Ended++
		}
		b := &out[min(int((t-warm)/length*float64(batches)), batches-1)]
		b.N++
		if bad {
			b.Bad[0]++
		}
		if near {
			b.Near[0]++
		}
	}
	return out
}

const low, high = 50, 3200 // of every search

func config(precision float64, budget time.Duration) search.Config {
	return search.Config{
		Low: low, High: high, Limits: []search.Limit{{Name: "bad", Share: 0.01}}, Precision: precision, Confidence: 0.95, Budget: budget,
	}
}

// search searches the capacity of the system. Each visit begins with an empty server,
// as a stage does.
func (y *system) search(r *rand.Rand, c search.Config) (*search.Search, []search.Visit) {
	s := search.New(c)
	var visits []search.Visit
	var spent time.Duration
	for v, ok := s.Next(); ok; v, ok = s.Next() {
		warm := search.Warmup(v.Length, time.Duration(y.typical*float64(time.Second)))
		now := *y
		now.service = func(r *rand.Rand) float64 { return y.service(r) * (1 + y.drift*spent.Seconds()) }
		v.Batches = now.run(r, v.Level, warm.Seconds(), v.Length.Seconds(), int(v.Length.Seconds()))
		for k := 2; k < len(v.Batches); k++ {
			if s.Enough(search.Visit{Level: v.Level, Length: time.Duration(k) * time.Second, Check: v.Check, Batches: v.Batches[:k]}) {
				v.Batches, v.Length = v.Batches[:k], time.Duration(k)*time.Second
			}
		}
		v.Took = warm + v.Length + time.Second // to drain
		spent += v.Took
		v.Verdict = s.Add(v)
		visits = append(visits, v)
	}
	return s, visits
}

// share is the bad share at a rate, and the seconds that it takes to measure it.
func (y *system) share(r *rand.Rand, rate, warm, length float64) (share, seconds float64) {
	b := y.run(r, rate, warm, length, 1)[0]
	return float64(b.Bad[0]) / float64(max(b.N, 1)), warm + length + 1
}

// bisect is what other tools do: they take one reading of each level for the truth.
func (y *system) bisect(r *rand.Rand, precision, reading float64) (meets, misses, seconds float64) {
	meets, misses = low, high
	for misses > meets*(1+precision) {
		middle := math.Sqrt(meets * misses)
		share, took := y.share(r, middle, 2, reading)
		if seconds += took; share < 0.01 {
			meets = middle
		} else {
			misses = middle
		}
	}
	return meets, misses, seconds
}

// sweep measures every level from the lowest to the first that misses.
func (y *system) sweep(r *rand.Rand, precision, reading float64) (meets, misses, seconds float64) {
	for level := float64(low); ; level *= 1 + precision {
		share, took := y.share(r, level, 2, reading)
		if seconds += took; share >= 0.01 {
			return meets, level, seconds
		}
		meets = level
	}
}
