package theory

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// Setting is a load on a server: the question that [Predict] answers.
type Setting struct {
	Load     load.Load `json:"load"`               // not a ramp; RampUp and BurstInterval are not used
	ThinkLaw Law       `json:"think_law,omitzero"` // closed: of ThinkTime and Backoff, which are means

	Workers     int           `json:"workers"` // or Unbounded: one for each request
	Queue       int           `json:"queue"`   // how many requests may wait for a worker; or Unbounded
	ServiceTime time.Duration `json:"service_time_ns"`
	ServiceLaw  Law           `json:"service_law,omitzero"`
	MaxWait     time.Duration `json:"max_wait_ns,omitzero"` // a request that has waited for as long is dropped and counts as rejected; 0: never

	// A request makes Calls calls, one after the other or Concurrent; then the
	// service time and its law are those of one call. 0 is 1.
	Calls      int  `json:"calls,omitzero"`
	Concurrent bool `json:"concurrent,omitzero"`

	// Of simulations, which are used where no formula is exact.
	Seed     uint64 `json:"seed,omitzero"`     // the same seed gives the same figures
	Runs     int    `json:"runs,omitzero"`     // from an empty server; 0: DefaultRuns, or at least 5 where those take too long
	Requests int    `json:"requests,omitzero"` // measured in each run; 0: DefaultRequests
}

func (s Setting) closed() bool { return s.Load.Model() == load.Closed }

// clients of a closed load or a burst.
func (s Setting) clients() int { return int(s.Load.Level()) }

// Validate is a [*field.Error] that names the first field that is out of range.
func (s Setting) Validate() error {
	// The models take more than a generator can drive.
	l := s.Load
	l.Clients, l.Burst, l.Rate = min(l.Clients, load.MaxClients), min(l.Burst, load.MaxClients), min(l.Rate, load.MaxRate)
	services := func(name string, t time.Duration) error {
		return field.Check(t >= 0 && s.in(t) <= maxTime, name, t, "0 to 1e9 service times")
	}
	if err := field.First(
		field.Check(s.ServiceTime > 0 && s.ServiceTime <= load.MaxDuration, "ServiceTime", s.ServiceTime, fmt.Sprintf("above 0, up to %v", load.MaxDuration)),
		field.In("Load", l.Validate()),
		field.Check(l.Model() != load.Ramp, "Load.Ramp", s.Load.Ramp, "left out: no model predicts a ramp"),
		field.Check(s.Load.Clients <= MaxQueue, "Load.Clients", s.Load.Clients, fmt.Sprintf("1 to %d", MaxQueue)),
		field.Check(s.Load.Burst <= MaxQueue, "Load.Burst", s.Load.Burst, fmt.Sprintf("1 to %d", MaxQueue)),
		services("Load.ThinkTime", s.Load.ThinkTime), services("Load.Backoff", s.Load.Backoff), services("MaxWait", s.MaxWait),
		field.In("ThinkLaw", s.ThinkLaw.validate()),
		field.Check(s.closed() || s.ThinkLaw == Law{}, "ThinkLaw.Kind", s.ThinkLaw.Kind, "left out, for the load is "+s.Load.String()),
		field.Check(s.Workers >= 1 && s.Workers <= MaxWorkers || s.Workers == Unbounded, "Workers", s.Workers, fmt.Sprintf("1 to %d, or inf", MaxWorkers)),
		field.Check(s.Queue >= Unbounded && s.Queue <= MaxQueue, "Queue", s.Queue, fmt.Sprintf("0 to %d, or inf", MaxQueue)),
		field.In("ServiceLaw", s.ServiceLaw.validate()),
		field.Check(s.Calls >= 0 && s.Calls <= maxCalls, "Calls", s.Calls, fmt.Sprintf("1 to %d", maxCalls)),
		field.Check(s.Runs == 0 || s.Runs >= 2 && s.Runs <= 10_000, "Runs", s.Runs, "2 to 10000"),
		field.Check(s.Requests >= 0 && s.Requests <= maxSimulated, "Requests", s.Requests, fmt.Sprintf("1 to %d", maxSimulated)),
	); err != nil {
		return err
	}
	s = s.combined()
	most := MaxLoad / s.ServiceTime.Seconds()
	return field.First(
		field.Check(s.load() <= MaxLoad, "Load.Rate", s.Load.Rate, fmt.Sprintf("at most %.3g with this service time", most)),
		field.Check(!s.mayReject() || s.in(s.backoff()) >= 1e-6, "Load.Backoff", s.Load.Backoff, "above a millionth of the service time, where clients may be rejected"),
	)
}

