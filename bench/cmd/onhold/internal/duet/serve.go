package duet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// Defaults of a Serve, and of its stages.
const (
	DefaultStage  = 1500 * time.Millisecond
	DefaultWarmup = 200 * time.Millisecond
	DefaultSettle = time.Second
	DefaultRounds = 2
	maxRounds     = 100
)

const (
	buildLimit = 10 * time.Minute      // for one build
	startLimit = 15 * time.Second      // from a server's launch until it accepts
	startEvery = 10 * time.Millisecond // between attempts to connect
	stagePause = 20 * time.Millisecond // between stages, for requests that are still in flight
)

// Serve compares a server under an open load at one fixed rate. The servers of a
// pair are launched afresh and run at the same time. One at a time is driven, in
// short stages that alternate, so that drift of the machine affects all alike.
type Serve struct {
	// Build is the shell command that builds a side, in the folder of its source: it
	// writes a program to {out}. {layout} is a number by which the command may vary the
	// code layout; Go builds do so by themselves (GOFLAGS).
	Build string

	// Command starts the server: {out} is the program, {addr} the address to listen on,
	// {host} and {port} its parts. The shell's exec runs it, so it is one program.
	Command string

	// Host is the address of this machine at which the servers listen; 127.0.0.1 where
	// empty.
	Host string

	// Driver makes the driver for a server's address.
	Driver func(addr string) (bench.Driver, error)

	// Drive, where not nil, runs a stage against the server at an address in place of
	// [bench.Run]: for other generators than this process. The stage has the settings that
	// it would have there.
	Drive func(ctx context.Context, addr string, p bench.Plan, d bench.Driver) (*result.Stage, error)

	// Plan is one stage: an open load, its duration and its warm-up.
	Plan bench.Plan

	Settle time.Duration // driven once after the launch, and discarded; DefaultSettle where 0
	Rounds int           // stages for each arm and pair; DefaultRounds where 0

	// Request describes the request in words. The settings of Driver distinguish
	// comparisons.
	Request string
}

// Validate returns a [*field.Error] for a field that is out of range.
func (e *Serve) Validate() error {
	address := strings.Contains(e.Command, "{addr}") || strings.Contains(e.Command, "{port}")
	return field.First(
		field.Check(strings.Contains(e.Build, "{out}"), "Build", e.Build, "a command that writes the program to {out}, such as 'go build -o {out} .'"),
		noVariables("Build", e.Build, "{out}", "{layout}"),
		field.Check(strings.Contains(e.Command, "{out}") && address, "Command", e.Command,
			"a command that starts {out} and listens on {addr}, or on {host} and {port}, such as '{out} --addr {addr}' or '{out} --port {port}'"),
		noVariables("Command", e.Command, "{out}", "{addr}", "{host}", "{port}"),
		oneProgram("Command", e.Command),
		field.Check(e.Host == "" || net.ParseIP(e.Host) != nil, "Host", e.Host, "an address of this machine, such as 10.0.0.5"),
		field.Check(e.Rounds >= 0 && e.Rounds <= maxRounds, "Rounds", e.Rounds, fmt.Sprintf("1 to %d", maxRounds)),
		e.Plan.Validate(),
		field.Check(e.Plan.Load.Model().Open(), "Plan.Load", e.Plan.Load.Model(), "an open load: clients that wait for replies would send less to the slower side"),
	)
}

func (e *Serve) rounds() int { return cmp.Or(e.Rounds, DefaultRounds) }

func (e *Serve) settle() time.Duration { return cmp.Or(e.Settle, DefaultSettle) }

func (e *Serve) settings() result.Settings {
	out := result.Settings{
		{Key: keyBuild, Value: e.Build}, {Key: keyServe, Value: e.Command}, {Key: "request", Value: e.Request},
		{Key: keyRounds, Value: strconv.Itoa(e.rounds())}, {Key: "settle", Value: e.settle().String()},
	}
	var driver bench.Driver = &bench.GoroutineDriver{}
	if e.Driver != nil {
		if d, err := e.Driver("127.0.0.1:1"); err == nil { // else nothing will be driven
			driver = d
		}
	}
	for _, kv := range e.Plan.StageSettings(driver) {
		if kv.Key != "seed" && kv.Key != result.KeyRepeat { // those differ between stages
			out = append(out, kv)
		}
	}
	return out
}

