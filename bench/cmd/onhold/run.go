package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/alive"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	httpbackend "github.com/a628bb15/onhold/targets/backend/http"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

const (
	// The levels where none are given: of our targets, which wait for 200 ms, and
	// of a server of which nothing is known.
	defaultClients       = "1,50,100,200,300,500,1000,2000"
	defaultServerClients = "1..100"
	quickClients         = "1,200,300,500,2000"
	quickServerClients   = "1,10,100"

	quickDuration = time.Second
	quickWarmup   = 400 * time.Millisecond
	defaultOut    = "reports/out"

	// defaultBackoff is how long a client of a server of which nothing is known
	// waits after anything but ok, and the time over which such clients begin.
	defaultBackoff = 100 * time.Millisecond
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "drive a server at rising load and report",
		ArgsUsage: "[TARGET...]",
		Description: "TARGET is the address of your server, or one or more of our styles, each started as its own\n" +
			"process: " + strings.Join(targets.Names(targets.Styles), ", ") + " (default: " + strings.Join(targets.Names(targets.Inline(targets.HTTP)), " ") + ").\n" +
			"Tables go to stdout; the figures, summary.md and the raw record go to a run folder.\n\n" +
			requireHelp + "\n" +
			"Without a load, a server is driven by 1 to 100 clients, our styles by 1 to 2000. A\n" +
			"closed load sends after each reply; with --rate the server does not set the pace.\n\n" +
			"Examples:\n\n" +
			"  onhold run 127.0.0.1:8080/\n" +
			"  onhold run 'http://127.0.0.1:8080/api/orders?user_id=42' --rate 100,200 --duration 1s\n" +
			"  onhold run --quick\n" +
			"  onhold run blocking eventloop --clients 100,400 --duration 1s --out reports/out/demo\n" +
			"  onhold run blocking --burst 1000,1001 --workers 1000 --queue 0\n" +
			"  onhold run goroutine --rate 500 --arrivals constant --duration 3s --backend-stall 1s@1s\n" +
			"  onhold run goroutine eventloop --backend postgres --backend-connections 50 --clients 50,100\n" +
			"  onhold run " + grpc.Name + " --grpc-connections 2 --clients 100 --duration 1s\n" +
			"  onhold run eventloop --backend " + httpbackend.Name + " --clients 100 --duration 1s\n" +
			"  onhold run blocking --workers 10 --queue 5 --rate 60 --duration 1s --trace\n" +
			"  onhold run goroutine --clients 1,50 --duration 1s --require 'rejected<1%,p99<5s@level=50'\n" +
			"  onhold run goroutine --ramp 50..500 --duration 2s\n" +
			"  onhold run queue --rate 50 --duration 1s",
		Flags: slices.Concat(loadFlags(), []cli.Flag{
			durationFlag(catLoad, "duration", bench.DefaultDuration, "the measured window of each stage"),
			durationFlag(catLoad, "warmup", bench.DefaultWarmup, "driven before each window and discarded"),
			intFlag(catLoad, "repeats", 1, "how often every stage is run"),
			intFlag(catLoad, "retries", 2, "how often an invalid stage is run again, where the hypervisor took the generator's CPU away (steal)"),
			boolFlag(catLoad, "quick", fmt.Sprintf("fewer and shorter stages; where not set: --clients %s (of a server %s) --duration %v --warmup %v", quickClients, quickServerClients, quickDuration, quickWarmup)),
			durationFlag(catLoad, "timeout", bench.DefaultTimeout, "for one request, from its actual send"),
			durationFlag(catLoad, "drain-timeout", bench.DefaultDrainTimeout, "how long to wait after a window for its replies, and for accepted work to complete"),
			durationFlag(catLoad, "think-time", 0, "with --clients: from a client's reply to its next request"),
			durationFlag(catLoad, "backoff", 0, fmt.Sprintf("with --clients: from a reply that is not ok to the client's next request; the rejected share depends on it, so set it to that of your clients. Where not set, %v, or with our styles the backend latency", defaultBackoff)),
			durationFlag(catLoad, "ramp-up", 0, fmt.Sprintf("with --clients: the clients begin evenly over it; where not set, over the time in which our target can serve each client once, or with a server over %v", defaultBackoff)),
			durationFlag(catLoad, "burst-interval", bench.DefaultBurstInterval, "with --burst: from one wave to the next"),
			intFlag(catLoad, "max-connections", 0, fmt.Sprintf("with --rate, --ramp: most connections at once; 0: %d, or what this machine allows", bench.DefaultMaxConnections)),
			intFlag(catLoad, "max-waiting", bench.DefaultMaxWaiting, "with --rate, --ramp: most arrivals that wait for a free connection; others are unsent, and the stage is not valid"),
			durationFlag(catLoad, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median uncorrected latency (burst: 10 %)"),

			stringFlag(catRequest, "method", http.MethodGet, "`METHOD` of the requests to your server"),
			listFlag(catRequest, "header", "`LINE` header line of the requests, as in 'Accept: text/html'; may be given more than once"),
			stringFlag(catRequest, "body", "", "body of the requests to your server"),
			stringFlag(catRequest, "body-file", "", "`FILE` file that holds the body"),
			listFlag(catRequest, "mix", "`WEIGHT@/PATH` several paths of your server: --mix 9@/a --mix 1@/b sends one request in ten to /b"),
			boolFlag(catRequest, "new-connection", "make a new connection for each request, so that the cost of connecting shows"),
			intFlag(catRequest, "target-pid", 0, "`PID` process of your server on this machine, to measure its CPU time and memory"),

			requireFlag(),
			stringFlag(catOutput, "out", "", "`FOLDER` of the figures and the record; where not set, "+defaultOut+"/TIME"),
			boolFlag(catOutput, "json", "print one JSON object per stage in place of the tables"),
			boolFlag(catOutput, "no-report", "write run.json and stages.jsonl only; onhold report FOLDER draws them later"),
		}, targetFlags(), []cli.Flag{
			boolFlag(catTrace, "trace", "have each target write a trace of each stage into the run folder"),
			stringFlag(catDriver, "driver", "", "epoll (event loops; plain HTTP on Linux) or goroutine (one goroutine per connection); where not set, epoll where it can be"),
			intFlag(catDriver, "threads", epoll.DefaultThreads, "event loops of driver epoll, each with its own CPU where there are enough"),
			durationFlag(catDriver, "spin", 0, "with driver epoll: poll for so long before each planned instant instead of sleeping; closer to the clock, costs a core"),
			intFlag(catDriver, "grpc-connections", 0, "with style "+grpc.Name+": HTTP/2 connections that all clients share; 0: each has its own"),
			noPinFlag(catDriver),
		}),
		Action:        runAction,
		ShellComplete: completeWords(targets.Names(targets.Styles)...),
	}
}

