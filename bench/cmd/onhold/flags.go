package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/backend/postgres"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
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
	return cli.NewValueSourceChain(&variable{ValueSource: cli.EnvVar(variableOf(flag))})
}

func variableOf(flag string) string {
	return "ONHOLD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
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
	catQueue   = "Orders that are paid later: style queue"
	catTrace   = "A trace of what a target's gate decides, request by request"
	catLoad    = "The load"
	catDriver  = "What drives it"
	catOutput  = "Output"
)

// The flags whose values may be secrets: a target's process is given them in
// the environment, and what is recorded of them has no password.
const (
	flagDSN    = "backend-dsn"
	flagBroker = "broker"
)

// targetFlags are the flags that say how a target of ours is built: those of
// serve, and of run, which hands them on.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		intFlag(catTarget, "workers", targets.DefaultWorkers, "workers: threads of style blocking, places of style grpc"),
		intFlag(catTarget, "queue", targets.DefaultQueue, "requests that may wait for a worker of styles blocking and grpc"),
		stringFlag(catTarget, "grpc-limit", targets.LimitPool, "what style grpc bounds its calls by: pool (--workers and --queue) or none"),
		intFlag(catTarget, "max-inflight", 0, "most requests at once in styles goroutine, eventloop and queue; 0: any number"),
		intFlag(catTarget, "loops", 0, "event loops of style eventloop; 0: one for each CPU"),
		stringFlag(catBackend, "backend", targets.Backends[0].Name, "what a target waits for: "+aboutBackends()),
		stringFlag(catBackend, "backend-url", "", "where the order service of backend http (http://HOST:PORT) or grpc (grpc://HOST:PORT) listens; where not set, each target starts one of its own, which waits as --backend-latency and its kin say and lets any number in. It shares the target's CPUs, but its CPU time and memory are not told as the target's"),
		durationFlag(catBackend, "backend-latency", sim.DefaultLatency, "mean time of one wait"),
		stringFlag(catBackend, "backend-dist", string(sim.DefaultDist), "not postgres: its distribution: constant, exponential or lognormal"),
		&cli.FloatFlag{Category: catBackend, Name: "backend-cv", Usage: "not postgres: coefficient of variation of a lognormal wait; 0: 1", Sources: env("backend-cv"), OnlyOnce: true},
		intFlag(catBackend, "backend-connections", 0, fmt.Sprintf("connections to the backend, each serving one wait at a time; 0: any number, of postgres %d. With backend grpc they carry any number of calls each; 0: 1", postgres.DefaultConnections)),
		// Given twice, the last counts: to refuse it, the library would show it.
		&cli.StringFlag{Category: catBackend, Name: flagDSN, Sources: env(flagDSN), Usage: "postgres: where it is and who asks, as postgres://USER@HOST:PORT/DATABASE or host=HOST user=USER; what that leaves open is taken from PGHOST, PGUSER, PGPASSWORD and so on. A password is safer there, or in " + variableOf(flagDSN) + ", than where every user of the machine can read it"},
		stringFlag(catBackend, "backend-stall", "", "not postgres: LENGTH@OFFSET: the backend answers nothing for LENGTH, from OFFSET after its first request, like 2s@5s"),
		durationFlag(catExtra, "inject-cpu", 0, fmt.Sprintf("CPU time that each order request burns before it waits for the backend, like 40us; up to %v", inject.MaxCPU)),
		stringFlag(catExtra, "inject-delay", "", "LENGTH@SHARE%: that share of the order requests waits for LENGTH more, like 20ms@2%"),
		// As above, the last counts.
		&cli.StringFlag{Category: catQueue, Name: flagBroker, Sources: env(flagBroker), Usage: "nats:// address of a broker that runs; where not set, queue starts a broker and a payment service of its own. A password is safer in " + variableOf(flagBroker)},
		stringFlag(catQueue, "broker-store", broker.DefaultStore, "where a broker of ours keeps orders: file or memory"),
		stringFlag(catQueue, "broker-sync", broker.DefaultSync, "when it flushes its files to the disk: always, before it acknowledges, or at an interval, like 2m"),
		intFlag(catQueue, "broker-limit", broker.DefaultLimit>>20, "most MiB that its messages may take"),
		intFlag(catQueue, "stream-orders", broker.DefaultOrders, "most orders that may wait to be paid; beyond that 503. The record of paid orders has room for twice as many, the newest"),
		intFlag(catQueue, "consumers", payments.DefaultConsumers, "orders that the payment service pays at once"),
		durationFlag(catQueue, "ack-wait", payments.DefaultAckWait, "an order is handed out again where a payment service gave no sign of life for so long"),
		intFlag(catTrace, "trace-limit", trace.DefaultLimit, "requests that a trace holds, 32 bytes of the target's memory for each; what comes after is counted only"),
		&cli.Uint64Flag{Category: catLoad, Name: "seed", Value: 1, Usage: "of all that is drawn at random", Sources: env("seed"), OnlyOnce: true},
	}
}

