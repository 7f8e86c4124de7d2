// Package trace is what a target's gate decided: for every request the instant
// at which it came, whether it was let in, and when its place was free again.
//
//  1. The target makes a [Log] and lets every decision and every departure go
//     through it. The log reads the clock and touches the gate under one lock,
//     so that the order of its instants is the order in which things happened.
//  2. At the end [Log.End] gives the [Trace], and [Write] writes it to a file.
//  3. Whoever wants to know whether the target did what theory says [Read]s the
//     file and replays its [Trace.Arrivals].
package trace

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Header says what was traced.
type Header struct {
	Style   string // of the target
	Workers int    // how many requests it works on at once, at least 1
	Queue   int    // how many more may wait inside

	Started time.Time // when the trace began, by the wall clock: for people

	// ClockResolution is the smallest step between two readings of the clock
	// that was seen. Events closer than that can be told apart by their order
	// alone.
	ClockResolution time.Duration
}

// Places is how many requests may be inside at once.
func (h Header) Places() int { return h.Workers + h.Queue }

// Record is one request. Its instants are monotonic, since the trace began.
//
// No two of the instants At and Done in a trace are the same: where the clock
// shows the same for two events, or has not moved since, the later one is given
// a nanosecond more than the earlier. So the request found a place free that
// another one left if, and only if, its At is above the other's Done.
type Record struct {
	At       time.Duration // it came, and the gate decided
	Started  time.Duration // a worker took it
	Done     time.Duration // its place was free again; 0: not before the trace ended, as is Started
	Worker   int32         // that served it, from 0; NoWorker where there are none to be told apart
	Accepted bool          // let in; all but At is zero where it was not
}

// NoWorker is the worker of a target that has none of its own: each request is
// worked on from the instant at which it is let in.
const NoWorker = -1

// Trace is the requests in the order in which the gate decided on them, from
// the target's start on.
type Trace struct {
	Header
	Records []Record

	// LeftOut is how many more requests came after the last record, when the log
	// was full. Of those in the records everything is told all the same.
	LeftOut int64

	// Damage says what is wrong with the file that this was read from, and from
	// where on; empty where it is whole. The records before are.
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

// Arrival is a request as a replay wants it.
type Arrival struct {
	At       time.Duration
	Accepted bool

	// Service is from when a worker took the request to when its place was free.
	Service time.Duration

	// Held is Service and the way to it: from when the request was there and its
	// worker had left the one before. On a target that is busy throughout, a
	// model that is fed with Service runs ahead of it by the sum of its workers'
	// ways; with Held it does not.
	Held time.Duration
}

// Arrivals are the requests in the order of the gate's decisions, to be put
// before a model of [Header.Workers] servers and [Header.Queue] places.
//
// Service and Held are 0 where nobody knows them: of a request that was turned
// away, or not done when the trace ended. A replay that turns away the same
// never asks for the former. One that lets such a request in has to make up a
// time for it: the mean of the others is the best guess there is.
func (t *Trace) Arrivals() []Arrival {
	out := make([]Arrival, len(t.Records))
	done := make([]int, 0, len(t.Records))
	for i, r := range t.Records {
		out[i] = Arrival{At: r.At, Accepted: r.Accepted}
		if r.Done > 0 {
			out[i].Service = r.Done - r.Started
			done = append(done, i)
		}
	}
	slices.SortFunc(done, func(a, b int) int { return cmp.Compare(t.Records[a].Done, t.Records[b].Done) })
	free := map[int32]time.Duration{} // since when each worker is
	for _, i := range done {
		r := &t.Records[i]
		from := r.At
		if r.Worker != NoWorker {
			from = min(max(from, free[r.Worker]), r.Started) // the clock may be a little behind our instants
			free[r.Worker] = r.Done
		}
		out[i].Held = r.Done - from
	}
	return out
}
