package patterns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
)

// wait is the backend's latency in the experiments, where they do not say
// another: the database of the story.
const wait = 200 * time.Millisecond

// NotStarted is the error of a server that did not start.
type NotStarted struct{ Err error }

func (e *NotStarted) Error() string { return e.Err.Error() }

func (e *NotStarted) Unwrap() error { return e.Err }

// lab starts servers, drives them, and keeps what was measured.
type lab struct {
	Config
	name   string
	stages []*result.Stage
	open   []*targets.Process
}

func (l *lab) tell(format string, args ...any) {
	if l.Progress != nil {
		l.Progress(l.name + ": " + fmt.Sprintf(format, args...))
	}
}

// serve starts a server that lives until the experiment is over, or is ended.
func (l *lab) serve(ctx context.Context, args ...string) (*targets.Process, error) {
	cmd := exec.Command(l.Exe, append([]string{"serve"}, args...)...)
	cmd.Env = l.Env
	p, err := targets.Launch(ctx, cmd, l.TargetCPUs)
	if err != nil {
		return nil, &NotStarted{err}
	}
	l.open = append(l.open, p)
	return p, nil
}

// end ends a server.
func (l *lab) end(p *targets.Process) error {
	l.open = slices.DeleteFunc(l.open, func(o *targets.Process) bool { return o == p })
	return p.Stop()
}

// close ends what is still open, all at once: each may have requests to finish.
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

// drive is one stage to be measured: what serves, what is asked of it, how.
type drive struct {
	style   string
	args    []string        // further flags of serve
	latency time.Duration   // of the backend; wait where 0
	request bench.HTTP      // its URL is a path; PathOrders of one user where empty
	also    result.Settings // that tell this stage from others
	plan    bench.Plan
}

const (
	tries     = 3 // of a stage that the machine spoilt
	oneUser   = orders.PathOrders + "?user_id=42"
	stageSeed = 1
)

// measure runs one stage at a server of its own, and again where the machine
// has spoilt it.
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
		if try == tries || !s.Spoilt {
			return s, nil
		}
		s.Discard(s.Warnings[0]) // the reasons come first
		l.tell("again, as the machine was busy: %s", s.Discarded())
		before = s
	}
}

func (l *lab) once(ctx context.Context, d drive) (*result.Stage, error) {
	d.latency = cmp.Or(d.latency, wait)
	p, err := l.serve(ctx, append([]string{d.style, "--backend-latency=" + d.latency.String()}, d.args...)...)
	if err != nil {
		return nil, err
	}
	if d.request.URL == "" {
		d.request.URL = oneUser
	}
	d.request.URL = "http://" + p.Addr + d.request.URL
	d.request.NewConnection = d.plan.NewConnection
	driver, err := epoll.Best(d.request, epoll.DefaultThreads, 0)
	if err != nil {
		return nil, err
	}
	d.plan.Settings = append(result.Settings{{Key: "pattern", Value: l.name}, {Key: result.KeyTarget, Value: d.style}}, d.also...)
	d.plan.TargetPID, d.plan.Seed, d.plan.Wait, d.plan.NoPin = p.PID, stageSeed, d.latency, l.NoPin
	s, err := bench.Run(ctx, d.plan, driver)
	if err != nil {
		return nil, err
	}
	died, how := p.Ended()
	if died {
		s.Invalidate("the target died in mid-stage: %s", how)
	}
	if err := l.end(p); err != nil && !died {
		s.Warn("%v", err)
	}
	return s, nil
}

// warnings are those of the stages that are not valid, each once: what was
// measured is shown all the same.
func (l *lab) warnings() (out []string) {
	for _, s := range l.stages {
		if s.Valid || s.Discarded() != "" {
			continue
		}
		for _, w := range s.Warnings {
			w = fmt.Sprintf("%s at %d %s is not valid: %s", s.TargetName(), s.Level(), result.LevelUnit(s.Load(), s.Level()), w)
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// closed is a plan of clients that go on asking.
func closed(clients int, length time.Duration) bench.Plan {
	return bench.Plan{
		Load: bench.Load{Clients: clients, RampUp: wait, Backoff: wait}, Duration: length, Warmup: 300 * time.Millisecond,
	}
}

// poisson is a plan of arrivals at random.
func poisson(rate int, length time.Duration) bench.Plan {
	return bench.Plan{Load: bench.Load{Rate: float64(rate)}, Duration: length, Warmup: 400 * time.Millisecond}
}
