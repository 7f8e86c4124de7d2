package figure

import (
	"image/color"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// capacityModel is all that the capacity figure draws, before any of it has a place:
// tests ask it what was drawn and how.
type capacityModel struct {
	levels  canvas.Axis
	latency canvas.Axis
	rate    canvas.Axis // per second
	columns []capacityColumn
}

type capacityColumn struct {
	name       string
	hue        color.RGBA
	quantiles  []canvas.Curve // latency of ok
	completion []canvas.Curve // completion latency; empty where there is none
	adjusted   canvas.Curve   // p99 of all arrivals, infinite where too many were not served; empty where all were
	shape      canvas.Shape
	rejected   canvas.Curve // the median time until a rejection; empty where that is rare
	off        bool         // rejected lies off the scale
	repeats    bool         // some levels were driven more than once
	shares     []shares
	goodput    canvas.Curve
	offered    canvas.Curve
	unserved   []float64 // levels at which nobody was served
	theory     theoryLines
	rules      []rule
}

// shares is how the arrivals of one level ended, one share for each band.
type shares struct {
	level  float64
	of     []float64 // empty where nothing was measured
	hollow bool
}

// rule is a vertical line where something is known to begin.
type rule struct {
	at   float64
	name string
}

var drawnQuantiles = []float64{0.5, 0.9, 0.99, 0.999}

// shownRejected is the share of rejected from which the time until a rejection is
// drawn.
const shownRejected = 0.01

func newCapacityModel(sweeps []sweep.Sweep) *capacityModel {
	m := capacityAxes(loadOf(sweeps))
	for i := range sweeps {
		m.columns = append(m.columns, m.column(&sweeps[i], i))
	}
	m.setLimits()
	return m
}

// capacityAxes is the figure of a load model, without columns.
func capacityAxes(load string) *capacityModel {
	log := !result.OpenLoad(load)
	return &capacityModel{
		levels:  canvas.Axis{Label: result.LevelUnit(load, 2), Unit: units.Count, Log: log},
		latency: canvas.Axis{Unit: units.Time, Log: true},
		rate:    canvas.Axis{Unit: units.Rate, Log: log},
	}
}

func (m *capacityModel) some() bool {
	return slices.ContainsFunc(m.columns, func(c capacityColumn) bool { return len(c.shares) > 0 })
}

func (m *capacityModel) column(w *sweep.Sweep, place int) capacityColumn {
	c := capacityColumn{name: w.ShortName(30), hue: canvas.HueOf(w.Target(), place), shape: canvas.ShapeOf(w.Target(), place)}
	var points []sweep.Point
	for _, p := range w.Points { // a log axis has no place for 0
		if p.Stage.Counts.Planned() > 0 && (p.Level > 0 || !m.levels.Log && p.Level == 0) {
			points = append(points, p)
		}
	}
	for _, q := range drawnQuantiles {
		c.quantiles = append(c.quantiles, through(units.Percentile(q), points, func(s *result.Stage) (float64, bool, bool) {
			latency := s.Shown().Latency
			return float64(latency.Quantile(q)), latency.Thin(q), latency.Resolved(q)
		}))
		withinRun(c.quantiles[len(c.quantiles)-1].Values, points, q)
	}
	adjusted := through("p99 of all", points, func(s *result.Stage) (float64, bool, bool) {
		d, served := s.Adjusted(0.99)
		if !served {
			return math.Inf(1), false, true
		}
		latency := s.Shown().Latency
		return float64(d), latency.Thin(0.99), latency.Resolved(0.99)
	})
	if slices.ContainsFunc(adjusted.Values, func(v canvas.Value) bool { return math.IsInf(v.Y, 1) }) {
		c.adjusted = adjusted
	}
	if w.HasCompletion() {
		for _, q := range []float64{0.5, 0.99} {
			c.completion = append(c.completion, through("done "+units.Percentile(q), points, func(s *result.Stage) (float64, bool, bool) {
				d, done := s.Completion.Quantile(q)
				if !done {
					return math.Inf(1), false, true
				}
				return float64(d), s.Completion.Thin(q), s.Completion.Resolved(q)
			}))
		}
	}
	c.goodput = through("ok", points, func(s *result.Stage) (float64, bool, bool) {
		return finite(s.Goodput()), false, finite(s.Goodput()) > 0 || !m.rate.Log
	})
	c.offered = through("offered", points, func(s *result.Stage) (float64, bool, bool) { return finite(s.Offered()), false, true })
	for i := range c.offered.Values {
		c.offered.Values[i].Hollow = false // it has no markers
	}
	for _, p := range points {
		s := shares{level: float64(p.Level), hollow: !p.Valid()}
		for _, b := range canvas.Bands {
			s.of = append(s.of, p.Stage.Share(b.Outcomes...))
		}
		c.shares = append(c.shares, s)
		if p.Stage.Counts[result.OK] == 0 {
			c.unserved = append(c.unserved, s.level)
		}
	}
	if slices.ContainsFunc(points, func(p sweep.Point) bool { return p.Stage.RejectedShare() > shownRejected }) {
		c.rejected = through("rejected", points, func(s *result.Stage) (float64, bool, bool) {
			rejected := s.Shown().Rejected
			return float64(rejected.Quantile(0.5)), rejected.Thin(0.5), rejected.N() > 0
		})
	}
	c.repeats = slices.ContainsFunc(points, func(p sweep.Point) bool { return len(p.Repeats) > 1 })
	c.theory = theoryOf(points)
	if m.levels.Log && len(points) > 0 {
		c.rules = rulesOf(points[0].Stage)
	}
	return c
}

// finite guards against a stage without a length, which has no rates.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// through is the curve of one value of each point: of returns the value, whether its
// samples are thin, and whether there is one.
func through(name string, points []sweep.Point, of func(*result.Stage) (v float64, thin, ok bool)) canvas.Curve {
	c := canvas.Curve{Name: name}
	gap := false
	for _, p := range points {
		v, thin, ok := of(p.Stage)
		if !ok {
			gap = true
			continue
		}
		k := canvas.Value{X: float64(p.Level), Y: v, Thin: thin, Hollow: !p.Valid(), Gap: gap && len(c.Values) > 0}
		if len(p.Repeats) > 1 {
			k.Lo, k.Hi = math.Inf(1), 0
			for _, r := range p.Repeats {
				v, _, _ := of(r)
				k.Lo, k.Hi = min(k.Lo, v), max(k.Hi, v)
			}
		}
		c.Values, gap = append(c.Values, k), false
	}
	return c
}

// withinRun gives values the intervals of their percentile within the one run that there
// was, where it was long enough for one.
func withinRun(values []canvas.Value, points []sweep.Point, q float64) {
	for i := range values {
		for _, p := range points {
			if float64(p.Level) == values[i].X && len(p.Repeats) == 1 {
				if in := series.Percentile(p.Stage, q); in.TooShort == "" {
					values[i].Lo, values[i].Hi = float64(in.Low), float64(in.High)
				}
			}
		}
	}
}

// rulesOf says where a pool of workers in front of a closed load is full: one client
// more than there are workers must wait, one more than workers and places in the queue
// is rejected.
func rulesOf(s *result.Stage) []rule {
	workers, queue := s.Settings.Int(result.KeyWorkers), s.Settings.Int(result.KeyQueue)
	if s.Load() != "closed" || workers <= 0 || s.Settings.Duration(result.KeyThinkTime) > 0 {
		return nil
	}
	return poolRules(workers, queue)
}

func poolRules(workers, queue int) []rule {
	rules := []rule{{float64(workers), units.Int(workers) + " workers"}}
	if queue > 0 {
		rules = append(rules, rule{float64(workers + queue), "+ " + units.Int(queue) + " queued"})
	}
	return rules
}

func (m *capacityModel) setLimits() {
	var levels, latencies, rejected, rates []float64
	for _, c := range m.columns {
		latencies = append(latencies, valuesOf(slices.Concat(c.quantiles, c.completion)...)...)
		rejected = append(rejected, valuesOf(c.rejected)...)
		rates = append(rates, valuesOf(c.goodput, c.offered)...)
		if c.theory.alone {
			rates = append(rates, valuesOf(c.theory.goodput)...)
			latencies = append(latencies, valuesOf(c.theory.latency...)...)
		}
		for _, s := range c.shares {
			levels = append(levels, s.level)
		}
	}
	// What theory expects is seen where it is not what was measured, but does not press
	// that flat.
	if lo, hi, ok := canvas.LogRange(latencies, canvas.HalfDecade); ok {
		for _, c := range m.columns {
			for _, v := range valuesOf(c.theory.latency...) {
				if v >= lo/canvas.HalfDecade && v <= hi*canvas.HalfDecade {
					latencies = append(latencies, v)
				}
			}
		}
	}
	m.setLatency(latencies, rejected)
	if m.levels.Log {
		m.levels.Lo, m.levels.Hi, _ = canvas.LogRange(levels, 4)
		m.rate.Lo, m.rate.Hi, _ = canvas.LogRange(rates, 10)
		return
	}
	m.levels.Hi = max(1, 1.06*slices.Max(append(levels, 0)))
	m.rate.Hi = max(1, 1.08*slices.Max(append(rates, 0)))
}

// mostForRejected is the widest range of latencies that the time until a rejection may
// ask for. A rejection within a millisecond would press the latencies of a 200 ms
// backend into a tenth of the panel; it is written at the edge instead.
const mostForRejected = 31.622776601683795

func (m *capacityModel) setLatency(latencies, rejected []float64) {
	lo, hi, ok := canvas.LogRange(slices.Concat(latencies, rejected), canvas.HalfDecade)
	if okLo, okHi, some := canvas.LogRange(latencies, canvas.HalfDecade); some && hi/lo > max(mostForRejected, math.Pow(okHi/okLo, 1.35)) {
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
		c.off = slices.ContainsFunc(valuesOf(c.rejected), func(v float64) bool { return v < lo || v > hi })
	}
	m.latency.Lo, m.latency.Hi = lo, hi
}

// valuesOf are the values of curves, and the ends of their bars.
func valuesOf(curves ...canvas.Curve) (v []float64) {
	for _, c := range curves {
		for _, k := range c.Values {
			v = append(v, k.Y)
			if k.Hi > 0 {
				v = append(v, k.Lo, k.Hi)
			}
		}
	}
	return v
}

func (m *capacityModel) marks() string {
	var repeats, adjusted, hollow, completion, rejected bool
	var curves []canvas.Curve
	for _, c := range m.columns {
		curves = slices.Concat(curves, c.quantiles, c.completion)
		repeats = repeats || c.repeats
		adjusted = adjusted || len(c.adjusted.Values) > 0
		hollow = hollow || slices.ContainsFunc(c.shares, func(s shares) bool { return s.hollow })
		completion = completion || len(c.completion) > 0
		rejected = rejected || len(c.rejected.Values) > 0
	}
	drawn := drawnOf(curves...)
	return words.Join(" · ",
		words.If(drawn.thin, thinMark+" the percentile"),
		words.If(drawn.bars && repeats, repeatsMark),
		words.If(drawn.bars && !repeats, "bars: 95 % interval, within run"),
		words.If(adjusted, "p99 of all: what was not served counts as infinitely slow"),
		words.If(hollow, hollowMark),
		words.If(completion, "dashed, done: completion latency, beside the latency until a request was accepted"),
		words.If(rejected, "rejected: median time until a rejection"),
	)
}
