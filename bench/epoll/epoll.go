// Package epoll is the event-loop driver: HTTP/1.1 and HTTP/2, plain or TLS, on Linux, tens
// of thousands of clients from one process, arrivals within microseconds of
// their planned instants.
//
//  1. Each loop is one locked OS thread with an epoll descriptor, a share of
//     the clients and a shard of the recorder of its own. Loops share nothing.
//  2. A source has what is due: clients that send again when their reply is in
//     (closed), or a schedule (open, burst). Both know absolute instants only, so
//     no lateness adds up.
//  3. A loop waits for replies and for the next instant at once, in
//     epoll_pwait2 with nanoseconds and a timer slack of 1 ns.
//  4. A request is one write and one read: connections are registered once,
//     edge-triggered, for both directions. Nothing is allocated, locked or
//     handed over by a channel for it.
//  5. A reply is parsed where it was read; only what is cut short by the end
//     of a read is kept with its connection.
//  6. Over HTTP/2 a client is a stream on one of the loop's connections. What becomes due
//     at once goes out in one write on each connection.
//  7. TLS is crypto/tls over connections that do not block. Handshakes run on
//     goroutines, as one takes longer than what is due can wait.
//
// Note: io_uring would save another 5 to 8 % of the CPU time. It is switched off
// in many containers, and with both nearly all of the time is the kernel's TCP.
package epoll

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// Name of the driver in settings and reports.
const Name = "epoll"

// DefaultThreads is the default number of loops. One makes some 70,000 requests
// per second.
const DefaultThreads = 1

// MaxThreads is the largest number of loops.
const MaxThreads = 256

// Options are those of a driver; the zero Options are one loop that sleeps.
type Options struct {
	Threads int // loops; DefaultThreads where 0, at most MaxThreads

	// Spin is for how long before each planned instant a loop polls in place of
	// sleeping: closer to the clock, at the price of a core.
	Spin time.Duration
}

// driver drives HTTP from event loops.
type driver struct {
	Options
	requests *request.Set
	settings result.Settings // those of the requests

	watch func(stream.Event) // what tests do with each event, on the loop's thread; nil: nothing
}

// New returns an event-loop driver. Its errors are [*field.Error] where the
// requests cannot be made or an option is out of range, and another one on
// systems other than Linux.
func New(h bench.HTTP, o Options) (bench.Driver, error) {
	if !Supported {
		return nil, errors.New("the epoll driver runs on Linux only")
	}
	o.Threads = cmp.Or(o.Threads, DefaultThreads)
	if err := field.First(
		field.Check(o.Threads >= 1 && o.Threads <= MaxThreads, "Threads", o.Threads, fmt.Sprintf("1 to %d", MaxThreads)),
		field.Check(o.Spin >= 0, "Spin", o.Spin, "0 or more"),
		h.GoroutineOnly(),
	); err != nil {
		return nil, err
	}
	r, err := h.Requests()
	if err != nil {
		return nil, err
	}
	return &driver{Options: o, requests: r, settings: h.Settings()}, nil
}

// Name implements [bench.Driver].
func (d *driver) Name() string { return Name }

// Settings are those of the requests, the number of loops, and for how long they
// spin where they do.
func (d *driver) Settings() result.Settings {
	s := d.settings.With("threads", strconv.Itoa(d.Threads))
	if d.Spin > 0 {
		s = s.With("spin", d.Spin.String())
	}
	return s
}

// Best is the driver for the requests that measures best: this one on Linux. On other
// systems, and for what only that one knows, it is the goroutine driver, which has no use
// for the options.
func Best(h bench.HTTP, o Options) (bench.Driver, error) {
	if Supported && h.GoroutineOnly() == nil {
		return New(h, o)
	}
	d, err := h.Driver()
	if err != nil {
		return nil, err // not a Driver that holds a nil pointer
	}
	return d, nil
}
