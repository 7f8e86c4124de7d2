package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/model"
	"github.com/a628bb15/onhold/reports/render"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

const (
	catServer = "The server"

	// Of --levels FIRST..LAST, and the most that there may be: each may be a
	// simulation.
	defaultPredicted = 24
	maxPredicted     = 100
)

func predictCommand() *cli.Command {
	// Not from the environment, which says what is to be run.
	text := func(category, name, def, usage string, aliases ...string) cli.Flag {
		return &cli.StringFlag{Category: category, Name: name, Value: def, Usage: usage, Aliases: aliases, OnlyOnce: true}
	}
	span := func(category, name string, def time.Duration, usage string) cli.Flag {
		return &cli.DurationFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
	}
	number := func(category, name, usage string) cli.Flag {
		return &cli.FloatFlag{Category: category, Name: name, Usage: usage, OnlyOnce: true}
	}
	const laws = "constant, exponential or lognormal"
	return &cli.Command{
		Name:  "predict",
		Usage: "what queueing theory expects, without running anything",
		Description: "Chooses the model, and prints which share is rejected, how much is served, how busy\n" +
			"the workers are and how long the served wait and take. It says whether that is exact;\n" +
			"where no formula is, it simulates, and tells the intervals. Times are at the server:\n" +
			"the network and the machine come on top. Flags are not read from the environment.\n\n" +
			"With --loss and no --workers it tells how many workers it takes. With --levels, in\n" +
			"place of --rate or --clients, it prints a line a level and draws them as capacity.png.\n\n" +
			"Examples:\n\n" +
			"  onhold predict --arrivals poisson --rate 60 --workers 10 --queue 10 --dist exponential\n" +
			"  onhold predict --arrivals closed --clients 1000000 --think 60s --workers 3000 --queue 100 --json\n" +
			"  onhold predict --arrivals burst --clients 1001 --workers 1000 --queue 0\n" +
			"  onhold predict --arrivals poisson --rate 500 --queue 0 --loss 1%\n" +
			"  onhold predict --arrivals closed --levels 1..2000 --out reports/out/theory",
		Flags: []cli.Flag{
			text(catLoad, "arrivals", "", "poisson or constant, of --rate; closed or burst, of --clients; where not set and there is a --rate, poisson", "load"),
			number(catLoad, "rate", "poisson, constant: arrivals per second"),
			&cli.IntFlag{Category: catLoad, Name: "clients", Usage: "closed, burst: how many there are", OnlyOnce: true},
			span(catLoad, "think", 0, "closed: mean time from a client's reply to its next request"),
			text(catLoad, "think-dist", theory.Constant, "closed: its distribution: "+laws),
			number(catLoad, "think-cv", "coefficient of variation of a lognormal think time; 0: 1"),
			span(catLoad, "reject-pause", 0, "closed: mean time from a rejection to the next request; 0: as --think, or the service time where nobody thinks"),
			text(catLoad, "levels", "", fmt.Sprintf("rates or clients: a list like 1,50,100, or FIRST..LAST, of which %d are taken, or FIRST..LAST:STEP; at most %d", defaultPredicted, maxPredicted)),
			text(catServer, "workers", strconv.Itoa(targets.DefaultWorkers), "requests that are worked on at once; inf: any number"),
			text(catServer, "queue", strconv.Itoa(targets.DefaultQueue), "requests that may wait for a worker, first come first served; others are rejected; inf: any number"),
			span(catServer, "service", sim.DefaultLatency, "mean time for which a request keeps a worker"),
			text(catServer, "dist", theory.Constant, "its distribution: "+laws),
			number(catServer, "cv", "coefficient of variation of a lognormal service time; 0: 1"),
			span(catServer, "max-wait", 0, "a request that has waited for that long is given up, unserved; it counts as rejected; 0: never"),
			&cli.IntFlag{Category: catServer, Name: flagConns, Usage: "connections to the backend, each serving one wait at a time: where there are fewer than workers, requests that have a worker wait for one; 0: any number", OnlyOnce: true},
			text(catServer, "loss", "", "with --rate and no --workers: how many workers reject this share at most, like 1%"),
			&cli.Uint64Flag{Category: catOutput, Name: "seed", Value: 1, Usage: "of what has to be simulated", OnlyOnce: true},
			text(catOutput, "out", "", "with --levels: the folder of capacity.png; where not set, "+defaultOut+"/TIME-predict"),
			&cli.BoolFlag{Category: catOutput, Name: "json", Usage: "print JSON, with --levels an object a line; times are in nanoseconds, with fractions", OnlyOnce: true},
		},
		Action: predict,
	}
}

