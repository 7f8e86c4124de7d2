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

// Prediction is what is expected of a [Setting] in the long run. A field is nil
// where it is not known, which is never a 0. In JSON times are in nanoseconds,
// with fractions.
type Prediction struct {
	Model  string `json:"model"`  // such as M/M/c/K
	Exact  bool   `json:"exact"`  // but for rounding, and for what Notes say
	Method string `json:"method"` // how the figures were obtained

	Rejected        *float64 `json:"rejected"` // share of the requests that are not served
	Throughput      *float64 `json:"throughput_per_s"`
	Utilisation     *float64 `json:"utilisation"`      // share of its time that a worker is busy
	WaitProbability *float64 `json:"wait_probability"` // share of the served that waits
	InFlight        *float64 `json:"in_flight_mean"`   // waiting or in service
	Wait            Times    `json:"wait_ns"`          // of the served
	Latency         Times    `json:"latency_ns"`       // of the served: wait and service

	Interval *Intervals `json:"interval,omitempty"` // of what was simulated
	Notes    []string   `json:"notes,omitempty"`
}

// Times are the mean and percentiles of a time, in nanoseconds.
type Times struct {
	Mean *float64 `json:"mean"`
	P50  *float64 `json:"p50"`
	P90  *float64 `json:"p90"`
	P99  *float64 `json:"p99"`
}

// Intervals are the confidence intervals of a simulation's figures.
type Intervals struct {
	Confidence      float64    `json:"confidence"` // of each
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

// timesOf are Times of a mean and the percentiles in service times; those that
// are missing are not known.
func (s Setting) timesOf(mean float64, at ...float64) (t Times) {
	t.Mean = s.ns(mean)
	if len(at) == len(percentiles) {
		t.P50, t.P90, t.P99 = s.ns(at[0]), s.ns(at[1]), s.ns(at[2])
	}
	return t
}

// ns converts a time from service times to nanoseconds.
func (s Setting) ns(t float64) *float64 { return known(t * float64(s.ServiceTime)) }

// perSecond converts a rate per service time to one per second.
func (s Setting) perSecond(x float64) *float64 { return known(x / s.ServiceTime.Seconds()) }
