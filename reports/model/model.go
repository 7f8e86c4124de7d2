// Package model says what queueing theory expects of a stage.
//
//  1. [Of] reads from a stage's settings which model applies: a pool of workers,
//     a limit on requests in flight, or a number of connections to a backend,
//     under one of the loads. It knows how our own servers are built, and no
//     others; and it declines where no model holds: a backend that stalls, an
//     injected regression, a new connection for each request.
//  2. Measured values replace the settings where there are any: the service time,
//     and the rate of arrivals.
//  3. [Case.Predict] asks package theory; [Line] does so along a range of levels.
package model

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// Case is a load on a server as a model sees it.
type Case struct {
	theory.Setting

	// Measured reports whether ServiceTime was measured; else it is the backend's
	// latency as it was set.
	Measured bool

	// Even reports whether the clients of a closed load begin so that workers that
	// are always busy come free at even distances.
	Even bool

	Timeout time.Duration // after which clients give up; 0: never
}

// Of is the case of a stage; false where no model is known to hold.
func Of(s *result.Stage) (Case, bool) { return of(s.Settings, s.Offered(), s.Target.ServiceTime) }

// Planned is the case of a stage that has not been driven yet, by its settings.
func Planned(set result.Settings) (Case, bool) {
	return of(set, float64(set.Int(result.KeyLevel)), result.MeanTime{})
}

func of(set result.Settings, rate float64, measured result.MeanTime) (Case, bool) {
	for _, key := range []string{result.KeyBackendStall, result.KeyInjectCPU, result.KeyInjectDelay, result.KeyBackendURL, result.KeyNewConnection} {
		if v := set.Get(key); v != "" && v != "0s" && v != "false" {
			return Case{}, false
		}
	}
	model, level := load.Model(set.Get(result.KeyLoad)), float64(set.Int(result.KeyLevel))
	if model.Open() {
		level = rate
	}
	c := Case{Timeout: set.Duration(result.KeyTimeout)}
	c.Load, c.ServiceTime, c.ServiceLaw = load.Of(model, level), set.Duration(result.KeyBackendLatency), lawOf(set)
	var ok bool
	if c.Workers, c.Queue, ok = workersOf(set); !ok || level <= 0 || !slices.Contains(load.Models, model) {
		return Case{}, false
	}
	// With gRPC a connection carries any number of calls.
	waits := set.Get(result.KeyBackend) != "grpc" && c.Connections(set.Int(result.KeyBackendConnections))
	if !waits && measured.N > 0 {
		c.ServiceTime, c.Measured = measured.Mean, true
	}
	switch model {
	case load.Closed:
		c.Load.ThinkTime, c.Load.Backoff = set.Duration(result.KeyThinkTime), set.Duration(result.KeyBackoff)
		each := float64(c.ServiceTime) * max(1, level/float64(max(c.Workers, 1)))
		c.Even = float64(set.Duration(result.KeyRampUp)) >= 0.9*each
	case load.Burst:
		if c.Load.BurstInterval = set.Duration(result.KeyBurstInterval); c.Load.BurstInterval <= 0 {
			return Case{}, false
		}
	}
	return c, c.Validate() == nil
}

// lawOf is the law of the backend's wait, as it was set.
func lawOf(set result.Settings) theory.Law {
	law := theory.Law{Kind: set.Get(result.KeyBackendDist)}
	if law.Kind == theory.Lognormal {
		law.CV = 1
		if cv, err := strconv.ParseFloat(set.Get(result.KeyBackendCV), 64); err == nil && cv > 0 {
			law.CV = cv
		}
	}
	return law
}

