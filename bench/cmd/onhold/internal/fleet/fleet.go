// Package fleet lets several machines drive one load, as one generator would.
//
//  1. A coordinator ([Lead]) calls agents ([Serve]) over a [Bus], which is NATS, and gives
//     each a share of the load: see [bench.Share].
//  2. It has all of them prepare a stage, measures their clocks meanwhile, and gives each
//     the instant of the start by its own clock.
//  3. Agents drive their shares with [bench.Run], and hand over their records, which
//     [result.Together] makes one.
//  4. What an agent does not account for has the outcome unknown, and the stage says so.
//
// Both sides are state machines without a clock, a network or goroutines of their own
// (agent.go, coordinator.go): the tests run them in a simulated world with the faults of
// a real one.
package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// Config is a run that a fleet drives.
type Config struct {
	Run     string // its id, a part of subjects
	Version string // that all must have
	Agents  int
	Plan    []byte        // that agents open
	Gather  time.Duration // limit for the agents to come forward, and to take the plan

	// Save stores what another coordinator needs to take the run over, before any agent
	// hears of it. Where it is nil, none can.
	Save func(Saved)
	// Before is what the coordinator had stored from which this one takes over; nil where
	// the run begins. A stage that it had started is the first that Stage returns, from
	// what the agents still have of it.
	Before *Saved
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	return field.First(
		field.Check(namePattern.MatchString(c.Run), "Run", c.Run, "1 to 64 letters, digits, _ and -"),
		field.Check(c.Agents >= 1 && c.Agents <= mostAgents, "Agents", c.Agents, fmt.Sprintf("1 to %d", mostAgents)),
		field.Check(len(c.Plan) <= mostPlan, "Plan", len(c.Plan), fmt.Sprintf("at most %d", mostPlan)),
	)
}

// Fleet is the agents of a run.
type Fleet struct {
	bus   *Bus
	save  func(Saved)
	inbox chan func()
	done  chan struct{} // closed when the fleet is let go
	ended chan struct{} // its goroutine has ended

	// Of its goroutine.
	machine *coordinator
	wake    func() // looks whether what is waited for has come; may be nil
	live    *live  // of the stage; nil where there is none
	meter   *meter // of the stage; nil where there is none
}

// Lead calls agents, and returns when as many as there are to be have taken the plan.
func Lead(ctx context.Context, b *Bus, c Config) (*Fleet, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Before != nil {
		if err := c.Before.Fits(c); err != nil {
			return nil, err
		}
	}
	if most := b.most() - leastMessage/2; len(c.Plan) > most {
		return nil, &field.Error{Field: "Plan", Value: len(c.Plan), Want: fmt.Sprintf("at most %d on this bus: max_payload of its server is %d", most, b.conn.MaxPayload())}
	}
	f := &Fleet{bus: b, save: c.Save, inbox: make(chan func(), 1024), done: make(chan struct{}), ended: make(chan struct{})}
	machine := coordinator{run: c.Run, epoch: 1, version: c.Version, agents: c.Agents, plan: c.Plan, gather: c.Gather, before: c.Before}
	if c.Before != nil {
		machine.start = clock.Now() - time.Since(c.Before.Start)
	}
	f.machine = newCoordinator(clock.Now(), machine)
	if c.Before != nil && c.Save != nil {
		next := *c.Before
		next.Epoch = f.machine.epoch
		c.Save(next)
	}
	if err := subscribe(b, helloSubject(c.Run), func(h Hello) { f.post(func() { f.machine.hello(clock.Now(), h) }) }); err != nil {
		return nil, err
	}
	if err := subscribe(b, stateSubject(c.Run, "*"), func(s State) {
		now := clock.Now() // a pong: what it waits here is not on its way
		f.post(func() { f.machine.state(now, s) })
	}); err != nil {
		return nil, err
	}
	go f.loop()
	if err := f.until(ctx, func() bool { return f.machine.step == waiting }); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fleet) post(do func()) {
	select {
	case f.inbox <- do:
	case <-f.ended:
	}
}

