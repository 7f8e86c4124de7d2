// Package find drives the search for a server's capacity: the highest level at which
// requirements hold in the long run. What to measure and what follows from it is
// decided by package search; this one runs a stage for each visit, counts bad arrivals
// as they end ([Condition]) and lets the server recover between levels. Begin with
// [Search.Run].
package find

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

// What a search is by default.
const (
	DefaultPrecision  = 0.1
	DefaultConfidence = 0.95
	DefaultBudget     = 10 * time.Minute
)

// Search is a search to be driven.
type Search struct {
	Conditions []Condition
	Plan       bench.Plan // of each stage, but for its level, warm-up and duration

	Stage func(context.Context, bench.Plan) (*result.Stage, error)
	Gone  func(context.Context) error // why the server must not be driven any more; nil where it may
	Fresh bool                        // each stage has a server of its own, so none needs to recover
	Probe bool                        // begin at a level that a short closed load suggests, as the range is wide

	Keep    func(*result.Stage) error                   // stores a stage; may be nil
	Visited func(v search.Visit, s *result.Stage) error // after each visit; may be nil
}

// Config checks what is searched for and completes it by the conditions. Its error is a
// [*field.Error].
func (s Search) Config(c search.Config) (search.Config, error) {
	for _, condition := range s.Conditions {
		c.Limits = append(c.Limits, condition.Limit)
	}
	most := float64(load.MaxRate)
	if c.Closed = !s.Plan.Load.Model().Open(); c.Closed {
		most = load.MaxClients
	}
	level := func(name string, v, least float64) error {
		return field.Check(v >= least && v <= most && v == float64(int64(v)), name, v, fmt.Sprintf("a whole number from %.0f to %.0f", least, most))
	}
	return c, field.First(
		field.Check(len(c.Limits) > 0, "Require", "empty", "conditions on the share of bad arrivals, such as adjusted-p99<250ms,rejected<1%"),
		level("Low", c.Low, 1), level("High", c.High, c.Low),
		field.Check(c.Precision >= 0.005 && c.Precision <= 1, "Precision", percent(c.Precision), "0.5% to 100%"),
		field.Check(c.Confidence >= 0.5 && c.Confidence <= 0.999, "Confidence", percent(c.Confidence), "50% to 99.9%"),
		field.Check(c.Budget > 0, "Budget", c.Budget, "more than 0"),
		field.Check(c.AtLeast == 0 || c.AtLeast >= c.Low && c.AtLeast <= c.High, "AtLeast", c.AtLeast, fmt.Sprintf("a level from %.0f to %.0f", c.Low, c.High)),
	)
}

func percent(share float64) string { return fmt.Sprintf("%g%%", 100*share) }

// Died is the error of a search whose server has died.
type Died struct {
	Level float64
	Err   error
}

func (d *Died) Error() string {
	return fmt.Sprintf("the server died at level %.0f: %v", d.Level, d.Err)
}

func (d *Died) Unwrap() error { return d.Err }

// Stuck is the error of a search whose server does not recover from a level.
type Stuck struct{ Level float64 }

func (s *Stuck) Error() string {
	return fmt.Sprintf("the server does not recover: after level %.0f it does not answer a light load as it did at first", s.Level)
}

// Run continues the search of a record until it ends, and keeps the record up to date.
// The error of a search that was interrupted is that of ctx.
func (s Search) Run(ctx context.Context, r *search.Record) error {
	d := &driver{Search: s, record: r}
	if err := d.begin(ctx); err != nil {
		return err
	}
	state := search.Replay(r.Config, r.Visits)
	for v, ok := state.Next(); ok; v, ok = state.Next() {
		stage, err := d.visit(ctx, state, &v)
		if err == nil {
			v.Verdict = state.Add(v)
			r.Visits, r.Answer = append(r.Visits, v), state.Answer()
			if s.Visited != nil {
				err = s.Visited(v, stage)
			}
		}
		if _, more := state.Next(); err == nil && more && !s.Fresh {
			err = d.recover(ctx, v)
		}
		if err != nil {
			r.Answer = state.Answer()
			return err
		}
	}
	r.Answer = state.Answer()
	return nil
}

// overloaded is by how much the latency of a server that keeps up is above its least.
const overloaded = 5

// driver is a search under way.
type driver struct {
	Search
	record  *search.Record
	latency time.Duration // median at the last level that served anything
	light   time.Duration // median at the lowest level, at first; 0: not known
	quick   *result.Stage // the valid stage with the least median latency; nil: none yet
	again   retry.Budget
}

// What is driven before the first visit, unless the range is known: by Little's law,
// these clients are served about as much as the server can, or all that they can send.
const (
	ProbeClients = 64
	ProbeTime    = lightLength + probeLength
	probeLength  = 2 * time.Second
)

// begin finds out where to begin, and how a light load is answered.
func (d *driver) begin(ctx context.Context) (err error) {
	r := d.record
	if d.Probe && len(r.Visits) == 0 {
		p := d.Plan
		p.Load = load.Load{Clients: ProbeClients, RampUp: lightLength}
		p.Warmup, p.Duration = lightLength, probeLength
		stage, err := d.run(ctx, p)
		if err != nil {
			return err
		}
		served := float64(stage.Counts[result.OK]) / max(stage.Length, probeLength).Seconds()
		r.First = min(max(math.Round(served/math.Sqrt2), r.Low), r.High)
	}
	if _, more := search.Replay(r.Config, r.Visits).Next(); more && !d.Fresh {
		d.light, _, err = d.answers(ctx)
	}
	return err
}

