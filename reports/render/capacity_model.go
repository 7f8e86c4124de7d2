package render

import (
	"image/color"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// capacityModel is all that the capacity figure draws, before any of it has a
// place on paper: tests ask it what was drawn and how.
type capacityModel struct {
	load     string // of the first sweep; names the unit of the levels
	log      bool   // both axes of the rates, and that of the levels
	levels   limits
	latency  limits // nanoseconds
	rate     limits // per second
	columns  []capacityColumn
	anyThin  bool
	anyRep   bool
	anyOdd   bool // a stage is not valid
	anyLater bool // a target has a second clock
	anyOff   bool // a line of rejected lies off the scale
	hasPoint bool // there is something to draw at all
}

// limits are the values at both ends of an axis.
type limits struct{ lo, hi float64 }

type capacityColumn struct {
	name      string
	hue       color.RGBA
	quantiles []curve // latency of ok, ns
	processed []curve // the second clock, ns; empty where there is none
	turned    curve   // the median time to be turned away, ns; empty where that is rare
	off       bool    // turned lies off the scale
	shares    []shares
	goodput   curve // per second
	offered   curve
	nobody    []float64 // levels at which nobody was served
	theory    theoryLines
	rules     []rule
}

// curve is one line, by rising level.
type curve struct {
	name  string
	marks []mark
}

// mark is one measured value on a curve.
type mark struct {
	x, y   float64
	lo, hi float64 // over the repeats; both 0 where there are none
	thin   bool    // fewer than ten samples beyond: dotted
	hollow bool    // the stage is not valid
	apart  bool    // a level without a value lies between this one and the last: no line
}

// shares is how the arrivals of one level ended, one share for each band.
type shares struct {
	level  float64
	of     []float64
	hollow bool
}

// rule is a vertical line where something is known to begin.
type rule struct {
	at   float64
	name string
}

// drawnQuantiles are the percentile lines, from the light to the dark.
var drawnQuantiles = []float64{0.5, 0.9, 0.99, 0.999}

// shownRejected is the share of rejected from which the time to be turned
// away is drawn.
const shownRejected = 0.01

func newCapacityModel(sweeps []sweep.Sweep) capacityModel {
	m := capacityModel{log: true}
	if len(sweeps) > 0 {
		m.load = sweeps[0].Load
		m.log = !result.OpenLoad(m.load)
	}
	for i := range sweeps {
		m.columns = append(m.columns, m.column(&sweeps[i], i))
	}
	m.scale()
	return m
}

// drawn leaves out what a logarithmic axis has no place for.
func (m *capacityModel) drawn(points []sweep.Point) []sweep.Point {
	var out []sweep.Point
	for _, p := range points {
		if p.Stage.Counts.Planned() > 0 && (p.Level > 0 || !m.log && p.Level == 0) {
			out = append(out, p)
		}
	}
	return out
}

func (m *capacityModel) column(w *sweep.Sweep, place int) capacityColumn {
	c := capacityColumn{name: w.ShortName(30), hue: hueOf(w.Target(), place)}
	points := m.drawn(w.Points)
	m.hasPoint = m.hasPoint || len(points) > 0
	for _, q := range drawnQuantiles {
		c.quantiles = append(c.quantiles, line(percentile(q), points, func(s *result.Stage) (float64, bool, bool) {
			return float64(s.Latency.Quantile(q)), s.Latency.Thin(q), s.Latency.Resolved(q)
		}))
	}
	if w.HasCompletion() {
		m.anyLater = true
		for _, q := range []float64{0.5, 0.99} {
			c.processed = append(c.processed, line("done "+percentile(q), points, func(s *result.Stage) (float64, bool, bool) {
				d, done := s.Completion.Quantile(q)
				return float64(d), s.Completion.Thin(q), done && s.Completion.Resolved(q)
			}))
		}
	}
	c.goodput = line("ok", points, func(s *result.Stage) (float64, bool, bool) {
		g := finite(s.Goodput())
		return g, false, g > 0 || !m.log
	})
	c.offered = line("offered", points, func(s *result.Stage) (float64, bool, bool) {
		return finite(s.Offered()), false, true
	})
	for _, p := range points {
		s := shares{level: float64(p.Level), hollow: !p.Valid()}
		for _, b := range bands {
			s.of = append(s.of, p.Stage.Share(b.outcomes...))
		}
		c.shares = append(c.shares, s)
		if p.Stage.Counts[result.OK] == 0 {
			c.nobody = append(c.nobody, float64(p.Level))
		}
		if p.Stage.RejectedShare() > shownRejected && len(c.turned.marks) == 0 {
			c.turned = line("turned away", points, func(s *result.Stage) (float64, bool, bool) {
				return float64(s.Rejected.Quantile(0.5)), s.Rejected.Thin(0.5), s.Rejected.N() > 0
			})
		}
		m.anyOdd = m.anyOdd || !p.Valid()
		m.anyRep = m.anyRep || len(p.Repeats) > 1
	}
	for _, q := range slices.Concat(c.quantiles, c.processed) {
		for _, k := range q.marks {
			m.anyThin = m.anyThin || k.thin
		}
	}
	c.theory = theoryOf(points)
	if m.log && len(points) > 0 {
		c.rules = rulesOf(points[0].Stage)
	}
	return c
}

// line draws one value of each point; of tells the value, whether its samples
// are thin, and whether there is one.
func line(name string, points []sweep.Point, of func(*result.Stage) (v float64, thin, ok bool)) curve {
	c := curve{name: name}
	apart := false
	for _, p := range points {
		v, thin, ok := of(p.Stage)
		if !ok {
			apart = true
			continue
		}
		k := mark{x: float64(p.Level), y: v, thin: thin, hollow: !p.Valid(), apart: apart && len(c.marks) > 0}
		if len(p.Repeats) > 1 {
			k.lo, k.hi = math.Inf(1), 0
			for _, r := range p.Repeats {
				v, _, _ := of(r)
				k.lo, k.hi = min(k.lo, v), max(k.hi, v)
			}
		}
		c.marks, apart = append(c.marks, k), false
	}
	return c
}

// rulesOf says where a pool of workers in front of a closed load is full: one
// client more than there are workers must wait, one more than workers and
// places in the queue is turned away.
func rulesOf(s *result.Stage) []rule {
	workers, queue := s.Settings.Int(result.KeyWorkers), s.Settings.Int(result.KeyQueue)
	if s.Load() != "closed" || workers <= 0 || s.Settings.Duration(result.KeyThink) > 0 {
		return nil
	}
	return poolRules(workers, queue)
}

func poolRules(workers, queue int) []rule {
	rules := []rule{{float64(workers), count(int64(workers)) + " workers"}}
	if queue > 0 {
		rules = append(rules, rule{float64(workers + queue), "+ " + count(int64(queue)) + " queued"})
	}
	return rules
}

// scale sets the axes, which all columns share.
func (m *capacityModel) scale() {
	var levels, latencies, turned, rates []float64
	for _, c := range m.columns {
		for _, q := range slices.Concat(c.quantiles, c.processed) {
			latencies = append(latencies, q.values()...)
		}
		turned = append(turned, c.turned.values()...)
		rates = append(rates, append(c.goodput.values(), c.offered.values()...)...)
		if c.theory.alone {
			rates = append(rates, c.theory.goodput.values()...)
			for _, q := range c.theory.latency {
				latencies = append(latencies, q.values()...)
			}
		}
		for _, s := range c.shares {
			levels = append(levels, s.level)
		}
	}
	// What theory expects is seen where it is not what was measured, but does
	// not press that flat.
	if lo, hi, ok := logRange(latencies, halfDecade); ok {
		for _, c := range m.columns {
			for _, q := range c.theory.latency {
				latencies = append(latencies, q.within(lo/halfDecade, hi*halfDecade).values()...)
			}
		}
	}
	m.latency = m.latencyLimits(latencies, turned)
	if m.log {
		m.levels.lo, m.levels.hi, _ = logRange(levels, 4)
		m.rate.lo, m.rate.hi, _ = logRange(rates, 10)
		return
	}
	for _, l := range levels {
		m.levels.hi = max(m.levels.hi, 1.06*l)
	}
	for _, r := range rates {
		m.rate.hi = max(m.rate.hi, 1.08*r)
	}
	m.levels.hi, m.rate.hi = max(m.levels.hi, 1), max(m.rate.hi, 1)
}

const (
	halfDecade = 3.1622776601683795
	// mostForTurned is the widest range of latencies that the time to be turned
	// away may ask for. A refusal within a millisecond would press the
	// latencies of a 200 ms backend into a tenth of the panel; it is told in
	// words at the bottom instead.
	mostForTurned = 31.622776601683795
)

func (m *capacityModel) latencyLimits(latencies, turned []float64) limits {
	lo, hi, ok := logRange(append(latencies[:len(latencies):len(latencies)], turned...), halfDecade)
	if okLo, okHi, some := logRange(latencies, halfDecade); some && hi/lo > max(mostForTurned, math.Pow(okHi/okLo, 1.35)) {
		// Room for the words.
		if lo < okLo {
			okLo /= math.Pow(okHi/okLo, 0.08)
		}
		if hi > okHi {
			okHi *= math.Pow(okHi/okLo, 0.08)
		}
		lo, hi = okLo, okHi
	}
	if !ok {
		lo, hi = float64(100*time.Millisecond), float64(time.Second)
	}
	for i := range m.columns {
		c := &m.columns[i]
		for _, v := range c.turned.values() {
			c.off = c.off || v < lo || v > hi
		}
		m.anyOff = m.anyOff || c.off
	}
	return limits{lo, hi}
}

func (c curve) values() []float64 {
	var v []float64
	for _, k := range c.marks {
		v = append(v, k.y)
		if k.hi > 0 {
			v = append(v, k.lo, k.hi)
		}
	}
	return v
}
