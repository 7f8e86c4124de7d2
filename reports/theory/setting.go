package theory

import (
	"fmt"
	"math"
	"time"
)

// Loads of a [Setting].
const (
	LoadPoisson  = PoissonArrivals
	LoadConstant = ConstantArrivals
	LoadClosed   = "closed"
	LoadBurst    = "burst"
)

// Setting is a load and a server, in the units of the command: what [Predict] is
// asked about. A field that is of no meaning for a load must be left out.
type Setting struct {
	Load        string        // --load: one of the above
	Rate        float64       // --rate, requests a second: poisson and constant
	Clients     int           // --clients: closed and burst
	Think       time.Duration // --think, mean, from a reply to the next request: closed
	ThinkLaw    Law           // --think-dist, --think-cv
	RejectPause time.Duration // --reject-pause, mean, from a rejection to the next request; 0: as Think

	Workers    int           // --workers; Unbounded: one for each request
	Places     int           // --queue: how many may wait; Unbounded: any number
	Service    time.Duration // --service: how long a request keeps a worker, on average
	ServiceLaw Law           // --dist, --cv
	MaxWait    time.Duration // --max-wait: what has waited for that long is given up, unserved; 0: never

	// Of simulations, where there is no formula; as in Simulation.
	Seed     uint64 // --seed
	Runs     int
	Requests int
}

func (s Setting) open() bool   { return s.Load == LoadPoisson || s.Load == LoadConstant }
func (s Setting) closed() bool { return s.Load == LoadClosed }

// Validate is an error that names the first field that is out of range, as the
// command's flag.
func (s Setting) Validate() error {
	known := s.open() || s.closed() || s.Load == LoadBurst
	if err := bad(known, "--load", s.Load, "closed, burst, constant or poisson"); err != nil {
		return err
	}
	if err := firstOf(
		bad(s.Service > 0, "--service", s.Service, "above 0"),
		bad(s.Workers >= 1 && s.Workers <= MaxWorkers || s.Workers == Unbounded, "--workers", s.Workers, fmt.Sprintf("from 1 to %d, or inf", MaxWorkers)),
		bad(s.Places >= Unbounded && s.Places <= MaxPlaces, "--queue", s.Places, fmt.Sprintf("from 0 to %d, or inf", MaxPlaces)),
		s.ServiceLaw.check("--dist", "--cv"),
		bad(s.MaxWait >= 0, "--max-wait", s.MaxWait, "0 or more"),
		bad(s.in(s.MaxWait) <= maxTime, "--max-wait", s.MaxWait, "at most 1e9 service times"),
		bad(s.Runs == 0 || s.Runs >= 2 && s.Runs <= 10_000, "--runs", s.Runs, "from 2 to 10000"),
		bad(s.Requests >= 0 && s.Requests <= maxSimulated, "--requests", s.Requests, fmt.Sprintf("from 1 to %d", maxSimulated)),
	); err != nil {
		return err
	}
	if s.open() {
		most := MaxLoad / s.Service.Seconds()
		if err := bad(s.Rate > 0 && s.Rate <= most, "--rate", s.Rate, fmt.Sprintf("above 0, and at most %.3g with this service time", most)); err != nil {
			return err
		}
	} else if err := firstOf(bad(s.Rate == 0, "--rate", s.Rate, "left out of this load"),
		bad(s.Clients >= 1 && s.Clients <= MaxPlaces, "--clients", s.Clients, fmt.Sprintf("from 1 to %d", MaxPlaces))); err != nil {
		return err
	}
	if s.closed() {
		return firstOf(
			bad(s.Think >= 0, "--think", s.Think, "0 or more"),
			bad(s.in(s.Think) <= maxTime, "--think", s.Think, "at most 1e9 service times"),
			s.ThinkLaw.check("--think-dist", "--think-cv"),
			bad(s.RejectPause >= 0, "--reject-pause", s.RejectPause, "0 or more"),
			bad(s.in(s.RejectPause) <= maxTime, "--reject-pause", s.RejectPause, "at most 1e9 service times"),
			bad(!s.mayLose() || s.in(s.pause()) >= 1e-6, "--reject-pause", s.RejectPause, "above a millionth of the service time, where clients may be rejected"),
		)
	}
	return firstOf(
		bad(!s.open() || s.Clients == 0, "--clients", s.Clients, "left out of this load"),
		bad(s.Think == 0, "--think", s.Think, "left out of this load"),
		bad(s.ThinkLaw == Law{}, "--think-dist", s.ThinkLaw.Kind, "left out of this load"),
		bad(s.RejectPause == 0, "--reject-pause", s.RejectPause, "left out of this load"),
	)
}

