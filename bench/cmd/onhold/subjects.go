package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue"
)

const (
	// maxSpread bounds how long the clients of a closed load take to begin,
	// however far beyond the target they are.
	maxSpread = 3 * time.Second

	// anyAddr is an address for a driver that is asked for its settings only.
	anyAddr = "127.0.0.1:1"

	// probeLimit bounds how long a connection to somebody's server may take.
	probeLimit = 5 * time.Second
)

// subject is something to be driven.
type subject interface {
	name() string
	planned(p bench.Plan) result.Settings // those that the stage will have
	stage(ctx context.Context, p bench.Plan) (*result.Stage, error)
	gone(ctx context.Context) error // why it must not be driven again; nil where it may
}

// subjects are what the flags say is to be driven.
func subjects(ctx context.Context, c *cli.Command, options targets.Options, sweep bench.Sweep) ([]subject, error) {
	if len(c.StringSlice("url")) > 0 {
		s, err := newServer(c)
		if err != nil {
			return nil, err
		}
		if err := checkLimits(sweep, s.driver); err != nil {
			return nil, err
		}
		return []subject{s}, s.probe(ctx)
	}
	if err := withURL(c); err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	styles, err := stylesOf(c)
	if err != nil {
		return nil, err
	}
	if err := checkDriving(c, styles); err != nil {
		return nil, err
	}
	var subs []subject
	for _, s := range styles {
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
		sub := &style{
			style: s.Name, traced: c.Bool("trace"), exe: exe, args: targetArgs(c), env: targetEnv(c), options: options, like: like,
			driver: func(_ context.Context, r targets.Ready) (bench.Driver, func(), error) {
				d, err := driverOfStyle(c, s, r.Addr)
				return d, func() {}, err
			},
			settings: targetSettings(c, s.Name),
		}
		if s.Name == queue.Name {
			if err := sub.later(ctx, c); err != nil {
				return nil, err
			}
		}
		subs = append(subs, sub)
	}
	return subs, nil
}

// stylesOf are the styles that --targets names.
func stylesOf(c *cli.Command) (styles []targets.Style, err error) {
	for name := range strings.SplitSeq(text(c, "targets", strings.Join(targets.Names(targets.HTTP), ",")), ",") {
		name = strings.TrimSpace(name)
		if slices.ContainsFunc(styles, func(s targets.Style) bool { return s.Name == name }) {
			return nil, usageError("--targets=%s: %s comes twice", c.String("targets"), name)
		}
		s, ok := targets.Find(name)
		if !ok {
			return nil, usageError("--targets=%s: there is no style %q: want %s", c.String("targets"), name, strings.Join(targets.AllNames(), ", "))
		}
		styles = append(styles, s)
	}
	return styles, nil
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

// server is somebody's server, running already.
type server struct {
	what   string // its address, without a password
	dial   bench.Dial
	driver bench.Driver
	pid    int
	wait   time.Duration // what it is thought to wait for
}

func newServer(c *cli.Command) (*server, error) {
	h, err := requestsOf(c)
	if err != nil {
		return nil, err
	}
	what := nameOf(h.Mix)
	if c.IsSet("targets") {
		return nil, usageError("--url=%s: cannot go with --targets; give one of them", what)
	}
	if n := c.Int("conns"); n != 0 {
		return nil, usageError("--conns=%d: goes with style rpc only, and not with --url", n)
	}
	if err := withoutExtra(c, "a server at --url"); err != nil {
		return nil, err
	}
	if c.Bool("trace") {
		return nil, usageError("--trace: a server at --url writes none, only the styles %s do", strings.Join(targets.Names(), ", "))
	}
	driver, err := driverOf(c, h)
	if err != nil {
		return nil, err
	}
	dial, err := h.Dial()
	if err != nil {
		return nil, usageError("--%w", err)
	}
	if pid := c.Int("pid"); c.IsSet("pid") {
		meter := host.Process(pid)
		if err := meter.Start(); err != nil || pid < 1 {
			return nil, usageError("--pid=%d: want the id of a running process", pid)
		}
		meter.Stop()
	}
	return &server{
		what: what, dial: dial, driver: driver, pid: c.Int("pid"), wait: c.Duration("backend-latency"),
	}, nil
}

func (s *server) name() string { return s.what }

// probe makes one connection, and no request: a run against a server that is
// not there would only tell that it is not there.
func (s *server) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return &exitError{exitNotStarted, fmt.Errorf("--url=%s: no connection can be made: %w", s.what, err)}
	}
	return conn.Close()
}

func (s *server) gone(ctx context.Context) error { return bench.Gone(ctx, s.dial, s.pid) }

// plan is the plan with what is known of the server only.
func (s *server) plan(p bench.Plan) bench.Plan {
	p.Settings = result.Settings{{Key: result.KeyTarget, Value: s.what}}
	if p.Load.Model() == load.Closed && p.Load.RampUp == 0 {
		p.Load.RampUp = s.wait
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

// style is a target of ours. Each stage gets a process of its own, so that no
// stage inherits memory, threads or connections from the one before.
type style struct {
	style    string
	exe      string
	args     []string
	env      []string
	cpus     []int
	settings result.Settings
	options  targets.Options // as the process has them, by way of args
	driver   func(context.Context, targets.Ready) (d bench.Driver, done func(), err error)
	like     bench.Driver // what drives it, at no address yet
	traced   bool
	folder   string // where the traces' names lead from
}

func (s *style) name() string { return s.style }

// gone is nil: each stage has a process of its own.
func (s *style) gone(context.Context) error { return nil }

// plan is the plan with what is known of the target only.
func (s *style) plan(p bench.Plan) bench.Plan {
	if p.Load.Model() == load.Closed && p.Load.RampUp == 0 {
		p.Load.RampUp = min(s.options.OnceEach(s.style, p.Load.Clients), maxSpread)
	}
	p.Settings = append(result.Settings{{Key: result.KeyTarget, Value: s.style}}, s.settings...)
	if s.traced {
		p.Settings = append(p.Settings, result.Setting{Key: result.KeyTrace, Value: traceName(s.style, p)})
	}
	return p
}

func (s *style) planned(p bench.Plan) result.Settings { return s.plan(p).StageSettings(s.like) }

func (s *style) stage(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	p = s.plan(p)
	// Not bound to ctx: an interrupted stage still ends its target in good order.
	cmd := exec.Command(s.exe, slices.Concat([]string{"serve", s.style}, s.args, s.traceArgs(p))...)
	cmd.Env = s.env
	process, err := targets.Launch(ctx, cmd, s.cpus)
	if err != nil {
		return nil, &exitError{exitNotStarted, err}
	}
	driver, done, err := s.driver(ctx, process.Ready)
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	defer done()
	p.TargetPID = process.PID
	stage, err := bench.Run(ctx, p, driver)
	died, how := process.Ended()
	if err == nil && !died {
		stage.Target.ServiceTime = s.held(process.Addr)
	}
	if err == nil && died {
		stage.Invalidate("the target died in mid-stage: %s", how)
	}
	if stopErr := process.Stop(); stopErr != nil && err == nil && !died {
		stage.Warn("%v", stopErr)
	}
	return stage, err
}

// held asks the target for how long its requests had a worker. It is known, or
// it is not: a stage is whole without it.
func (s *style) held(addr string) result.MeanTime {
	style, _ := targets.Find(s.style)
	// Not bound to the context of the run: the stage is whole.
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	st, err := targets.Stats(ctx, style.Protocol, addr)
	if err != nil {
		return result.MeanTime{}
	}
	return result.MeanTime{N: st.Held.N, Mean: time.Duration(st.Held.Mean)}
}
