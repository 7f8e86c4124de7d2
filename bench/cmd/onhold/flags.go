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
	"github.com/a628bb15/onhold/targets/stream"
)

// withoutVariables lists the flags that the environment does not set: their
// variables are meant for the flags of that name in other subcommands. Of predict
// it sets none: it is meant for what is run.
var withoutVariables = map[string][]string{
	"report": {"out"}, "compare": {"out"}, "calibrate": {"out"}, "verify": {"out", "duration"},
	"doctor": {"duration"}, "peers": {"duration"}, "serve": {"trace"},
}

// hasVariable reports whether the environment sets a flag.
func hasVariable(c *cli.Command, flag string) bool {
	return c.Name != "predict" && flag != "help" && flag != helpAllFlag && !slices.Contains(withoutVariables[c.Name], flag)
}

// variableOf is the environment variable that sets a flag where the command line
// does not: ONHOLD_BACKEND_LATENCY for --backend-latency.
func variableOf(flag string) string {
	return "ONHOLD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readVariables sets flags from the environment, and notes which. A variable that is
// empty sets nothing.
func readVariables(c *cli.Command) error {
	for _, flag := range c.Flags {
		name := flag.Names()[0]
		value := os.Getenv(variableOf(name))
		if value == "" || flag.IsSet() || !hasVariable(c, name) {
			continue
		}
		if c.Set(name, value) != nil {
			return usageError("%s=%s: want %s", variableOf(name), quoted(value), wanted(flag))
		}
		c.Metadata[name] = value
	}
	return nil
}

// given reports whether a flag is on the command line. The environment is meant
// for several commands, and may set what is of no use to this one.
func given(c *cli.Command, name string) bool {
	_, byVariable := c.Metadata[name]
	return c.IsSet(name) && !byVariable
}

func stringFlag(category, name, def, usage string) cli.Flag {
	return &cli.StringFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
}

func intFlag(category, name string, def int, usage string) cli.Flag {
	return &cli.IntFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
}

func durationFlag(category, name string, def time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
}

func floatFlag(category, name string, def float64, usage string) cli.Flag {
	return &cli.FloatFlag{Category: category, Name: name, Value: def, Usage: usage, OnlyOnce: true}
}

func seedFlag(category, usage string) cli.Flag {
	return &cli.Uint64Flag{Category: category, Name: "seed", Value: 1, Usage: usage, OnlyOnce: true}
}

func boolFlag(category, name, usage string) cli.Flag {
	return &cli.BoolFlag{Category: category, Name: name, Usage: usage, OnlyOnce: true}
}

// listFlag is a flag that may be given more than once. Commas do not separate
// its values: addresses and header lines have some of their own.
func listFlag(category, name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Category: category, Name: name, Usage: usage}
}

// The headings of the flags in a help text.
const (
	catLoad    = "The load"
	catRequest = "The requests to your server"
	catOutput  = "Output"
	catTarget  = "Our styles"
	catBackend = "What our styles wait for"
	catInject  = "A regression injected into our styles, to see a check fail"
	catQueue   = "Style queue"
	catStream  = "Style stream"
	catTrace   = "A trace of what the admission point of a style decides, request by request"
	catDriver  = "The load generator"
	catFleet   = "A fleet of load generators"
)

// The flags whose values may be secrets. They are recorded without passwords.
const (
	flagDSN    = "backend-dsn"
	flagBroker = "broker"
)

