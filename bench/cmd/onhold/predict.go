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

// predictedLoads are the flags of which one says how much load there is.
var predictedLoads = []string{"clients", "rate", "burst"}

func predictCommand() *cli.Command {
	// Not from the environment, which is meant for what is run.
	text := func(category, name, def, usage string) cli.Flag {
		return &cli.StringFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
	}
	span := func(category, name string, def time.Duration, usage string) cli.Flag {
		return &cli.DurationFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
	}
	number := func(category, name, usage string) cli.Flag {
		return &cli.FloatFlag{Category: category, Name: name, Usage: usage, OnlyOnce: true}
	}
	count := func(category, name, usage string) cli.Flag {
		return &cli.IntFlag{Category: category, Name: name, Usage: usage, OnlyOnce: true}
	}
	const laws = "constant, exponential or lognormal"
	return &cli.Command{
		Name:  "predict",
		Usage: "what queueing theory expects, without running anything",
		Description: "Chooses the model, and prints the share that is rejected, the throughput, how busy\n" +
			"the workers are, and how long served requests wait and take. It says whether that\n" +
			"is exact; where no formula is, it simulates and prints intervals. Times are at the\n" +
			"server: network and machine come on top.\n\n" +
			"With several levels it prints a line per level and draws them as capacity.png. With\n" +
			"--max-rejected it prints how many workers are needed.\n\n" +
			"Examples:\n\n" +
			"  onhold predict --rate 60 --workers 10 --queue 10 --service-dist exponential\n" +
			"  onhold predict --clients 1,50,100,500 --out reports/out/theory\n" +
			"  onhold predict --rate 500 --queue 0 --max-rejected 1%\n" +
			"  onhold predict --burst 1001 --workers 1000 --queue 0\n" +
			"  onhold predict --clients 1000000 --think-time 60s --workers 3000 --queue 100 --json",
		Flags: []cli.Flag{
			text(catLoad, "clients", "", "`LEVELS` clients, each sends after its last reply: 1000, or 1,50,100, or 1..2000, or 100..1000:100. One of --clients, --rate and --burst is required"),
			text(catLoad, "rate", "", "`LEVELS` arrivals per second"),
			text(catLoad, "burst", "", "`LEVELS` clients that send at the same instant"),
			text(catLoad, "arrivals", string(load.Poisson), "with --rate: poisson (at random) or constant (at equal distances)"),
			span(catLoad, "think-time", 0, "with --clients: mean time from a reply to the client's next request"),
			text(catLoad, "think-time-dist", theory.Constant, "its distribution: "+laws),
			number(catLoad, "think-time-cv", "its coefficient of variation, where lognormal; 0: 1"),
			span(catLoad, "backoff", 0, "with --clients: mean time from a rejection to the client's next request, where longer than --think-time; 0: the service time where there is no think time"),
			text(catServer, "workers", strconv.Itoa(targets.DefaultWorkers), "requests that are served at once; inf: any number"),
			text(catServer, "queue", strconv.Itoa(targets.DefaultQueue), "requests that may wait for a worker, first come first served; others are rejected; inf: any number"),
			span(catServer, "service-time", sim.DefaultLatency, "mean time for which a request occupies a worker, with --calls of one call"),
			text(catServer, "service-dist", theory.Constant, "its distribution: "+laws),
			number(catServer, "service-cv", "its coefficient of variation, where lognormal; 0: 1"),
			count(catServer, "calls", "calls that a request makes while it occupies its worker, one after the other; 0: 1"),
			&cli.BoolFlag{Category: catServer, Name: "concurrent", Usage: "make all calls of a request at the same time", OnlyOnce: true},
			span(catServer, "max-wait", 0, "drop a request that has waited for as long; it counts as rejected; 0: never"),
			count(catServer, flagConnections, "connections to the backend, each for one request at a time: where there are fewer than workers, requests that have a worker wait for one; 0: any number"),
			text(catServer, flagMaxRejected, "", "with --rate, without --workers: print how many workers reject at most this share, like 1%"),
			&cli.Uint64Flag{Category: catOutput, Name: "seed", Value: 1, Usage: "of what has to be simulated", OnlyOnce: true},
			text(catOutput, "out", "", "with several levels: the folder of capacity.png; where not set, "+defaultOut+"/TIME-predict"),
			&cli.BoolFlag{Category: catOutput, Name: "json", Usage: "print JSON, one object per level; times are in nanoseconds, with fractions", OnlyOnce: true},
		},
		Action: predict,
	}
}

func predict(_ context.Context, c *cli.Command) error {
	if c.NArg() > 0 {
		return usageError("predict takes no arguments, got %q", c.Args().First())
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

// predictedLoad reads how much load there is.
func predictedLoad(c *cli.Command) (l load.Load, levels []float64, err error) {
	names := slices.DeleteFunc(slices.Clone(predictedLoads), func(name string) bool { return !c.IsSet(name) })
	if len(names) != 1 {
		return l, nil, usageError("give one of --clients, --rate and --burst; %d are given", len(names))
	}
	name, model := names[0], load.Closed
	switch name {
	case "rate":
		model = load.Model(c.String("arrivals"))
	case "burst":
		model = load.Burst
	}
	text := c.String(name)
	if rate, err := strconv.ParseFloat(text, 64); err == nil && name == "rate" {
		levels = []float64{rate}
	} else if levels, err = parseLevels(text); err != nil {
		return l, nil, usageError("--%s=%s: %w", name, text, err)
	}
	if len(levels) > maxPredicted {
		return l, nil, usageError("--%s=%s: has %d levels, want at most %d", name, text, len(levels), maxPredicted)
	}
	switch {
	case name == "rate" && model != load.Poisson && model != load.Constant:
		return l, nil, usageError("--arrivals=%s: want poisson or constant", model)
	case c.IsSet("arrivals") && name != "rate":
		return l, nil, usageError("--arrivals=%s: requires --rate", c.String("arrivals"))
	case name == "rate" && !(levels[0] > 0):
		return l, nil, usageError("--rate=%s: want a number above 0", text)
	}
	return load.Of(model, levels[0]), levels, nil
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
	text, ok := strings.CutSuffix(c.String(flagMaxRejected), "%")
	percent, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(percent > 0 && percent < 100) {
		return usageError("--%s=%s: want a share above 0%% and below 100%%, like 1%%", flagMaxRejected, c.String(flagMaxRejected))
	}
	n, p, err := theory.WorkersFor(s, percent/100)
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
	workers := "workers are"
	if n == 1 {
		workers = "worker is"
	}
	if _, err := fmt.Fprintf(out, "%d %s enough to reject at most %s %%.\n\n", n, workers, strings.TrimSpace(text)); err != nil {
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
	var err error
	if asJSON {
		err = eachAsJSON(json.NewEncoder(out), asked)
	} else {
		err = page.Predictions(out, asked)
	}
	if err != nil {
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
	switch {
	case err != nil:
		return settled(err, nil)
	case asJSON:
		fmt.Fprintln(c.Root().ErrWriter, strings.Join(paths, "\n"))
		return nil
	}
	_, err = fmt.Fprintf(out, "\n%s\n", strings.Join(paths, "\n"))
	return err
}

func eachAsJSON(enc *json.Encoder, points []model.Point) error {
	for _, p := range points {
		if err := enc.Encode(struct {
			Level float64 `json:"level"`
			*theory.Prediction
		}{p.Level, p.Prediction}); err != nil {
			return err
		}
	}
	return nil
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
