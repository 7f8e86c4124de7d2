package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

const (
	catServer = "The server"

	// maxPredicted is how many levels there may be: each may be a simulation.
	maxPredicted = 100

	flagMaxRejected = "max-rejected"
	flagConnections = "backend-connections"
)

func predictCommand() *cli.Command {
	const laws = "constant, exponential or lognormal"
	return &cli.Command{
		Name:  "predict",
		Usage: "what queueing theory expects, without running anything",
		Flags: []cli.Flag{
			stringFlag(catLoad, "clients", "", "`LEVELS` clients, each sends after its last reply: 1000, or 1,50,100, or 1..2000, or 100..1000:100. One of --clients, --rate and --burst is required"),
			stringFlag(catLoad, "rate", "", "`LEVELS` arrivals per second"),
			stringFlag(catLoad, "burst", "", "`LEVELS` clients that send at the same instant"),
			stringFlag(catLoad, "arrivals", string(load.Poisson), "with --rate: poisson (at random) or constant (at equal distances)"),
			durationFlag(catLoad, "think-time", 0, "with --clients: mean time from a reply to the client's next request"),
			stringFlag(catLoad, "think-time-dist", theory.Constant, "its distribution: "+laws),
			floatFlag(catLoad, "think-time-cv", 0, "its coefficient of variation, where lognormal; 0: 1"),
			durationFlag(catLoad, "backoff", 0, "with --clients: mean time from a rejection to the client's next request, where longer than --think-time; 0: the service time where there is no think time"),
			stringFlag(catServer, "workers", strconv.Itoa(targets.DefaultWorkers), "requests that are served at once; inf: any number"),
			stringFlag(catServer, "queue", strconv.Itoa(targets.DefaultQueue), "requests that may wait for a worker, first come first served; others are rejected; inf: any number"),
			durationFlag(catServer, "service-time", sim.DefaultLatency, "mean time for which a request occupies a worker, with --calls of one call"),
			stringFlag(catServer, "service-dist", theory.Constant, "its distribution: "+laws),
			floatFlag(catServer, "service-cv", 0, "its coefficient of variation, where lognormal; 0: 1"),
			intFlag(catServer, "calls", 0, "calls that a request makes while it occupies its worker, one after the other; 0: 1"),
			boolFlag(catServer, "concurrent", "make all calls of a request at the same time"),
			durationFlag(catServer, "max-wait", 0, "drop a request that has waited for as long; it counts as rejected; 0: never"),
			intFlag(catServer, flagConnections, 0, "connections to the backend, each for one request at a time: where there are fewer than workers, requests that have a worker wait for one; 0: any number"),
			stringFlag(catServer, flagMaxRejected, "", "with --rate, without --workers: print how many workers reject at most this share, like 1%"),
			seedFlag(catOutput, "of what has to be simulated"),
			stringFlag(catOutput, "out", "", "with several levels: the folder of capacity.png; where not set, "+defaultOut+"/TIME-predict"),
			boolFlag(catOutput, "json", "print JSON, one object per level; times are in nanoseconds, with fractions"),
		},
		Action: predict,
	}
}

func predict(_ context.Context, c *cli.Command) error {
	if err := noArguments(c); err != nil {
		return err
	}
	s, levels, err := settingOf(c)
	switch {
	case err != nil:
		return err
	case c.IsSet(flagMaxRejected):
		return predictWorkers(c, s)
	case len(levels) > 1:
		return predictLevels(c, s, levels)
	case c.IsSet("out"):
		return usageError("--out=%s: requires several levels, which are drawn", c.String("out"))
	}
	p, err := model.Case{Setting: s, Even: true}.Predict()
	if err != nil {
		return err
	}
	p.Notes = append(p.Notes, connectionsNote(c, s)...)
	if c.Bool("json") {
		return json.NewEncoder(c.Root().Writer).Encode(p)
	}
	return page.Prediction(c.Root().Writer, s, p)
}