const maxCalls = 1_000

// combined is the setting with all calls of a request as one.
func (s Setting) combined() Setting {
	law, mean := s.ServiceLaw.together(max(s.Calls, 1), s.Concurrent)
	s.ServiceLaw, s.Calls = law, 0
	s.ServiceTime = time.Duration(math.Round(float64(s.ServiceTime) * mean))
	return s
}

// in is a time in service times.
func (s Setting) in(t time.Duration) float64 { return float64(t) / float64(s.ServiceTime) }

// load is that of an open load, in erlangs.
func (s Setting) load() float64 { return s.Load.Rate * s.ServiceTime.Seconds() }

// backoff is the mean time from a rejection to the client's next request.
func (s Setting) backoff() time.Duration { return max(s.Load.ThinkTime, s.Load.Backoff) }

// mayReject reports whether a client of a closed load may be rejected.
func (s Setting) mayReject() bool {
	if !s.closed() || s.Workers == Unbounded || s.clients() <= s.Workers {
		return false
	}
	return s.MaxWait > 0 || s.Queue != Unbounded && s.clients() > s.Workers+s.Queue
}

// Prediction is what is expected of a [Setting] in the long run. A figure is nil
// where it is not known, which is never a 0. In JSON times are in nanoseconds,
// with fractions.
type Prediction struct {
	Model  string `json:"model"`  // such as M/M/c/K
	Exact  bool   `json:"exact"`  // but for rounding, and for what Notes say
	Method string `json:"method"` // how the figures were obtained

	Figures[*float64]

	Interval *Intervals `json:"interval,omitempty"` // of what was simulated
	Notes    []string   `json:"notes,omitempty"`
}

// Intervals are the confidence intervals of a simulation's figures.
type Intervals struct {
	Confidence float64 `json:"confidence"` // of each
	Figures[*Range]
}

// Range is the low and the high end of an interval.
type Range [2]float64

// Figures are the figures of a server in the long run.
type Figures[T any] struct {
	Rejected        T        `json:"rejected"` // share of the requests that are not served
	Throughput      T        `json:"throughput_per_s"`
	Utilisation     T        `json:"utilisation"`      // share of its time that a worker is busy
	WaitProbability T        `json:"wait_probability"` // share of the served that waits
	InFlight        T        `json:"in_flight_mean"`   // waiting or in service
	Wait            Times[T] `json:"wait_ns"`          // of the served
	Latency         Times[T] `json:"latency_ns"`       // of the served: wait and service
}

// Times are the mean and percentiles of a time, in nanoseconds.
type Times[T any] struct {
	Mean T `json:"mean"`
	P50  T `json:"p50"`
	P90  T `json:"p90"`
	P99  T `json:"p99"`
}

// percentiles are those of Times.
var percentiles = []float64{0.50, 0.90, 0.99}

// all are the figures in the order of the fields.
func (f *Figures[T]) all() []*T {
	w, l := &f.Wait, &f.Latency
	return []*T{&f.Rejected, &f.Throughput, &f.Utilisation, &f.WaitProbability, &f.InFlight, &w.Mean, &w.P50, &w.P90, &w.P99, &l.Mean, &l.P50, &l.P90, &l.P99}
}

// unit is what the i-th of all figures is multiplied by, whose times are in service
// times.
func (s Setting) unit(i int) float64 {
	switch {
	case i == 1:
		return 1 / s.ServiceTime.Seconds()
	case i < 5:
		return 1
	}
	return float64(s.ServiceTime)
}

// predicted is an exact prediction of the figures in the order of the fields, of
// which the last may be missing; a NaN is not known. Times are in service times.
func (s Setting) predicted(model, method string, figures ...float64) *Prediction {
	p := &Prediction{Model: model, Exact: true, Method: method}
	for i, at := range p.all()[:len(figures)] {
		*at = known(figures[i] * s.unit(i))
	}
	return p
}

// known is a figure; nil where it is not a finite number.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
