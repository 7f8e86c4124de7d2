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
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

const (
	defaultLevels = "1,50,100,200,300,500,1000,2000"
	quickLevels   = "1,200,300,500,2000"
	quickLength   = time.Second
	quickWarmup   = 400 * time.Millisecond
	defaultOut    = "reports/out"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "drive targets at rising load and report",
		Description: "Starts each target as its own process, drives it at each level, and writes a run\n" +
			"folder with one line of JSON a stage, the figures capacity.png and\n" +
			"percentiles.png, and summary.md. Every flag can also be set in the environment:\n" +
			"ONHOLD_LEVELS for --levels.\n\n" +
			requireHelp + "\n" +
			"Examples:\n\n" +
			"  onhold run --quick\n" +
			"  onhold run --targets blocking,eventloop --levels 100,400 --stage 1s --out reports/out/demo\n" +
			"  onhold run --targets blocking --load burst --workers 1000 --queue 0 --levels 1000,1001\n" +
			"  onhold run --targets goroutine --load constant --levels 500 --stage 3s --backend-stall 1s@1s\n" +
			"  onhold run --targets goroutine,eventloop --backend postgres --backend-connections 50 --levels 50,100\n" +
			"  onhold run --targets grpc --conns 2 --levels 100 --stage 1s\n" +
			"  onhold run --targets eventloop --backend http --levels 100 --stage 1s\n" +
			"  onhold run --targets blocking --workers 10 --queue 5 --load poisson --levels 60 --stage 1s --trace\n" +
			"  onhold run --targets goroutine --levels 1,50 --stage 1s --require 'rejected<1%,p99<5s@level=50'\n" +
			"  onhold run --targets queue --load poisson --levels 50 --stage 1s\n" +
			"  onhold run --url 'http://127.0.0.1:8080/api/orders?user_id=42' --load poisson --levels 100,200 --stage 1s",
		Flags: slices.Concat([]cli.Flag{
			stringFlag(catTarget, "targets", strings.Join(targets.Names(targets.Inline(targets.HTTP)), ","), "styles to drive, separated by commas; there are "+strings.Join(targets.Names(targets.Styles)[len(targets.Inline(targets.HTTP)):], " and ")+" too"),
			listFlag(catTarget, "url", "drive this address in place of our own targets; given more than once, addresses on one server, each with its weight in front, as in 9@http://127.0.0.1/a"),
			intFlag(catTarget, "pid", 0, "with --url: the server's process on this machine, to measure its CPU time and memory"),
			stringFlag(catRequest, "method", http.MethodGet, "with --url: of the requests"),
			listFlag(catRequest, "header", "with --url: a further header line, as in 'Accept: text/html'; may be given more than once"),
			stringFlag(catRequest, "body", "", "with --url: of the requests"),
			stringFlag(catRequest, "body-file", "", "with --url: a file that holds the body"),
			boolFlag(catRequest, "new-connection", "make a new connection for each request, so that the cost of connecting shows"),
			noPinFlag(catTarget),
			stringFlag(catLoad, "load", string(load.Closed), "closed or burst (levels are clients), constant or poisson (levels are arrivals per second)"),
			stringFlag(catLoad, "levels", defaultLevels, "rising levels, separated by commas"),
			durationFlag(catLoad, "stage", bench.DefaultDuration, "length of the measured window at each level"),
			durationFlag(catLoad, "warmup", bench.DefaultWarmup, "driven before each window and discarded"),
			intFlag(catLoad, "repeats", 1, "how often everything is run"),
			intFlag(catLoad, "retries", 2, "how often a stage is run again that is not valid while the hypervisor took the generator's CPU away (steal)"),
			boolFlag(catLoad, "quick", fmt.Sprintf("fewer and shorter stages, where these are not set: --levels %s --stage %v --warmup %v", quickLevels, quickLength, quickWarmup)),
			durationFlag(catLoad, "timeout", bench.DefaultTimeout, "for one request, from its actual send"),
			durationFlag(catLoad, "drain", bench.DefaultDrainTimeout, "how long replies are waited for after a window, and accepted orders to be paid"),
			durationFlag(catLoad, "think", 0, "closed: from a client's reply to its next request"),
			durationFlag(catLoad, "reject-pause", sim.DefaultLatency, "closed: from anything but ok to a client's next request; where not set, the backend latency. The share of rejected depends on it: with --url, set it to your clients' back-off"),
			durationFlag(catLoad, "spread", 0, "closed: the clients begin evenly over it; 0: with our own targets, over the time in which they can serve each client once, so that workers do not march in step, with --url over one backend latency"),
			durationFlag(catLoad, "every", bench.DefaultBurstInterval, "burst: from one wave to the next"),
			intFlag(catLoad, "max-clients", 0, fmt.Sprintf("constant, poisson: most connections at once; 0: %d, or what this machine allows", bench.DefaultMaxConnections)),
			intFlag(catLoad, "max-waiting", bench.DefaultMaxWaiting, "constant, poisson: most arrivals that wait for a free connection; beyond that they are unsent, and the stage is not valid"),
			durationFlag(catLoad, "max-lag", 0, "most that the generator may be late; 0: the larger of 1 ms and 1 % of the median service time (burst: 10 %)"),
			stringFlag(catDriver, "driver", "", "what generates the load: epoll (event loops; plain http on Linux) or goroutine (a goroutine for each connection); where not set, epoll where it can be"),
			intFlag(catDriver, "threads", epoll.DefaultThreads, "event loops of driver epoll, each with a CPU of its own where there are enough"),
			intFlag(catDriver, "conns", 0, "style grpc, which is driven by gRPC calls, a goroutine for each client: HTTP/2 connections that all clients share; 0: each has its own"),
			durationFlag(catDriver, "spin", 0, "driver epoll: poll for so long before each planned instant in place of sleeping; closer to the clock, for a core"),
			stringFlag(catOutput, "out", "", "run folder; where not set, "+defaultOut+"/TIME"),
			boolFlag(catOutput, "no-report", "write run.json and stages.jsonl only; 'onhold report DIR' draws them later"),
			boolFlag(catOutput, "json", "print the Stage lines on stdout in place of the tables"),
			boolFlag(catTrace, "trace", "have the targets write a trace of each stage into the run folder; of the styles that 'serve --trace' can trace"),
			requireFlag(),
		}, targetFlags()),
		Action:        runAction,
		ShellComplete: completeWords(targets.Names(targets.Styles)...),
	}
}

