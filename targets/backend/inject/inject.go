// Package inject is a fault put into a backend on purpose: calls that burn
// more CPU time, or some that take longer. It stands around any backend, and so
// serves every style of target. Whoever has a check that must see such a
// regression can so see whether it does.
package inject

import (
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
)

// Wrap is the backend b with the regression planted, and b itself where there
// is none: what is not asked for costs nothing.
func Wrap(b backend.Backend, c Config) (backend.Backend, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.CPU == 0 && c.Delay == (Delay{}) {
		return b, nil
	}
	return &planted{Backend: b, cpu: c.CPU, delay: c.Delay.Length, draw: newDraw(c.Delay.Percent, c.Seed)}, nil
}

// planted burns CPU time before a call is made, on the thread that makes it:
// the worker, the goroutine's or the event loop. It adds a delay once the call
// is answered, so that no connection to the backend is held for it.
type planted struct {
	backend.Backend
	cpu   time.Duration
	delay time.Duration
	draw  draw
	calls atomic.Uint64
}

// begin does what comes before a call, and reports whether the call is one of
// those that take longer.
func (p *planted) begin() (late bool) {
	if p.cpu > 0 {
		burn(p.cpu)
	}
	return p.delay > 0 && p.draw.has(p.calls.Add(1)-1)
}

// Park implements [backend.Backend].
func (p *planted) Park(q *backend.Query) {
	late := p.begin()
	p.Backend.Park(q)
	if late {
		clock.Sleep(nil, clock.Now()+p.delay)
	}
}

// Block implements [backend.Backend].
func (p *planted) Block(q *backend.Query) {
	late := p.begin()
	p.Backend.Block(q)
	if late {
		clock.BlockUntil(clock.Now() + p.delay)
	}
}

// Notify implements [backend.Backend]. It returns as soon as the CPU time is
// burnt: the loop does nothing else meanwhile, as with any work on a loop.
func (p *planted) Notify(q *backend.Query, loop backend.Loop, done func()) {
	then := done
	if p.begin() {
		// Garbage, but for the late ones only. q.State is not ours to keep
		// something in.
		then = func() { loop.At(clock.Now()+p.delay, done) }
	}
	p.Backend.Notify(q, loop, then)
}