// answers is how a light load is answered: its median latency, and whether most of it
// is ok.
func (d *driver) answers(ctx context.Context) (median time.Duration, ok bool, err error) {
	p := d.plan(d.record.Low, lightLength)
	p.Warmup = 0
	s, err := d.run(ctx, p)
	if err != nil {
		return 0, false, err
	}
	return s.Latency.Quantile(0.5), 2*s.Counts[result.OK] > s.Counts.Planned(), nil
}

// visit measures a level.
func (d *driver) visit(ctx context.Context, state *search.Search, v *search.Visit) (stage *result.Stage, err error) {
	began := time.Now()
	p := d.plan(v.Level, v.Length)
	for attempt := 1; ; attempt++ {
		p.Seed++
		count := NewCounter(d.Conditions)
		p.Observer = count
		enough := false
		p.Abort = func(bench.Live) bool {
			enough = state.Enough(count.soFar(*v))
			return enough
		}
		if stage, err = d.run(ctx, p); err != nil {
			return nil, err
		}
		if d.again.Again(retry.Most, attempt, stage.Disturbed) {
			stage.Discard(stage.Invalid[0])
			if err := d.keep(stage); err != nil {
				return nil, err
			}
			continue
		}
		if stage.Counts[result.Refused]+stage.Counts[result.Reset] > 0 || !stage.Valid() {
			if err := d.Gone(ctx); err != nil && ctx.Err() == nil {
				stage.InvalidateFirst("the target has died: %v", err)
				return nil, errors.Join(&Died{v.Level, err}, d.keep(stage))
			}
		}
		if enough {
			v.Length = count.trim(stage.Length)
		}
		v.Batches = count.batches(stage)
		v.Took = time.Since(began)
		median := stage.Latency.Quantile(0.5)
		switch {
		case stage.Valid() && median > 0 && median < d.quickest():
			d.quick = stage
		case !stage.Valid() && !(count.waited > 0 && d.holds(stage)):
			v.Limited, v.Batches = stage.Invalid[0], nil
		}
		if median > 0 {
			// Beyond this the server is overloaded: at a level that is worth a visit it is quicker.
			d.latency = min(median, max(overloaded*d.quickest(), count.slowest()))
		}
		return stage, d.keep(stage)
	}
}

// quickest is the least median latency of a valid stage; without end where there is none.
func (d *driver) quickest() time.Duration {
	if d.quick == nil {
		return math.MaxInt64 / overloaded
	}
	return d.quick.Latency.Quantile(0.5)
}

// holds reports whether it was the server that made arrivals wait for a connection, as it
// was slow to answer on all that there may be. Where it answers as quickly as at a level
// that it can serve, too few connections are allowed.
func (d *driver) holds(s *result.Stage) bool {
	lost := slices.ContainsFunc(s.Agents, func(a result.Agent) bool { return a.Lost != "" }) // nothing follows then
	if d.quick == nil || lost {
		return false
	}
	median := s.Uncorrected.Quantile(0.5) // 0 where nothing was served
	if median > 0 && median < 2*d.quick.Uncorrected.Quantile(0.5)+time.Millisecond {
		return false
	}
	return slices.Contains([]result.Limiter{result.ServerCPU, result.Pool, result.Backend, result.Inside}, s.Limit(d.quick).Who)
}

// run runs one stage.
func (d *driver) run(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	stage, err := d.Stage(ctx, p)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return stage, err
}

func (d *driver) keep(s *result.Stage) error {
	if d.Keep == nil {
		return nil
	}
	return d.Keep(s)
}

// plan is that of a stage. Each has arrivals of its own: the same again would prove
// nothing.
func (d *driver) plan(level float64, length time.Duration) bench.Plan {
	p := d.Plan
	p.Load = p.Load.At(level)
	p.Duration, p.Warmup = length, search.Warmup(length, d.latency)
	p.Repeat = 1
	for _, v := range d.record.Visits {
		if v.Level == level {
			p.Repeat++
		}
	}
	p.Seed += uint64(1000 * (len(d.record.Visits) + 1))
	return p
}

const (
	recoverTries = 10
	lightLength  = time.Second
)

// recover drives a light load after an overloaded level, at which most arrivals were
// bad, until the server answers it as it did at first.
func (d *driver) recover(ctx context.Context, v search.Visit) error {
	badly := false
	for i := range d.Conditions {
		var n, bad int64
		for _, b := range v.Batches {
			n, bad = n+b.N, bad+b.Bad[i]
		}
		badly = badly || 2*bad > n
	}
	if !badly || v.Level == d.record.Low || d.light == 0 {
		return nil
	}
	for range recoverTries {
		if median, ok, err := d.answers(ctx); err != nil || ok && median <= 2*d.light+time.Millisecond {
			return err
		}
	}
	return &Stuck{v.Level}
}
