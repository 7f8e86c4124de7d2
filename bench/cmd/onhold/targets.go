package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/alive"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

const (
	// maxSpread bounds how long the clients of a closed load take to begin,
	// however far beyond the target they are.
	maxSpread = 3 * time.Second

	// anyAddr is the address of a driver that is made for its settings only.
	anyAddr = "127.0.0.1:1"

	// probeLimit bounds how long a connection to a user's server may take.
	probeLimit = 5 * time.Second
)

// target is what a run drives.
type target struct {
	name     string
	like     bench.Driver    // as it is driven, for settings and limits
	settings result.Settings // of its own
	rampUp   func(clients int) time.Duration
	pid      int
	traced   bool
	run      func(context.Context, bench.Plan) (*result.Stage, error)
	probe    func(context.Context) error // whether it is there
	gone     func(context.Context) error // why it must not be driven again; nil where it may
}

// plan adds to p what only the target knows.
func (t *target) plan(p bench.Plan) bench.Plan {
	if p.Load.Model() == load.Closed && p.Load.RampUp == 0 {
		p.Load.RampUp = t.rampUp(p.Load.Clients)
	}
	p.TargetPID = t.pid
	p.Settings = append(result.Settings{{Key: result.KeyTarget, Value: t.name}}, t.settings...)
	if t.traced { // its file, from the run folder
		file := fmt.Sprintf("%s-%s-%g-%d.trace", t.name, p.Load.Model(), p.Load.Level(), max(p.Repeat, 1))
		p.Settings = append(p.Settings, result.Setting{Key: result.KeyTrace, Value: path.Join(result.TracesFolder, file)})
	}
	return p
}

// planned are the settings that a stage will have.
func (t *target) planned(p bench.Plan) result.Settings { return t.plan(p).StageSettings(t.like) }

// stage runs a stage. Where a warning says which field would measure more, that is the flag.
func (t *target) stage(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	s, err := t.run(ctx, t.plan(p))
	if err != nil {
		return nil, err
	}
	for i, warning := range s.Warnings {
		s.Warnings[i] = strings.Replace(warning, "; "+bench.StreamField, "; --"+flagStream+" ", 1)
	}
	return s, nil
}

// openTargets finds out whether what the command line says can be driven, before
// anything is started: also whether this machine allows what the highest level needs.
func (s *session) openTargets(ctx context.Context, sweep bench.Sweep) error {
	add := s.addStyles
	if s.mix != nil {
		add = s.addServer
	}
	if err := add(ctx); err != nil {
		return err
	}
	if s.agents {
		return nil // it is theirs to drive: this machine need not be able to, nor to reach it
	}
	for _, t := range s.driven {
		for p := range sweep.Plans() {
			if err := bench.CheckLimits(p, t.like); err != nil {
				return &exitError{exitUsage, err}
			}
		}
		if err := t.probe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addServer adds a user's server, which is already running.
func (s *session) addServer(context.Context) error {
	if err := onlyWithStyles(s.c); err != nil {
		return err
	}
	driver, dial, err := s.driver()
	if err != nil {
		return err
	}
	pid := s.c.Int("target-pid")
	if s.c.IsSet("target-pid") {
		meter := host.Process(pid)
		if err := meter.Start(); err != nil || pid < 1 {
			return usageError("--target-pid=%d: want the id of a running process", pid)
		}
		meter.Stop()
	}
	t := &target{name: nameOf(s.mix), like: driver, pid: pid}
	t.rampUp = func(int) time.Duration { return defaultBackoff }
	t.run = func(ctx context.Context, p bench.Plan) (*result.Stage, error) { return bench.Run(ctx, p, driver) }
	t.gone = func(ctx context.Context) error { return alive.Check(ctx, dial, pid) }
	t.probe = func(ctx context.Context) error { return probe(ctx, t.name, dial) }
	if s.agents {
		t.gone = func(context.Context) error { return nil }
	}
	s.driven = append(s.driven, t)
	return nil
}

// driver is the driver of the requests to a server, and what makes a connection for them.
func (s *session) driver() (bench.Driver, bench.Dial, error) {
	if s.calls != nil {
		d, err := s.calls.Driver()
		if err != nil {
			return nil, nil, err
		}
		return d, d.Dial, nil
	}
	d, err := driverOf(s.c, s.requests)
	if err != nil {
		return nil, nil, err
	}
	dial, err := s.requests.Dial()
	return d, dial, err
}

// addStyles adds our styles. Each stage gets its own process, so that no stage inherits
// memory, threads or connections from the one before.
func (s *session) addStyles(ctx context.Context) error {
	if err := onlyWithServer(s.c); err != nil {
		return err
	}
	driving, err := drivingOf(s.c, s.styles)
	if err != nil {
		return err
	}
	there := func(context.Context) error { return nil }
	for _, style := range s.styles {
		t := &target{name: style.Name, settings: s.options.Settings(style), traced: s.c.Bool("trace"), probe: there, gone: there}
		if t.like, _, err = style.Driver(ctx, targets.Ready{Addr: anyAddr}, driving); err != nil {
			return err
		}
		if t.traced {
			if err := style.Traceable(s.options); err != nil {
				return &exitError{exitUsage, err}
			}
		}
		if url := s.options.Queued.Broker; style.Later && url != "" {
			store, sync, err := broker.About(ctx, url, s.options.Queued.Streams)
			if err != nil {
				return &exitError{exitNotStarted, fmt.Errorf("--%s: %w", flagBroker, err)}
			}
			t.settings = append(t.settings, result.Setting{Key: result.KeyBrokerStore, Value: store}, result.Setting{Key: result.KeyBrokerSync, Value: sync})
		}
		t.rampUp = func(clients int) time.Duration { return min(style.OnceEach(s.options, clients), maxSpread) }
		driver := func(ctx context.Context, r targets.Ready) (bench.Driver, func(), error) {
			r.Broker = cmp.Or(s.options.Queued.Broker, r.Broker) // which has no password
			return style.Driver(ctx, r, driving)
		}
		t.run = func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
			o := s.options
			if t.traced {
				o.Trace = filepath.Join(s.folder.Dir, filepath.FromSlash(p.Settings.Get(result.KeyTrace)))
			}
			return targets.Program{CPUs: s.cpus}.Drive(ctx, style.Name, o, p, driver)
		}
		s.driven = append(s.driven, t)
	}
	return nil
}
