package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/capacity"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

const catFind = "The search"

// defaultRange is searched where no load is given.
const defaultRange = "10..10000"

func findCommand() *cli.Command {
	return &cli.Command{
		Name:      "find",
		Usage:     "find the highest load that meets requirements, with an interval",
		ArgsUsage: "TARGET",
		Flags: slices.Concat([]cli.Flag{
			listFlag(catRequire, "require", "`CONDITIONS` conditions that the load must meet: 'adjusted-p99<250ms,rejected<1%'"),
			stringFlag(catFind, "rate", "", "`LOW..HIGH` arrivals per second to search; where no load is given, "+defaultRange),
			stringFlag(catFind, "clients", "", "`LOW..HIGH` clients to search, each sends after its last reply"),
			stringFlag(catFind, "arrivals", string(load.Poisson), "with --rate: poisson (at random) or constant (at equal distances)"),
			stringFlag(catFind, "precision", "10%", "largest distance between the two levels of the answer"),
			stringFlag(catFind, "confidence", "95%", "how sure the answer is"),
			durationFlag(catFind, "budget", find.DefaultBudget, "most time for the search"),
			intFlag(catFind, "at-least", 0, "level that the capacity must reach, else the exit code is 1; 0: none"),
		}, stageFlags(), requestFlags(), []cli.Flag{
			stringFlag(catOutput, "out", "", "`FOLDER` folder for the answer and the record; where not set, "+defaultOut+"/find-TIME. A search in it is continued"),
			boolFlag(catOutput, "json", "print find.json in place of the answer"),
		}, liveFlags(), targetFlags(), driverFlags(), findFleetFlags()),
		Action:        findAction,
		ShellComplete: completeWords(targets.Names(targets.Styles)...),
	}
}

func findAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, searching, config, err := newFind(ctx, c)
	if err != nil {
		return err
	}
	closeWriters, err := s.openWriters(ctx)
	if err != nil {
		return err
	}
	defer s.closeFleet()
	record, err := s.openFind(ctx, config)
	if err != nil {
		return errors.Join(err, closeWriters())
	}
	s.feed.start(s.writers...)
	errOut := c.Root().ErrWriter
	fmt.Fprintf(errOut, "onhold: this takes about %s, at most %s: if the capacity is near the middle of the range, bad arrivals come in threes, and their share rises with the 10th power of the load\n",
		clockTime(config.Estimate()), clockTime(config.Budget))
	if searching.Probe && len(record.Visits) == 0 {
		fmt.Fprintf(errOut, "onhold: to find where to begin, %d clients probe the target for %s first\n", find.ProbeClients, find.ProbeTime)
	}
	stopSaying := context.AfterFunc(ctx, func() {
		fmt.Fprintln(errOut, "onhold: interrupted: the answer so far follows; press Ctrl-C again to end at once")
	})
	var wrong error
	searching.Visited = func(v search.Visit, _ *result.Stage) error {
		fmt.Fprintln(errOut, capacity.Progress(record, v))
		wrong = errors.Join(wrong, record.Write(s.folder.Dir))
		return nil
	}
	findErr := searching.Run(ctx, record)
	stopSaying()
	wrong = errors.Join(wrong, s.feed.end(), closeWriters())
	if s.driven[0].name == queue.Name {
		broker.Sweep()
	}
	if findErr != nil && ctx.Err() == nil {
		record.Note = findErr.Error()
	}
	s.folder.Run.Planned = len(s.stages)
	wrong = errors.Join(wrong, s.folder.Finish(time.Now(), findErr == nil), record.Write(s.folder.Dir))
	stages := s.stages
	if _, all, _, err := result.Open(s.folder.Dir); err == nil {
		stages = all // with those of a search that is continued
	}
	wrong = errors.Join(wrong, showCapacity(c, s.folder.Dir, record, s.folder.Run, stages))
	switch {
	case ctx.Err() != nil:
		return settled(wrong, &exitError{exitInterrupted, fmt.Errorf("interrupted after %d visits; the same command with --out %s continues", len(record.Visits), s.folder.Dir)})
	case findErr != nil:
		if exitCodeOf(findErr) == exitFault { // the server died, or does not recover
			findErr = &exitError{exitInvalid, findErr}
		}
		return settled(wrong, findErr)
	}
	return settled(wrong, capacityError(record))
}

