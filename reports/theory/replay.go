package theory

import (
	"fmt"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Never is the slack of a decision that nothing would change.
const Never = time.Duration(math.MaxInt64)

// Decision is what the exact queue decides on an arrival.
type Decision struct {
	Accepted bool
	// Start and Departure are when its service had to start and end; zero where it
	// did not enter.
	Start, Departure time.Duration
	// Slack is how far the arrival is from the departure that would change it: a
	// later one where it was rejected, and the one that freed its place where it
	// was accepted. Never where there is none. An arrival at the very instant of a
	// departure comes after it, with a slack of 0.
	Slack time.Duration
}

// Replay is a queue of c workers with room for k more requests, first come first
// served, that takes recorded arrivals in order and decides on each exactly,
// without any distribution or chance. It is the sharpest check of a measurement:
// a difference that no error of the clock explains comes from the server. Arrivals
// are those at the point of admission, not those that the client sent. It takes a
// time of log c for each, and memory for c+k, not for the arrivals.
type Replay struct {
	line   *line[int64]
	last   int64
	opened int64 // when the line last ceased to be full; -1 for never
	full   bool  // that it was, after the last arrival
}

// NewReplay is an empty queue; k may be [Unbounded].
func NewReplay(c, k int) (*Replay, error) {
	if err := field.First(
		field.Check(c >= 1 && c <= MaxWorkers, "Workers", c, fmt.Sprintf("1 to %d", MaxWorkers)),
		field.Check(k >= Unbounded && k <= MaxQueue, "Queue", k, fmt.Sprintf("0 to %d, or inf", MaxQueue)),
	); err != nil {
		return nil, err
	}
	return &Replay{line: newLine[int64](c, k), opened: -1}, nil
}

// Next is the decision on the next arrival: the instant at which it came, from any
// zero that is not after it, and how long it occupies a worker. It is an error
// where the instant is before the last one, or negative, or a time overflows.
func (r *Replay) Next(at, service time.Duration) (Decision, error) {
	return r.next(at, service, false)
}

// Admit is [Replay.Next] of a request that entered, whether there was room or not:
// Accepted reports whether there was.
func (r *Replay) Admit(at, service time.Duration) (Decision, error) {
	return r.next(at, service, true)
}

func (r *Replay) next(at, service time.Duration, enters bool) (Decision, error) {
	t := int64(at)
	start := max(t, r.line.earliest())
	if err := field.First(
		field.Check(t >= 0 && t >= r.last, "at", at, "0 or more, and not before the last arrival"),
		field.Check(service >= 0, "service", service, "0 or more"),
		field.Check(start <= math.MaxInt64-int64(max(service, 0)), "service", service, "so short that its end fits into nanoseconds"),
	); err != nil {
		return Decision{}, err
	}
	r.last = t
	if opens := r.line.opens(); r.full && opens <= t {
		r.opened = opens
	}
	r.line.advance(t)
	f := Decision{Accepted: !r.line.full(t), Slack: Never}
	switch {
	case !f.Accepted:
		f.Slack = time.Duration(r.line.opens() - t)
	case r.opened >= 0:
		f.Slack = time.Duration(t - r.opened)
	}
	if enters || f.Accepted {
		f.Start, f.Departure = time.Duration(start), time.Duration(start+int64(service))
		r.line.enter(t, int64(service))
	}
	r.full = r.line.full(t)
	return f, nil
}
