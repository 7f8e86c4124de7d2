// Package verify runs a pool of workers for which queueing theory knows the
// answer, and has package conformance compare the two.
//
//  1. Each spec is played through its model first: how long must its window be?
//  2. It gets a process of its own, whose admission point is traced, and is driven for a
//     warm-up and the window. A stage that the generator invalidated is repeated
//     before any measured value is read.
//  3. Its trace is replayed, request by request, and its window is compared with
//     the model.
package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/orders"
)

// Tries are how often a cell is run that is not valid.
const Tries = 3

// Config is what to verify, and how.
type Config struct {
	TargetCPUs []int // where targets run; nil: anywhere
	Folder     *result.Folder
	Report     *conformance.Report // to be filled; ID, Seed, Precision and Confidence are read
	Plans      []conformance.Planned
	NoPin      bool          // no thread of the generator is pinned
	MaxLag     time.Duration // that the generator may be late; 0: the default of bench.Plan
	Starts     time.Duration // window of each of the two starts in overload; 0: none
	Progress   func(line string)
}

// Run fills in the report, and writes it into the folder beside the stages and
// their traces; completed cells are written where it ends early.
func Run(ctx context.Context, c Config) error {
	r := c.Report
	r.Schema, r.Target, r.Planned = conformance.Schema, blocking.Name, len(c.Plans)
	err := os.MkdirAll(filepath.Join(c.Folder.Dir, result.TracesFolder), 0o755)
	if err == nil {
		err = c.all(ctx)
	}
	whole := err == nil
	return errors.Join(err, c.write(), c.Folder.Finish(time.Now(), whole))
}

func (c Config) all(ctx context.Context) error {
	for i, p := range c.Plans {
		cell, err := c.cell(ctx, p, bench.Plan{})
		if err != nil {
			return err
		}
		c.Report.Cells = append(c.Report.Cells, cell)
		c.report("%2d of %d  %-18s %s", i+1, len(c.Plans), p.Spec.Name, summary(cell))
	}
	if c.Starts > 0 {
		return c.starts(ctx)
	}
	return nil
}

func (c Config) report(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

func summary(c *conformance.Cell) string {
	var parts []string
	for _, j := range c.Judgements {
		parts = append(parts, fmt.Sprintf("%s: %s, %.1f %% off", j.Quantity, j.Answer, 100*(j.Measured/j.Expected-1)))
	}
	return fmt.Sprintf("%s; %d of %d decisions match the replay", strings.Join(parts, "; "), c.Decisions.Equal(), c.Decisions.Requests)
}

func (c Config) write() error {
	data, err := json.MarshalIndent(c.Report, "", " ")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(c.Folder.Dir, conformance.File), append(data, '\n'))
}

// cell runs a spec until it is valid, or for the last time. Of the plan, what is
// set already stays.
func (c Config) cell(ctx context.Context, p conformance.Planned, plan bench.Plan) (*conformance.Cell, error) {
	var before *result.Stage
	for try := 1; ; try++ {
		cell, stage, err := c.run(ctx, p, plan, try)
		if err != nil {
			return nil, err
		}
		if before != nil {
			stage.Again(before)
		}
		cell.Tries = try
		if cell.Valid || try == Tries {
			return cell, c.Folder.Append(stage)
		}
		c.report("         %-18s again: %s", p.Spec.Name, cell.Why[0])
		stage.Discard(cell.Why[0])
		if err := c.Folder.Append(stage); err != nil {
			return nil, err
		}
		before = stage
	}
}

// run runs a spec once.
func (c Config) run(ctx context.Context, p conformance.Planned, plan bench.Plan, try int) (*conformance.Cell, *result.Stage, error) {
	s := p.Spec
	name := path.Join(result.TracesFolder, s.Name+".trace")
	file := filepath.Join(c.Folder.Dir, filepath.FromSlash(name))
	stage, err := c.drive(ctx, p, c.plan(p, plan, name, try), file)
	if err != nil {
		return nil, nil, err
	}
	t, err := trace.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; %s", err, strings.Join(stage.Warnings, "; "))
	}
	decisions, err := conformance.CompareDecisions(t)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	// The wall clock is that of both; a window is a cut, and need not be exact.
	from := stage.Start.Sub(t.Started)
	if s.Load.Model() == load.Burst {
		from -= s.Load.BurstInterval / 2 // between two waves
	}
	faults := faultsOf(stage, t, from)
	cell, err := conformance.Assess(s, t, from, from+stage.Length, c.Report.Precision, c.Report.Confidence)
	if err != nil {
		var unusable *conformance.UnusableError
		switch {
		case errors.As(err, &unusable):
			faults = append(faults, err.Error())
		case len(faults) == 0:
			return nil, nil, err
		}
		cell = &conformance.Cell{Spec: s, Window: stage.Length}
		for _, q := range s.Judged {
			cell.Judgements = append(cell.Judgements, conformance.Judgement{Quantity: q, Expected: 1})
		}
	}
	decisions.Trace = name
	cell.Trace, cell.Decisions = name, decisions
	if cell.Valid = len(faults) == 0; !cell.Valid {
		cell.Why = faults
		for i := range cell.Judgements {
			cell.Judgements[i].Answer = conformance.NotValid
		}
	}
	return cell, stage, nil
}