// session is what run does, from its flags to its report.
type session struct {
	arguments
	c        *cli.Command
	plan     bench.Plan
	levels   []float64
	repeats  int
	driven   []target
	required compare.Requirements
	folder   *result.Folder
	progress *progress
	stages   []*result.Stage
	options  targets.Options // of targets of ours
}

func runAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := newSession(ctx, c)
	if err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	if cold := s.coldStart(); cold != "" {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", cold)
	}
	total := len(s.driven) * len(s.levels) * s.repeats
	s.progress = newProgress(c.Root().ErrWriter, total)
	told := context.AfterFunc(ctx, s.progress.interrupted)
	runErr := s.drive(ctx)
	told()
	s.progress.end()
	if slices.ContainsFunc(s.driven, func(t target) bool { return t.name() == queue.Name }) {
		broker.Sweep() // a server of ours that was killed took its broker with it
	}
	interrupted := ctx.Err() != nil && len(s.stages) < total
	wrong := s.folder.Finish(time.Now(), len(s.stages) == total)
	if c.Bool("no-report") && wrong == nil {
		fmt.Fprintf(c.Root().ErrWriter, "onhold: no report (--no-report); onhold report %s draws it\n", s.folder.Dir)
	} else {
		wrong = errors.Join(wrong, show(c, s.folder.Dir, s.folder.Run, s.stages))
	}
	missed, err := judge(c, s.required, s.stages)
	wrong = errors.Join(wrong, err)
	switch {
	case interrupted:
		return settled(wrong, &exitError{exitInterrupted, fmt.Errorf("interrupted: the report has the %d of %d stages that are complete, and is marked partial", len(s.stages), total)})
	case runErr != nil:
		return settled(wrong, runErr)
	}
	return settled(wrong, verdictError(c, s.stages, missed))
}

