package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	tickEvery   = 10 * time.Millisecond  // of a coordinator
	lookEvery   = 250 * time.Millisecond // of an agent, whose limits are seconds: each look wakes its process
	reportEvery = time.Second            // of what has ended
)

// Opened is a plan that an agent has accepted.
type Opened interface {
	// Stage is the stage that a spec describes, of all agents, and what drives it.
	Stage(spec []byte) (bench.Plan, bench.Driver, error)
	// Close removes what belongs to the plan.
	Close()
}

// AgentConfig is how an agent serves runs.
type AgentConfig struct {
	Name, Host, Version string
	Open                func(plan []byte) (Opened, error) // refuses what the agent does not allow
	Say                 func(string)                      // prints a line
	Once                bool                              // it ends with its first run
	Idle                time.Duration                     // after which it ends where no run has come; 0: it waits for ever
	Keep                time.Duration                     // for how long a record waits for a coordinator that was lost; 0: not at all
	KeepIn              string                            // folder where it is as well, for a process of this name that follows; none where empty

	skew func(time.Duration) time.Duration // the agent's clock, of this process's; for tests
	back func(time.Duration) time.Duration // the reverse
}

// Validate checks every field. The error is a [*field.Error].
func (c AgentConfig) Validate() error {
	return field.First(
		field.Check(namePattern.MatchString(c.Name), "Name", c.Name, "1 to 64 letters, digits, _ and -"),
		field.Check(c.Keep >= 0 && c.Keep <= mostKeep, "Keep", c.Keep, fmt.Sprintf("0s to %v", mostKeep)),
	)
}

// Serve drives shares of runs, one run after another, until ctx ends. A run that is under
// way then is abandoned.
func Serve(ctx context.Context, b *Bus, c AgentConfig) error {
	if err := c.Validate(); err != nil {
		return err
	}
	g := &generator{AgentConfig: c, bus: b, inbox: make(chan func(), 64), done: make(chan struct{})}
	g.machine = &agent{hello: Hello{Agent: c.Name, Instance: rand.Text(), Version: c.Version, Host: c.Host}, driver: g, keep: c.Keep, part: mostPart}
	g.restore()
	defer g.end()
	defer close(g.done)
	if err := subscribe(b, callSubject, func(call Call) {
		g.post(func() {
			if h, ok := g.machine.called(call); ok {
				b.publish(helloSubject(call.Run), h)
			}
		})
	}); err != nil {
		return err
	}
	if err := subscribe(b, orderSubject("*", c.Name), func(o Order) {
		g.post(func() {
			g.machine.part = b.part() // of the server that it is connected to now
			g.machine.order(g.clock(), o)
		})
	}); err != nil {
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for busy := clock.Now(); ; {
		select {
		case do := <-g.inbox:
			do()
		case <-tick.C:
			if g.machine.tick(g.clock()); g.machine.run != "" || g.machine.kept != nil {
				busy = clock.Now()
			}
			if c.Idle > 0 && clock.Now()-busy > c.Idle {
				return fmt.Errorf("no run came within %v", c.Idle)
			}
		case <-ctx.Done():
			return nil
		}
		if c.Once && g.machine.run == "" && g.machine.last != "" && g.machine.kept == nil {
			return nil
		}
	}
}

// generator is the driver of an agent. All but drive runs in the goroutine of Serve.
type generator struct {
	AgentConfig
	bus     *Bus
	machine *agent
	inbox   chan func()
	done    chan struct{} // Serve has returned
	opened  Opened
	current *driven // nil where none
	before  *driven // the last one
}

// driven is a stage that is prepared or driven.
type driven struct {
	number int
	cancel context.CancelFunc
	at     chan time.Duration // of the start
	cut    atomic.Bool
	ended  chan struct{}
}

// clock is the agent's clock.
func (g *generator) clock() time.Duration {
	if g.skew != nil {
		return g.skew(clock.Now())
	}
	return clock.Now()
}

// post has something done in the goroutine of Serve.
func (g *generator) post(do func()) {
	select {
	case g.inbox <- do:
	case <-g.done:
	}
}

func (g *generator) accept(plan []byte) error {
	opened, err := g.Open(plan)
	if err != nil {
		return err
	}
	g.closePlan()
	g.opened = opened
	return nil
}

func (g *generator) closePlan() {
	if g.opened != nil {
		g.opened.Close()
		g.opened = nil
	}
}

func (g *generator) prepare(stage int, spec []byte, share bench.Share) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &driven{number: stage, cancel: cancel, at: make(chan time.Duration, 1), ended: make(chan struct{})}
	before, opened := g.before, g.opened
	g.current, g.before = d, d
	go func() {
		defer close(d.ended)
		defer cancel()
		if before != nil {
			<-before.ended // it was abandoned: what it has of this machine comes back first
		}
		text, err := g.drive(ctx, d, opened, spec, share)
		g.post(func() {
			if g.current == d {
				g.current = nil
				g.machine.ended(stage, text, err)
			}
		})
	}()
}

