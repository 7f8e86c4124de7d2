// Package epoll is the event-loop driver: plain HTTP/1.1 on Linux, tens of
// thousands of clients from one process, arrivals within microseconds of their
// planned instants.
//
//  1. Each loop is one locked OS thread with an epoll descriptor, a share of
//     the clients and a shard of the recorder of its own. Loops share nothing.
//  2. What is due is asked of a source: clients that send again when their
//     reply is in (closed), or a schedule (open, burst). Both know absolute
//     instants only, so no lateness adds up.
//  3. A loop waits for replies and for the next instant at once, in
//     epoll_pwait2 with nanoseconds and a timer slack of 1 ns.
//  4. A request is one write and one read: connections are registered once,
//     edge-triggered, for both directions. Nothing is allocated, locked or
//     handed over by a channel for it.
//  5. A reply is parsed where it was read; only what is cut short by the end
//     of a read is kept with its connection.
//
// Note: io_uring would save 5 to 8 % of the CPU time more. It is switched off
// in many containers, and nearly all of the time is the kernel's TCP in either.
package epoll

import (
	"errors"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// Name of the driver in settings and reports.
const Name = "epoll"

// DefaultThreads is how many loops there are where nothing else is said. One
// makes some 70,000 requests a second.
const DefaultThreads = 1

// MaxThreads is the largest number of loops.
const MaxThreads = 256

// ErrSecure is why a driver cannot be made for https.
var ErrSecure = errors.New("the epoll driver speaks plain HTTP only, and the address begins with https://")

// Driver drives plain HTTP from event loops.
type Driver struct {
	requests *bench.Requests
	sends    result.Settings // those of the requests
	threads  int
	spin     time.Duration
}

// New returns a driver of threads loops (DefaultThreads where 0). For the time
// of spin before each planned instant a loop polls in place of sleeping: closer
// to the clock, at the price of a core. It fails where the requests cannot be
// made, with ErrSecure where they are for https, and on systems other than
// Linux.
func New(h bench.HTTP, threads int, spin time.Duration) (*Driver, error) {
	if threads == 0 {
		threads = DefaultThreads
	}
	switch {
	case !Supported:
		return nil, errors.New("the epoll driver runs on Linux only")
	case threads < 1 || threads > MaxThreads:
		return nil, fmt.Errorf("threads is %d, want 1 to %d", threads, MaxThreads)
	case spin < 0:
		return nil, fmt.Errorf("spin is %v, want 0 or more", spin)
	}
	if h.Accepted != nil {
		return nil, errors.New("the epoll driver does not read what a server accepted")
	}
	r, err := h.Requests()
	if err != nil {
		return nil, err
	}
	if r.Secure {
		return nil, ErrSecure
	}
	return &Driver{requests: r, sends: h.Settings(), threads: threads, spin: spin}, nil
}

var _ bench.Driver = (*Driver)(nil)

// Name names the driver.
func (d *Driver) Name() string { return Name }

// Best is the driver for the requests that measures best: this one for plain
// HTTP on Linux, the goroutine driver for TLS and on other systems, which has
// no use for threads and spin.
func Best(h bench.HTTP, threads int, spin time.Duration) (bench.Driver, error) {
	if Supported {
		if d, err := New(h, threads, spin); !errors.Is(err, ErrSecure) {
			if err != nil {
				return nil, err // not a Driver that is nil and yet is none
			}
			return d, nil
		}
	}
	d, err := h.Driver()
	if err != nil {
		return nil, err // likewise
	}
	return d, nil
}
