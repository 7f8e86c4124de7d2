package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/alive"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
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
type target interface {
	name() string
	planned(p bench.Plan) result.Settings // that the stage will have
	stage(ctx context.Context, p bench.Plan) (*result.Stage, error)
	gone(ctx context.Context) error // why it must not be driven again; nil where it may
}

// openTargets returns what the command line says to drive.
func openTargets(ctx context.Context, c *cli.Command, a arguments, options targets.Options, sweep bench.Sweep) ([]target, error) {
	if a.mix != nil {
		s, err := newServer(c, a.mix)
		if err != nil {
			return nil, err
		}
		if err := checkLimits(sweep, s.driver); err != nil {
			return nil, err
		}
		return []target{s}, s.probe(ctx)
	}
	if err := onlyWithServer(c); err != nil {
		return nil, err
	}
	if err := checkDriving(c, a.styles); err != nil {
		return nil, err
	}
	var driven []target
	for _, s := range a.styles {
		like, err := driverOfStyle(c, s, anyAddr)
		if err != nil {
			return nil, err
		}
		if err := checkLimits(sweep, like); err != nil {
			return nil, err
		}
		if c.Bool("trace") {
			if err := s.Traceable(options); err != nil {
				return nil, &exitError{exitUsage, err}
			}
		}
		t := &style{
			style: s, traced: c.Bool("trace"), options: options, like: like,
			driver: func(_ context.Context, r targets.Ready) (bench.Driver, func(), error) {
				d, err := driverOfStyle(c, s, r.Addr)
				return d, nil, err
			},
			settings: options.Settings(s),
		}
		if s.Later {
			if err := t.later(ctx, c); err != nil {
				return nil, err
			}
		}
		driven = append(driven, t)
	}
	return driven, nil
}

// checkLimits finds out before the start whether this machine allows what the
// highest level needs.
func checkLimits(sweep bench.Sweep, d bench.Driver) error {
	for p := range sweep.Plans() {
		if err := bench.CheckLimits(p, d); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	return nil
}

// server is a user's server, which is already running.
type server struct {
	what   string // its address, without a password
	dial   bench.Dial
	driver bench.Driver
	pid    int
}

func newServer(c *cli.Command, mix []bench.Weighted) (*server, error) {
	h, err := requestsOf(c, mix)
	if err != nil {
		return nil, err
	}
	what := nameOf(h.Mix)
	if err := onlyWithStyles(c); err != nil {
		return nil, err
	}
	driver, err := driverOf(c, h)
	if err != nil {
		return nil, err
	}
	dial, err := h.Dial()
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if pid := c.Int("target-pid"); c.IsSet("target-pid") {
		meter := host.Process(pid)
		if err := meter.Start(); err != nil || pid < 1 {
			return nil, usageError("--target-pid=%d: want the id of a running process", pid)
		}
		meter.Stop()
	}
	return &server{
		what: what, dial: dial, driver: driver, pid: c.Int("target-pid"),
	}, nil
}

func (s *server) name() string { return s.what }

// probe makes one connection, and no request: without it a run against a server
// that is not there would only record failures.
func (s *server) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return &exitError{exitNotStarted, fmt.Errorf("%s: no connection can be made; is the server running? %w", s.what, err)}
	}
	return conn.Close()
}

func (s *server) gone(ctx context.Context) error { return alive.Check(ctx, s.dial, s.pid) }

// plan adds to p what only the server knows.
func (s *server) plan(p bench.Plan) bench.Plan {
	p.Settings = result.Settings{{Key: result.KeyTarget, Value: s.what}}
	if p.Load.Model() == load.Closed && p.Load.RampUp == 0 {
		p.Load.RampUp = defaultBackoff
	}
	p.TargetPID = s.pid
	return p
}

func (s *server) planned(p bench.Plan) result.Settings {
	return s.plan(p).StageSettings(s.driver)
}

func (s *server) stage(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	return bench.Run(ctx, s.plan(p), s.driver)
}

// style is one of our styles. Each stage gets its own process, so that no stage
// inherits memory, threads or connections from the one before.
type style struct {
	style    targets.Style
	cpus     []int
	settings result.Settings
	options  targets.Options
	driver   targets.MakeDriver
	like     bench.Driver // a driver like its own, for settings and limits
	traced   bool
	folder   string // that the names of traces are relative to
}

func (s *style) name() string { return s.style.Name }

// gone is nil: each stage has its own process.
func (s *style) gone(context.Context) error { return nil }

// plan adds to p what only the target knows.
func (s *style) plan(p bench.Plan) bench.Plan {
	if p.Load.Model() == load.Closed && p.Load.RampUp == 0 {
		p.Load.RampUp = min(s.style.OnceEach(s.options, p.Load.Clients), maxSpread)
	}
	p.Settings = append(result.Settings{{Key: result.KeyTarget, Value: s.style.Name}}, s.settings...)
	if s.traced {
		p.Settings = append(p.Settings, result.Setting{Key: result.KeyTrace, Value: traceName(s.style.Name, p)})
	}
	return p
}

func (s *style) planned(p bench.Plan) result.Settings { return s.plan(p).StageSettings(s.like) }

func (s *style) stage(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	p, o := s.plan(p), s.options
	if s.traced {
		o.Trace = filepath.Join(s.folder, filepath.FromSlash(p.Settings.Get(result.KeyTrace)))
	}
	return targets.Program{CPUs: s.cpus}.Drive(ctx, s.style.Name, o, p, s.driver)
}
