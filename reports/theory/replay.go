package theory

import (
	"math"
	"time"
)

// Never is the slack of a fate that nothing would change.
const Never = time.Duration(math.MaxInt64)

// Fate is what had to become of an arrival.
type Fate struct {
	Accepted bool
	// Start and Departure are when its service had to start and end; zero where it
	// was not let in.
	Start, Departure time.Duration
	// Slack is by how much the arrival is away from the departure that would make
	// its fate another: later for one that was rejected, and before the place that
	// it took was free for one that was accepted. Never where there is none. An
	// arrival at the very instant of a departure comes after it, with a slack of 0
	// then.
	Slack time.Duration
}

// Replay is a queue of c workers and k places, first come first served, that is
// told recorded arrivals, in order, and says what had to become of each: exact,
// without any law or chance. It is the sharpest check of a
// measurement: what does not agree, and is not within the error of the clock of a
// tie, the server did. Arrivals are those at the point of admission,
// not those that the client sent. It takes a time of log c for each, and room for
// c+k, not for the arrivals.
type Replay struct {
	line   *line[int64]
	last   int64
	opened int64 // when the line last ceased to be full; -1 for never
	full   bool  // that it was, after the last arrival
}

// NewReplay is a queue that is empty; k may be [Unbounded].
func NewReplay(c, k int) (*Replay, error) {
	if err := firstOf(badWorkers(c), badPlaces(k)); err != nil {
		return nil, err
	}
	return &Replay{line: newLine[int64](c, k, false), opened: -1}, nil
}

// Next is the fate of the next arrival, at an instant from any zero that is not
// after it, and with the time that it keeps a worker. It is an error where the
// instant is before the last, or less than 0, or a time overflows.
func (r *Replay) Next(at, service time.Duration) (Fate, error) {
	return r.next(at, service, nil)
}

// Admit is [Replay.Next] of one that was let in, as is known, whether there was
// room or not: Accepted says whether there was.
func (r *Replay) Admit(at, service time.Duration) (Fate, error) {
	was := true
	return r.next(at, service, &was)
}

// next enters it if it is accepted, or, where it is known whether it was, if that
// is so.
func (r *Replay) next(at, service time.Duration, was *bool) (Fate, error) {
	t := int64(at)
	if err := firstOf(bad(t >= 0 && t >= r.last, "at", at, "from 0, and not before the arrival before it"), bad(service >= 0, "service", service, "0 or more")); err != nil {
		return Fate{}, err
	}
	start := max(t, r.line.earliest())
	if start > math.MaxInt64-int64(service) {
		return Fate{}, bad(false, "service", service, "so short that its end can be told in nanoseconds")
	}
	r.last = t
	if opens := r.line.opens(); r.full && opens <= t {
		r.opened = opens
	}
	r.line.advance(t)
	f := Fate{Accepted: !r.line.full(t), Slack: Never}
	switch {
	case !f.Accepted:
		f.Slack = time.Duration(r.line.opens() - t)
	case r.opened >= 0:
		f.Slack = time.Duration(t - r.opened)
	}
	enters := was == nil && f.Accepted || was != nil && *was
	if enters {
		f.Start, f.Departure = time.Duration(start), time.Duration(start+int64(service))
	}
	if enters {
		r.line.enter(t, int64(service))
	}
	r.full = r.line.full(t)
	return f, nil
}