// settingOf reads the flags that describe a load and a server, at the first of
// its levels.
func settingOf(c *cli.Command) (s theory.Setting, levels []float64, err error) {
	s = theory.Setting{
		ServiceTime: c.Duration("service-time"), Calls: c.Int("calls"), Concurrent: c.Bool("concurrent"), MaxWait: c.Duration("max-wait"), Seed: c.Uint64("seed"),
	}
	if s.Load, levels, err = predictedLoad(c); err != nil {
		return s, nil, err
	}
	if s.ServiceLaw, err = lawOf(c, "service"); err != nil {
		return s, nil, err
	}
	if s.ThinkLaw, err = lawOf(c, "think-time"); err != nil {
		return s, nil, err
	}
	closed := s.Load.Model() == load.Closed
	if !closed && !c.IsSet("think-time-dist") {
		s.ThinkLaw = theory.Law{}
	}
	s.Load.ThinkTime, s.Load.Backoff = c.Duration("think-time"), c.Duration("backoff")
	if closed && s.Load.ThinkTime == 0 && s.Load.Backoff == 0 {
		s.Load.Backoff = s.ServiceTime
	}
	if s.Queue, err = numberOrInf(c, "queue"); err != nil {
		return s, nil, err
	}
	if c.IsSet(flagMaxRejected) { // workers are the question
		return s, levels, aloneOr(c, s, levels)
	}
	if s.Workers, err = numberOrInf(c, "workers"); err != nil {
		return s, nil, err
	}
	s, err = connections(c, s)
	return s, levels, err
}

// predictedLoad reads how much load there is: as of run, but a rate may be any
// number, and one flag must be given.
func predictedLoad(c *cli.Command) (l load.Load, levels []float64, err error) {
	name, err := loadFlagOf(c)
	text := c.String(name)
	switch rate, notNumber := strconv.ParseFloat(text, 64); {
	case err != nil:
		return l, nil, err
	case name == "":
		return l, nil, usageError("give one of --clients, --rate and --burst")
	case name == "rate" && notNumber == nil && !(rate > 0):
		return l, nil, usageError("--rate=%s: want a number above 0", text)
	case name == "rate" && notNumber == nil:
		return load.Load{Rate: rate, Arrivals: load.Model(c.String("arrivals"))}, []float64{rate}, nil
	}
	l, levels, err = loadOf(c, "")
	if len(levels) > maxPredicted {
		return l, nil, usageError("--%s=%s: has %d levels, want at most %d", name, text, len(levels), maxPredicted)
	}
	return l, levels, err
}

// aloneOr is an error where --max-rejected does not work with the other flags.
func aloneOr(c *cli.Command, s theory.Setting, levels []float64) error {
	share := c.String(flagMaxRejected)
	switch {
	case c.IsSet("workers"):
		return usageError("--%s=%s: prints how many workers are needed; leave out --workers", flagMaxRejected, share)
	case c.IsSet(flagConnections):
		return usageError("--%s=%s: leave out --%s; each worker has a connection", flagMaxRejected, share, flagConnections)
	case !s.Load.Model().Open() || len(levels) > 1:
		return usageError("--%s=%s: requires --rate with one level", flagMaxRejected, share)
	}
	return nil
}

// connections makes a pool of connections the workers where it is smaller.
func connections(c *cli.Command, s theory.Setting) (theory.Setting, error) {
	n := c.Int(flagConnections)
	switch {
	case n < 0 || n > theory.MaxWorkers:
		return s, usageError("--%s=%d: want 0, which is any number, to %d", flagConnections, n, theory.MaxWorkers)
	case n > 0 && s.MaxWait > 0:
		return s, usageError("--%s=%d: does not work with --max-wait: a request that has a worker and waits for a connection is not dropped; leave one of them out", flagConnections, n)
	}
	pool := model.Case{Setting: s}
	if s.Workers <= theory.MaxWorkers { // else it is reported
		pool.Connections(n)
	}
	return pool.Setting, nil
}

// connectionsNote says what became of a pool that is smaller than the workers.
func connectionsNote(c *cli.Command, s theory.Setting) []string {
	n := c.Int(flagConnections)
	if workers, err := numberOrInf(c, "workers"); n <= 0 || err != nil || workers != theory.Unbounded && workers <= n {
		return nil
	}
	return []string{fmt.Sprintf("requests wait for one of %d connections, fewer than the workers: utilisation is that of the connections, and the wait for a worker is part of the wait", s.Workers)}
}

