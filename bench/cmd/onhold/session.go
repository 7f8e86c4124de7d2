package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/alive"
	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// session is a run, from its flags to its report.
type session struct {
	arguments
	c        *cli.Command
	requests bench.HTTP  // to a server; of gRPC calls, their data only
	calls    *grpc.Calls // nil where the server is not called by gRPC
	plan     bench.Plan
	levels   []float64
	repeats  int
	driven   []*target
	cpus     []int // of targets of ours
	required compare.Requirements
	abortOn  compare.Requirements
	aborted  []string // stages that were, and why
	skipped  int      // stages at higher levels, which are not run
	folder   *result.Folder
	progress *progress
	writers  []series.Writer // of what happens while a stage runs
	feed     feed
	stages   []*result.Stage
	retries  retry.Budget
	died     bool            // the target of the last stage, during that stage
	options  targets.Options // of targets of ours

	searched compare.Requirements // by find; nil where it is a run

	agents bool // several generators drive the load together
	bus    *fleet.Bus
	fleet  *fleet.Fleet
	local  []*process.Process // agents that run on this machine

	recorded int // stages in the record, those discarded included
	resume   resumable
}

func runAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := newSession(ctx, c)
	if err != nil {
		return err
	}
	closeWriters, err := s.openWriters(ctx)
	if err != nil {
		return err
	}
	defer s.closeFleet()
	if err := s.open(ctx); err != nil {
		return errors.Join(err, closeWriters())
	}
	for _, warning := range []string{s.coldStart(), s.tooShort()} {
		if warning != "" {
			fmt.Fprintln(c.Root().ErrWriter, "onhold:", warning)
		}
	}
	total := len(s.driven) * len(s.levels) * s.repeats
	s.progress = newProgress(c.Root().ErrWriter, total)
	if s.bus != nil {
		s.bus.Watch(func(line string) { s.progress.say("onhold: " + line) })
	}
	if s.progress.bars != nil {
		s.writers = append(s.writers, s.progress.live)
	}
	s.feed.start(s.writers...)
	stopSaying := context.AfterFunc(ctx, s.progress.interrupted)
	runErr := s.drive(ctx)
	stopSaying()
	s.progress.end()
	feedErr := errors.Join(s.feed.end(), closeWriters())
	if slices.ContainsFunc(s.driven, func(t *target) bool { return t.name == queue.Name }) {
		broker.Sweep() // a server of ours that was killed took its broker with it
	}
	total -= s.skipped
	s.folder.Run.Planned = total
	s.endResume(len(s.stages) == total)
	interrupted := ctx.Err() != nil && len(s.stages) < total
	wrong := errors.Join(feedErr, s.folder.Finish(time.Now(), len(s.stages) == total))
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
	if err := verdictError(c, s.stages, missed); err != nil || len(s.aborted) == 0 {
		return settled(wrong, err)
	}
	return settled(wrong, &exitError{exitRegressed, fmt.Errorf("aborted: %s", strings.Join(s.aborted, "; "))})
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
	if err := s.withAgents(); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, err
	}
	if err := s.checkFleet(); err != nil {
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
	if s.abortOn, err = abortConditions(c); err != nil {
		return nil, err
	}
	if err := s.openTargets(ctx, sweep); err != nil {
		return nil, err
	}
	if n := len(s.driven) * len(s.levels) * s.repeats; n > result.MaxStages {
		return nil, usageError("--repeats=%d: makes %d stages of %d targets at %d levels, and a run has at most %d; give fewer repeats or levels", s.repeats, n, len(s.driven), len(s.levels), result.MaxStages)
	}
	return s, s.checkRequired(sweep)
}

// read reads what is driven and how.
func (s *session) read() (err error) {
	if s.arguments, err = argumentsOf(s.c); err != nil {
		return err
	}
	if s.options, err = targetOptions(s.c); err != nil {
		return err
	}
	if s.plan, s.levels, err = planOf(s.c, s.mix != nil); err != nil {
		return err
	}
	if s.agents {
		s.plan.Extend = 0
	}
	if err := s.readRequests(); err != nil {
		return err
	}
	return s.replay()
}

