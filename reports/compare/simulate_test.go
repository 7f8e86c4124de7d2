package compare_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a628bb15/onhold/reports/compare"
)

// play runs a comparison to the look at which it would have ended live. The series
// hold the pairs of all looks. What a look has decided stays decided, so one
// decision on all pairs shows which look that is.
func play(d compare.Design, all []compare.Series) *compare.Report {
	d.Tests = compare.Tests(all)
	found := compare.Decide(d, all)
	for look := range d.Looks {
		sofar := slices.Clone(found)
		for i, f := range found {
			if f.Look > look+1 {
				sofar[i].Verdict = compare.Inconclusive
			}
		}
		if look == len(d.Looks)-1 || !compare.Open(sofar) {
			return compare.Conclude(d, cut(all, d.Looks[look]), nil, nil)
		}
	}
	panic("a design without looks")
}

// cut has the first n pairs of each series.
func cut(all []compare.Series, n int) []compare.Series {
	out := slices.Clone(all)
	for i, s := range all {
		out[i].Pairs = s.Pairs[:n]
		out[i].Control = s.Control[:min(n, len(s.Control))]
	}
	return out
}

// playLive runs a comparison as it is run live: whenever a look is reached it is
// decided with the pairs so far, and it ends where more are of no use.
func playLive(d compare.Design, all []compare.Series) *compare.Report {
	for _, n := range d.Looks {
		r := compare.Conclude(d, cut(all, n), nil, nil)
		if n == d.MaxPairs() || !compare.Open(r.Findings) {
			return r
		}
	}
	panic("a design without looks")
}

// A noise makes the logs of n launches, in the order of time, that share a
// spread of sd.
type noise func(r *rand.Rand, n int, sd float64) []float64

// independent launches know nothing of each other.
func independent(r *rand.Rand, n int, sd float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = sd * r.NormFloat64()
	}
	return out
}

// drifting launches are like the one before: a machine that gets warm, a
// neighbour that comes and goes. It is an AR(1) series of correlation 0.9.
func drifting(r *rand.Rand, n int, sd float64) []float64 {
	const like = 0.9
	out := make([]float64, n)
	x := r.NormFloat64()
	for i := range out {
		out[i] = sd * x
		x = like*x + math.Sqrt(1-like*like)*r.NormFloat64()
	}
	return out
}

// spiky launches have three times the noise in one of ten.
func spiky(r *rand.Rand, n int, sd float64) []float64 {
	out := independent(r, n, sd)
	for i := range out {
		if r.Float64() < 0.1 {
			out[i] *= 3
		}
	}
	return out
}

// stalling launches are a good deal slower in one of ten, and never faster.
func stalling(r *rand.Rand, n int, sd float64) []float64 {
	out := independent(r, n, sd)
	for i := range out {
		if r.Float64() < 0.1 {
			out[i] += 4 * sd * r.ExpFloat64()
		}
	}
	return out
}

// bimodal launches come out in one of two ways, as layouts of memory do.
func bimodal(r *rand.Rand, n int, sd float64) []float64 {
	out := independent(r, n, 0.6*sd)
	for i := range out {
		out[i] += 0.8 * sd * float64(2*r.IntN(2)-1)
	}
	return out
}

// growing launches are three times as noisy at the end as at the start.
func growing(r *rand.Rand, n int, sd float64) []float64 {
	out := independent(r, n, sd)
	for i := range out {
		out[i] *= 0.5 + float64(i)/float64(n)
	}
	return out
}

// The kinds of noise a gate has to live with.
var kinds = []struct {
	name  string
	of    noise
	round bool // values are read from a histogram
}{
	{"independent", independent, false},
	{"drifting", drifting, false},
	{"spiky", spiky, false},
	{"stalling", stalling, false},
	{"bimodal", bimodal, false},
	{"growing", growing, false},
	{"rounded", independent, true},
}