// sitting is what run does, from its flags to its report.
type sitting struct {
	c        *cli.Command
	plan     bench.Plan
	levels   []float64
	repeats  int
	subjects []subject
	required compare.Requirements
	folder   *result.Folder
	progress *progress
	stages   []*result.Stage
	options  targets.Options // of targets of ours
}

func runAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := newSitting(ctx, c)
	if err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	if cold := s.coldStart(); cold != "" {
		fmt.Fprintln(c.Root().ErrWriter, "onhold:", cold)
	}
	total := len(s.subjects) * len(s.levels) * s.repeats
	s.progress = newProgress(c.Root().ErrWriter, total)
	told := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		s.progress.interrupted()
	})
	runErr := s.drive(ctx)
	told()
	s.progress.end()
	if slices.ContainsFunc(s.subjects, func(sub subject) bool { return sub.name() == queue.Name }) {
		broker.Sweep() // a server of ours that was killed took its broker with it
	}
	interrupted := ctx.Err() != nil && len(s.stages) < total
	wrong := s.folder.Finish(time.Now(), len(s.stages) == total)
	if c.Bool("no-report") && wrong == nil {
		fmt.Fprintf(c.Root().ErrWriter, "onhold: no report was asked for: 'onhold report %s' draws it\n", s.folder.Dir)
	} else {
		wrong = errors.Join(wrong, show(c, s.folder.Dir, s.folder.Run, s.stages))
	}
	missed, err := judge(c, s.required, s.stages)
	wrong = errors.Join(wrong, err)
	switch {
	case interrupted:
		return settled(wrong, &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d stages are whole; the report shows those and is stamped partial", len(s.stages), total)})
	case runErr != nil:
		return settled(wrong, runErr)
	}
	return settled(wrong, verdict(s.stages, missed))
}