// faultsOf is why a stage is not valid.
func faultsOf(s *result.Stage, t *trace.Trace, from time.Duration) (out []string) {
	out = append(out, s.Invalid...)
	if held := s.Target.Throttled; held.Any() {
		out = append(out, fmt.Sprintf("a CPU quota stopped the target %v, which no model allows for", held))
	}
	out = append(out, t.Warnings()...)
	n := int64(0)
	for _, r := range t.Records {
		if r.At >= from && r.At < from+s.Length {
			n++
		}
	}
	planned := s.Counts.Planned()
	if off := max(n-planned, planned-n); off > 20+planned/100 {
		out = append(out, fmt.Sprintf("the generator sent %d requests in the window and the trace has %d", planned, n))
	}
	for _, o := range []result.Outcome{result.Refused, result.Reset, result.Timeout, result.Error, result.Unfinished} {
		if s.Counts[o] > 0 {
			out = append(out, fmt.Sprintf("%d requests ended in %s", s.Counts[o], o))
		}
	}
	return out
}

// plan is how a spec is driven.
func (c Config) plan(p conformance.Planned, plan bench.Plan, name string, try int) bench.Plan {
	s := p.Spec
	plan.Load = s.Load
	plan.Warmup, plan.Duration, plan.Seed, plan.MaxLag = s.Warmup(), p.Window, c.Report.Seed, c.MaxLag
	plan.NoPin, plan.Extend = c.NoPin, bench.DefaultExtend
	switch every := s.Load.BurstInterval; s.Load.Model() {
	case load.Closed:
		plan.Load.RampUp = max(s.ServiceTime+s.Load.ThinkTime, s.ServiceTime*time.Duration(s.Load.Clients)/time.Duration(s.Workers))
	case load.Burst:
		plan.Warmup = (plan.Warmup + every - 1).Truncate(every)
	}
	plan.Settings = result.Settings{
		{Key: result.KeyTarget, Value: blocking.Name}, {Key: "cell", Value: s.Name}, {Key: result.KeyBackend, Value: "sim"},
		{Key: result.KeyBackendLatency, Value: s.ServiceTime.String()}, {Key: result.KeyBackendDist, Value: s.ServiceLaw.Kind},
		{Key: result.KeyWorkers, Value: fmt.Sprint(s.Workers)}, {Key: result.KeyQueue, Value: fmt.Sprint(s.Queue)},
		{Key: result.KeyTrace, Value: name},
	}
	if s.ServiceLaw.CV > 0 {
		plan.Settings = plan.Settings.With(result.KeyBackendCV, fmt.Sprint(s.ServiceLaw.CV))
	}
	if try > 1 {
		plan.Settings = plan.Settings.With("try", fmt.Sprint(try))
	}
	return plan
}

// drive runs the stage on a target of its own, which leaves its trace in file.
func (c Config) drive(ctx context.Context, p conformance.Planned, plan bench.Plan, file string) (*result.Stage, error) {
	s := p.Spec
	o := targets.Options{
		Workers: s.Workers, Queue: cmp.Or(s.Queue, targets.NoQueue), Trace: file,
		Sim: sim.Config{Latency: s.ServiceTime, Dist: sim.Dist(s.ServiceLaw.Kind), CV: s.ServiceLaw.CV, Seed: c.Report.Seed},
	}
	return targets.Program{CPUs: c.TargetCPUs}.Drive(ctx, blocking.Name, o, plan, func(_ context.Context, r targets.Ready) (bench.Driver, func(), error) {
		driver, err := epoll.Best(bench.HTTP{URL: "http://" + r.Addr + orders.PathOneUser}, epoll.Options{})
		return driver, nil, err
	})
}

// The overload of the starts: workers are never idle, and each service takes the
// same, so that they keep the phases in which they began.
const (
	startWorkers = 20
	startRate    = 2500
	startService = 20 * time.Millisecond
)

// starts runs the overload from workers that begin together, and from workers
// that begin one after the other.
func (c Config) starts(ctx context.Context) error {
	a := startRate * startService.Seconds()
	for _, s := range []struct {
		name, cell string
		first      int
		over       time.Duration
		wait       float64
	}{
		// All places come free at once and are taken at rate a, each then waits for
		// the rest of the service.
		{"all at once", "start-at-once", 2 * startWorkers, 0, 1 - (startWorkers+1)/(2*a)},
		// A place comes free at a time, and is soon taken.
		{"one after another", "start-staggered", startWorkers, startService, 1 - 1/a},
	} {
		spec := conformance.Spec{Name: s.cell, Setting: theory.Setting{Load: load.Load{Rate: startRate}, Workers: startWorkers, Queue: startWorkers, ServiceTime: startService, ServiceLaw: theory.Law{Kind: theory.Constant}}}
		cell, err := c.cell(ctx, conformance.Planned{Spec: spec, Window: c.Starts}, bench.Plan{Pattern: begun{s.first, s.over, startRate}})
		if err != nil {
			return err
		}
		start := &conformance.Start{Name: s.name, Cell: cell, WaitExpected: s.wait}
		c.Report.Starts = append(c.Report.Starts, start)
		c.report("lock-step  started %s: mean wait %.3f services, expected %.3f", s.name, start.Waited(), s.wait)
	}
	return nil
}

// begun is a Poisson process that the first so many come before.
type begun struct {
	first int
	over  time.Duration // evenly
	rate  float64
}

func (b begun) Name() string {
	return fmt.Sprintf("%d over %v, then poisson:%g", b.first, b.over, b.rate)
}

// Schedule draws the gaps from the seed.
func (b begun) Schedule(seed uint64) func() time.Duration {
	gaps := rand.New(rand.NewPCG(seed, 0x626567756e))
	i, at := 0, float64(b.over)
	return func() time.Duration {
		if i++; i <= b.first {
			return b.over * time.Duration(i-1) / time.Duration(b.first)
		}
		at += gaps.ExpFloat64() / b.rate * 1e9
		return time.Duration(at)
	}
}
