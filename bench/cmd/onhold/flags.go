package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/planted"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// variable is an environment variable that sets a flag where the command line
// does not. The library says of either that the flag is set, but asks for the
// variable only where the command line has no such flag.
type variable struct {
	cli.ValueSource
	used bool
}

func (v *variable) Lookup() (value string, found bool) {
	value, v.used = v.ValueSource.Lookup()
	return value, v.used
}

// IsFromEnv and Key have the variable's name in the help.
func (v *variable) IsFromEnv() bool { return true }

func (v *variable) Key() string { return v.ValueSource.(cli.EnvValueSource).Key() }

// env is the environment variable that sets a flag where the command line does
// not: ONHOLD_BACKEND_LATENCY for --backend-latency.
func env(flag string) cli.ValueSourceChain {
	name := "ONHOLD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	return cli.NewValueSourceChain(&variable{ValueSource: cli.EnvVar(name)})
}

// given reports whether a flag is on the command line. What the environment
// sets is meant for several commands, and may be of no use to this one.
func given(c *cli.Command, name string) bool {
	for _, flag := range c.Flags {
		if slices.Contains(flag.Names(), name) {
			for _, source := range sourcesOf(flag).Chain {
				if v, ok := source.(*variable); ok && v.used {
					return false
				}
			}
		}
	}
	return c.IsSet(name)
}

// sourcesOf are the sources of any kind of flag that is in use here.
func sourcesOf(flag cli.Flag) cli.ValueSourceChain {
	switch f := flag.(type) {
	case *cli.StringFlag:
		return f.Sources
	case *cli.StringSliceFlag:
		return f.Sources
	case *cli.IntFlag:
		return f.Sources
	case *cli.Uint64Flag:
		return f.Sources
	case *cli.FloatFlag:
		return f.Sources
	case *cli.DurationFlag:
		return f.Sources
	case *cli.BoolFlag:
		return f.Sources
	}
	panic(fmt.Sprintf("flag %v is of a kind of its own: %T", flag.Names(), flag))
}

func stringFlag(category, name, def, usage string) cli.Flag {
	return &cli.StringFlag{Category: category, Name: name, Value: def, Usage: usage, Sources: env(name), OnlyOnce: true}
}

func intFlag(category, name string, def int, usage string) cli.Flag {
	return &cli.IntFlag{Category: category, Name: name, Value: def, Usage: usage, Sources: env(name), OnlyOnce: true}
}

func durationFlag(category, name string, def time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Category: category, Name: name, Value: def, Usage: usage, Sources: env(name), OnlyOnce: true}
}

func boolFlag(category, name, usage string) cli.Flag {
	return &cli.BoolFlag{Category: category, Name: name, Usage: usage, Sources: env(name), OnlyOnce: true}
}

// listFlag is a flag that may be given more than once. Commas do not separate
// its values: addresses and header lines have some of their own.
func listFlag(category, name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Category: category, Name: name, Usage: usage, Sources: env(name)}
}

const (
	catTarget  = "What is driven"
	catRequest = "The requests"
	catBackend = "What a target waits for"
	catExtra   = "A regression planted in a target, for a check that must see it"
	catTrace   = "A trace of what a target's gate decides, request by request"
	catLoad    = "The load"
	catDriver  = "What drives it"
	catOutput  = "Output"
)

// targetFlags are the flags that say how a target of ours is built: those of
// serve, and of run, which hands them on.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		intFlag(catTarget, "workers", targets.DefaultWorkers, "threads of style blocking"),
		intFlag(catTarget, "queue", targets.DefaultQueue, "requests that may wait for a thread of style blocking"),
		intFlag(catTarget, "max-inflight", 0, "most requests at once in styles goroutine and eventloop; 0: any number"),
		intFlag(catTarget, "loops", 0, "event loops of style eventloop; 0: one for each CPU"),
		stringFlag(catBackend, "backend", targets.Backends[0].Name, "what a target waits for: "+aboutBackends()),
		durationFlag(catBackend, "backend-latency", sim.DefaultLatency, "mean time of one wait"),
		stringFlag(catBackend, "backend-dist", string(sim.DefaultDist), "its distribution: constant, exponential or lognormal"),
		&cli.FloatFlag{Category: catBackend, Name: "backend-cv", Usage: "coefficient of variation of a lognormal wait; 0: 1", Sources: env("backend-cv"), OnlyOnce: true},
		intFlag(catBackend, "backend-conns", 0, "connections to the backend, each serving one wait at a time; 0: any number"),
		stringFlag(catBackend, "backend-stall", "", "LENGTH@OFFSET: the backend answers nothing for LENGTH, from OFFSET after its first request, like 2s@5s"),
		durationFlag(catExtra, "extra-cpu", 0, fmt.Sprintf("CPU time that each order request burns before it waits for the backend, like 40us; up to %v", planted.MaxCPU)),
		stringFlag(catExtra, "extra-delay", "", "LENGTH@SHARE%: that share of the order requests waits for LENGTH more, like 20ms@2%"),
		intFlag(catTrace, "trace-limit", trace.DefaultLimit, "requests that a trace holds, 32 bytes of the target's memory for each; what comes after is counted only"),
		&cli.Uint64Flag{Category: catLoad, Name: "seed", Value: 1, Usage: "of all that is drawn at random", Sources: env("seed"), OnlyOnce: true},
	}
}