// readRequests reads what a server is asked.
func (s *session) readRequests() (err error) {
	switch {
	case s.mix == nil:
		return nil
	case grpc.IsAddress(s.mix[0].URL):
		calls, err := callsOf(s.c, s.mix[0].URL)
		s.calls, s.requests = &calls, bench.HTTP{Data: calls.Data}
		return err
	}
	s.requests, err = requestsOf(s.c, s.mix)
	return err
}

// replay makes the plan that of a recording, where one is replayed.
func (s *session) replay() error {
	c := s.c
	if !c.Bool("replay") || s.mix == nil {
		if s.mix != nil && given(c, "speed") {
			return usageError("--speed=%v: requires --replay", c.Float("speed"))
		}
		return nil
	}
	for _, flag := range append([]string{"arrivals", "warmup", "data-end"}, loadNames...) {
		if given(c, flag) {
			return usageError("--%s=%v: and --replay cannot be given together: each request is sent once, at its recorded instant", flag, c.Value(flag))
		}
	}
	if c.String("requests") == "" {
		return usageError("--replay: requires --requests, a file with the instants of the requests")
	}
	longest := s.plan.Duration
	p, err := s.requests.Data.Replay(s.plan, c.Float("speed"))
	if err != nil {
		return err
	}
	if c.IsSet("duration") {
		p.Duration = min(p.Duration, longest)
	}
	s.plan, s.levels = p, []float64{p.Load.Rate}
	return nil
}

// checkRequired refuses a requirement that applies to no stage.
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

// open assigns CPUs and makes the run folder.
func (s *session) open(ctx context.Context) error {
	s.resume.on = true
	if dir := s.c.String("resume"); dir != "" {
		return s.reopen(ctx, dir)
	}
	run, err := s.newRun(ctx, len(s.driven)*len(s.levels)*s.repeats)
	if err != nil {
		return err
	}
	dir := s.c.String("out")
	if dir == "" {
		dir = freshFolder(run.ID)
	}
	s.folder, err = result.Create(dir, run)
	if err != nil {
		return folderError(err)
	}
	if s.c.Bool("trace") {
		if err := os.MkdirAll(filepath.Join(dir, result.TracesFolder), 0o755); err != nil {
			return fmt.Errorf("run folder: %w", err)
		}
	}
	return nil
}

// newRun is a run that begins now. It assigns CPUs.
func (s *session) newRun(ctx context.Context, planned int) (run result.Run, err error) {
	now := time.Now()
	run = result.Run{
		ID:          now.Format("20060102-150405"),
		Command:     recordedCommand(),
		Started:     now,
		Planned:     planned,
		Settings:    s.effective(),
		Environment: host.Environment(),
	}
	var note string
	if s.agents {
		note, err = s.leadFleet(ctx, run.ID)
	} else {
		note, err = s.pin()
	}
	if err != nil {
		return run, err
	}
	run.Notes = append(run.Notes, note)
	if backendOf(s.c) == "postgres" && s.mix == nil {
		settings := s.options.Settings()
		run.Notes = append(run.Notes, fmt.Sprintf("each target waits for PostgreSQL (%s) over a pool of %s connections",
			settings.Get(result.KeyBackendDSN), settings.Get(result.KeyBackendConnections)))
	}
	if s.requests.Data != nil && s.requests.Data.Skipped() != "" {
		run.Notes = append(run.Notes, s.requests.Data.Skipped())
	}
	for _, note := range run.Notes {
		fmt.Fprintln(s.c.Root().ErrWriter, "onhold:", note)
	}
	return run, nil
}

// pin gives the targets and the generator separate CPUs where it can, and returns
// what it did.
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
	s.cpus = p.target
	return p.note, nil
}

// effective are the settings of the run; those of each stage are recorded with it.
func (s *session) effective() result.Settings {
	var names, levels []string
	for _, t := range s.driven {
		names = append(names, t.name)
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
		out = append(out, s.options.Settings(s.styles...)...)
	}
	if s.c.Bool("trace") {
		out = append(out, result.Setting{Key: "trace", Value: "true"}, result.Setting{Key: "trace-limit", Value: strconv.Itoa(s.c.Int("trace-limit"))})
	}
	if len(s.required) > 0 {
		out = out.With("require", s.required.String())
	}
	return out
}