// loop runs the state machine until the fleet is let go, and for a moment after it, so
// that the agents hear of it.
func (f *Fleet) loop() {
	defer close(f.ended)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var last <-chan time.Time
	done := f.done
	stored := f.machine.milestone()
	for {
		select {
		case do := <-f.inbox:
			if do(); !f.machine.news {
				continue
			}
		case <-tick.C:
		case <-done:
			f.machine.step, done = over, nil
			last = time.After(2 * steadily)
		case <-last:
			return
		}
		now := clock.Now()
		if !f.bus.conn.IsConnected() {
			f.machine.deaf = now
		}
		f.machine.tick(now)
		if at := f.machine.milestone(); f.save != nil && at != stored {
			s := f.machine.saved()
			s.Start = clock.Wall(f.machine.start)
			f.save(s)
			stored = at
		}
		for _, m := range f.machine.out {
			if m.call != nil {
				f.bus.publish(callSubject, m.call)
			} else {
				if m.what.Sent != 0 {
					m.what.Sent = clock.Now() // those before it took time
				}
				f.bus.publish(orderSubject(f.machine.run, m.to), m.what)
			}
		}
		f.machine.out = nil
		if f.live != nil {
			f.live.look(f.machine, now)
			f.meter.look(f.machine)
		}
		if f.wake != nil {
			f.wake()
		}
	}
}

// until waits until something is true of the state machine, or the run cannot go on.
func (f *Fleet) until(ctx context.Context, is func() bool) error {
	result := make(chan error, 1)
	f.post(func() {
		f.wake = func() {
			if f.machine.err != nil || is() {
				result <- f.machine.err
				f.wake = nil
			}
		}
	})
	select {
	case err := <-result:
		if err != nil && !f.bus.conn.IsConnected() {
			err = fmt.Errorf("%w; the bus at %s cannot be reached", err, redact.Servers(f.bus.URL))
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Agent is an agent of a fleet.
type Agent struct{ Name, Host string }

// Agents are those of the fleet, in the order of their parts.
func (f *Fleet) Agents() []Agent {
	all := make(chan []Agent, 1)
	f.post(func() {
		var agents []Agent
		for _, m := range f.machine.members {
			agents = append(agents, Agent{m.hello.Agent, m.hello.Host})
		}
		all <- agents
	})
	select {
	case agents := <-all:
		return agents
	case <-f.ended:
		return nil
	}
}

// Stage has the fleet drive a stage, of which the plan is that of all agents, and the
// settings are those that it will have. An error means that there is none: [*Lost] where
// an agent was lost before it, or ctx ended. An agent that is lost during the stage makes
// it not valid. The plan's TargetPID is a process on the machine of the coordinator.
func (f *Fleet) Stage(ctx context.Context, spec []byte, p bench.Plan, settings result.Settings) (*result.Stage, error) {
	begin := stagePlan{spec: spec, settings: settings, prepare: p.Timeout + 10*time.Second, length: p.Lead() + p.Duration + p.DrainTimeout}
	if p.Load.Burst > 0 {
		begin.maxError = burstError
		if p.MaxLag > 0 {
			begin.maxError = p.MaxLag
		}
	}
	watch, target := newLive(p), &meter{plan: p}
	f.post(func() {
		f.live, f.meter = watch, target
		f.machine.begin(clock.Now(), begin)
	})
	if err := f.until(ctx, func() bool { return f.machine.finished }); err != nil {
		f.post(func() {
			f.live, f.meter = nil, nil
			target.end()
		})
		return nil, err
	}
	over := make(chan *ended, 1)
	f.post(func() {
		f.live, f.meter = nil, nil
		over <- f.machine.ended()
	})
	select {
	case e := <-over:
		s := e.merge(p)
		f.post(func() { f.machine.settle(e) })
		target.addTo(s)
		if counter, ok := p.Observer.(Counter); ok {
			if err := counter.Together(e.counted); err != nil {
				return nil, err
			}
		}
		watch.finish(s)
		return s, nil
	case <-f.ended:
		return nil, context.Canceled
	}
}

// burstError is by how much the start of an agent may differ in a burst, where the plan
// has no bound on the lag.
const burstError = time.Millisecond

// Close lets the agents go. What they drive is abandoned.
func (f *Fleet) Close() {
	select {
	case <-f.done:
	default:
		close(f.done)
	}
	<-f.ended
}
