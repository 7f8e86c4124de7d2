// Package inject makes a backend worse on purpose: calls burn CPU time, or some of
// them take longer. It wraps any backend, so that it works for every style. It
// shows whether a check finds such a regression.
package inject

import (
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/targets/backend"
)

// Wrap returns backend b with the regression, or b itself where there is none.
func Wrap(b backend.Backend, c Config) (backend.Backend, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.CPU == 0 && c.Delay == (Delay{}) {
		return b, nil
	}
	return &injected{Backend: b, cpu: c.CPU, delay: c.Delay.Length, draw: newDraw(c.Delay.Percent, c.Seed)}, nil
}

// injected burns CPU time before a call is made, on the thread that makes it:
// the worker, the goroutine's or the event loop. It adds a delay once the call
// is answered, so that no connection to the backend is held for it.
type injected struct {
	backend.Backend
	cpu   time.Duration
	delay time.Duration
	draw  draw
	calls atomic.Uint64
}

// begin does what comes before a call, and reports whether the call is one of
// those that take longer.
func (p *injected) begin() (late bool) {
	if p.cpu > 0 {
		burn(p.cpu)
	}
	return p.delay > 0 && p.draw.has(p.calls.Add(1)-1)
}

// Park implements [backend.Backend].
func (p *injected) Park(q *backend.Query) {
	late := p.begin()
	p.Backend.Park(q)
	if late {
		clock.Sleep(nil, clock.Now()+p.delay)
	}
}

// Block implements [backend.Backend].
func (p *injected) Block(q *backend.Query) {
	late := p.begin()
	p.Backend.Block(q)
	if late {
		clock.BlockUntil(clock.Now() + p.delay)
	}
}

// Notify implements [backend.Backend]. It returns as soon as the CPU time is
// burnt: the loop does nothing else meanwhile, as with any work on a loop.
func (p *injected) Notify(q *backend.Query, loop backend.Loop, done func()) {
	then := done
	if p.begin() {
		// Garbage, but for the late ones only. q.State is not ours to keep
		// something in.
		then = func() { loop.At(clock.Now()+p.delay, done) }
	}
	p.Backend.Notify(q, loop, then)
}
