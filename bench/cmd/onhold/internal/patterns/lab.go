package patterns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
)

// wait is the default latency of the backend: that of the database in the story.
const wait = 200 * time.Millisecond

// lab starts servers, drives them, and keeps what was measured.
type lab struct {
	Config
	name   string
	stages []*result.Stage
	open   []*targets.Process
}

func (l *lab) report(format string, args ...any) {
	if l.Progress != nil {
		l.Progress(l.name + ": " + fmt.Sprintf(format, args...))
	}
}

func (l *lab) program() targets.Program { return targets.Program{CPUs: l.TargetCPUs} }

// serve starts a server that runs until the experiment ends.
func (l *lab) serve(ctx context.Context, style string, o targets.Options) (*targets.Process, error) {
	p, err := l.program().Launch(ctx, style, o)
	if err == nil {
		l.open = append(l.open, p)
	}
	return p, err
}

// withLatency are options of a backend with that latency.
func withLatency(latency time.Duration) targets.Options {
	return targets.Options{Sim: sim.Config{Latency: latency}, Postgres: postgres.Config{Latency: latency}}
}

// close stops the open servers concurrently: each may have requests to finish.
func (l *lab) close() error {
	errs := make([]error, len(l.open))
	var all sync.WaitGroup
	for i, p := range l.open {
		all.Go(func() { errs[i] = p.Stop() })
	}
	all.Wait()
	l.open = nil
	return errors.Join(errs...)
}

// drive is one stage to measure.
type drive struct {
	style    string
	options  targets.Options // without the latency of the backend
	latency  time.Duration   // of the backend; wait where 0
	request  bench.HTTP      // its URL is a path; PathOrders of one user where empty
	settings result.Settings // that distinguish this stage
	plan     bench.Plan
}

const (
	tries     = 3 // of a stage that the machine disturbed
	oneUser   = orders.PathOrders + "?user_id=42"
	stageSeed = 1
)

// measure runs one stage on its own server, and again where the machine disturbed
// it.
func (l *lab) measure(ctx context.Context, d drive) (*result.Stage, error) {
	var before *result.Stage
	for try := 1; ; try++ {
		s, err := l.once(ctx, d)
		if err != nil {
			return nil, err
		}
		if before != nil {
			s.Again(before)
		}
		l.stages = append(l.stages, s)
		if try == tries || !s.Disturbed {
			return s, nil
		}
		s.Discard(s.Invalid[0])
		l.report("repeated, because the machine disturbed it: %s", s.Discarded())
		before = s
	}
}

func (l *lab) once(ctx context.Context, d drive) (*result.Stage, error) {
	d.latency = cmp.Or(d.latency, wait)
	d.options.Sim.Latency, d.options.Postgres.Latency = d.latency, d.latency
	if d.request.URL == "" {
		d.request.URL = oneUser
	}
	d.request.NewConnection = d.plan.NewConnection
	d.plan.Settings = append(result.Settings{{Key: "pattern", Value: l.name}, {Key: result.KeyTarget, Value: d.style}}, d.settings...)
	d.plan.Seed, d.plan.Wait, d.plan.NoPin = stageSeed, d.latency, l.NoPin
	return l.program().Drive(ctx, d.style, d.options, d.plan, func(_ context.Context, r targets.Ready) (bench.Driver, func(), error) {
		d.request.URL = "http://" + r.Addr + d.request.URL
		driver, err := epoll.Best(d.request, epoll.Options{})
		return driver, nil, err
	})
}

// warnings are the reasons of stages that are not valid, each once. These stages
// are shown, too.
func (l *lab) warnings() (out []string) {
	for _, s := range l.stages {
		if s.Valid() || s.Discarded() != "" {
			continue
		}
		for _, w := range s.Invalid {
			w = fmt.Sprintf("%s at %d %s is not valid: %s", s.TargetName(), s.Level(), result.LevelUnit(s.Load(), s.Level()), w)
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// closed is a plan of a closed load.
func closed(clients int, length time.Duration) bench.Plan {
	return bench.Plan{
		Load: bench.Load{Clients: clients, RampUp: wait, Backoff: wait}, Duration: length, Warmup: 300 * time.Millisecond,
	}
}

// poisson is a plan of Poisson arrivals.
func poisson(rate int, length time.Duration) bench.Plan {
	return bench.Plan{Load: bench.Load{Rate: float64(rate)}, Duration: length, Warmup: 400 * time.Millisecond}
}