func predict(_ context.Context, c *cli.Command) error {
	if c.NArg() > 0 {
		return usageError("predict takes no arguments, got %q", c.Args().First())
	}
	s, err := settingOf(c)
	if err != nil {
		return err
	}
	if c.IsSet("levels") {
		return predictLevels(c, s)
	}
	if c.IsSet("out") {
		return usageError("--out=%s: goes with --levels only, which draws a figure", c.String("out"))
	}
	if c.IsSet("loss") {
		return predictWorkers(c, s)
	}
	p, err := model.Case{Setting: s, Even: true}.Predict()
	if err != nil {
		return wrongFlag(err)
	}
	p.Notes = append(p.Notes, connsNote(c, s)...)
	if c.Bool("json") {
		return json.NewEncoder(c.Root().Writer).Encode(p)
	}
	return page.Prediction(c.Root().Writer, s, p)
}

// settingOf reads the flags that describe a load and a server.
func settingOf(c *cli.Command) (s theory.Setting, err error) {
	s = theory.Setting{
		Load: c.String("arrivals"), Rate: c.Float("rate"), Clients: c.Int("clients"), Think: c.Duration("think"),
		RejectPause: c.Duration("reject-pause"), Service: c.Duration("service"), MaxWait: c.Duration("max-wait"), Seed: c.Uint64("seed"),
	}
	if s.Load == "" && c.IsSet("rate") {
		s.Load = theory.LoadPoisson
	}
	open := result.OpenLoad(s.Load)
	wants, other := "clients", "rate"
	if open {
		wants, other = other, wants
	}
	switch {
	case s.Load == "":
		return s, usageError("--arrivals: is missing; want poisson or constant with --rate, closed or burst with --clients")
	case !slices.Contains([]string{theory.LoadPoisson, theory.LoadConstant, theory.LoadClosed, theory.LoadBurst}, s.Load):
		return s, usageError("--arrivals=%s: must be poisson, constant, closed or burst", s.Load)
	case c.IsSet(other):
		return s, usageError("--%s=%v: does not go with --arrivals %s, which wants --%s", other, c.Value(other), s.Load, wants)
	case c.IsSet("levels") && c.IsSet(wants):
		return s, usageError("--levels=%s: takes the place of --%s; leave one of them out", c.String("levels"), wants)
	case !c.IsSet("levels") && !c.IsSet(wants):
		return s, usageError("--%s: is missing; --arrivals %s wants it, or --levels", wants, s.Load)
	}
	if s.ServiceLaw, err = lawOf(c, "dist", "cv"); err != nil {
		return s, err
	}
	if s.Load == theory.LoadClosed {
		if s.ThinkLaw, err = lawOf(c, "think-dist", "think-cv"); err != nil {
			return s, err
		}
		if s.RejectPause == 0 && s.Think == 0 {
			s.RejectPause = s.Service
		}
	} else {
		for _, flag := range []string{"think", "think-dist", "think-cv", "reject-pause"} {
			if c.IsSet(flag) {
				return s, usageError("--%s=%v: goes with --arrivals closed only, and this is %s", flag, c.Value(flag), s.Load)
			}
		}
	}
	if c.IsSet("loss") {
		if err := lossAlone(c, open); err != nil {
			return s, err
		}
	} else if s.Workers, err = numberOrInf(c, "workers"); err != nil {
		return s, err
	}
	if s.Places, err = numberOrInf(c, "queue"); err != nil {
		return s, err
	}
	return connections(c, s)
}

