// Package doctor measures this machine as a load generator, and reports which
// levels it can drive. Begin with [Examine].
//
//  1. A server that does nothing runs as a separate process, on the CPUs of
//     targets.
//  2. Our generator drives it from the CPUs of the generator: one client, for
//     the least latency that can be measured here; many, for the most requests
//     per second; constant rates, for how far from the schedule they are sent.
//  3. With the machine's limits this becomes levels.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/peers"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

// Bounds and default of Config.Duration. A shorter measurement shows nothing.
const (
	MinDuration     = 200 * time.Millisecond
	MaxDuration     = time.Minute
	DefaultDuration = 2 * time.Second
)

// manyClients are enough to keep a server that does nothing busy.
const manyClients = 64

// Rates are the constant rates whose pacing is measured, arrivals per second.
var Rates = []int{1000, 5000}

// Config is how to examine the machine.
type Config struct {
	TargetCPUs []int         // where the server runs; nil: anywhere
	CPUs       []int         // to which this process, the generator, is confined; nil: anywhere
	NoPin      bool          // no thread of the generator is pinned
	Duration   time.Duration // of each measurement, MinDuration to MaxDuration
	Progress   func(what string)
}

// Report is what was found. An unknown figure is 0.
type Report struct {
	Environment result.Environment `json:"environment"`
	TargetCPUs  string             `json:"target_cpus,omitzero"`    // "" where shared with the generator
	CPUs        string             `json:"generator_cpus,omitzero"` // "" where shared with the targets
	Driver      string             `json:"driver"`
	Limits      host.Limits        `json:"limits"`
	ClockRead   time.Duration      `json:"clock_read_ns"` // the time that reading the clock takes
	PingPong    time.Duration      `json:"ping_pong_ns"`  // median of a blocking write and read
	Null        Null               `json:"null"`
	Most        Most               `json:"most"`
	Pacing      []Pacing           `json:"pacing"`
	CPUQuota    CPUQuota           `json:"cpu_quota"`
	Steal       float64            `json:"steal"` // the largest share of a measurement that the hypervisor took from the generator, 0..1

	MaxClients int      `json:"max_clients"` // a closed load on a backend latency of Wait
	MaxRate    int      `json:"max_rate"`    // an open load, arrivals per second
	Advice     []string `json:"advice"`      // of the caller

	Loops          int  `json:"-"` // of the generator
	FewDescriptors bool `json:"-"` // open files are the limit of MaxClients
}

// CPUQuota is the quota of the control groups that the generator is in.
type CPUQuota struct {
	CPUs      float64          `json:"cpus,omitzero"`      // CPU seconds per second; 0 where there is none
	Group     string           `json:"group,omitzero"`     // the control group that has it
	Throttled result.Throttled `json:"throttled,omitzero"` // by how much it stopped the generator during the examination
}

// Null is what one client measures at a server that does nothing: the
// least latency that this machine can measure.
type Null struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// Most is the most that one loop of the generator sends.
type Most struct {
	Rate       float64       `json:"per_s"`
	CPU        time.Duration `json:"cpu_ns"`      // of the generator, per request served
	ServerFull bool          `json:"server_full"` // the server's CPU was the limit: the generator can send more
}

// Pacing is how precisely a constant rate was sent.
type Pacing struct {
	Rate    int           `json:"rate_per_s"`
	LagP50  time.Duration `json:"lag_p50_ns"` // behind the schedule, by the generator's clock
	LagP99  time.Duration `json:"lag_p99_ns"`
	GridP50 time.Duration `json:"grid_p50_ns"` // off an even grid, by the server's clock
	GridP90 time.Duration `json:"grid_p90_ns"`
}

// Examine measures the machine. It takes about five times the duration.
func Examine(ctx context.Context, c Config) (*Report, error) {
	if err := field.Check(c.Duration >= MinDuration && c.Duration <= MaxDuration, "Duration", c.Duration,
		fmt.Sprintf("%v to %v", MinDuration, MaxDuration)); err != nil {
		return nil, err
	}
	if !epoll.Supported {
		return nil, errors.New("doctor requires Linux: it uses the epoll driver and the bare server")
	}
	r := &Report{
		Environment: host.Environment(), Limits: host.ReadLimits(), Driver: epoll.Name,
		TargetCPUs: host.FormatCPUs(c.TargetCPUs), CPUs: host.FormatCPUs(c.CPUs), ClockRead: clockRead(),
	}
	most := Rates[len(Rates)-1] * 2 * int(1+c.Duration.Seconds())
	server, err := targets.Program{CPUs: c.TargetCPUs}.Launch(ctx, bare.Name, targets.Options{Bare: bare.Config{Arrivals: most}})
	if err != nil {
		return nil, err
	}
	e := &examination{Config: c, report: r, server: server}
	before := host.ReadQuota(os.Getpid())
	err = e.run(ctx)
	r.CPUQuota = CPUQuota{before.CPUs, before.Group, host.SelfThrottled().Minus(before.Throttled)}
	if stopErr := server.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return nil, err
	}
	r.Conclude()
	return r, nil
}

