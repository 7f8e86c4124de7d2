package render

import (
	"image/color"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// percentilesModel is all that the percentile figure draws.
type percentilesModel struct {
	load     string
	nines    limits // −log10(1−q)
	time     limits // nanoseconds
	anyLater bool   // a target has a second clock
	some     bool   // there is a latency to draw
	columns  []percentilesColumn
}

type percentilesColumn struct {
	name  string
	hue   color.RGBA
	tails []tail // by rising level
}

// tail is the latencies of one stage, from the quickest to the slowest.
type tail struct {
	level    int
	latency  []step
	service  []step
	done     []step  // the second clock; empty where there is none
	sure     float64 // up to here, in nines, ten samples lie beyond
	rejected float64 // share of arrivals
	failed   float64 // share of arrivals that failed in any other way
	valid    bool
}

// step is one point of a tail: x in nines, y in nanoseconds.
type step struct{ x, y float64 }

const mostTails = 5

func newPercentilesModel(sweeps []sweep.Sweep) percentilesModel {
	var m percentilesModel
	if len(sweeps) > 0 {
		m.load = sweeps[0].Load
	}
	var times []float64
	for i := range sweeps {
		c := percentilesColumn{name: sweeps[i].ShortName(30), hue: hueOf(sweeps[i].Target(), i)}
		for _, p := range telling(sweeps[i].Points) {
			t := newTail(p)
			m.anyLater = m.anyLater || len(t.done) > 0
			for _, s := range slices.Concat(t.latency, t.service, t.done) {
				times = append(times, s.y)
				m.nines.hi = max(m.nines.hi, s.x)
			}
			c.tails = append(c.tails, t)
		}
		m.columns = append(m.columns, c)
	}
	m.nines.hi = max(m.nines.hi, 1)
	m.time.lo, m.time.hi, m.some = logRange(times, halfDecade)
	return m
}

// telling chooses at most five stages: without load, at half of the highest
// load that is still served, at that load, at the first that is not, and at
// the highest of all.
func telling(points []sweep.Point) []sweep.Point {
	var some []sweep.Point
	for _, p := range points {
		if p.Stage.Counts.Planned() > 0 {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return nil
	}
	firstBad := slices.IndexFunc(some, func(p sweep.Point) bool { return !p.Served() })
	good := firstBad - 1
	if firstBad < 0 {
		good = len(some) - 1
	}
	keep := map[int]bool{0: true, len(some) - 1: true}
	if good >= 0 {
		half := 0
		for i := range good {
			if math.Abs(math.Log(float64(some[i].Level)/(float64(some[good].Level)/2))) <
				math.Abs(math.Log(float64(some[half].Level)/(float64(some[good].Level)/2))) {
				half = i
			}
		}
		keep[good], keep[half] = true, true
	}
	if firstBad >= 0 {
		keep[firstBad] = true
	}
	var out []sweep.Point
	for i, p := range some {
		if keep[i] && len(out) < mostTails {
			out = append(out, p)
		}
	}
	return out
}

func newTail(p sweep.Point) tail {
	t := tail{
		level:    p.Level,
		latency:  stepsOf(p.Stage.Latency),
		service:  stepsOf(p.Stage.Uncorrected),
		sure:     math.Log10(max(float64(p.Stage.Latency.N())/10, 1)),
		rejected: p.Stage.RejectedShare(),
		failed:   max(p.Unserved()-p.Stage.RejectedShare(), 0),
		valid:    p.Valid(),
	}
	if p.HasCompletion() {
		t.done = steps(p.Stage.Completion.Accepted, p.Stage.Completion.Quantile)
	}
	return t
}

// stepsOf are the steps of a histogram.
func stepsOf(h *result.Hist) []step {
	return steps(h.N(), func(q float64) (time.Duration, bool) { return h.Quantile(q), true })
}

// steps samples the quantiles of n values evenly in nines, up to where one of
// them lies beyond, or where a quantile is infinite: the curve ends where the
// samples do.
func steps(n int64, quantile func(q float64) (time.Duration, bool)) []step {
	if n == 0 {
		return nil
	}
	const perNine = 36
	end := math.Log10(float64(n))
	var out []step
	for i := 0; ; i++ {
		x := min(float64(i)/perNine, end)
		d, finite := quantile(1 - math.Pow(10, -x))
		if finite {
			out = append(out, step{x, float64(d)})
		}
		if x >= end || !finite {
			return out
		}
	}
}