// lawOf reads the distribution of a time.
func lawOf(c *cli.Command, of string) (theory.Law, error) {
	law := theory.Law{Kind: c.String(of + "-dist"), CV: c.Float(of + "-cv")}
	if law.Kind == theory.Lognormal {
		law.CV = cmp.Or(law.CV, sim.DefaultCV)
	} else if c.IsSet(of + "-cv") {
		return law, usageError("--%s-cv=%v: requires --%s-dist lognormal", of, law.CV, of)
	}
	return law, nil
}

func numberOrInf(c *cli.Command, flag string) (int, error) {
	value := c.String(flag)
	if value == "inf" {
		return theory.Unbounded, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, usageError("--%s=%s: want a whole number, or inf", flag, value)
	}
	return n, nil
}

// predictWorkers prints how many workers are needed.
func predictWorkers(c *cli.Command, s theory.Setting) error {
	text := c.String(flagMaxRejected)
	share, ok := units.Share.Parse(text)
	if !ok || share == 0 || share == 1 {
		return usageError("--%s=%s: want a share above 0%% and below 100%%, like 1%%", flagMaxRejected, text)
	}
	n, p, err := theory.WorkersFor(s, share)
	if err != nil {
		return err
	}
	out := c.Root().Writer
	if c.Bool("json") {
		return json.NewEncoder(out).Encode(struct {
			Workers int `json:"workers"`
			*theory.Prediction
		}{n, p})
	}
	s.Workers = n
	are := "are"
	if n == 1 {
		are = "is"
	}
	if _, err := fmt.Fprintf(out, "%s %s enough to reject at most %s.\n\n", units.Plural(n, "worker"), are, units.Limit(share, false)); err != nil {
		return err
	}
	return page.Prediction(out, s, p)
}

// predictLevels prints and draws what is expected at each level.
func predictLevels(c *cli.Command, s theory.Setting, levels []float64) error {
	if !s.Load.Model().Open() && s.Workers != theory.Unbounded && strings.Contains(c.String("clients")+c.String("burst"), "..") {
		levels = withBends(levels, s)
	}
	cases := make([]model.Case, len(levels))
	for i, l := range levels {
		cases[i] = model.Case{Setting: s, Even: true}.At(l)
		if err := cases[i].Validate(); err != nil {
			return err
		}
	}
	line := model.Line(levels, cases)
	asked := slices.DeleteFunc(slices.Clone(line), func(p model.Point) bool { return !slices.Contains(levels, p.Level) })
	for i, l := range levels {
		if !slices.ContainsFunc(asked, func(p model.Point) bool { return p.Level == l }) {
			_, err := cases[i].Predict()
			return fmt.Errorf("level %v: %w", l, err)
		}
	}
	out, asJSON := c.Root().Writer, c.Bool("json")
	if asJSON {
		for _, p := range asked {
			if err := json.NewEncoder(out).Encode(struct {
				Level float64 `json:"level"`
				*theory.Prediction
			}{p.Level, p.Prediction}); err != nil {
				return err
			}
		}
	} else if err := page.Predictions(out, asked); err != nil {
		return err
	}
	dir := c.String("out")
	if dir == "" {
		dir = freshFolder(time.Now().Format("20060102-150405") + "-predict")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return settled(&files.Unwritten{Path: "--out=" + dir, Err: err}, nil)
	}
	paths, err := render.Expected(dir, levels, line)
	if err != nil {
		return settled(err, nil)
	}
	list := strings.Join(paths, "\n")
	if asJSON {
		_, err = fmt.Fprintln(c.Root().ErrWriter, list)
	} else {
		_, err = fmt.Fprintln(out, "\n"+list)
	}
	return err
}

// withBends adds the levels at which all workers are busy and the queue is full.
func withBends(levels []float64, s theory.Setting) []float64 {
	last := levels[len(levels)-1]
	for _, n := range []int{s.Workers, s.Workers + max(0, s.Queue)} {
		if l := float64(n); l > levels[0] && l < last && !slices.Contains(levels, l) {
			levels = append(levels, l)
		}
	}
	slices.Sort(levels)
	return levels
}
