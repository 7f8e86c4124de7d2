// Package model says what queueing theory expects of a stage.
//
//  1. [Of] reads from a stage's settings which model it is a case of: a pool of
//     workers, a limit of what is in flight, or as many connections to a
//     backend, under one of the loads. It does so of the servers that this
//     project brings, as how they are built is known; and of none for which no
//     model holds: a backend that stalls, a regression that was planted, a new
//     connection for each request.
//  2. What was measured goes into the model in place of what was asked for: how
//     long requests had their worker, and the rate that came.
//  3. [Case.Predict] asks package theory.
package model

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// Case is a load and a server as a model sees them.
type Case struct {
	theory.Setting

	// Measured is whether Setting.Service is what requests had their worker for;
	// else it is the backend's latency as it was asked for.
	Measured bool

	// Even is whether the clients of a closed load begin so that workers that
	// are always busy come free at even distances.
	Even bool

	Every   time.Duration // of a burst: from one wave to the next; 0: there is one wave
	Timeout time.Duration // when clients give up; 0: never
}

// Of is the case of a stage; false where no model is known to hold.
func Of(s *result.Stage) (Case, bool) { return of(s.Settings, s.Offered(), s.Target.ServiceTime) }

// Planned is the case of a stage that has not been driven yet, by its settings.
func Planned(set result.Settings) (Case, bool) {
	return of(set, float64(set.Int(result.KeyLevel)), result.MeanTime{})
}

func of(set result.Settings, rate float64, held result.MeanTime) (Case, bool) {
	level := set.Int(result.KeyLevel)
	for _, key := range []string{result.KeyBackendStall, result.KeyInjectCPU, result.KeyInjectDelay, result.KeyBackendURL, result.KeyNewConnection} {
		if v := set.Get(key); v != "" && v != "0s" && v != "false" {
			return Case{}, false
		}
	}
	c := Case{Every: set.Duration(result.KeyBurstInterval), Timeout: set.Duration(result.KeyTimeout)}
	c.Load, c.Service = set.Get(result.KeyLoad), set.Duration(result.KeyBackendLatency)
	c.ServiceLaw = lawOf(set)
	var ok bool
	if c.Workers, c.Places, ok = workersOf(set); !ok {
		return Case{}, false
	}
	if !c.connections(set) && held.N > 0 {
		c.Service, c.Measured = held.Mean, true
	}
	switch c.Load {
	case theory.LoadPoisson, theory.LoadConstant:
		c.Rate = rate
	case theory.LoadClosed:
		c.Think, c.RejectPause = set.Duration(result.KeyThinkTime), set.Duration(result.KeyBackoff)
		c.Clients = level
		each := float64(c.Service) * max(1, float64(c.Clients)/float64(max(c.Workers, 1)))
		c.Even = float64(set.Duration(result.KeyRampUp)) >= 0.9*each
	default:
		c.Clients = level
		if c.Every <= 0 {
			return Case{}, false
		}
	}
	return c, c.Validate() == nil
}

// lawOf is the law of the backend's wait, as it was asked for.
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

// workersOf are how many requests a target of ours works on at once, and how
// many may wait for that.
func workersOf(set result.Settings) (workers, places int, ok bool) {
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

// connections is Connections of a stage's settings.
func (c *Case) connections(set result.Settings) bool {
	if set.Get(result.KeyBackend) == "grpc" { // each carries any number of calls
		return false
	}
	return c.Connections(set.Int(result.KeyBackendConnections))
}

// Connections makes n connections to the backend, each for one wait at a time, the
// workers, where they are fewer: whoever has a worker and no connection waits. How
// long a request has one is then not what it has its worker for. It reports whether
// they are fewer; an n of 0 is any number.
func (c *Case) Connections(n int) bool {
	switch {
	case n <= 0:
		return false
	case c.Workers == theory.Unbounded:
		c.Workers, c.Places = n, theory.Unbounded
	case n < c.Workers:
		if c.Places != theory.Unbounded {
			c.Places += c.Workers - n
		}
		c.Workers = n
	default:
		return false
	}
	return true
}

// errNone is why a model that is known does not hold.
var errNone = errors.New("no model holds")

// Predict is what theory expects of the case. It is an error where no model
// holds after all: clients would give up first, or a wave meet the last one.
func (c Case) Predict() (*theory.Prediction, error) {
	p, err := theory.Predict(c.Setting)
	if err != nil {
		return nil, err
	}
	if p.Latency.P50 == nil && p.Latency.Mean != nil && p.Exact && c.alike() {
		p.Latency.P50, p.Latency.P90, p.Latency.P99 = p.Latency.Mean, p.Latency.Mean, p.Latency.Mean
		p.Wait.P50, p.Wait.P90, p.Wait.P99 = p.Wait.Mean, p.Wait.Mean, p.Wait.Mean
		p.Notes = append(slices.DeleteFunc(p.Notes, func(n string) bool { return strings.HasPrefix(n, "the mean is exact") }),
			"all take as long where clients begin evenly, as those of 'onhold run' do, so that workers come free at even distances; else some take a service time more or less")
	}
	if c.Load == theory.LoadBurst && c.Every > 0 {
		if !c.apart() || p.Rejected == nil {
			return nil, errNone
		}
		x := (1 - *p.Rejected) * float64(c.Clients) / c.Every.Seconds()
		p.Throughput = &x
	}
	if t := p.Latency.P99; t != nil && c.Timeout > 0 && *t > float64(c.Timeout) {
		return nil, errNone
	}
	return p, nil
}

// alike is whether all of the served take as long: workers that come free at
// even distances are a clock.
func (c Case) alike() bool {
	constant := func(l theory.Law) bool { return l.Kind == "" || l.Kind == theory.Constant }
	return c.Load == theory.LoadClosed && c.Even && constant(c.ServiceLaw) && constant(c.ThinkLaw)
}

// apart is whether a wave is over, or all but surely so, before the next one.
func (c Case) apart() bool {
	rounds := 1.0
	if c.Workers != theory.Unbounded {
		inside := c.Clients
		if c.Places != theory.Unbounded {
			inside = min(inside, c.Workers+c.Places)
		}
		rounds = math.Ceil(float64(inside) / float64(c.Workers))
	}
	if k := c.ServiceLaw.Kind; k != "" && k != theory.Constant {
		rounds *= 5
	}
	return rounds*float64(c.Service) < float64(c.Every)
}

// WarmUp is for how long a server that is empty must run until it rejects what it
// will in the long run, by the rule of [theory.WarmUp]; false where that has none:
// a load that is not open, no limit, or a load that is never steady.
func (c Case) WarmUp() (time.Duration, bool) {
	if !result.OpenLoad(c.Load) || c.Workers == theory.Unbounded {
		return 0, false
	}
	services, err := theory.WarmUp(c.Workers, c.Places, c.Rate*c.Service.Seconds())
	if err != nil || services > 1e6 {
		return 0, false
	}
	return time.Duration(services * float64(c.Service)), true
}