// workersOf is how many requests one of our targets serves at once, and how many
// may wait.
func workersOf(set result.Settings) (workers, queue int, ok bool) {
	switch set.Get(result.KeyBackend) {
	case "sim", "postgres", "http", "grpc":
	default:
		return 0, 0, false
	}
	workers = set.Int(result.KeyWorkers)
	switch set.Get(result.KeyTarget) {
	case "blocking":
		return workers, set.Int(result.KeyQueue), workers > 0
	case "grpc":
		if workers > 0 {
			return workers, set.Int(result.KeyQueue), true
		}
	case "goroutine", "eventloop":
		if limit := set.Int(result.KeyMaxInflight); limit > 0 {
			return limit, 0, true
		}
	default:
		return 0, 0, false
	}
	return theory.Unbounded, theory.Unbounded, true
}

// Connections makes n connections to the backend, each for one wait at a time, the
// workers, where they are fewer: a request that has a worker and no connection
// waits. Then a measured service time contains that wait. It reports whether they
// are fewer; 0 is any number of connections.
func (c *Case) Connections(n int) bool {
	switch {
	case n <= 0:
		return false
	case c.Workers == theory.Unbounded:
		c.Workers, c.Queue = n, theory.Unbounded
	case n < c.Workers:
		if c.Queue != theory.Unbounded {
			c.Queue += c.Workers - n
		}
		c.Workers = n
	default:
		return false
	}
	return true
}

// errNone is why a known model does not hold.
var errNone = errors.New("no model holds")

// Predict is what theory expects of the case. It is an error where no model
// holds after all: clients would give up first, or waves overlap.
func (c Case) Predict() (*theory.Prediction, error) {
	p, err := theory.Predict(c.Setting)
	if err != nil {
		return nil, err
	}
	if p.Latency.P50 == nil && p.Latency.Mean != nil && p.Exact && c.alike() {
		p.Latency.P50, p.Latency.P90, p.Latency.P99 = p.Latency.Mean, p.Latency.Mean, p.Latency.Mean
		p.Wait.P50, p.Wait.P90, p.Wait.P99 = p.Wait.Mean, p.Wait.Mean, p.Wait.Mean
		p.Notes = append(slices.DeleteFunc(p.Notes, func(n string) bool { return n == theory.NoteExactMean }),
			"all requests take as long where clients begin evenly, as those of 'onhold run' do, so that workers come free at even distances; else some take up to a service time more or less")
	}
	if every := c.Load.BurstInterval; c.Load.Model() == load.Burst && every > 0 {
		if c.wave() >= every || p.Rejected == nil {
			return nil, errNone
		}
		x := (1 - *p.Rejected) * c.Load.Level() / every.Seconds()
		p.Throughput = &x
	}
	if t := p.Latency.P99; t != nil && c.Timeout > 0 && *t > float64(c.Timeout) {
		return nil, errNone
	}
	return p, nil
}

// alike reports whether all served requests take as long: workers that come free
// at even distances are a clock.
func (c Case) alike() bool {
	return c.Load.Model() == load.Closed && c.Even && c.ServiceLaw.Constant() && c.ThinkLaw.Constant()
}

// wave is how long a wave takes, or nearly always less.
func (c Case) wave() time.Duration {
	rounds := 1.0
	if c.Workers != theory.Unbounded {
		inside := c.Load.Burst
		if c.Queue != theory.Unbounded {
			inside = min(inside, c.Workers+c.Queue)
		}
		rounds = math.Ceil(float64(inside) / float64(c.Workers))
	}
	if !c.ServiceLaw.Constant() {
		rounds *= 5
	}
	return time.Duration(rounds * float64(c.ServiceTime))
}

// WarmUp is how long an empty server must run until it rejects as much as in the
// long run, by the rule of [theory.WarmUp]; false where that has none: a load that
// is not open, no limit, or no steady state.
func (c Case) WarmUp() (time.Duration, bool) {
	if !c.Load.Model().Open() || c.Workers == theory.Unbounded {
		return 0, false
	}
	services, err := theory.WarmUp(c.Workers, c.Queue, c.Load.Level()*c.ServiceTime.Seconds())
	if err != nil || services > 1e6 {
		return 0, false
	}
	return time.Duration(services * float64(c.ServiceTime)), true
}