// newSitting reads and checks every flag, before anything is started.
func newSitting(ctx context.Context, c *cli.Command) (*sitting, error) {
	if c.NArg() > 0 {
		return nil, usageError("run takes no arguments, got %q", c.Args().First())
	}
	s := &sitting{c: c, repeats: c.Int("repeats")}
	if s.repeats < 1 || s.repeats > result.MaxStages {
		return nil, usageError("--repeats=%d: must be from 1 to %d", s.repeats, result.MaxStages)
	}
	if n := c.Int("retries"); n < 0 {
		return nil, usageError("--retries=%d: must be 0 or more", n)
	}
	levels, length, warmup := text(c, "levels", defaultLevels), c.Duration("stage"), c.Duration("warmup")
	if c.Bool("quick") {
		if !c.IsSet("levels") {
			levels = quickLevels
		}
		if !c.IsSet("stage") {
			length = quickLength
		}
		if !c.IsSet("warmup") {
			warmup = quickWarmup
		}
	}
	var err error
	if s.options, err = targetOptions(c); err != nil {
		return nil, err
	}
	if s.levels, err = parseLevels(levels); err != nil {
		return nil, usageError("--levels=%s: %w", levels, err)
	}
	pause := c.Duration("reject-pause")
	if !c.IsSet("reject-pause") {
		pause = c.Duration("backend-latency")
	}
	if n := c.Int("max-waiting"); n < 1 {
		return nil, usageError("--max-waiting=%d: must be at least 1", n)
	}
	for _, flag := range []string{"stage", "timeout", "drain", "every"} { // zero means a default in a Plan, not here
		if d := c.Duration(flag); d <= 0 {
			return nil, usageError("--%s=%v: must be above 0", flag, d)
		}
	}
	model := load.Model(text(c, "load", string(load.Closed)))
	if model == load.Ramp || !slices.Contains(load.Models, model) {
		return nil, usageError("--load=%s: want closed, burst, constant or poisson", model)
	}
	s.plan = bench.Plan{
		Load: load.Of(model, s.levels[0]), Warmup: warmup, Duration: length,
		Timeout: c.Duration("timeout"), DrainTimeout: c.Duration("drain"),

		NewConnection: c.Bool("new-connection"), MaxConnections: c.Int("max-clients"), MaxLag: c.Duration("max-lag"), Seed: c.Uint64("seed"),
		MaxWaiting: c.Int("max-waiting"), NoPin: c.Bool(flagNoPin),
	}
	switch model {
	case load.Closed:
		s.plan.Load.ThinkTime, s.plan.Load.Backoff, s.plan.Load.RampUp = c.Duration("think"), pause, c.Duration("spread")
	case load.Burst:
		s.plan.Load.BurstInterval = c.Duration("every")
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
	if s.subjects, err = subjects(ctx, c, s.options, sweep); err != nil {
		return nil, err
	}
	if n := len(s.subjects) * len(s.levels) * s.repeats; n > result.MaxStages {
		return nil, usageError("--repeats=%d: makes %d stages of %d targets at %d levels, and a run has at most %d; give fewer repeats or levels", s.repeats, n, len(s.subjects), len(s.levels), result.MaxStages)
	}
	return s, s.checkRequired(sweep)
}

// checkRequired refuses a requirement that is about none of the stages.
func (s *sitting) checkRequired(sweep bench.Sweep) error {
	var planned []result.Settings
	for _, sub := range s.subjects {
		for p := range sweep.Plans() {
			for rep := range s.repeats {
				p.Repeat = rep + 1
				planned = append(planned, sub.planned(p))
			}
		}
	}
	if err := s.required.Check(planned); err != nil {
		return usageError("--require=%w", err)
	}
	return nil
}

// open shares out the machine and makes the run folder.
func (s *sitting) open() error {
	now := time.Now()
	run := result.Run{
		ID:          now.Format("20060102-150405"),
		Command:     recordedCommand(),
		Started:     now,
		Planned:     len(s.subjects) * len(s.levels) * s.repeats,
		Settings:    s.effective(),
		Environment: host.Environment(),
	}
	note, err := s.pin()
	if err != nil {
		return err
	}
	run.Notes = append(run.Notes, note)
	if backendOf(s.c) == "postgres" && len(s.c.StringSlice("url")) == 0 {
		settings := s.options.Settings()
		run.Notes = append(run.Notes, fmt.Sprintf("each target waits for PostgreSQL (%s) over a pool of %s connections",
			settings.Get("backend_dsn"), settings.Get("backend_connections")))
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
func (s *sitting) pin() (string, error) {
	if len(s.c.StringSlice("url")) > 0 {
		if s.c.Bool(flagNoPin) {
			return "the generator may use every CPU, and none of its threads is pinned, as asked", nil
		}
		return "the generator may use every CPU; a server on this machine shares them with it", nil
	}
	p, err := pinned(s.c)
	if err != nil {
		return "", err
	}
	for _, sub := range s.subjects {
		if st, ok := sub.(*style); ok {
			st.cpus = p.target
		}
	}
	return p.note, nil
}

// effective are the settings in force for the run as a whole; those of each
// stage stand with the stage.
func (s *sitting) effective() result.Settings {
	var names, levels []string
	for _, sub := range s.subjects {
		names = append(names, sub.name())
	}
	for _, l := range s.levels {
		levels = append(levels, strconv.FormatFloat(l, 'f', -1, 64))
	}
	out := result.Settings{
		{Key: "targets", Value: strings.Join(names, ",")},
		{Key: result.KeyLoad, Value: string(s.plan.Load.Model())},
		{Key: "levels", Value: strings.Join(levels, ",")},
		{Key: result.KeyStage, Value: s.plan.Duration.String()},
		{Key: result.KeyWarmup, Value: s.plan.Warmup.String()},
		{Key: "repeats", Value: strconv.Itoa(s.repeats)},
		{Key: "retries", Value: strconv.Itoa(s.c.Int("retries"))},
	}
	if len(s.c.StringSlice("url")) == 0 {
		out = append(out, s.options.Settings(s.styles()...)...)
	}
	if s.c.Bool("trace") {
		out = append(out, result.Setting{Key: "trace", Value: "true"}, result.Setting{Key: "trace_limit", Value: strconv.Itoa(s.c.Int("trace-limit"))})
	}
	if len(s.required) > 0 {
		out = out.With("require", s.required.String())
	}
	return out
}

// styles are those of the subjects that are targets of ours.
func (s *sitting) styles() (styles []targets.Style) {
	for _, sub := range s.subjects {
		if style, ok := targets.Find(sub.name()); ok {
			styles = append(styles, style)
		}
	}
	return styles
}

// drive runs all stages: repeat by repeat, target by target, level by level.
func (s *sitting) drive(ctx context.Context) error {
	for rep := range s.repeats {
		for _, sub := range s.subjects {
			plan := s.plan
			plan.Repeat = rep + 1
			sweep := bench.Sweep{Plan: plan, Levels: s.levels}
			err := sweep.Run(ctx, func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
				return s.stage(ctx, sub, p)
			}, s.whole)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// stage runs one stage, and again where the machine spoilt it. Each attempt is on
// record. A target that has died is not driven again.
func (s *sitting) stage(ctx context.Context, sub subject, p bench.Plan) (*result.Stage, error) {
	if n := len(s.stages); n > 0 && s.stages[n-1].TargetName() == sub.name() && bench.Doubtful(s.stages[n-1]) {
		if err := sub.gone(ctx); err != nil {
			return nil, &exitError{exitInvalid, fmt.Errorf("%s has died, and is not driven any more: %w", sub.name(), err)}
		}
	}
	s.progress.begin(sub.name(), p)
	var before *result.Stage
	for attempt := 1; ; attempt++ {
		stage, err := sub.stage(ctx, p)
		if err != nil {
			return nil, err
		}
		if before != nil {
			stage.Again(before)
		}
		if attempt > s.c.Int("retries") || !stage.Disturbed {
			return stage, nil
		}
		if err := sub.gone(ctx); err != nil {
			stage.Invalidate("the target has died, so that the stage was not run again: %v", err)
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
func (s *sitting) whole(stage *result.Stage) error {
	if err := s.record(stage); err != nil {
		return err
	}
	s.stages = append(s.stages, stage)
	s.progress.done(stage)
	return nil
}

// record puts a stage on record, whether it counts or not.
func (s *sitting) record(stage *result.Stage) error {
	before := s.folder.Lost()
	if err := s.folder.Append(stage); err != nil {
		return err
	}
	if lost := s.folder.Lost(); before == nil && lost != nil {
		fmt.Fprintf(s.c.Root().ErrWriter, "onhold: %v: the run goes on, and what it measures is printed at its end\n", lost)
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
