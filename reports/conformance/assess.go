package conformance

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// Judgement is one quantity of a cell.
type Judgement struct {
	Quantity string        `json:"quantity"`
	Measured float64       `json:"measured"`
	Low      float64       `json:"low"` // of the interval about Measured
	High     float64       `json:"high"`
	Expected float64       `json:"expected"` // at the load that was measured
	Delta    float64       `json:"delta"`    // that it may be off
	Answer   theory.Answer `json:"answer"`   // or NotValid
	// Needs is a window that would be long enough to confirm the truth with
	// certainty enough, where this one was not.
	Needs time.Duration `json:"needs_ns,omitzero"`
}

// NotValid is the answer where the generator or the machine disturbed the cell.
const NotValid theory.Answer = "not valid"

// Ratio is a value over what is expected.
func (j Judgement) Ratio(v float64) float64 { return v / j.Expected }

// Cell is a spec that was run.
type Cell struct {
	Spec  Spec   `json:"spec"`
	Model string `json:"model"`
	Exact bool   `json:"exact"` // the model; else it is simulated, and that is in the intervals

	Window      time.Duration `json:"window_ns"`
	Requests    int           `json:"requests"` // in the window
	Rate        float64       `json:"rate_per_s"`
	ServiceTime time.Duration `json:"service_time_ns"`        // mean, with the way to the worker
	ThinkTime   time.Duration `json:"think_time_ns,omitzero"` // mean from a reply to the next request, where clients are rejected
	Wait        time.Duration `json:"wait_ns"`                // mean of the served
	Rejected    float64       `json:"rejected"`               // share

	Judgements []Judgement `json:"judgements"`
	Valid      bool        `json:"valid"`
	Why        []string    `json:"why,omitempty"` // it is not
	Tries      int         `json:"tries"`
	Trace      string      `json:"trace,omitzero"` // its file
	Decisions  *Decisions  `json:"decisions,omitempty"`
}

// sums of a batch.
type sums struct{ n, rejected, served, waited, service, inside float64 }

func (s *sums) add(o sums) {
	s.n, s.rejected, s.served = s.n+o.n, s.rejected+o.rejected, s.served+o.served
	s.waited, s.service, s.inside = s.waited+o.waited, s.service+o.service, s.inside+o.inside
}

// UnusableError says why a trace cannot be compared with a model: its cell is not
// valid.
type UnusableError struct{ why string }

func (e *UnusableError) Error() string { return e.why }

func unusable(format string, args ...any) error { return &UnusableError{fmt.Sprintf(format, args...)} }

// Assess compares the part of a trace from from, and before to, with the model.
// precision is how far a quantity may be off, as a share of what is expected, and
// confidence that of each interval. The error of a trace that cannot be compared
// is an [*UnusableError].
func Assess(s Spec, t *trace.Trace, from, to time.Duration, precision, confidence float64) (*Cell, error) {
	return s.assess(t, from, to, precision, confidence, false)
}

// assess is rough where only the width of the intervals matters.
func (s Spec) assess(t *trace.Trace, from, to time.Duration, precision, confidence float64, rough bool) (*Cell, error) {
	batches, err := s.batches(t, from, to)
	if err != nil {
		return nil, err
	}
	var all sums
	for _, b := range batches {
		all.add(b)
	}
	window := (to - from).Seconds()
	if all.served == 0 {
		return nil, unusable("%s: none of %.0f requests in the window was served", s.Name, all.n)
	}
	c := &Cell{Spec: s, Window: to - from, Requests: int(all.n), Rate: all.n / window, Valid: true, Tries: 1,
		ServiceTime: time.Duration(all.service / all.served * 1e9), Wait: time.Duration(all.waited / all.served * 1e9), Rejected: all.rejected / all.n, Judgements: []Judgement{}}
	if len(s.Judged) == 0 {
		return c, nil
	}
	// at is the spec at the load and the service time that were measured.
	at := s
	at.ServiceTime = c.ServiceTime
	if s.model().Open() {
		at.Load.Rate = c.Rate
	}
	if s.returning() {
		c.ThinkTime = time.Duration(max(0, float64(s.Load.Clients)*window-all.inside) / all.n * 1e9)
		at.Load.ThinkTime = c.ThinkTime
	}
	e, err := at.expect(rough)
	if err != nil {
		return nil, err
	}
	by, err := at.slopes(e)
	if err != nil {
		return nil, err
	}
	c.Model, c.Exact = e.model, e.exact
	for _, q := range s.Judged {
		expected, ok := e.value[q]
		if !ok || expected <= 0 {
			return nil, fmt.Errorf("%s: no model predicts its %s", s.Name, q)
		}
		interval, err := theory.BatchMeans(at.values(q, batches, all, by, window), confidence)
		if err != nil {
			return nil, err
		}
		// What is expected has an interval too, where it is simulated.
		half := math.Hypot(interval.High-interval.Mean, e.half[q]*theory.Student(confidence, theory.DefaultRuns-1)/theory.Student(0.95, theory.DefaultRuns-1))
		j := Judgement{Quantity: q, Measured: interval.Mean, Low: interval.Mean - half, High: interval.Mean + half, Expected: expected, Delta: precision * expected}
		j.Answer = theory.Judge(theory.Estimate{Mean: j.Measured, Low: j.Low, High: j.High}, expected, j.Delta)
		if j.Answer == theory.Inconclusive && !math.IsInf(half, 0) {
			most := enough * j.Delta
			j.Needs = time.Duration(float64(to-from) * max(1, half*half/(most*most)))
		}
		c.Judgements = append(c.Judgements, j)
	}
	return c, nil
}

