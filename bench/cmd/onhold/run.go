package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/targets"
	httpbackend "github.com/a628bb15/onhold/targets/backend/http"
	"github.com/a628bb15/onhold/targets/grpc"
)

const (
	// The levels where none are given: of our targets, which wait for 200 ms, and
	// of a server of which nothing is known.
	defaultClients       = "1,50,100,200,300,500,1000,2000"
	defaultServerClients = "1..100"
	quickClients         = "1,200,300,500,2000"
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
		Description: "TARGET is the address of your server, or one or more of our styles, each started as its own\n" +
			"process: " + strings.Join(targets.Names(targets.Styles), ", ") + " (default: " + strings.Join(targets.Names(targets.Inline(targets.HTTP)), " ") + ").\n" +
			"Tables go to stdout; the figures, summary.md and the raw record go to a run folder.\n\n" +
			requireHelp + "\n" +
			"Without a load, a server is driven by 1 to 100 clients, our styles by 1 to 2000. A\n" +
			"closed load sends after each reply; with --rate the server does not set the pace.\n\n" +
			"Examples:\n\n" +
			"  onhold run 127.0.0.1:8080/\n" +
			"  onhold run 'http://127.0.0.1:8080/api/orders?user_id=42' --rate 100,200 --duration 1s\n" +
			"  onhold run --quick\n" +
			"  onhold run blocking eventloop --clients 100,400 --duration 1s --out reports/out/demo\n" +
			"  onhold run blocking --burst 1000,1001 --workers 1000 --queue 0\n" +
			"  onhold run goroutine --rate 500 --arrivals constant --duration 3s --backend-stall 1s@1s\n" +
			"  onhold run goroutine eventloop --backend postgres --backend-connections 50 --clients 50,100\n" +
			"  onhold run " + grpc.Name + " --grpc-connections 2 --clients 100 --duration 1s\n" +
			"  onhold run eventloop --backend " + httpbackend.Name + " --clients 100 --duration 1s\n" +
			"  onhold run blocking --workers 10 --queue 5 --rate 60 --duration 1s --trace\n" +
			"  onhold run goroutine --clients 1,50 --duration 1s --require 'rejected<1%,p99<5s@level=50'\n" +
			"  onhold run goroutine --ramp 50..500 --duration 2s\n" +
			"  onhold run queue --rate 50 --duration 1s",
		Flags: slices.Concat(loadFlags(), []cli.Flag{
			durationFlag(catLoad, "duration", bench.DefaultDuration, "measured window of each stage"),
			durationFlag(catLoad, "warmup", bench.DefaultWarmup, "time before each window that is driven and discarded"),
			intFlag(catLoad, "repeats", 1, "runs of each stage"),
			intFlag(catLoad, "retries", 2, "most further runs of a stage that is not valid because the hypervisor took the generator's CPU away (steal)"),
			boolFlag(catLoad, "quick", fmt.Sprintf("run fewer and shorter stages; where not set: --clients %s (of a server %s) --duration %v --warmup %v", quickClients, quickServerClients, quickDuration, quickWarmup)),
			durationFlag(catLoad, "timeout", bench.DefaultTimeout, "limit for one request, from its actual send"),
			durationFlag(catLoad, "drain-timeout", bench.DefaultDrainTimeout, "limit for the replies after a window, and for accepted work to complete"),
			durationFlag(catLoad, "think-time", 0, "with --clients: time from a client's reply to its next request"),
			durationFlag(catLoad, "backoff", 0, fmt.Sprintf("with --clients: time from a reply that is not ok to the client's next request; the rejected share depends on it, so set it to that of your clients. Where not set, %v, or with our styles the backend latency", defaultBackoff)),
			durationFlag(catLoad, "ramp-up", 0, fmt.Sprintf("with --clients: time over which the clients begin evenly; where not set, the time in which our target can serve each client once, or with a server %v", defaultBackoff)),
			durationFlag(catLoad, "burst-interval", bench.DefaultBurstInterval, "with --burst: time from one wave to the next"),
			intFlag(catLoad, "max-connections", 0, fmt.Sprintf("with --rate, --ramp: most connections at once; 0: %d, or what this machine allows", bench.DefaultMaxConnections)),
			intFlag(catLoad, "max-waiting", bench.DefaultMaxWaiting, "with --rate, --ramp: most arrivals that wait for a free connection; others are unsent, and the stage is not valid"),
			durationFlag(catLoad, "max-lag", 0, "largest p99 of the generator's lag in a valid stage; 0: the larger of 1 ms and 1 % of the median uncorrected latency (burst: 10 %)"),

			stringFlag(catRequest, "method", http.MethodGet, "`METHOD` method of the requests to your server"),
			listFlag(catRequest, "header", "`LINE` header line of the requests, as in 'Accept: text/html'; may be given more than once"),
			stringFlag(catRequest, "body", "", "body of the requests to your server"),
			stringFlag(catRequest, "body-file", "", "`FILE` file that holds the body"),
			listFlag(catRequest, "mix", "`WEIGHT@/PATH` several paths of your server: --mix 9@/a --mix 1@/b sends one request in ten to /b"),
			boolFlag(catRequest, "new-connection", "make a new connection for each request, so that the cost of connecting shows"),
			intFlag(catRequest, "target-pid", 0, "`PID` process ID of your server on this machine, to report its CPU time and memory"),

			requireFlag(),
			stringFlag(catOutput, "out", "", "`FOLDER` folder for the figures and the record; where not set, "+defaultOut+"/TIME"),
			boolFlag(catOutput, "json", "print one JSON object per stage in place of the tables"),
			boolFlag(catOutput, "no-report", "write run.json and stages.jsonl only; onhold report FOLDER draws them later"),
		}, targetFlags(), []cli.Flag{
			boolFlag(catTrace, "trace", "have each target write a trace of each stage into the run folder"),
			stringFlag(catDriver, "driver", "", "epoll (event loops; plain HTTP on Linux) or goroutine (one goroutine per connection); where not set, epoll where it can be"),
			intFlag(catDriver, "threads", epoll.DefaultThreads, "event loops of driver epoll, each with its own CPU where there are enough"),
			durationFlag(catDriver, "spin", 0, "with driver epoll: time to poll before each planned instant instead of sleeping; more precise, costs a core"),
			intFlag(catDriver, "grpc-connections", 0, "with style "+grpc.Name+": HTTP/2 connections that all clients share; 0: each has its own"),
			noPinFlag(catDriver),
		}),
		Action:        runAction,
		ShellComplete: completeWords(targets.Names(targets.Styles)...),
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
		Load: l, Warmup: warmup, Duration: duration, Timeout: c.Duration("timeout"), DrainTimeout: c.Duration("drain-timeout"),
		NewConnection: c.Bool("new-connection"), MaxConnections: c.Int("max-connections"), MaxWaiting: c.Int("max-waiting"),
		MaxLag: c.Duration("max-lag"), Seed: c.Uint64("seed"), NoPin: c.Bool(flagNoPin),
	}, levels, nil
}