// in is a time in service times.
func (s Setting) in(t time.Duration) float64 { return float64(t) / float64(s.Service) }

// load is that of an open one, in erlangs.
func (s Setting) load() float64 { return s.Rate * s.Service.Seconds() }

func (s Setting) pause() time.Duration {
	if s.RejectPause == 0 {
		return s.Think
	}
	return s.RejectPause
}

// mayLose says whether a client of a closed load may be sent away.
func (s Setting) mayLose() bool {
	if s.Workers == Unbounded || s.Clients <= s.Workers {
		return false
	}
	return s.MaxWait > 0 || s.Places != Unbounded && s.Clients > s.Workers+s.Places
}

// Prediction is what is to be expected of a [Setting] in the long run. A field is
// nil where it is not known, which is never a 0. Its JSON has times in
// nanoseconds, with fractions.
type Prediction struct {
	Model  string `json:"model"`  // such as M/M/c/K
	Exact  bool   `json:"exact"`  // but for rounding, and for what Notes say
	Method string `json:"method"` // how the figures were come by

	Rejected        *float64 `json:"rejected"` // share of the requests that are not served
	Throughput      *float64 `json:"throughput_per_s"`
	Utilisation     *float64 `json:"utilisation"`      // share of its time that a worker is busy
	WaitProbability *float64 `json:"wait_probability"` // share of the served that waits
	InFlight        *float64 `json:"in_flight_mean"`   // waiting or served
	Wait            Times    `json:"wait_ns"`          // of the served
	Latency         Times    `json:"latency_ns"`       // of the served: the wait and the service

	Interval *Intervals `json:"interval,omitempty"` // of what was simulated
	Notes    []string   `json:"notes,omitempty"`
}

// Times are figures of the law of a time, in nanoseconds.
type Times struct {
	Mean *float64 `json:"mean"`
	P50  *float64 `json:"p50"`
	P90  *float64 `json:"p90"`
	P99  *float64 `json:"p99"`
}

// Intervals are where the figures of a simulation lie, with a confidence each.
type Intervals struct {
	Confidence      float64    `json:"confidence"`
	Rejected        *Range     `json:"rejected"`
	Throughput      *Range     `json:"throughput_per_s"`
	Utilisation     *Range     `json:"utilisation"`
	WaitProbability *Range     `json:"wait_probability"`
	InFlight        *Range     `json:"in_flight_mean"`
	Wait            TimeRanges `json:"wait_ns"`
	Latency         TimeRanges `json:"latency_ns"`
}

// Range is the low and the high end of an interval.
type Range [2]float64

// TimeRanges are the intervals of [Times].
type TimeRanges struct {
	Mean *Range `json:"mean"`
	P50  *Range `json:"p50"`
	P90  *Range `json:"p90"`
	P99  *Range `json:"p99"`
}

// percentiles are those of Times.
var percentiles = []float64{0.50, 0.90, 0.99}

// known is a figure; nil where it is not a finite number.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// knownRange is an interval; nil where it has no ends.
func knownRange(e Estimate, unit float64) *Range {
	low, high := e.Low*unit, e.High*unit
	if known(low) == nil || known(high) == nil {
		return nil
	}
	return &Range{low, high}
}
