// Package conformance compares what a target did with what queueing theory says it
// had to do. It reads traces of the target's admission point, and measures nothing.
//
//  1. [CompareDecisions] replays the arrivals of a trace through an exact queue and
//     names every decision that differs: no distribution, no chance.
//  2. A [Spec] is a load on a server for which a model is known. [Assess] compares
//     the window of its trace with the model: an interval that allows for rejects
//     that come in clusters, and what is expected of the measured rate and service
//     time. [Plan] predicts how wide the interval will be.
//  3. A [Report] is several of these, with the chance of a wrong answer shared
//     among them.
package conformance

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
)

// Quantities that a model predicts.
const (
	Rejected = "rejected" // share of the requests
	Wait     = "wait"     // mean, of the served, in seconds: until a worker was free
)

// Batches is into how many parts a window is cut. How much they differ says how
// exact the mean is, as long as each is longer than the server's memory.
const Batches = 20

// FamilyError is the chance that any interval of a report misses the truth.
const FamilyError = 0.05

// Confidence of each of so many intervals none of which may miss: Bonferroni's.
func Confidence(judged int) float64 { return 1 - FamilyError/float64(max(judged, 1)) }

// Spec is a load on a pool of workers with a bounded queue, whose clients back off
// after a rejection as they think after a reply.
type Spec struct {
	Name string `json:"name"`
	theory.Setting
	Judged []string `json:"judged"` // quantities
}

func (s Spec) model() load.Model { return s.Load.Model() }

// returning reports whether clients are rejected and come back: then how long
// that takes them is part of what was measured.
func (s Spec) returning() bool {
	return s.model() == load.Closed && s.Load.Clients > s.Workers+s.Queue
}

// Warmup is how long the server must run before the window.
func (s Spec) Warmup() time.Duration {
	services := 5.0
	switch {
	case s.model().Open():
		if w, err := theory.WarmUp(s.Workers, s.Queue, s.Load.Rate*s.ServiceTime.Seconds()); err == nil {
			services = w * (1 + s.ServiceLaw.CV*s.ServiceLaw.CV/2)
		}
	case s.model() == load.Closed:
		cycle := max(float64(s.Load.Clients)/float64(s.Workers), 1+s.Load.ThinkTime.Seconds()/s.ServiceTime.Seconds())
		services = max(services, 2*cycle)
	}
	// Connections open and heaps grow in the first half second.
	return max(500*time.Millisecond, time.Duration(services*float64(s.ServiceTime)))
}

// expectation is what a model says.
type expectation struct {
	model string
	exact bool
	value map[string]float64
	half  map[string]float64 // half the interval of what was simulated, at 95 %
}

// expect asks the model. few is for slopes: a simulation with the same seeds
// needs little to distinguish two loads.
func (s Spec) expect(few bool) (expectation, error) {
	set := s.Setting
	set.Seed, set.Runs, set.Requests = 1, theory.DefaultRuns, 50_000
	if few {
		set.Requests = 5_000
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

// slopes are how much a quantity changes with the supply of requests, which is the
// rate of an open load or the think time in seconds, and with the service time in
// seconds.
type slopes struct{ supply, service map[string]float64 }

func (s Spec) slopes(e expectation) (out slopes, err error) {
	if s.model().Open() || s.returning() {
		x := s.Load.ThinkTime.Seconds()
		if s.model().Open() {
			x = s.Load.Rate
		}
		if out.supply, err = s.slope(e.exact, x, func(s *Spec, by float64) {
			s.Load.Rate *= by
			s.Load.ThinkTime = time.Duration(float64(s.Load.ThinkTime) * by)
		}); err != nil {
			return out, err
		}
	}
	if !s.model().Open() {
		out.service, err = s.slope(e.exact, s.ServiceTime.Seconds(), func(s *Spec, by float64) { s.ServiceTime = time.Duration(float64(s.ServiceTime) * by) })
		return out, err
	}
	// The service time is the only unit of time, so that a longer one is a higher
	// rate, and makes a wait as much longer.
	out.service = map[string]float64{}
	for q, slope := range out.supply {
		out.service[q] = slope * s.Load.Rate / s.ServiceTime.Seconds()
	}
	out.service[Wait] += e.value[Wait] / s.ServiceTime.Seconds()
	return out, nil
}

// slope is the derivative of all quantities by x, which scale multiplies.
func (s Spec) slope(exact bool, x float64, scale func(s *Spec, by float64)) (map[string]float64, error) {
	out := map[string]float64{}
	step := 0.002
	if !exact {
		step = 0.03
	}
	if x == 0 {
		return out, nil
	}
	for _, sign := range []float64{-1, 1} {
		moved := s
		scale(&moved, 1+sign*step)
		e, err := moved.expect(true)
		if err != nil {
			return nil, err
		}
		for q, v := range e.value {
			out[q] += sign * v / (2 * step * x)
		}
	}
	return out, nil
}