// newSession reads and checks every flag, before anything is started.
func newSession(ctx context.Context, c *cli.Command) (s *session, err error) {
	s = &session{c: c, repeats: c.Int("repeats")}
	if s.repeats < 1 || s.repeats > result.MaxStages {
		return nil, usageError("--repeats=%d: want 1 to %d", s.repeats, result.MaxStages)
	}
	for _, flag := range []string{"duration", "timeout", "drain-timeout", "burst-interval", "max-waiting"} { // zero means a default in a Plan, not here
		if c.Duration(flag) == 0 && c.Int(flag) == 0 {
			return nil, usageError("--%s=%v: want more than 0", flag, c.Value(flag))
		}
	}
	if s.arguments, err = argumentsOf(c); err != nil {
		return nil, err
	}
	if s.options, err = targetOptions(c); err != nil {
		return nil, err
	}
	if s.plan, s.levels, err = planOf(c, s.mix != nil); err != nil {
		return nil, err
	}
	sweep := bench.Sweep{Plan: s.plan, Levels: s.levels}
	for p := range sweep.Plans() {
		if err := p.Validate(); err != nil {
			return nil, err
		}
	}
	if s.required, err = requirements(c); err != nil {
		return nil, err
	}
	if s.driven, err = openTargets(ctx, c, s.arguments, s.options, sweep); err != nil {
		return nil, err
	}
	if n := len(s.driven) * len(s.levels) * s.repeats; n > result.MaxStages {
		return nil, usageError("--repeats=%d: makes %d stages of %d targets at %d levels, and a run has at most %d; give fewer repeats or levels", s.repeats, n, len(s.driven), len(s.levels), result.MaxStages)
	}
	return s, s.checkRequired(sweep)
}

// planOf is the plan of all stages, and their levels; server says that they are of
// a server of which nothing is known. What the environment says of another kind of
// load is no part of it.
func planOf(c *cli.Command, server bool) (p bench.Plan, levels []float64, err error) {
	clients, quick := defaultClients, quickClients
	if server {
		clients, quick = defaultServerClients, quickServerClients
	}
	duration, warmup := c.Duration("duration"), c.Duration("warmup")
	if c.Bool("quick") {
		clients = quick
		if !c.IsSet("duration") {
			duration = quickDuration
		}
		if !c.IsSet("warmup") {
			warmup = quickWarmup
		}
	}
	l, levels, err := loadOf(c, clients)
	if err != nil {
		return p, nil, err
	}
	of := func(flag string, model bool) time.Duration {
		if !model && !given(c, flag) {
			return 0
		}
		return c.Duration(flag)
	}
	closed := l.Model() == load.Closed
	l.ThinkTime, l.Backoff, l.RampUp = of("think-time", closed), of("backoff", closed), of("ramp-up", closed)
	l.BurstInterval = of("burst-interval", l.Model() == load.Burst)
	if closed && !c.IsSet("backoff") {
		l.Backoff = c.Duration("backend-latency")
		if server {
			l.Backoff = defaultBackoff
		}
	}
	return bench.Plan{
		Load: l, Warmup: warmup, Duration: duration, Timeout: c.Duration("timeout"), DrainTimeout: c.Duration("drain-timeout"),
		NewConnection: c.Bool("new-connection"), MaxConnections: c.Int("max-connections"), MaxWaiting: c.Int("max-waiting"),
		MaxLag: c.Duration("max-lag"), Seed: c.Uint64("seed"), NoPin: c.Bool(flagNoPin),
	}, levels, nil
}

// checkRequired refuses a requirement that is about none of the stages.
func (s *session) checkRequired(sweep bench.Sweep) error {
	var planned []result.Settings
	for _, t := range s.driven {
		for p := range sweep.Plans() {
			for rep := range s.repeats {
				p.Repeat = rep + 1
				planned = append(planned, t.planned(p))
			}
		}
	}
	if err := s.required.Check(planned); err != nil {
		return usageError("--require=%w", err)
	}
	return nil
}

// open shares out the machine and makes the run folder.
func (s *session) open() error {
	now := time.Now()
	run := result.Run{
		ID:          now.Format("20060102-150405"),
		Command:     recordedCommand(),
		Started:     now,
		Planned:     len(s.driven) * len(s.levels) * s.repeats,
		Settings:    s.effective(),
		Environment: host.Environment(),
	}
	note, err := s.pin()
	if err != nil {
		return err
	}
	run.Notes = append(run.Notes, note)
	if backendOf(s.c) == "postgres" && s.mix == nil {
		settings := s.options.Settings()
		run.Notes = append(run.Notes, fmt.Sprintf("each target waits for PostgreSQL (%s) over a pool of %s connections",
			settings.Get(result.KeyBackendDSN), settings.Get(result.KeyBackendConnections)))
	}
	for _, note := range run.Notes {
		fmt.Fprintln(s.c.Root().ErrWriter, "onhold:", note)
	}
	dir := s.c.String("out")
	if dir == "" {
		dir = filepath.Join(defaultOut, run.ID)
	}
	s.folder, err = result.Create(dir, run)
	if err != nil {
		return folderError(err)
	}
	return s.traces()
}

