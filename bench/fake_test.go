package bench

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// fakeServer is a server on a fake clock: pool and queue as exact as a model,
// so that what the generator reports can be held against arithmetic. It
// answers nothing between stallFrom and stallTo.
type fakeServer struct {
	wait               time.Duration        // the backend's
	jitter             func() time.Duration // added to it; nil: none
	workers, queue     int                  // no limit where workers is 0
	stallFrom, stallTo time.Duration        // after the first dial; answers due in between come at stallTo
	answer             func(n int) Reply

	mu       sync.Mutex
	began    time.Duration
	admitted int
	n        int
	free     chan struct{} // one token a worker
	log      []time.Duration
}

func (f *fakeServer) dial(context.Context) (Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.began == 0 {
		f.began = clock.Now()
	}
	if f.free == nil && f.workers > 0 {
		f.free = make(chan struct{}, f.workers)
		for range f.workers {
			f.free <- struct{}{}
		}
	}
	return &fakeConn{f: f, closed: make(chan struct{})}, nil
}

// admit counts a request in, or turns it away.
func (f *fakeServer) admit() (n int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, clock.Now())
	if f.workers > 0 && f.admitted == f.workers+f.queue {
		return f.n, false
	}
	f.admitted++
	f.n++
	return f.n - 1, true
}

func (f *fakeServer) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.admitted--
}

// stalled moves an instant at which an answer is due out of the stall.
func (f *fakeServer) stalled(due time.Duration) time.Duration {
	if due >= f.began+f.stallFrom && due < f.began+f.stallTo {
		return f.began + f.stallTo
	}
	return due
}

type fakeConn struct {
	f      *fakeServer
	closed chan struct{}
	once   sync.Once
}

func (c *fakeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *fakeConn) Do(timeout time.Duration) Reply {
	n, ok := c.f.admit()
	if !ok {
		return Reply{Outcome: result.Rejected}
	}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	if c.f.free != nil {
		<-c.f.free
		defer func() { c.f.free <- struct{}{} }()
	}
	defer c.f.leave()
	took := c.f.wait
	if c.f.jitter != nil {
		took += c.f.jitter()
	}
	answer := time.NewTimer(c.f.stalled(clock.Now()+took) - clock.Now())
	defer answer.Stop()
	select {
	case <-answer.C:
		if c.f.answer != nil {
			return c.f.answer(n)
		}
		return Reply{Outcome: result.OK}
	case <-limit.C:
		return Reply{Outcome: result.Timeout, Spent: true}
	case <-c.closed:
		return Reply{Outcome: result.Reset, Spent: true}
	}
}

// goSleep is clock.Sleep by package time, which a fake clock moves.
func goSleep(done <-chan struct{}, at time.Duration) bool {
	timer := time.NewTimer(at - clock.Now())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

// runFake runs one stage on a fake clock.
func runFake(t *testing.T, p Plan, dial Dial) *result.Stage {
	t.Helper()
	skipUnderRace(t)
	var stage *result.Stage
	synctest.Test(t, func(t *testing.T) {
		var err error
		stage, err = Run(t.Context(), p, &GoroutineDriver{Dial: dial, Kind: "fake", sleep: goSleep})
		if err != nil {
			t.Fatal(err)
		}
	})
	return stage
}

func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector crashes on fake clocks: golang/go#78156")
	}
}

var (
	errRefused = &dialError{syscall.ECONNREFUSED}
	errNoPorts = &dialError{syscall.EADDRNOTAVAIL}
)

type dialError struct{ errno syscall.Errno }

func (e *dialError) Error() string { return "dial: " + e.errno.Error() }
func (e *dialError) Unwrap() error { return e.errno }

var errInterrupted = errors.New("interrupted by the test")