// served runs the pairs of a Serve.
type served struct {
	*Serve
	s *session
	*builder
	identical bool // both sides are the same program: there is nothing to measure
}

func (e *Serve) open(ctx context.Context, s *session) (runner, error) {
	r := &served{Serve: e, s: s}
	r.builder = &builder{s: s, make: r.make}
	if err := plain(s.sides.Root); err != nil {
		return nil, err
	}
	measured, err := s.skipIdentical(ctx, []part{{"the server", Identical{}, r.builder, r.try}})
	r.identical = err == nil && !measured[0]
	return r, err
}

func (r *served) close() error { return nil }

func (r *served) units() int {
	if r.identical {
		return 0
	}
	return r.rounds() * len(r.s.arms())
}

func (r *served) stored() ([]compare.Sample, error) {
	stages, end, err := readStages(r.s.Out, r.s.arms(), r.rounds())
	if err == nil {
		err = r.s.truncate(end)
	}
	if err != nil {
		return nil, err
	}
	samples, invalid := compare.FromStages(stages, compare.Base)
	if len(invalid) > 0 {
		return nil, errors.New(invalid[0])
	}
	return samples, nil
}

// make builds a side by the user's command.
func (r *served) make(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
	line := fill(r.Build, "{out}", out, "{layout}", strconv.FormatUint(max(layout, 1), 10))
	cmd := r.s.sides.Command(arm, r.s.sides.Dir(arm), "/bin/sh", "-c", line)
	// For a go build without linker flags of its own; one with them may use {layout}.
	cmd.Env = append(cmd.Env, strings.TrimSpace(`GOFLAGS=`+os.Getenv("GOFLAGS")+` -trimpath -buildvcs=false '-ldflags=`+layoutFlags(layout)+`'`))
	_, err := process.Run(ctx, cmd, nil, buildLimit, nil)
	return err
}

func (r *served) build(ctx context.Context, pairs []pairPlan) error { return r.builder.all(ctx, pairs) }

// live is a running server.
type live struct {
	*process.Process
	arm    compare.Arm
	addr   string
	hash   string
	driver bench.Driver
}