// drive drives the share of a stage, and returns its record.
func (g *generator) drive(ctx context.Context, d *driven, opened Opened, spec []byte, share bench.Share) ([]byte, error) {
	p, driver, err := opened.Stage(spec)
	if err != nil {
		return nil, err
	}
	p.Share = share
	settings := p.StageSettings(driver)
	p.StartAt = func() time.Duration {
		g.post(func() { g.machine.ready(d.number, settings) })
		select {
		case at := <-d.at:
			if c, ok := p.Observer.(Counter); ok {
				c.Begin(at + p.Lead())
			}
			return at
		case <-ctx.Done():
			return clock.Now() + time.Hour // nothing is sent before the stage ends
		}
	}
	so := &sum{latency: new(result.Sparse), lag: new(result.Sparse)}
	counter := p.Observer
	p.Watch = func(l bench.Live) {
		if p := so.add(l); p != nil {
			p.Counted = countedBy(counter)
			g.post(func() { g.machine.progress(d.number, p) })
		}
	}
	p.Abort = func(bench.Live) bool { return d.cut.Load() }
	s, err := bench.Run(ctx, p, driver)
	if err != nil {
		return nil, err
	}
	return recordOf(s, countedBy(p.Observer))
}

// Counter is an observer that counts something of a stage. Each agent has one of its own,
// from the plan that it opened, and that of the coordinator's plan has what they counted
// together: once a second, and in the end.
type Counter interface {
	bench.Observer
	// Begin sets when the window begins, by package clock.
	Begin(from time.Duration)
	// Counted is what was counted so far.
	Counted() []byte
	// Together makes what was counted that of all parts.
	Together(parts [][]byte) error
}

func countedBy(o bench.Observer) []byte {
	if c, ok := o.(Counter); ok {
		return c.Counted()
	}
	return nil
}

// sum adds up what has ended.
type sum struct {
	shown        time.Duration
	counts       result.Counts
	latency, lag *result.Sparse
	streams      *result.StreamPart
	disturbed    bool
}

// add is the sum where it is time to report it.
func (s *sum) add(l bench.Live) *Progress {
	s.counts.Add(l.Counts)
	s.latency.Merge(l.Latency)
	s.lag.Merge(l.Lag)
	s.streams = s.streams.Plus(l.Streams)
	s.disturbed = s.disturbed || l.Disturbed
	if l.To-s.shown < reportEvery && !l.Last {
		return nil
	}
	p := &Progress{To: l.To, Counts: counts(s.counts), Latency: binaryOf(s.latency), Lag: binaryOf(s.lag), Streams: streamPartOf(s.streams), Disturbed: s.disturbed}
	s.shown, s.disturbed = l.To, false
	return p
}

func (g *generator) start(stage int, at time.Duration) {
	if g.current != nil && g.current.number == stage {
		if g.back != nil {
			at = g.back(at)
		}
		g.current.at <- at // of which there is one per stage
	}
}

func (g *generator) cut(stage int) {
	if g.current != nil && g.current.number == stage {
		g.current.cut.Store(true)
	}
}

func (g *generator) abandon(stage int) {
	if g.current != nil && g.current.number == stage {
		g.current.cancel()
		g.current = nil
	}
}

func (g *generator) send(s State) {
	if subject := stateSubject(s.Run, s.Agent); !g.bus.publish(subject, &s) && s.Live != nil {
		s.Live = nil // what is shown while the stage runs may be missing
		g.bus.publish(subject, &s)
	}
}

func (g *generator) say(text string) { g.Say(fmt.Sprintf("agent %s: %s", g.Name, text)) }

// end abandons what is under way.
func (g *generator) end() {
	if g.current != nil {
		g.current.cancel()
	}
	if g.before != nil {
		<-g.before.ended
	}
	g.closePlan()
}