// enough is the half width, as a share of what a quantity may be off, at which
// the truth is confirmed nearly always: there are two standard errors to spare.
const enough = 0.6

// values are those of the batches; their mean is the quantity. A batch with more
// arrivals than usual has more rejects; what the model says about that is
// subtracted, as the expectation is for the load that was measured.
func (s Spec) values(of string, batches []sums, all sums, by slopes, window float64) []float64 {
	m := float64(len(batches))
	top, bottom := func(b sums) float64 { return b.rejected }, func(b sums) float64 { return b.n }
	if of == Wait {
		top, bottom = func(b sums) float64 { return b.waited }, func(b sums) float64 { return b.served }
	}
	q := top(all) / bottom(all)
	values := make([]float64, len(batches))
	for i, b := range batches {
		supply := 0.0
		switch {
		case s.model().Open():
			supply = b.n*m/window - s.Load.Rate
		case s.returning():
			supply = (float64(s.Load.Clients)*window/m - b.inside - s.Load.ThinkTime.Seconds()*b.n) * m / all.n
		}
		service := (b.service - s.ServiceTime.Seconds()*b.served) * m / all.served
		values[i] = q + (top(b)-q*bottom(b))*m/bottom(all) - by.supply[of]*supply - by.service[of]*service
	}
	return values
}

// batches sums up the parts of the window.
func (s Spec) batches(t *trace.Trace, from, to time.Duration) ([]sums, error) {
	if from < 0 || to <= from {
		return nil, fmt.Errorf("%s: a window from %v to %v", s.Name, from, to)
	}
	out := make([]sums, Batches)
	length := to - from
	services := t.Services()
	var within []int
	for i, r := range t.Records {
		if r.At >= from && r.At < to {
			within = append(within, i)
		}
		if s.returning() && r.Accepted && r.Done > 0 {
			s.spend(out, r, from, length)
		}
	}
	waves := 1
	if s.model() == load.Burst {
		if len(within) == 0 || len(within)%s.Load.Burst != 0 {
			return nil, unusable("%s: %d requests in the window are not complete waves of %d", s.Name, len(within), s.Load.Burst)
		}
		waves = len(within) / s.Load.Burst
	}
	for k, i := range within {
		r := t.Records[i]
		batch := int(float64(r.At-from) / float64(length) * Batches)
		if s.model() == load.Burst { // a wave is not split
			batch = k / s.Load.Burst * Batches / waves
		}
		b := &out[min(batch, Batches-1)]
		b.n++
		switch {
		case !r.Accepted:
			b.rejected++
		case r.Done > 0:
			b.served++
			b.service += services[i].Time.Seconds()
			b.waited += (r.Done - services[i].Time - r.At).Seconds()
		}
	}
	for _, b := range out {
		if b.n == 0 {
			return nil, unusable("%s: a batch of %v contains no request, of %d in the window of %v: the machine stalled for as long, or the window is too short", s.Name, (length / Batches).Round(time.Millisecond), len(within), length)
		}
	}
	return out, nil
}

// spend adds the time that a request was inside to the batches that it was in.
func (s Spec) spend(out []sums, r trace.Record, from, length time.Duration) {
	each := float64(length) / Batches
	at, done := float64(r.At-from), float64(r.Done-from)
	for i := max(0, int(at/each)); i < Batches && float64(i)*each < done; i++ {
		low, high := max(at, float64(i)*each), min(done, float64(i+1)*each)
		out[i].inside += max(0, high-low) / 1e9
	}
}
