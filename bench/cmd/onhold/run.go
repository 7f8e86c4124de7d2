package main

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/targets"
)

const (
	// The levels where none are given: of our targets, which wait for 200 ms, and
	// of a server of which nothing is known.
	defaultClients       = "20,50,100,200,300,500,1000,2000"
	defaultServerClients = "1..100"
	quickClients         = "20,200,300,500,2000"
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
		Flags: slices.Concat(loadFlags(), []cli.Flag{
			durationFlag(catLoad, "duration", bench.DefaultDuration, "measured window of each stage"),
			durationFlag(catLoad, "warmup", bench.DefaultWarmup, "time before each window that is driven and discarded"),
			intFlag(catLoad, "repeats", 1, "runs of each stage"),
			intFlag(catLoad, "retries", retry.Most, "most further runs of a stage that the machine disturbed; fewer after stages that stayed disturbed"),
			boolFlag(catLoad, "quick", fmt.Sprintf("run fewer and shorter stages; where not set: --clients %s (of a server %s) --duration %v --warmup %v", quickClients, quickServerClients, quickDuration, quickWarmup)),
			durationFlag(catLoad, "burst-interval", bench.DefaultBurstInterval, "with --burst: time from one wave to the next"),
		}, stageFlags(), requestFlags(), []cli.Flag{
			boolFlag(catRequest, "replay", "with --requests: send each request at the instant of its at_ns or of the access log, and each once. --duration ends a replay early"),
			floatFlag(catRequest, "speed", 1, "with --replay: how many times as fast"),
			requireFlag(), abortFlag(),
			stringFlag(catOutput, "out", "", "`FOLDER` folder for the figures and the record; where not set, "+defaultOut+"/TIME"),
			boolFlag(catOutput, "json", "print one JSON object per stage in place of the tables"),
			boolFlag(catOutput, "no-report", "write run.json and stages.jsonl only; onhold report FOLDER draws them later"),
		}, liveFlags(), targetFlags(), []cli.Flag{
			boolFlag(catTrace, "trace", "have each target write a trace of each stage into the run folder"),
		}, driverFlags(), fleetFlags()),
		Action:        runAction,
		ShellComplete: completeWords(targets.Names(targets.Styles)...),
	}
}

// stageFlags are about the requests and the clients of a stage.
func stageFlags() []cli.Flag {
	return []cli.Flag{
		intFlag(catLoad, "extend", bench.DefaultExtend, "stages that the machine disturbed run on until --duration of them is undisturbed, for at most so many times as long; 1: never. Ramps, replays, data that stops and --backend-stall are not extended"),
		durationFlag(catLoad, "timeout", bench.DefaultTimeout, "limit for one request, from its actual send"),
		durationFlag(catLoad, "drain-timeout", bench.DefaultDrainTimeout, "limit for the replies after a window, and for accepted work to complete"),
		durationFlag(catLoad, "think-time", 0, "with --clients: time from a client's reply to its next request"),
		durationFlag(catLoad, "backoff", 0, fmt.Sprintf("with --clients: time from a reply that is not ok to the client's next request; the rejected share depends on it, so set it to that of your clients. Where not set, %v, or with our styles the backend latency", defaultBackoff)),
		durationFlag(catLoad, "ramp-up", 0, fmt.Sprintf("with --clients: time over which the clients begin evenly; where not set, the time in which our target can serve each client once, or with a server %v", defaultBackoff)),
		intFlag(catLoad, "max-connections", 0, fmt.Sprintf("with --rate, --ramp: most connections at once; 0: %d, or what this machine allows", bench.DefaultMaxConnections)),
		intFlag(catLoad, "max-waiting", bench.DefaultMaxWaiting, "with --rate, --ramp: most arrivals that wait for a free connection; others are unsent, and the stage is not valid"),
		durationFlag(catLoad, "max-lag", 0, "largest lag of the generator in a valid stage. With --rate and --ramp its p99; 0: the larger of 1 ms and 1 % of the median uncorrected latency. With --clients and --burst what it adds to a percentile of latency; 0: the larger of 20 µs and 2 % (burst: 10 %)"),
	}
}

// liveFlags are about what happens while stages run.
func liveFlags() []cli.Flag {
	return []cli.Flag{
		listFlag(catOutput, "series", "`FILE` new file for what happens, second by second, while it happens: JSON lines, or where its name ends in .hlog an interval log of HdrHistogram; - is stdout, in place of the tables. May be given more than once"),
		stringFlag(catOutput, "metrics", "", "`ADDR` serve counters and histograms for Prometheus during the run, at /metrics: HOST:PORT, or :PORT on loopback"),
	}
}

// requestFlags are what a server of yours is asked.
func requestFlags() []cli.Flag {
	return append([]cli.Flag{
		stringFlag(catRequest, "method", http.MethodGet, "`METHOD` method of the requests to your server"),
		listFlag(catRequest, "header", "`LINE` header line of the requests, or metadata of gRPC calls, as in 'Accept: text/html'; may be given more than once"),
		stringFlag(catRequest, "body", "", "body of the requests to your server; of grpc:// the message, in JSON"),
		stringFlag(catRequest, "body-file", "", "`FILE` file that holds the body"),
		listFlag(catRequest, "mix", "`WEIGHT@/PATH` several paths of your server: --mix 9@/a --mix 1@/b sends one request in ten to /b"),
		boolFlag(catRequest, "new-connection", "make a new connection for each request, so that the cost of connecting shows"),
		intFlag(catRequest, "target-pid", 0, "`PID` process ID of your server on this machine, to report its CPU time and memory"),
	}, slices.Concat(dataFlags(catRequest), protoFlags(catRequest), exchangeFlags(catRequest))...)
}

// dataFlags make requests differ from arrival to arrival.
func dataFlags(category string) []cli.Flag {
	return []cli.Flag{
		stringFlag(category, "requests", "", "`FILE` file of requests in JSON lines, or an access log in combined format. Fields of a line: method, path, headers, body or body_base64, weight, at_ns; what it leaves out comes from the other flags"),
		stringFlag(category, "data", "", "`FILE` CSV file whose first line names columns: {column} in path, query, header and body is its value for this request. {seq}, {uuid} and {random 1 100} need no file"),
		stringFlag(category, "data-end", bench.DataCycle, "what happens when the rows of a file have been sent once: cycle (begin again) or stop (end the stage)"),
	}
}

// driverFlags are about the load generator.
func driverFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(catDriver, "driver", "", "epoll (event loops; HTTP on Linux) or goroutine (one goroutine per connection); where not set, epoll where it can be"),
		intFlag(catDriver, "threads", epoll.DefaultThreads, "event loops of driver epoll, each with its own CPU where there are enough"),
		durationFlag(catDriver, "spin", 0, "with driver epoll: time to poll before each planned instant instead of sleeping; more precise, costs a core"),
		noPinFlag(catDriver),
	}
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
		Load: l, Warmup: warmup, Duration: duration, Extend: c.Int("extend"), Timeout: c.Duration("timeout"), DrainTimeout: c.Duration("drain-timeout"),
		NewConnection: c.Bool("new-connection"), MaxConnections: c.Int("max-connections"), MaxWaiting: c.Int("max-waiting"),
		MaxLag: c.Duration("max-lag"), Seed: c.Uint64("seed"), NoPin: c.Bool(flagNoPin),
	}, levels, nil
}