// targetFlags say how a target of ours is built. They are flags of serve, and of
// run, which passes them on.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		intFlag(catTarget, "workers", targets.DefaultWorkers, "threads of style blocking, workers of style grpc"),
		intFlag(catTarget, "queue", targets.DefaultQueue, "requests that may wait for a worker, in styles blocking and grpc"),
		stringFlag(catTarget, "grpc-limit", targets.LimitPool, "what limits the calls of style grpc: pool (--workers and --queue) or none"),
		intFlag(catTarget, "max-inflight", 0, "limit of requests at once in styles goroutine, eventloop, queue and stream; 0: unlimited"),
		intFlag(catTarget, "loops", 0, "event loops of style eventloop; 0: one per CPU"),
		stringFlag(catBackend, "backend", targets.Backends[0].Name, "`NAME` "+strings.Join(backendNames(), ", ")+"; "+aboutBackends()),
		durationFlag(catBackend, "backend-latency", sim.DefaultLatency, "mean time of one wait"),
		stringFlag(catBackend, "backend-dist", string(sim.DefaultDist), "distribution of that time: constant, exponential or lognormal; not with postgres"),
		floatFlag(catBackend, "backend-cv", 0, fmt.Sprintf("coefficient of variation of a lognormal time; 0: %v", sim.DefaultCV)),
		intFlag(catBackend, "backend-connections", 0, fmt.Sprintf("connections to the backend, each with one wait at a time; 0: unlimited, with postgres %d. With backend grpc each carries any number of calls; 0: 1", postgres.DefaultConnections)),
		stringFlag(catBackend, "backend-url", "", "address of the order service of backend http (http://HOST:PORT) or grpc (grpc://HOST:PORT); where not set, each target starts one of its own, without a limit. That one shares the target's CPUs; its CPU time and memory are not counted as the target's"),
		// Given twice, the last counts: to refuse it, the library would show it.
		&cli.StringFlag{Category: catBackend, Name: flagDSN, Usage: "`DSN` of backend postgres: postgres://USER@HOST:PORT/DATABASE or host=HOST user=USER; what it leaves open is read from PGHOST, PGUSER, PGPASSWORD and so on. Put a password there, or in " + variableOf(flagDSN) + ": every user of the machine can read a command line"},
		stringFlag(catBackend, "backend-stall", "", "`LENGTH@OFFSET` stop the backend for LENGTH, from OFFSET after its first request, like 2s@5s; not with postgres"),
		durationFlag(catInject, "inject-cpu", 0, fmt.Sprintf("CPU time that each request burns before it waits, like 40us; up to %v", inject.MaxCPU)),
		stringFlag(catInject, "inject-delay", "", "`LENGTH@SHARE%` delay that share of the requests by LENGTH, like 20ms@2%"),
		// As above, the last counts.
		&cli.StringFlag{Category: catQueue, Name: flagBroker, Usage: "`URL` nats:// address of a running broker; where not set, the target starts a broker and a payment service. Put a password in " + variableOf(flagBroker)},
		stringFlag(catQueue, "broker-store", broker.DefaultStore, "where that broker keeps orders: file or memory"),
		stringFlag(catQueue, "broker-sync", broker.DefaultSync, "when that broker flushes files to the disk: always (before it acknowledges), or at an interval, like 2m"),
		intFlag(catQueue, "broker-limit", broker.DefaultLimit>>20, "limit of that broker's messages, in MiB"),
		intFlag(catQueue, "stream-orders", broker.DefaultOrders, "limit of orders that wait to be paid; beyond it the style answers 503. The record of paid orders holds the newest, twice as many"),
		intFlag(catQueue, "consumers", payments.DefaultConsumers, "orders that the payment service pays concurrently"),
		durationFlag(catQueue, "ack-wait", payments.DefaultAckWait, "time after which an order that was not acknowledged is handed out again"),
		stringFlag(catStream, "stream-server", stream.Servers[0], "`NAME` style that holds the streams open: "+strings.Join(stream.Servers, ", ")+"; its flags above apply"),
		intFlag(catStream, "order-events", stream.DefaultEvents, fmt.Sprintf("events that the server sends in each stream, beside the end mark: up to %d", stream.MaxEvents)),
		durationFlag(catStream, "event-interval", stream.DefaultInterval, fmt.Sprintf("time between two events of a stream: up to %v", stream.MaxInterval)),
		intFlag(catTrace, "trace-limit", trace.DefaultLimit, "requests that a trace holds, 32 bytes of memory each; later ones are only counted"),
		seedFlag(catLoad, "seed of all random draws"),
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
	stall, err := sim.ParseStall(c.String("backend-stall"))
	if err != nil {
		return targets.Options{}, usageError("--backend-stall=%s: %w", c.String("backend-stall"), err)
	}
	delay, err := inject.ParseDelay(c.String("inject-delay"))
	if err != nil {
		return targets.Options{}, usageError("--inject-delay=%s: %w", c.String("inject-delay"), err)
	}
	for _, f := range []string{"workers", "backend-latency", "consumers", "ack-wait", "broker-limit", "stream-orders", "order-events", "event-interval", "trace-limit"} { // zero means a default in Options, not here
		if c.IsSet(f) && (c.Int(f) == 0 && c.Duration(f) == 0) {
			return targets.Options{}, usageError("--%s=%v: want more than 0", f, c.Value(f))
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
			Stall:       stall,
			Seed:        c.Uint64("seed"),
		},
		Postgres: postgres.Config{DSN: c.String(flagDSN), Latency: c.Duration("backend-latency"), Connections: c.Int("backend-connections")},
		Queued: targets.Queued{
			Broker: c.String(flagBroker), Consumers: c.Int("consumers"), AckWait: c.Duration("ack-wait"),
			Streams: broker.Config{
				Store: c.String("broker-store"), Sync: c.String("broker-sync"),
				Limit: int64(c.Int("broker-limit")) << 20, Orders: int64(c.Int("stream-orders")),
			},
		},
		Stream:     stream.Config{Server: c.String("stream-server"), Events: c.Int("order-events"), Interval: c.Duration("event-interval")},
		Inject:     inject.Config{CPU: c.Duration("inject-cpu"), Delay: delay, Seed: c.Uint64("seed")},
		TraceLimit: c.Int("trace-limit"),
	}
	if o.Queue == 0 {
		o.Queue = targets.NoQueue
	}
	// One that the environment sets is there for whenever it is needed.
	if b := backendOf(c); b != "postgres" && o.Postgres.DSN != os.Getenv(variableOf(flagDSN)) {
		return o, usageError("--%s: requires --backend postgres; this is %s", flagDSN, b)
	}
	return o, o.Validate()
}

// flagNames are the names of flags.
func flagNames(flags []cli.Flag) (out []string) {
	for _, flag := range flags {
		out = append(out, flag.Names()[0])
	}
	return out
}

// list splits text at commas.
func list(s string) (items []string) {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// namesOf are the names that a flag lists, each at most once, of those known.
func namesOf(c *cli.Command, flag string, known []string) ([]string, error) {
	names := list(c.String(flag))
	for i, name := range names {
		switch {
		case !slices.Contains(known, name):
			return nil, usageError("--%s=%s: %w", flag, c.String(flag), unknown("name", name, known, "want some of %s"))
		case slices.Contains(names[:i], name):
			return nil, usageError("--%s=%s: %s is given twice", flag, c.String(flag), name)
		}
	}
	return names, nil
}

// text is the value of a string flag, its default where an environment
// variable sets it to nothing.
func text(c *cli.Command, flag, def string) string { return cmp.Or(c.String(flag), def) }

// nothing reports whether a setting's value says that it is not in use.
func nothing(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return value == "" || value == "0s" || value == "false" || err == nil && n == 0
}