// flagConns is the pool of connections to the backend.
const flagConns = "backend-connections"

// connections makes a pool of connections the workers where it is smaller.
func connections(c *cli.Command, s theory.Setting) (theory.Setting, error) {
	n := c.Int(flagConns)
	switch {
	case !c.IsSet(flagConns):
		return s, nil
	case n < 0 || n > theory.MaxWorkers:
		return s, usageError("--%s=%d: must be from 0, which is any number, to %d", flagConns, n, theory.MaxWorkers)
	case c.IsSet("loss"):
		return s, usageError("--%s=%d: does not work with --loss, which asks for workers that each have a connection; leave one of them out", flagConns, n)
	case c.IsSet("max-wait") && n > 0:
		return s, usageError("--%s=%d: does not work with --max-wait: a request that has a worker and waits for a connection is not given up; leave one of them out", flagConns, n)
	}
	if s.Workers > theory.MaxWorkers { // is told when it is validated, as long as it is not replaced
		return s, nil
	}
	pool := model.Case{Setting: s}
	pool.Connections(n)
	return pool.Setting, nil
}

// connsNote says what became of a pool that is smaller than the workers.
func connsNote(c *cli.Command, s theory.Setting) []string {
	n := c.Int(flagConns)
	if workers, err := numberOrInf(c, "workers"); n <= 0 || err != nil || workers != theory.Unbounded && workers <= n {
		return nil
	}
	return []string{fmt.Sprintf("requests wait for one of %d connections, fewer than the workers: utilisation is that of the connections, and the wait for a worker is part of the wait", s.Workers)}
}

func lossAlone(c *cli.Command, open bool) error {
	loss := c.String("loss")
	switch {
	case c.IsSet("workers"):
		return usageError("--loss=%s: asks how many workers it takes; leave out --workers", loss)
	case !open:
		return usageError("--loss=%s: goes with --rate only", loss)
	case c.IsSet("levels"):
		return usageError("--loss=%s: goes with --rate, not with --levels", loss)
	}
	return nil
}

