package patterns

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// wait is the default latency of the backend: that of the database in the story.
const wait = 200 * time.Millisecond

// lab starts servers, drives them, and keeps what was measured.
type lab struct {
	Config
	name   string
	stages []*result.Stage
	open   []*targets.Process
	added  Added
	retry  *retry.Budget // of all experiments
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
	var all errgroup.Group
	for _, p := range l.open {
		all.Go(p.Stop)
	}
	return all.Wait()
}

// drive is one stage to measure.
type drive struct {
	style    string
	options  targets.Options // without the latency of the backend
	latency  time.Duration   // of the backend; wait where 0
	settings result.Settings // that distinguish this stage
	plan     bench.Plan
}

const (
	stageSeed = 1
)

// measure runs one stage on its own server, and again where the machine disturbed
// it.
func (l *lab) measure(ctx context.Context, d drive) (*result.Stage, error) {
	stages, err := l.again(func() ([]*result.Stage, error) {
		s, err := l.once(ctx, d)
		return []*result.Stage{s}, err
	})
	if err != nil {
		return nil, err
	}
	return stages[0], nil
}

// again runs stages that belong together, and again where the machine disturbed one.
func (l *lab) again(run func() ([]*result.Stage, error)) ([]*result.Stage, error) {
	var before []*result.Stage
	for try := 1; ; try++ {
		began := time.Now()
		stages, err := run()
		if err != nil {
			return nil, err
		}
		for i, s := range stages {
			if before != nil {
				s.Again(before[i])
			}
		}
		l.stages = append(l.stages, stages...)
		i := slices.IndexFunc(stages, func(s *result.Stage) bool { return s.Disturbed })
		if !l.retry.Again(retry.Most, try, i >= 0) {
			l.added.Extended += max(0, stages[0].Length-stages[0].Settings.Duration(result.KeyDuration))
			return stages, nil
		}
		why := stages[i].Invalid[0]
		for _, s := range stages {
			s.Discard(why)
		}
		l.report("repeated, because the machine disturbed it: %s", why)
		l.added.Repeated += time.Since(began)
		before = stages
	}
}

// sweep measures a stage at each level.
func (l *lab) sweep(ctx context.Context, about string, levels []int, at func(level int) drive) (stages []*result.Stage, err error) {
	for _, level := range levels {
		l.report("%s, level %d", about, level)
		s, err := l.measure(ctx, at(level))
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	return stages, nil
}

func (l *lab) once(ctx context.Context, d drive) (*result.Stage, error) {
	d.latency = cmp.Or(d.latency, wait)
	d.options.Sim.Latency, d.options.Postgres.Latency = d.latency, d.latency
	d.plan.Settings = append(result.Settings{{Key: "pattern", Value: l.name}, {Key: result.KeyTarget, Value: d.style}}, d.settings...)
	d.plan.Seed, d.plan.Wait, d.plan.NoPin = stageSeed, cmp.Or(d.plan.Wait, d.latency), l.NoPin
	driving := targets.Driving{
		HTTP:          func(h bench.HTTP) (bench.Driver, error) { return epoll.Best(h, epoll.Options{}) },
		NewConnection: d.plan.NewConnection,
	}
	return l.program().Drive(ctx, d.style, d.options, d.plan, func(ctx context.Context, r targets.Ready) (bench.Driver, func(), error) {
		style, _ := targets.Find(d.style) // it was started
		return style.Driver(ctx, r, driving)
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

// limit names who was the limit at the highest levels, where anything was.
func (l *lab) limit() string {
	var counted []*result.Stage
	for _, s := range l.stages {
		if s.Discarded() == "" && s.TargetName() != "" {
			one := *s // one sweep, however long each of its levels warms up
			one.Settings = slices.DeleteFunc(slices.Clone(s.Settings), func(p result.Setting) bool { return p.Key == result.KeyWarmup || p.Key == result.KeyRampUp })
			counted = append(counted, &one)
		}
	}
	var limited []*result.Stage // their names need not distinguish them from what has no limit
	for _, w := range sweep.Of(counted) {
		if w.Limited() {
			for _, p := range w.Points {
				limited = append(limited, p.Stage)
			}
		}
	}
	return finding.Limits(sweep.Of(limited))
}

// closed is a plan of a closed load.
func closed(clients int, length time.Duration) bench.Plan {
	return bench.Plan{
		Load: bench.Load{Clients: clients, RampUp: wait, Backoff: wait}, Duration: length, Warmup: 300 * time.Millisecond, Extend: bench.DefaultExtend,
	}
}

// poisson is a plan of Poisson arrivals.
func poisson(rate int, length time.Duration) bench.Plan {
	return bench.Plan{Load: bench.Load{Rate: float64(rate)}, Duration: length, Warmup: 400 * time.Millisecond, Extend: bench.DefaultExtend}
}