// Wait is the latency of the backend for which MaxClients is stated.
const Wait = 200 * time.Millisecond

// Conclude derives levels from what was measured.
func (r *Report) Conclude() {
	r.Loops = min(max(1, len(result.ParseCPUs(r.CPUs))), epoll.MaxThreads)
	r.MaxRate = int(bench.MaxGeneratorCPU * r.Most.Rate * float64(r.Loops))
	r.MaxClients = int(float64(r.MaxRate) * Wait.Seconds())
	if n := r.Limits.Descriptors; n > 0 && host.MaxConnectionsFor(n) < r.MaxClients {
		r.MaxClients, r.FewDescriptors = host.MaxConnectionsFor(n), true
	}
}

// clockRead is the time that one reading of the clock takes.
func clockRead() time.Duration {
	const n = 100_000
	began := clock.Now()
	for range n {
		clock.Now()
	}
	return (clock.Now() - began) / n
}

type examination struct {
	Config
	report *Report
	server *targets.Process
}

func (e *examination) progress(what string) {
	if e.Progress != nil {
		e.Progress(what)
	}
}

func (e *examination) run(ctx context.Context) error {
	e.progress("1 client, blocking socket: minimum latency")
	hist, err := peers.PingPong(ctx, e.server.Addr, "/", e.Duration, e.CPUs)
	if err != nil {
		return err
	}
	r := e.report
	r.PingPong = hist.Quantile(0.5)

	e.progress("1 client: minimum measured latency")
	s, err := e.drive(ctx, bench.Plan{Load: bench.Load{Clients: 1}})
	if err != nil {
		return err
	}
	r.Null = Null{s.Latency.Quantile(0.5), s.Latency.Quantile(0.99)}

	e.progress(fmt.Sprintf("%d clients: maximum requests per second", manyClients))
	if s, err = e.drive(ctx, bench.Plan{Load: bench.Load{Clients: manyClients}}); err != nil {
		return err
	}
	r.Most = Most{Rate: s.Goodput(), CPU: s.Generator.CPU / time.Duration(s.Counts[result.OK])}
	if len(s.Generator.Loops) > 0 {
		r.Most.ServerFull = s.Generator.Loops[0].Busy() < s.Length*9/10
	}

	for _, rate := range Rates {
		e.progress(fmt.Sprintf("%s arrivals/s: pacing", units.Int(rate)))
		client := bare.Client{Addr: e.server.Addr}
		if err := client.Reset(ctx); err != nil {
			return err
		}
		if s, err = e.drive(ctx, bench.Plan{Load: bench.Load{Rate: float64(rate), Arrivals: load.Constant}}); err != nil {
			return err
		}
		arrivals, err := client.Arrivals(ctx)
		if err != nil {
			return err
		}
		grid, err := peers.Deviation(arrivals, float64(rate), warmup)
		if err != nil {
			return err
		}
		r.Pacing = append(r.Pacing, Pacing{
			Rate: rate, LagP50: s.Lag.Quantile(0.5), LagP99: s.Lag.Quantile(0.99),
			GridP50: time.Duration(grid.P50NS), GridP90: time.Duration(grid.P90NS),
		})
	}
	return nil
}

const warmup = 300 * time.Millisecond

// drive runs one stage on the server.
func (e *examination) drive(ctx context.Context, p bench.Plan) (*result.Stage, error) {
	d, err := epoll.New(bench.HTTP{URL: "http://" + e.server.Addr + "/"}, epoll.Options{})
	if err != nil {
		return nil, err
	}
	p.Duration, p.Warmup, p.TargetPID, p.Seed, p.NoPin = e.Duration, warmup, e.server.PID, 1, e.NoPin
	s, err := bench.Run(ctx, p, d)
	if err != nil {
		return nil, err
	}
	if s.Counts[result.OK] == 0 {
		return nil, fmt.Errorf("none of %d requests was served: %q", s.Counts.Planned(), s.Notes())
	}
	e.report.Steal = max(e.report.Steal, s.Generator.Steal.Seconds()/s.Length.Seconds())
	return s, nil
}
