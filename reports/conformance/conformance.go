// Package conformance holds what a target did against what queueing theory says that
// it had to do. It reads traces of the target's gate, and measures nothing.
//
//  1. [CompareFates] puts the arrivals of a trace before an exact queue and
//     names every request whose fate is another: no law, no chance.
//  2. A [Spec] is a load on a server of which a model is known. [Assess] holds
//     the window of its trace against the model: an interval that respects that
//     rejections come in clusters, against what is expected of the rate and the
//     service time that were measured. [Plan] tells beforehand how wide the
//     interval will be.
//  3. A [Report] is many of these, with the chance of a wrong word shared out
//     among them.
package conformance

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
)

// Quantities that a model is asked about.
const (
	Rejected = "rejected" // share of the requests
	Wait     = "wait"     // mean, of the served, in seconds: from when a request came to when a worker was free for it
)

// Batches is how many parts a window has. What differs between them tells how
// far the whole may be off, as long as each is longer than the server's memory.
const Batches = 20

// FamilyError is the chance that any interval of a report misses the truth.
const FamilyError = 0.05

// Confidence of each interval of so many that none may miss: Bonferroni's.
func Confidence(judged int) float64 { return 1 - FamilyError/float64(max(judged, 1)) }

// Spec is a load on a pool of workers with a bounded queue.
type Spec struct {
	Name    string        `json:"name"`
	Load    string        `json:"load"`              // as theory.Setting has it
	Rate    int           `json:"rate,omitzero"`     // poisson and constant, a second
	Clients int           `json:"clients,omitzero"`  // closed and burst
	Think   time.Duration `json:"think_ns,omitzero"` // closed, after a reply and after a rejection
	Every   time.Duration `json:"every_ns,omitzero"` // burst
	Workers int           `json:"workers"`
	Places  int           `json:"places"`
	Service time.Duration `json:"service_ns"` // mean
	Law     string        `json:"law"`
	CV      float64       `json:"cv,omitzero"` // of lognormal service

	Judged []string `json:"judged"` // quantities
}

func (s Spec) open() bool {
	return s.Load == theory.LoadPoisson || s.Load == theory.LoadConstant
}

// engset says that clients are turned away, and think: then the time that it
// takes them to come back is part of what was measured.
func (s Spec) engset() bool { return s.Load == theory.LoadClosed && s.Clients > s.Workers+s.Places }

// Erlangs is the load that is planned, where that is known.
func (s Spec) Erlangs() float64 { return float64(s.Rate) * s.Service.Seconds() }

// Warmup is for how long the server is to run before the window.
func (s Spec) Warmup() time.Duration {
	services := 5.0
	switch {
	case s.open():
		if w, err := theory.WarmUp(s.Workers, s.Places, s.Erlangs()); err == nil {
			services = w * (1 + s.CV*s.CV/2)
		}
	case s.Load == theory.LoadClosed:
		cycle := max(float64(s.Clients)/float64(s.Workers), 1+s.Think.Seconds()/s.Service.Seconds())
		services = max(services, 2*cycle)
	}
	// Connections are made and heaps grow in the first half second.
	return max(500*time.Millisecond, time.Duration(services*float64(s.Service)))
}

// point is what a model depends on.
type point struct {
	rate    float64 // a second: open
	think   float64 // in seconds: closed
	service float64 // in seconds
}

// expectation is what a model says.
type expectation struct {
	model string
	exact bool
	value map[string]float64
	half  map[string]float64 // of what was simulated, at 95 %
}

// simulatedRuns of a simulation, as theory has it.
const simulatedRuns = theory.DefaultRuns

// expect asks the model. few is for slopes: a simulation from the same seeds
// needs little to tell two loads apart.
func (s Spec) expect(at point, few bool) (expectation, error) {
	set := theory.Setting{
		Load: s.Load, Workers: s.Workers, Places: s.Places, Service: time.Duration(at.service * 1e9),
		ServiceLaw: theory.Law{Kind: s.Law, CV: s.CV}, Seed: 1, Runs: simulatedRuns, Requests: 50_000,
	}
	if few {
		set.Requests = 5_000
	}
	if s.open() {
		set.Rate = at.rate
	} else {
		set.Clients = s.Clients
	}
	if s.Load == theory.LoadClosed {
		set.Think = time.Duration(at.think * 1e9)
	}
	p, err := theory.Predict(set)
	if err != nil {
		return expectation{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	e := expectation{p.Model, p.Exact, map[string]float64{}, map[string]float64{}}
	if p.Rejected != nil {
		e.value[Rejected] = *p.Rejected
	}
	if p.Wait.Mean != nil {
		e.value[Wait] = *p.Wait.Mean / 1e9
	}
	if p.Interval != nil {
		half := func(r *theory.Range, unit float64) float64 {
			if r == nil {
				return math.Inf(1)
			}
			return (r[1] - r[0]) / 2 * unit
		}
		e.half[Rejected], e.half[Wait] = half(p.Interval.Rejected, 1), half(p.Interval.Wait.Mean, 1e-9)
	}
	return e, nil
}

// slopes are by how much a quantity rises with what moves it.
type slopes struct{ supply, service map[string]float64 }

// slopes of the quantities, by the rate of an open load or the time of thinking
// of a closed one, and by the service time.
func (s Spec) slopes(at point, e expectation) (slopes, error) {
	out := slopes{map[string]float64{}, map[string]float64{}}
	supply := func(p *point) *float64 { return &p.think }
	if s.open() {
		supply = func(p *point) *float64 { return &p.rate }
	}
	if s.open() || s.engset() {
		if err := s.differ(out.supply, at, e.exact, supply); err != nil {
			return out, err
		}
	}
	if !s.open() {
		return out, s.differ(out.service, at, e.exact, func(p *point) *float64 { return &p.service })
	}
	// There is no unit of time but the service time, so that a longer one is a
	// higher rate, and a wait is as much longer.
	for q, slope := range out.supply {
		out.service[q] = slope * at.rate / at.service
	}
	out.service[Wait] += e.value[Wait] / at.service
	return out, nil
}

// differ differentiates all quantities by what move moves.
func (s Spec) differ(out map[string]float64, at point, exact bool, move func(p *point) *float64) error {
	step := 0.002
	if !exact {
		step = 0.03
	}
	x := *move(&at)
	if x == 0 {
		return nil
	}
	for _, sign := range []float64{-1, 1} {
		p := at
		*move(&p) = x * (1 + sign*step)
		e, err := s.expect(p, true)
		if err != nil {
			return err
		}
		for q, v := range e.value {
			out[q] += sign * v / (2 * step * x)
		}
	}
	return nil
}

// widened is the half width of an interval of so many values at another
// confidence than 95 %.
func widened(half float64, values int, confidence float64) float64 {
	if half == 0 {
		return 0
	}
	v := make([]float64, values)
	for i := range v {
		v[i] = float64(i)
	}
	was, err1 := theory.BatchMeans(v, 0.95)
	is, err2 := theory.BatchMeans(v, confidence)
	if err1 != nil || err2 != nil {
		return math.Inf(1)
	}
	return half * (is.High - is.Mean) / (was.High - was.Mean)
}