// backendOf is the name of the backend.
func backendOf(c *cli.Command) string { return text(c, "backend", targets.Backends[0].Name) }

// backendNames are those of the backends.
func backendNames() (names []string) {
	for _, b := range targets.Backends {
		names = append(names, b.Name)
	}
	return names
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
	delay, err := inject.ParseDelay(c.String("inject-delay"))
	if err != nil {
		return targets.Options{}, usageError("--inject-delay=%s: %w", c.String("inject-delay"), err)
	}
	for _, f := range []string{"workers", "backend-latency", "consumers", "ack-wait", "broker-limit", "stream-orders", "trace-limit"} { // zero means a default in Options, not here
		if c.IsSet(f) && (c.Int(f) == 0 && c.Duration(f) == 0) {
			return targets.Options{}, usageError("--%s=%v: must be above 0", f, c.Value(f))
		}
	}
	o := targets.Options{
		Workers:     c.Int("workers"),
		Queue:       c.Int("queue"),
		GRPCLimit:   c.String("grpc-limit"),
		MaxInflight: c.Int("max-inflight"),
		Loops:       c.Int("loops"),
		Backend:     c.String("backend"),
		BackendURL:  c.String("backend-url"),
		Sim: sim.Config{
			Latency:     c.Duration("backend-latency"),
			Dist:        sim.Dist(c.String("backend-dist")),
			CV:          c.Float("backend-cv"),
			Connections: c.Int("backend-connections"),
			Stall:       stalls,
			Seed:        c.Uint64("seed"),
		},
		Postgres:   postgres.Config{DSN: c.String(flagDSN), Latency: c.Duration("backend-latency"), Connections: c.Int("backend-connections")},
		Queued:     queued(c),
		Inject:     inject.Config{CPU: c.Duration("inject-cpu"), Delay: delay, Seed: c.Uint64("seed")},
		TraceLimit: c.Int("trace-limit"),
	}
	switch {
	case o.Queue < 0:
		return o, usageError("--queue=%d: must be 0 or more", o.Queue)
	case o.Queue == 0:
		o.Queue = targets.NoQueue
	}
	// One that the environment sets is there for whenever it is needed.
	if b := backendOf(c); b != "postgres" && o.Postgres.DSN != os.Getenv(variableOf(flagDSN)) {
		return o, usageError("--%s: goes with --backend postgres only, and this is %s", flagDSN, b)
	}
	if err := o.Validate(); err != nil {
		return o, &exitError{exitUsage, err}
	}
	return o, nil
}

// withoutExtra refuses a regression where nobody would plant it: what a check
// then saw nothing of would look as if the check were blind.
func withoutExtra(c *cli.Command, driven string) error {
	for _, flag := range []string{"inject-cpu", "inject-delay"} {
		if c.IsSet(flag) && !nothing(fmt.Sprint(c.Value(flag))) {
			return usageError("--%s=%v: cannot be planted in %s, only in the styles %s", flag, c.Value(flag), driven, strings.Join(targets.Names(targets.Styles), ", "))
		}
	}
	return nil
}

// text is the value of a string flag, its default where an environment
// variable sets it to nothing.
func text(c *cli.Command, flag, def string) string { return cmp.Or(c.String(flag), def) }

// nothing reports whether a setting's value says that it is not in use.
func nothing(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return value == "" || value == "0s" || err == nil && n == 0
}