// lawOf reads how a time is distributed.
func lawOf(c *cli.Command, dist, cv string) (theory.Law, error) {
	law := theory.Law{Kind: c.String(dist), CV: c.Float(cv)}
	if law.Kind == theory.Lognormal && law.CV == 0 {
		law.CV = sim.DefaultCV
	} else if law.Kind != theory.Lognormal && c.IsSet(cv) {
		return law, usageError("--%s=%v: goes with --%s lognormal only, and this is %s", cv, law.CV, dist, law.Kind)
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

// wrongFlag is the error of a setting in the words of this command: its flags
// name the load otherwise than a run's.
func wrongFlag(err error) error {
	var e *theory.RangeError
	if !errors.As(err, &e) {
		return err
	}
	if e.Name == "load" { // of the model: the rate times the service time
		return usageError("--rate: the load, %v of such services at once, must be %s", e.Value, e.Must)
	}
	name := "--" + strings.TrimPrefix(e.Name, "--")
	if d, ok := e.Value.(time.Duration); ok && d == 0 {
		return usageError("%s: must be %s", name, e.Must)
	}
	return usageError("%s=%v: must be %s", name, e.Value, e.Must)
}

// predictWorkers says how many workers it takes.
func predictWorkers(c *cli.Command, s theory.Setting) error {
	text, ok := strings.CutSuffix(c.String("loss"), "%")
	loss, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(loss > 0 && loss < 100) {
		return usageError("--loss=%s: want a share above 0%% and below 100%%, like 1%%", c.String("loss"))
	}
	n, p, err := theory.WorkersFor(s, loss/100)
	if err != nil {
		return wrongFlag(err)
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
	if _, err := fmt.Fprintf(out, "%d %s enough to reject at most %s.\n\n", n, workers, strings.TrimSpace(text)+" %"); err != nil {
		return err
	}
	return page.Prediction(out, s, p)
}

// predictLevels prints and draws what is expected at each level.
func predictLevels(c *cli.Command, s theory.Setting) error {
	levels, err := parsePredicted(c.String("levels"), result.OpenLoad(s.Load))
	if err != nil {
		return usageError("--levels=%s: %w", c.String("levels"), err)
	}
	if strings.Contains(c.String("levels"), "..") && !strings.Contains(c.String("levels"), ":") && !result.OpenLoad(s.Load) && s.Workers != theory.Unbounded {
		levels = withBends(levels, s)
	}
	cases := make([]model.Case, len(levels))
	for i, l := range levels {
		cases[i] = model.Case{Setting: s, Even: true}.At(l)
		if err := cases[i].Validate(); err != nil {
			return wrongFlag(err)
		}
	}
	line := model.Line(levels, cases)
	asked := slices.DeleteFunc(slices.Clone(line), func(p model.Point) bool { return !slices.Contains(levels, p.Level) })
	for i, l := range levels {
		if !slices.ContainsFunc(asked, func(p model.Point) bool { return p.Level == l }) {
			_, err := cases[i].Predict()
			return fmt.Errorf("level %v: %w", l, wrongFlag(err))
		}
	}
	out := c.Root().Writer
	if c.Bool("json") {
		err = eachAsJSON(json.NewEncoder(out), asked)
	} else {
		err = page.Predictions(out, asked)
	}
	if err != nil {
		return err
	}
	dir := c.String("out")
	if dir == "" {
		dir = filepath.Join(defaultOut, time.Now().Format("20060102-150405")+"-predict")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return settled(&files.Unwritten{Path: "--out=" + dir, Err: err}, nil)
	}
	paths, err := render.Expected(dir, levels, line)
	if err != nil {
		return settled(err, nil)
	}
	if c.Bool("json") {
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

// withBends adds the levels at which all workers and all places are taken.
func withBends(levels []float64, s theory.Setting) []float64 {
	last := levels[len(levels)-1]
	for _, n := range []int{s.Workers, s.Workers + max(0, s.Places)} {
		if l := float64(n); l > levels[0] && l < last && !slices.Contains(levels, l) {
			levels = append(levels, l)
		}
	}
	slices.Sort(levels)
	return levels
}

// parsePredicted reads levels: a list, or a range of them. Without a step those of
// a range are even where the load is open, and else in even ratios.
func parsePredicted(text string, open bool) ([]float64, error) {
	first, rest, ranged := strings.Cut(text, "..")
	var levels []float64
	if !ranged {
		list, err := parseLevels(text)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			levels = append(levels, float64(l))
		}
	} else {
		last, by, stepped := strings.Cut(rest, ":")
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		step, err3 := 1, error(nil)
		if stepped {
			step, err3 = strconv.Atoi(by)
		}
		if errors.Join(err1, err2, err3) != nil || a < 1 || b <= a || step < 1 {
			return nil, errors.New("want rising whole numbers, like 1..2000 or 100..1000:100")
		}
		switch {
		case stepped:
			for l := a; l <= b && len(levels) <= maxPredicted; l += step {
				levels = append(levels, float64(l))
			}
		default:
			for i := range defaultPredicted {
				t := float64(i) / (defaultPredicted - 1)
				l := float64(a) + t*float64(b-a)
				if !open {
					l = float64(a) * math.Pow(float64(b)/float64(a), t)
				}
				if i > 0 && i < defaultPredicted-1 { // two digits are enough
					unit := math.Pow(10, max(0, math.Floor(math.Log10(l))-1))
					l = math.Round(l/unit) * unit
				}
				if l = math.Round(l); l >= float64(a) && l <= float64(b) && !slices.Contains(levels, l) {
					levels = append(levels, l)
				}
			}
		}
	}
	if len(levels) > maxPredicted {
		return nil, fmt.Errorf("more than %d levels; take fewer, or a larger step", maxPredicted)
	}
	return levels, nil
}