// capacityError is the exit code of an answer.
func capacityError(r *search.Record) error {
	if code := capacity.ExitCode(r); code != exitOK {
		return &exitError{code, errors.New(capacity.Why(r))}
	}
	return nil
}

// newFind reads and checks every flag, before anything is started.
func newFind(ctx context.Context, c *cli.Command) (s *session, f find.Search, config search.Config, err error) {
	s = &session{c: c, repeats: 1}
	if c.NArg() != 1 {
		return nil, f, config, usageError("find requires one target: the address of a server, or one of %s", strings.Join(targets.Names(targets.Styles), ", "))
	}
	for _, flag := range []string{"timeout", "drain-timeout", "max-waiting"} {
		if c.Duration(flag) == 0 && c.Int(flag) == 0 {
			return nil, f, config, usageError("--%s=%v: want more than 0", flag, c.Value(flag))
		}
	}
	if err = s.withAgents(); err != nil {
		return nil, f, config, err
	}
	if s.arguments, err = argumentsOf(c); err != nil {
		return nil, f, config, err
	}
	if s.options, err = targetOptions(c); err != nil {
		return nil, f, config, err
	}
	if s.plan, s.levels, err = planOf(c, s.mix != nil); err != nil {
		return nil, f, config, err
	}
	if err = s.readRequests(); err != nil {
		return nil, f, config, err
	}
	if err = s.requests.Endless(); err != nil {
		return nil, f, config, err
	}
	name, err := loadFlagOf(c)
	if err != nil {
		return nil, f, config, err
	}
	first, last, ranged := strings.Cut(c.String(name), "..")
	ranged = ranged && !strings.ContainsAny(first+last, ",:")
	switch {
	case ranged:
	case name != "" && given(c, name):
		return nil, f, config, usageError("--%s=%s: find searches a range; want LOW..HIGH, like 50..5000", name, c.String(name))
	default: // the environment may have levels for a run
		f.Probe = true
		s.levels, _ = parseLevels(defaultRange)
		s.plan.Load = load.Load{Rate: s.levels[0], Arrivals: load.Model(c.String("arrivals"))}
	}
	s.levels = []float64{s.levels[0], s.levels[len(s.levels)-1]}
	required, err := requirements(c)
	if err != nil {
		return nil, f, config, err
	}
	if f.Conditions, err = find.Conditions(required, s.plan.Load.Model()); err != nil {
		return nil, f, config, usageError("--require=%w", err)
	}
	s.searched = required
	if s.agents {
		s.plan.Extend = 0
	}
	if err = s.checkFleet(); err != nil {
		return nil, f, config, err
	}
	config = search.Config{Low: s.levels[0], High: s.levels[1], Budget: c.Duration("budget"), AtLeast: float64(c.Int("at-least"))}
	if config.Precision, err = shareOf(c, "precision"); err != nil {
		return nil, f, config, err
	}
	if config.Confidence, err = shareOf(c, "confidence"); err != nil {
		return nil, f, config, err
	}
	f.Plan = s.plan
	if config, err = f.Config(config); err != nil {
		return nil, f, config, err
	}
	sweep := bench.Sweep{Plan: s.plan, Levels: s.levels}
	for p := range sweep.Plans() {
		if err := p.Validate(); err != nil {
			return nil, f, config, err
		}
	}
	if err = s.openTargets(ctx, sweep); err != nil {
		return nil, f, config, err
	}
	t := s.driven[0]
	f.Stage, f.Gone = s.watched(t), t.gone
	f.Fresh = s.mix == nil
	f.Keep = func(stage *result.Stage) error {
		s.stages = append(s.stages, stage)
		return s.folder.Append(stage)
	}
	return s, f, config, nil
}