// drawn hands launches, in the order of time, to the arms of pairs: in each a
// coin says whose turn it is.
func drawn(r *rand.Rand, launches []float64, arms int) [][]float64 {
	var pairs [][]float64
	for in := range slices.Chunk(launches, arms) {
		pair := make([]float64, arms)
		for arm, at := range r.Perm(arms) {
			pair[arm] = in[at]
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// latency is the series of p99 of launches whose logs are given pair by pair:
// of base, candidate and, where there is a third, the control. The candidate is
// that much worse.
func latency(logs [][]float64, worse float64, round bool) compare.Series {
	const usual = 200e6
	value := func(log, factor float64) float64 {
		v := usual * factor * math.Exp(log)
		if round {
			v = asInHistogram(v)
		}
		return v
	}
	s := compare.Series{Scenario: "s", Metric: compare.MetricOf("p99-ns", false)}
	for i, l := range logs {
		base := value(l[0], 1)
		s.Pairs = append(s.Pairs, compare.Pair{Number: i + 1, Base: base, Candidate: value(l[1], 1+worse)})
		if len(l) > 2 {
			s.Control = append(s.Control, compare.Pair{Number: i + 1, Base: base, Candidate: value(l[2], 1)})
		}
	}
	return s
}

// asInHistogram rounds as a histogram of three digits does: to 11 bits.
func asInHistogram(v float64) float64 {
	share, power := math.Frexp(v)
	return math.Ldexp(math.Ceil(share*2048), power-11)
}

// named is a series under another metric's name: its values count, in any unit.
func named(s compare.Series, unit string) compare.Series {
	s.Metric = compare.MetricOf(unit, false)
	return s
}

// source is the random source of a simulation of that name. Each has its own,
// so that one more does not change all others.
func source(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(20260908, h.Sum64()))
}

// tally counts what comparisons came to.
type tally struct {
	trials, pairs int
	of            map[compare.Verdict]int
	squares       float64 // of the log ratios of the first series' pairs, all that were drawn
	drawn         int
}

// simulate plays that many comparisons.
func simulate(name string, trials int, make func(*rand.Rand) []compare.Series) *tally {
	return simulateWith(compare.DefaultDesign(), source(name), trials, make)
}

func simulateWith(d compare.Design, r *rand.Rand, trials int, make func(*rand.Rand) []compare.Series) *tally {
	t := &tally{trials: trials, of: map[compare.Verdict]int{}}
	for range trials {
		all := make(r)
		report := play(d, all)
		t.of[report.Verdict]++
		t.pairs += report.Pairs
		for _, p := range all[0].Pairs {
			d := p.Candidate - p.Base
			if all[0].Metric.Scale == compare.Points {
				d *= 1e-6
			} else {
				d = math.Log(p.Candidate / p.Base)
			}
			t.squares += d * d
			t.drawn++
		}
	}
	return t
}

func (t *tally) share(v ...compare.Verdict) float64 {
	n := 0
	for _, v := range v {
		n += t.of[v]
	}
	return float64(n) / float64(t.trials)
}

// found is the share in which a regression was proven, however small.
func (t *tally) found() float64 { return t.share(compare.Regressed, compare.Minor) }

// alarms is how often it would have failed a build.
func (t *tally) alarms() int { return t.of[compare.Regressed] + t.of[compare.Unstable] }

// noise is the standard deviation of a pair's change where nothing changed.
func (t *tally) noise() float64 { return math.Sqrt(t.squares / float64(t.drawn)) }

func (t *tally) meanPairs() float64 { return float64(t.pairs) / float64(t.trials) }

func (t *tally) String() string {
	return fmt.Sprintf("of %d: %d regressed, %d unstable, %d minor, %d improved, %.1f %% equal, %.1f %% inconclusive, %d not valid, %.1f pairs", t.trials,
		t.of[compare.Regressed], t.of[compare.Unstable], t.of[compare.Minor], t.of[compare.Improved], 100*t.share(compare.Equal), 100*t.share(compare.Inconclusive), t.of[compare.Invalid], t.meanPairs())
}