// pin gives the targets and the generator CPUs of their own where it can, and
// says what it did.
func (s *session) pin() (string, error) {
	if s.mix != nil {
		if s.c.Bool(flagNoPin) {
			return "the generator may use every CPU, and none of its threads is pinned (--no-pin)", nil
		}
		return "the generator may use every CPU; a server on this machine shares them with it", nil
	}
	p, err := pinned(s.c)
	if err != nil {
		return "", err
	}
	for _, t := range s.driven {
		if st, ok := t.(*style); ok {
			st.cpus = p.target
		}
	}
	return p.note, nil
}

// effective are the settings in force for the run as a whole; those of each
// stage stand with the stage.
func (s *session) effective() result.Settings {
	var names, levels []string
	for _, t := range s.driven {
		names = append(names, t.name())
	}
	for _, l := range s.levels {
		levels = append(levels, strconv.FormatFloat(l, 'f', -1, 64))
	}
	out := result.Settings{
		{Key: "targets", Value: strings.Join(names, ",")},
		{Key: result.KeyLoad, Value: string(s.plan.Load.Model())},
		{Key: "levels", Value: strings.Join(levels, ",")},
		{Key: result.KeyDuration, Value: s.plan.Duration.String()},
		{Key: result.KeyWarmup, Value: s.plan.Warmup.String()},
		{Key: "repeats", Value: strconv.Itoa(s.repeats)},
		{Key: "retries", Value: strconv.Itoa(s.c.Int("retries"))},
	}
	if s.mix == nil {
		out = append(out, s.options.Settings(s.styles()...)...)
	}
	if s.c.Bool("trace") {
		out = append(out, result.Setting{Key: "trace", Value: "true"}, result.Setting{Key: "trace-limit", Value: strconv.Itoa(s.c.Int("trace-limit"))})
	}
	if len(s.required) > 0 {
		out = out.With("require", s.required.String())
	}
	return out
}

// styles lists our styles among the targets.
func (s *session) styles() (styles []targets.Style) {
	for _, t := range s.driven {
		if style, ok := targets.Find(t.name()); ok {
			styles = append(styles, style)
		}
	}
	return styles
}

// drive runs all stages: repeat by repeat, target by target, level by level.
func (s *session) drive(ctx context.Context) error {
	for rep := range s.repeats {
		for _, t := range s.driven {
			plan := s.plan
			plan.Repeat = rep + 1
			for p := range (bench.Sweep{Plan: plan, Levels: s.levels}).Plans() {
				stage, err := s.stage(ctx, t, p)
				if err == nil {
					err = s.whole(stage)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stage runs one stage, and again where the machine spoilt it. Each attempt is on
// record. A target that has died is not driven again.
func (s *session) stage(ctx context.Context, t target, p bench.Plan) (*result.Stage, error) {
	if n := len(s.stages); n > 0 && s.stages[n-1].TargetName() == t.name() && alive.Doubtful(s.stages[n-1]) {
		if err := t.gone(ctx); err != nil {
			return nil, &exitError{exitInvalid, fmt.Errorf("%s has died; the stages that follow are not run: %w", t.name(), err)}
		}
	}
	s.progress.begin(t.name(), p)
	var before *result.Stage
	for attempt := 1; ; attempt++ {
		stage, err := t.stage(ctx, p)
		if err != nil {
			return nil, err
		}
		if before != nil {
			stage.Again(before)
		}
		if attempt > s.c.Int("retries") || !stage.Disturbed {
			return stage, nil
		}
		if err := t.gone(ctx); err != nil {
			stage.Invalidate("the target has died, so the stage was not run again: %v", err)
			return stage, nil
		}
		stage.Discard(stage.Invalid[0])
		if err := s.record(stage); err != nil {
			return nil, err
		}
		s.progress.again(stage)
		before = stage
	}
}

// whole keeps a stage that is whole.
func (s *session) whole(stage *result.Stage) error {
	if err := s.record(stage); err != nil {
		return err
	}
	s.stages = append(s.stages, stage)
	s.progress.done(stage)
	return nil
}

// record puts a stage on record, whether it counts or not.
func (s *session) record(stage *result.Stage) error {
	before := s.folder.Lost()
	if err := s.folder.Append(stage); err != nil {
		return err
	}
	if lost := s.folder.Lost(); before == nil && lost != nil {
		s.progress.say(fmt.Sprintf("onhold: %v; the run continues, and its results are printed at the end", lost))
	}
	if s.c.Bool("json") {
		line, err := json.Marshal(stage)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(s.c.Root().Writer, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}