// aboutBackends describes the backends in one line.
func aboutBackends() string {
	all := make([]string, len(targets.Backends))
	for i, b := range targets.Backends {
		all[i] = b.Name + ", " + b.About
	}
	return strings.Join(all, "; ")
}

// targetOptions reads the flags of targetFlags.
func targetOptions(c *cli.Command) (targets.Options, error) {
	stalls, err := sim.ParseStalls(c.String("backend-stall"))
	if err != nil {
		return targets.Options{}, usageError("--backend-stall=%s: %w", c.String("backend-stall"), err)
	}
	delay, err := planted.ParseDelay(c.String("extra-delay"))
	if err != nil {
		return targets.Options{}, usageError("--extra-delay=%s: %w", c.String("extra-delay"), err)
	}
	for _, f := range []string{"workers", "backend-latency", "trace-limit"} { // zero means a default in Options, not here
		if c.IsSet(f) && (c.Int(f) == 0 && c.Duration(f) == 0) {
			return targets.Options{}, usageError("--%s=%v: must be above 0", f, c.Value(f))
		}
	}
	o := targets.Options{
		Workers:     c.Int("workers"),
		Queue:       c.Int("queue"),
		MaxInflight: c.Int("max-inflight"),
		Loops:       c.Int("loops"),
		Backend:     c.String("backend"),
		Sim: sim.Config{
			Latency: c.Duration("backend-latency"),
			Dist:    sim.Dist(c.String("backend-dist")),
			CV:      c.Float("backend-cv"),
			Conns:   c.Int("backend-conns"),
			Stall:   stalls,
			Seed:    c.Uint64("seed"),
		},
		Extra:      planted.Config{CPU: c.Duration("extra-cpu"), Delay: delay, Seed: c.Uint64("seed")},
		TraceLimit: c.Int("trace-limit"),
	}
	switch {
	case o.Queue < 0:
		return o, usageError("--queue=%d: must be 0 or more", o.Queue)
	case o.Queue == 0:
		o.Queue = targets.NoQueue
	}
	if err := o.Validate(); err != nil {
		return o, &exitError{exitUsage, err}
	}
	return o, nil
}

// withoutExtra refuses a regression where nobody would plant it: what a check
// then saw nothing of would look as if the check were blind.
func withoutExtra(c *cli.Command, driven string) error {
	for _, flag := range []string{"extra-cpu", "extra-delay"} {
		if c.IsSet(flag) && !nothing(fmt.Sprint(c.Value(flag))) {
			return usageError("--%s=%v: cannot be planted in %s, only in the styles %s", flag, c.Value(flag), driven, strings.Join(targets.Names(), ", "))
		}
	}
	return nil
}

// targetArgs are the flags that make serve build the same target, whatever the
// environment says.
func targetArgs(c *cli.Command) []string {
	args := []string{"--addr=" + targets.DefaultAddr}
	for _, s := range targetSettings(c, "") {
		args = append(args, "--"+strings.ReplaceAll(s.Key, "_", "-")+"="+s.Value)
	}
	return args
}

// text is the value of a string flag, its default where an environment
// variable sets it to nothing.
func text(c *cli.Command, flag, def string) string { return cmp.Or(c.String(flag), def) }

// targetSettings are the effective settings of a target: all of them where
// style is empty, else those that mean something to the style.
func targetSettings(c *cli.Command, style string) result.Settings {
	var s result.Settings
	for _, f := range []struct{ flag, only string }{
		{"backend", ""}, {"backend-latency", ""}, {"backend-dist", ""}, {"backend-cv", ""},
		{"backend-conns", ""}, {"backend-stall", ""}, {"extra-cpu", ""}, {"extra-delay", ""},
		{"workers", "blocking"}, {"queue", "blocking"},
		{"max-inflight", "goroutine eventloop"}, {"loops", "eventloop"}, {"seed", ""},
	} {
		if style != "" && f.only != "" && !strings.Contains(f.only, style) {
			continue
		}
		value := fmt.Sprint(c.Value(f.flag))
		if f.flag == "backend-cv" && value == "0" && c.String("backend-dist") == string(sim.Lognormal) {
			value = fmt.Sprint(sim.DefaultCV)
		}
		if style != "" && f.only == "" && nothing(value) {
			continue // not in use
		}
		s = append(s, result.Setting{Key: strings.ReplaceAll(f.flag, "-", "_"), Value: value})
	}
	return s
}

// nothing reports whether a setting's value says that it is not in use.
func nothing(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return value == "" || value == "0s" || err == nil && n == 0
}
