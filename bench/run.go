// Package bench drives load at a server and measures what it does to its
// callers.
//
//  1. A [Plan] is which load, for how long. A [Sweep] is a plan at rising levels.
//  2. [Run] hands the plan to a [Driver], which sends requests over
//     connections: [GoroutineDriver] drives any protocol that has a [Dial], such as
//     [HTTP]. Package epoll has the driver for plain HTTP on Linux, which is
//     lighter and closer to the clock.
//  3. The driver records every arrival with a [Recorder]: when it was planned,
//     sent and done, and how it ended. Latency runs from the planned instant,
//     so it contains a stall of the server or of the generator.
//  4. After the measured window the stage drains. What is still in flight when
//     the drain timeout has passed is counted as unfinished, never dropped.
//  5. The generator judges itself: a stage that it limited is not valid, and
//     states why. The record is a [result.Stage].
package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// Driver drives one stage's arrivals over connections.
type Driver interface {
	// Name names the driver in the record.
	Name() string

	// Settings are whatever changes what the driver sends or how, and is not in the
	// Plan. They are recorded with the stage, so that stages which differ in one are
	// never merged as repeats of one another.
	Settings() result.Settings

	// Connections is how many connections the driver makes for the plan at the most,
	// and from how many local addresses, each of which has ports of its own.
	Connections(p Plan) (connections, addresses int)

	// Drive connects, calls rec.Start, drives the plan's load, and returns when
	// every arrival has ended or the drain timeout has passed, and is recorded. It
	// returns an error only where the stage is incomplete, such as that of ctx; a
	// fault of the server is an outcome, not an error.
	Drive(ctx context.Context, p Plan, rec *Recorder) error
}

// CheckLimits reports, before any is made, whether this machine's limits allow
// the connections that the plan needs, and what to change where they do not. A
// target in this process holds the other ends.
func CheckLimits(p Plan, d Driver) error {
	connections, addresses := d.Connections(p)
	if !p.inProcess() {
		return host.CheckLimits(connections, addresses)
	}
	if err := host.CheckLimits(2*connections, 2*addresses); err != nil {
		return fmt.Errorf("this process serves the target and holds both ends of each connection: %w", err)
	}
	return nil
}

// Run runs one stage. Faults of the server are counted in the stage; faults
// of the generator make it invalid. An error means that there is no complete
// stage: the plan is wrong, this machine's limits are too low for it, or ctx
// ended.
func Run(ctx context.Context, p Plan, d Driver) (*result.Stage, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p = p.drivenBy(d)
	if err := CheckLimits(p, d); err != nil {
		return nil, err
	}
	rec := NewRecorder(p)
	rec.fold = newFold(rec)
	if d.Settings().Get(result.KeyStream) != "" {
		rec.fold.live.bringEvents()
	}
	neighbours := host.WatchNeighbours()
	meters := startMeters(p, rec)
	err := d.Drive(ctx, p, rec)
	if err != nil {
		meters.leave()
	}
	// The window lasts to its end also where nothing is left to be sent in it.
	kept := context.AfterFunc(ctx, meters.leave)
	meters.done.Wait() // the window is over, or has been left
	if !kept() && err == nil {
		err = ctx.Err()
	}
	rec.fold.finish()
	if err != nil {
		return nil, fmt.Errorf("stage of %s: %w", p.Load, err)
	}
	m := rec.merge()
	rec.fold.result(&m)
	m.stage.Settings = append(p.settings(d), rec.found...)
	m.stage.Target, m.stage.Generator = meters.usage[0], meters.usage[1]
	if p.inProcess() {
		m.stage.Target, m.stage.Generator = divide(meters.usage[1], m.loops)
	}
	m.stage.Generator.Loops = m.loops
	cpus := slices.Concat(result.ParseCPUs(m.stage.Target.CPUs), result.ParseCPUs(m.stage.Generator.CPUs))
	m.stage.Others = neighbours.Busiest(cpus, p.TargetPID, m.stage.Length)
	judge(m, p, meters.err)
	m.stage.Warnings = append(m.stage.Warnings, rec.remarks...)
	m.stage.Intervals = series.Intervals(m.stage)
	return m.stage, nil
}

// inProcess is whether the target is served by this process.
func (p Plan) inProcess() bool { return p.TargetPID == os.Getpid() }

// divide divides what this process used where it is both the generator and the
// target. The loops' CPU time is the generator's and the rest of it the
// target's: its handlers, the server around them, the collector. Without loops
// whose CPU time is known, all of it stays with the generator, to be compared
// with its bound. The rest cannot be divided.
func divide(both result.Usage, loops []result.Loop) (target, generator result.Usage) {
	generator = result.Usage{CPU: both.CPU, Steal: both.Steal, CPUsBusy: both.CPUsBusy, GCPauseMax: both.GCPauseMax, CPUs: both.CPUs, Quota: both.Quota, Throttled: both.Throttled}
	target = both
	target.CPU, target.GCPauseMax, target.Switches = 0, 0, result.Switches{}
	var own time.Duration
	for _, l := range loops {
		own += l.CPU
	}
	if own > 0 {
		generator.CPU, target.CPU = own, max(0, both.CPU-own)
	}
	return target, generator
}

// meters measure both processes over the measured window.
type meters struct {
	target, generator *host.Meter // target is nil where there is no other process to measure
	abandon           chan struct{}
	leave             func() // closes abandon: the stage is incomplete
	done              sync.WaitGroup
	usage             [2]result.Usage // of the target and the generator
	err               error           // of the target's meter
}

// startMeters measures from the window's first instant to its last. It waits
// by package time: a millisecond does not matter here.
func startMeters(p Plan, rec *Recorder) *meters {
	m := &meters{generator: host.Self(), abandon: make(chan struct{})}
	m.leave = sync.OnceFunc(func() { close(m.abandon) })
	switch {
	case p.inProcess():
		m.generator.CountAllocs = true
	case p.TargetPID != 0:
		m.target = host.Process(p.TargetPID)
	}
	m.done.Go(func() {
		select {
		case <-rec.started:
		case <-m.abandon:
			return
		}
		if m.sleep(rec.from) {
			m.measure(func() {
				for now := clock.Now(); m.sleep(min(rec.End(), now+endPoll)) && !rec.Over(clock.Now()); now = clock.Now() {
				}
			})
		}
	})
	return m
}

// measure runs both meters while wait waits for the end of the window.
func (m *meters) measure(wait func()) {
	generatorErr := m.generator.Start()
	if m.target != nil {
		m.err = m.target.Start()
	}
	wait()
	if m.target != nil && m.err == nil {
		m.usage[0], m.err = m.target.Stop()
	}
	if generatorErr == nil {
		m.usage[1], _ = m.generator.Stop()
	}
}

// endPoll is how often the meters look whether the window has ended early.
const endPoll = 100 * time.Millisecond

// sleep waits until at; false where the stage is abandoned first.
func (m *meters) sleep(at time.Duration) bool {
	timer := time.NewTimer(at - clock.Now())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.abandon:
		return false
	}
}