// pair launches the servers of a pair, drives them in turn, and stops them.
func (r *served) pair(ctx context.Context, p pairPlan) ([]compare.Sample, error) {
	programs, err := r.take(p)
	if err != nil {
		return nil, err
	}
	var servers []*live
	defer func() {
		for _, s := range servers {
			_ = s.Stop() // how a server ends is not compared
		}
	}()
	for _, arm := range p.order {
		s, err := r.launch(ctx, arm, programs[arm])
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	for _, s := range servers {
		if err := r.warm(ctx, s, p); err != nil {
			return nil, err
		}
	}
	var stages []*result.Stage
	for round := range r.rounds() {
		for _, s := range turn(servers, round) {
			stage, err := r.undisturbed(ctx, s, p, round, len(stages)+1)
			if err != nil {
				return nil, err
			}
			stages = append(stages, stage)
		}
	}
	// A pair is recorded when it is complete.
	for _, s := range stages {
		if err := r.s.folder.Append(s); err != nil {
			return nil, err
		}
	}
	r.drop(p)
	samples, _ := compare.FromStages(stages, "")
	return samples, nil
}

// undisturbed drives a server for one stage. A disturbed stage is repeated as far as
// session.again allows, and is recorded as discarded.
func (r *served) undisturbed(ctx context.Context, s *live, p pairPlan, round, unit int) (*result.Stage, error) {
	for row := 1; ; row++ {
		plan := r.Plan
		plan.Seed = p.seed + uint64(round) // the same arrivals for all arms
		w := startWatch()
		stage, err := r.drive(ctx, s, plan)
		if err != nil {
			return nil, err
		}
		stage.Settings = stage.Settings.With(result.KeyPair, strconv.Itoa(p.number)).With(result.KeyRound, strconv.Itoa(round+1)).
			With("order", orderOf(p.order)).With("layout-seed", strconv.FormatUint(p.layout[s.arm], 10)).With("binary-sha256", s.hash)
		bad := w.disturbed(disturbed(s.arm, stage, r.s.maxSteal()), s.arm, "the generator or the server")
		if bad == nil {
			return stage, nil
		}
		bad.Pair, bad.Unit = p.number, unit
		again, err := r.s.again(*bad, row, r.units())
		if err == nil && !again {
			stage.Settings = stage.Settings.With(result.KeyDisturbed, bad.Why)
			return stage, nil
		}
		// Recorded at once: the stage stays disturbed if the pair does not complete.
		stage.Settings = stage.Settings.With(result.KeyDiscarded, bad.Why)
		if err := errors.Join(err, r.s.folder.Append(stage)); err != nil {
			return nil, err
		}
	}
}

// turn is the order of a round. Every second one is reversed, so that drift within
// the pair affects all arms alike.
func turn(servers []*live, round int) []*live {
	if round%2 == 0 {
		return servers
	}
	back := slices.Clone(servers)
	slices.Reverse(back)
	return back
}

// orderOf writes an order of arms, like BCA: A is the control.
func orderOf(order []compare.Arm) string {
	var b strings.Builder
	for _, arm := range order {
		b.WriteByte(map[compare.Arm]byte{compare.Base: 'B', compare.Candidate: 'C', compare.Control: 'A'}[arm])
	}
	return b.String()
}

// launch starts a server on a free address and waits until it accepts.
func (r *served) launch(ctx context.Context, arm compare.Arm, prog program) (*live, error) {
	addr, err := freeAddr(cmp.Or(r.Host, "127.0.0.1"))
	if err != nil {
		return nil, err
	}
	// exec replaces the shell by the server, whose process is measured.
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	line := "exec " + fill(r.Command, "{out}", prog.path, "{addr}", addr, "{host}", host, "{port}", port)
	cmd := r.s.sides.Command(arm, r.s.sides.Dir(arm), "/bin/sh", "-c", line)
	p, err := process.Start(cmd, r.s.TargetCPUs, nil)
	if err != nil {
		return nil, fmt.Errorf("starting the %s: %w", arm, err)
	}
	s := &live{Process: p, arm: arm, addr: addr, hash: prog.hash}
	if err := s.accepts(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	if s.driver, err = r.Driver(addr); err != nil {
		p.Kill()
		err = fmt.Errorf("the server of the %s: %w", arm, err)
		if _, asked := errors.AsType[*field.Error](err); asked {
			return nil, &ConfigError{Err: err}
		}
		return nil, err
	}
	return s, nil
}

// freeAddr is a free address of this machine, at host.
func freeAddr(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", &ConfigError{Err: &field.Error{Field: "Host", Value: host, Want: fmt.Sprintf("an address of this machine: %v", err)}}
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// accepts waits until the server accepts a connection.
func (s *live) accepts(ctx context.Context) error {
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for {
		conn, err := net.DialTimeout("tcp", s.addr, startLimit)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.Done():
			_, how := s.Ended()
			return fmt.Errorf("the server of the %s ended before it listened on %s: %s", s.arm, s.addr, how)
		case <-limit.C:
			return fmt.Errorf("the server of the %s did not listen on %s within %v; its output: %s", s.arm, s.addr, startLimit, s.Stderr())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(startEvery):
		}
	}
}

// warm drives a server that was just launched, and discards the result. It is an
// error where the server serves nothing.
func (r *served) warm(ctx context.Context, s *live, p pairPlan) error {
	plan := r.Plan
	plan.Warmup, plan.Duration, plan.Seed = 0, r.settle(), p.seed-1
	stage, err := r.drive(ctx, s, plan)
	if err != nil {
		return err
	}
	if nothing := stage.ServedNothing(); nothing != "" && stage.Counts[result.Rejected] == 0 {
		return fmt.Errorf("the server of the %s %s", s.arm, nothing)
	}
	return nil
}

// drive runs one stage against a server.
func (r *served) drive(ctx context.Context, s *live, plan bench.Plan) (*result.Stage, error) {
	plan.TargetPID = s.ID()
	plan.Settings = append(result.Settings{{Key: result.KeyTarget, Value: "server"}, {Key: result.KeyArm, Value: string(s.arm)}}, plan.Settings...)
	var stage *result.Stage
	var err error
	if r.Drive != nil {
		stage, err = r.Drive(ctx, s.addr, plan, s.driver)
	} else {
		stage, err = bench.Run(ctx, plan, s.driver)
	}
	if ended, how := s.Ended(); ended {
		return nil, fmt.Errorf("the server of the %s died: %s", s.arm, how)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	time.Sleep(stagePause)
	return stage, nil
}
