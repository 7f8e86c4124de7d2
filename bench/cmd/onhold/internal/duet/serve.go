package duet

import (
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
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// What a zero field of a Serve means.
const (
	DefaultSlice  = 1500 * time.Millisecond
	DefaultSettle = time.Second
	DefaultSlices = 2
)

const (
	buildLimit = 10 * time.Minute      // for one build
	startLimit = 15 * time.Second      // from a server's launch until it accepts
	startEvery = 10 * time.Millisecond // how often is tried
	sliceRest  = 20 * time.Millisecond // between slices, for what the last one left in flight
)

// Serve compares a server under an open load at one fixed rate. The servers of
// a pair are all launched afresh, and live at the same time; one at a time is
// driven, in short slices that alternate, so that what drifts on the machine
// meets all alike.
type Serve struct {
	// Build is the shell command that builds a side, in the folder of its source:
	// it writes a program to {out}. Where it has {layout}, that is a number which
	// the command may use to lay the code out differently; Go builds do so by
	// themselves (GOFLAGS).
	Build string

	// Command starts the server: {out} is the program, {addr} the address to
	// listen on, {host} and {port} its parts. The shell's exec runs it, so that it is one program.
	Command string

	// Driver makes what drives the server at an address.
	Driver func(addr string) (bench.Driver, error)

	// Plan is the load: an open one, whose Length is that of a slice and whose
	// Warmup is driven before each.
	Plan bench.Plan

	Settle time.Duration // driven once, after the launch, and discarded; DefaultSettle where 0
	Slices int           // for each arm and pair; DefaultSlices where 0

	// Request says in words what is asked for. What tells comparisons apart are
	// the settings of Driver.
	Request string
}

// Validate says what is wrong with it, naming the flag.
func (e *Serve) Validate() error {
	switch {
	case !strings.Contains(e.Build, "{out}"):
		return fmt.Errorf("--build=%s: must write the program to {out}, as in 'go build -o {out} .'", e.Build)
	case notVariables(e.Build, "{out}", "{layout}") != nil:
		return fmt.Errorf("--build=%s: %w", e.Build, notVariables(e.Build, "{out}", "{layout}"))
	case !strings.Contains(e.Command, "{out}") || !strings.Contains(e.Command, "{addr}") && !strings.Contains(e.Command, "{port}"):
		return fmt.Errorf("--serve=%s: must start {out} and have it listen on {addr}, or on {host} and {port}, as in '{out} --addr {addr}' or '{out} --port {port}'", e.Command)
	case notVariables(e.Command, "{out}", "{addr}", "{host}", "{port}") != nil:
		return fmt.Errorf("--serve=%s: %w", e.Command, notVariables(e.Command, "{out}", "{addr}", "{host}", "{port}"))
	case oneProgram(e.Command) != nil:
		return fmt.Errorf("--serve=%s: %w", e.Command, oneProgram(e.Command))
	case !e.Plan.Load.Model().Open():
		return fmt.Errorf("--load=%s: want constant or poisson: callers who wait for replies would go easy on the slower side", e.Plan.Load.Model())
	case e.Slices < 0 || e.Slices > 100:
		return fmt.Errorf("--slices=%d: must be from 1 to 100", e.Slices)
	}
	if err := e.Plan.Validate(); err != nil {
		return err
	}
	return nil
}

func (e *Serve) slices() int { return orDefault(e.Slices, DefaultSlices) }

func (e *Serve) settle() time.Duration { return orDefault(e.Settle, DefaultSettle) }

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (e *Serve) settings() result.Settings {
	out := result.Settings{
		{Key: "build", Value: e.Build}, {Key: "serve", Value: e.Command}, {Key: "request", Value: e.Request},
		{Key: "slices", Value: strconv.Itoa(e.slices())}, {Key: "settle", Value: e.settle().String()},
	}
	var driver bench.Driver = &bench.GoroutineDriver{}
	if e.Driver != nil {
		if d, err := e.Driver("127.0.0.1:1"); err == nil { // else nothing will be driven
			driver = d
		}
	}
	for _, kv := range e.Plan.StageSettings(driver) {
		if kv.Key != "seed" && kv.Key != result.KeyRepeat { // those of each slice
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
	return r, r.setAside(ctx)
}

func (r *served) close() error { return nil }

func (r *served) stored() ([]compare.Sample, error) {
	stages, end, err := readSlices(r.s.Out, r.s.arms(), r.slices())
	if err == nil {
		err = r.s.drop(end)
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

// shellQuoted is text as one word of a shell's.
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// make builds a side by the user's command.
func (r *served) make(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
	line := fill(r.Build, "{out}", out, "{layout}", strconv.FormatUint(max(layout, 1), 10))
	cmd := r.s.sides.Command(arm, r.s.sides.Dir(arm), "/bin/sh", "-c", line)
	// A go build that has no linker flags of its own gets these; one that has
	// them may take {layout}.
	cmd.Env = append(cmd.Env, strings.TrimSpace(`GOFLAGS=`+os.Getenv("GOFLAGS")+` -trimpath -buildvcs=false '-ldflags=`+layoutFlags(layout)+`'`))
	_, err := process.Run(ctx, cmd, nil, buildLimit, nil)
	return err
}

func (r *served) build(ctx context.Context, pairs []pairPlan) error { return r.builder.all(ctx, pairs) }

// live is a server that runs.
type live struct {
	*process.Process
	arm    compare.Arm
	addr   string
	hash   string
	driver bench.Driver
}

// pair launches the servers of a pair, drives them in alternating slices, and
// stops them.
func (r *served) pair(ctx context.Context, p pairPlan) ([]compare.Sample, error) {
	programs, err := r.take(p)
	if err != nil {
		return nil, err
	}
	var servers []*live
	defer func() {
		for _, s := range servers {
			_ = s.Stop() // how a server ends is not what is compared
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
	stages, err := r.slicesOf(ctx, servers, p)
	if err != nil {
		return nil, err
	}
	// A pair is on record once it is whole.
	for _, s := range stages {
		if err := r.s.folder.Append(s); err != nil {
			return nil, err
		}
	}
	r.drop(p)
	samples, _ := compare.FromStages(stages, "")
	return samples, nil
}

func (r *served) units() int {
	if r.identical {
		return 0
	}
	return r.slices() * len(r.s.arms())
}

// slicesOf drives the servers in turn: in the order that was drawn, then back,
// so that a drift within the pair meets each arm alike. A slice that was
// disturbed is run again at once, and stands on record as discarded.
func (r *served) slicesOf(ctx context.Context, servers []*live, p pairPlan) (stages []*result.Stage, err error) {
	n := 0
	for round := range r.slices() {
		for _, s := range turn(servers, round) {
			n++
			for row := 1; ; row++ {
				plan := r.Plan
				plan.Seed = p.seed + uint64(round) // the same arrivals for all arms
				stage, bad, err := r.slice(ctx, s, plan)
				if err != nil {
					return nil, err
				}
				stage.Settings = stage.Settings.With(result.KeyPair, strconv.Itoa(p.number)).With(result.KeySlice, strconv.Itoa(n)).
					With("order", orderOf(p.order)).With("layout-seed", strconv.FormatUint(p.layout[s.arm], 10)).With("binary-sha256", s.hash)
				if bad == nil {
					stages = append(stages, stage)
					break
				}
				bad.pair, bad.unit = p.number, n
				again, err := r.s.again(*bad, row, r.units())
				if err == nil && !again {
					stage.Settings = stage.Settings.With(result.KeyDisturbed, bad.why)
					stages = append(stages, stage)
					break
				}
				stage.Settings = stage.Settings.With(result.KeyDiscarded, bad.why)
				// On record at once: what was disturbed stays so if the pair does not end.
				if err := errors.Join(err, r.s.folder.Append(stage)); err != nil {
					return nil, err
				}
			}
		}
	}
	return stages, nil
}

// slice drives one server for one slice, and says whether it was disturbed.
func (r *served) slice(ctx context.Context, s *live, plan bench.Plan) (*result.Stage, *breach, error) {
	clock, throttled := watchWall(), host.SelfThrottled()
	stage, err := r.drive(ctx, s, plan)
	if err != nil {
		return nil, nil, err
	}
	bad := disturbed(s.arm, stage, r.s.maxSteal())
	switch t := host.SelfThrottled().Minus(throttled); {
	case bad != nil:
	case clock.stepped():
		bad = &breach{kind: kindClock, arm: s.arm, why: "the wall clock was set"}
	case t.Any():
		bad = &breach{kind: kindQuota, arm: s.arm, why: fmt.Sprintf("a CPU quota stopped the generator or the server %v", t)}
	}
	return stage, bad, nil
}

// turn is the order of a round: there, and back.
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
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	// The shell makes way for the server, whose process is measured.
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
		return nil, &ConfigError{Err: err}
	}
	return s, nil
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
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
			return fmt.Errorf("the server of the %s did not listen on %s within %v; it said: %s", s.arm, s.addr, startLimit, s.Said())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(startEvery):
		}
	}
}

// warm drives a server that was just launched. What it says is discarded, but
// a server that answers nobody is not worth going on with.
func (r *served) warm(ctx context.Context, s *live, p pairPlan) error {
	plan := r.Plan
	plan.Warmup, plan.Duration, plan.Seed = 0, r.settle(), p.seed-1
	stage, err := r.drive(ctx, s, plan)
	if err != nil {
		return err
	}
	if stage.Counts[result.OK]+stage.Counts[result.Rejected] == 0 && stage.Counts.Planned() > 0 {
		why := strings.Join(stage.Notes(), "; ")
		return fmt.Errorf("the server of the %s served none of %d requests: %s", s.arm, stage.Counts.Planned(), why)
	}
	return nil
}

// drive runs one stage against a server.
func (r *served) drive(ctx context.Context, s *live, plan bench.Plan) (*result.Stage, error) {
	plan.TargetPID = s.ID()
	plan.Settings = append(result.Settings{{Key: result.KeyTarget, Value: "server"}, {Key: result.KeyArm, Value: string(s.arm)}}, plan.Settings...)
	stage, err := bench.Run(ctx, plan, s.driver)
	if ended, how := s.Ended(); ended {
		return nil, fmt.Errorf("the server of the %s died: %s", s.arm, how)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	time.Sleep(sliceRest)
	return stage, nil
}