// watched runs the stages of a search, and hands out what happens in them.
func (s *session) watched(t *target) func(context.Context, bench.Plan) (*result.Stage, error) {
	var last bench.Plan
	attempt := 0
	return func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
		if p.Observer != nil { // else the server only recovers, and nothing is measured
			if attempt++; p.Repeat != last.Repeat || p.Load != last.Load {
				attempt = 1
			}
			last, p.Watch = p, s.feed.watch(t.name, p, attempt)
		}
		defer s.feed.flush()
		return t.stage(ctx, p)
	}
}

// openFind makes the run folder of a search, or continues the one that it holds.
func (s *session) openFind(ctx context.Context, config search.Config) (*search.Record, error) {
	dir := s.c.String("out")
	run, err := s.newRun(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, kv := range s.driven[0].planned(s.plan) { // so that a search is continued only as it began
		if kv.Key != "seed" && kv.Key != result.KeyRepeat { // those differ between stages
			run.Settings = run.Settings.With(kv.Key, kv.Value)
		}
	}
	record := &search.Record{Target: s.driven[0].name, Load: s.plan.Load, Started: run.Started, Config: config}
	if dir == "" {
		dir = freshFolder("find-" + run.ID)
	}
	if !exists(filepath.Join(dir, search.File)) {
		if s.folder, err = result.Create(dir, run); err != nil {
			return nil, folderError(err)
		}
		return record, record.Write(dir)
	}
	stored, err := search.Read(dir)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	was := stored.Config
	was.Budget = config.Budget // may be raised
	was.First = 0              // the probe found it
	if !reflect.DeepEqual(was, config) || stored.Load != record.Load || stored.Target != record.Target {
		return nil, usageError("--out=%s: holds another search (of %s, %s); choose another folder, or repeat its command", dir, stored.Target, stored.Load)
	}
	old, err := result.ReadRun(dir)
	if err != nil {
		return nil, folderError(err)
	}
	begun := run.Settings.Redacted()
	for _, kv := range slices.Concat(begun, old.Settings) {
		if was, now := old.Settings.Get(kv.Key), begun.Get(kv.Key); was != now {
			return nil, usageError("--out=%s: holds another search (%s is %q in the record, %q now); choose another folder, or repeat its command", dir, kv.Key, was, now)
		}
	}
	config.First = stored.First
	stored.Config, stored.Note = config, ""
	if s.folder, err = result.Continue(dir); err != nil {
		return nil, folderError(err)
	}
	fmt.Fprintf(s.c.Root().ErrWriter, "onhold: continuing the search in %s after %d visits\n", dir, len(stored.Visits))
	return stored, nil
}

// reportCapacity decides a search again from its record, and draws it again.
func reportCapacity(c *cli.Command, dir string) error {
	record, err := search.Read(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	run, stages, _, err := result.Open(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	was := capacity.Headline(record)
	if !record.Decide() {
		fmt.Fprintf(c.Root().ErrWriter, "onhold: the record had another answer, which an older version decided: %s\n", was)
	}
	return settled(showCapacity(c, dir, record, run, stages), capacityError(record))
}

// showCapacity writes the files of a search and prints the answer.
func showCapacity(c *cli.Command, dir string, r *search.Record, run result.Run, stages []*result.Stage) error {
	capacity.AddLimit(r, stages)
	paths, wrong := render.Search(dir, r, run, stages)
	out := c.Root().Writer
	if c.Bool("json") {
		data, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", data)
		}
		return errors.Join(wrong, err)
	}
	if stdoutTaken(c) {
		return wrong
	}
	_, err := fmt.Fprintf(out, "%s\n", capacity.Text(r))
	for _, path := range paths {
		fmt.Fprintln(out, path)
	}
	return errors.Join(wrong, err, annotate(c, capacity.StepSummary(r), capacity.Annotation(r)))
}
