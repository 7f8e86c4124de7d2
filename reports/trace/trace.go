// Package trace records what the admission point of a target decided: for every
// request the instant at which it came, whether it was let in, and when its place was
// free again.
//
//  1. The target makes a [Log] and passes every decision and every departure through
//     it. The log reads the clock and asks the admission point under one lock, so that
//     the order of its instants is the order in which things happened.
//  2. At the end [Log.End] returns the [Trace], and [Write] writes it to a file.
//  3. To check the target against theory, [Read] the file and replay its records
//     with their [Trace.Services].
package trace

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Header describes what was traced.
type Header struct {
	Style   string    `json:"style"`   // of the target
	Workers int       `json:"workers"` // how many requests it works on at once, at least 1
	Queue   int       `json:"queue"`   // how many more may wait inside
	Started time.Time `json:"started"` // when the trace began, by the wall clock: for people

	// ClockResolution is the smallest step between two readings of the clock that was
	// seen. Of events closer than that only the order is known.
	ClockResolution time.Duration `json:"clock_resolution_ns"`
}

// Places is how many requests may be inside at once.
func (h Header) Places() int { return h.Workers + h.Queue }

// Record is one request. Its instants are monotonic, since the trace began.
//
// No two of the instants At and Done in a trace are equal: where the clock has not
// moved, the later event gets a nanosecond more than the earlier. So a request could
// use the place that another one left if, and only if, its At is above the other's
// Done.
type Record struct {
	At       time.Duration // it came, and the admission point decided
	Started  time.Duration // a worker took it
	Done     time.Duration // its place was free again; 0, as is Started: not before the trace ended
	Worker   int32         // that served it, from 0; NoWorker where the target has none
	Accepted bool          // let in; all but At is zero where it was not
}

// NoWorker is the worker of a target that has none: each request is worked on from the
// instant at which it is let in.
const NoWorker = -1

// Trace is the requests from the target's start on, in the order of the decisions.
type Trace struct {
	Header
	Records []Record

	// LeftOut is how many more requests came after the last record, when the log was
	// full. The records are complete all the same.
	LeftOut int64

	// Damage is what is wrong with the file that this was read from, and where; empty
	// where it is intact. The records before the damage are complete.
	Damage string
}

// Warnings are what a reader should know: why this is not all that happened.
func (t *Trace) Warnings() []string {
	var out []string
	if t.Damage != "" {
		out = append(out, "the trace is cut: "+t.Damage)
	}
	if t.LeftOut > 0 {
		out = append(out, fmt.Sprintf("the trace is cut: its log was full after %d requests, and %d more were left out", len(t.Records), t.LeftOut))
	}
	return out
}

// Service is the time for which a request occupied a worker.
type Service struct {
	// Time is from when the request was there and a worker was free for it to when its
	// place was free. On a target that is always busy, a model that is fed with less
	// runs ahead of it by the sum of the dispatches.
	Time time.Duration

	// Dispatch is the part of it before a worker took the request. It counts from when
	// any worker was free: one that the machine does not let run leaves its request to
	// another, which is then the one that is late.
	Dispatch time.Duration

	// Late is how much later than in its turn a worker took the request: in the order in
	// which they came, each has the worker that is free first. It is negative where it
	// was taken before its turn.
	Late time.Duration
}

// Services are those of the requests in the order of the decisions, as input of a
// model of [Header.Workers] servers and [Header.Queue] places. They are 0 where they
// are not known: of a request that was rejected, or not done when the trace ended.
func (t *Trace) Services() []Service {
	out := make([]Service, len(t.Records))
	var taken []int
	for i, r := range t.Records {
		switch {
		case r.Done == 0:
		case r.Worker == NoWorker:
			out[i] = Service{Time: r.Done - r.At, Dispatch: r.Started - r.At, Late: r.Started - r.At}
		default:
			taken = append(taken, i)
		}
	}
	inOrder := slices.Clone(taken)
	slices.SortStableFunc(taken, func(a, b int) int { return cmp.Compare(t.Records[a].Started, t.Records[b].Started) })
	// Since when the worker of each had been free; 0 of its first. A worker that takes
	// no other request is not there, so that one that is missing is not taken for late.
	last, free := map[int32]time.Duration{}, make([]time.Duration, 0, len(taken))
	for _, i := range taken {
		r := &t.Records[i]
		free = append(free, last[r.Worker])
		last[r.Worker] = r.Done
	}
	// Of those that are taken one after another, each could have had the worker that
	// was free the longest.
	slices.Sort(free)
	for n, i := range taken {
		r := &t.Records[i]
		from := min(max(r.At, free[n]), r.Started) // the clock may be a little behind our instants
		out[i] = Service{Time: r.Done - from, Dispatch: r.Started - from}
	}
	for n, i := range inOrder {
		r := &t.Records[i]
		out[i].Late = r.Started - max(r.At, free[n])
	}
	return out
}