// drive runs all stages: repeat by repeat, target by target, level by level.
func (s *session) drive(ctx context.Context) error {
	for rep := range s.repeats {
		for _, t := range s.driven {
			plan := s.plan
			plan.Repeat = rep + 1
			for i, level := range s.levels {
				p, before := plan, len(s.aborted)
				p.Load = p.Load.At(level)
				stage, err := s.stage(ctx, t, p)
				if err != nil {
					return err
				}
				s.stages = append(s.stages, stage)
				s.progress.done(stage)
				if len(s.aborted) > before {
					s.skipped += len(s.levels) - 1 - i
					break
				}
			}
		}
	}
	return nil
}

// stage runs one stage, and again where the machine disturbed it. Each attempt is
// recorded. A target that has died is not driven again.
func (s *session) stage(ctx context.Context, t *target, p bench.Plan) (*result.Stage, error) {
	if n := len(s.stages); n > 0 && s.stages[n-1].TargetName() == t.name && s.died {
		if err := t.gone(ctx); err != nil {
			return nil, &exitError{exitInvalid, fmt.Errorf("%s has died; the stages that follow are not run: %w", t.name, err)}
		}
	}
	s.progress.begin(t.name, p)
	var before *result.Stage
	attempts := s.resume.taken()
	for i, stage := range attempts {
		if s.retries.Again(s.c.Int("retries"), i+1, stage.Discarded() != ""); stage.Discarded() == "" {
			s.abortedBefore(t, p, stage)
			return stage, s.print(stage)
		}
		before = stage
	}
	for attempt := len(attempts) + 1; ; attempt++ {
		p.Watch = s.feed.watch(t.name, p, attempt)
		abort := newAborting(s.abortOn, t.planned(p))
		if len(s.abortOn) > 0 {
			p.Abort = abort.look
		}
		stage, err := t.stage(ctx, p)
		s.feed.flush()
		s.warnResume()
		if err != nil {
			return nil, err
		}
		if before != nil {
			stage.Again(before)
		}
		if abort.why != "" {
			stage.Warn(abortedOn+"%s"+notHigher, abort.why)
			s.noteAbort(t, p, abort.why)
			return stage, s.record(stage)
		}
		s.died = false
		if alive.Doubtful(stage) {
			if err := t.gone(ctx); err != nil {
				s.died = true
				stage.InvalidateFirst("the target has died: %v", err)
			}
		}
		if !s.retries.Again(s.c.Int("retries"), attempt, stage.Disturbed) {
			return stage, s.record(stage)
		}
		stage.Discard(stage.Invalid[0])
		if err := s.record(stage); err != nil {
			return nil, err
		}
		s.progress.again(stage)
		before = stage
	}
}

// abortedOn and notHigher are around the reason, in the warning of a stage.
const (
	abortedOn = "aborted on "
	notHigher = "; higher levels were not run"
)

func (s *session) noteAbort(t *target, p bench.Plan, why string) {
	s.aborted = append(s.aborted, fmt.Sprintf("%s, %s, on %s", t.name, p.Load, why))
}

// abortedBefore notes that a stage of the record was aborted.
func (s *session) abortedBefore(t *target, p bench.Plan, stage *result.Stage) {
	for _, warning := range stage.Warnings {
		if why, ok := strings.CutPrefix(warning, abortedOn); ok && len(s.abortOn) > 0 {
			s.noteAbort(t, p, strings.TrimSuffix(why, notHigher))
		}
	}
}

// record writes a stage to the run folder, whether it counts or not.
func (s *session) record(stage *result.Stage) error {
	before := s.folder.Lost()
	if err := s.folder.Append(stage); err != nil {
		return err
	}
	s.recorded++
	if lost := s.folder.Lost(); before == nil && lost != nil {
		s.progress.say(fmt.Sprintf("onhold: %v; the run continues, and its results are printed at the end", lost))
	}
	return s.print(stage)
}

// print prints a stage where --json asks for it.
func (s *session) print(stage *result.Stage) error {
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
