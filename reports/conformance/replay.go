package conformance

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// DecisionsAim is the share of decisions that must match the exact queue.
const DecisionsAim = 0.999

// Decisions compares the decisions of a traced admission point with those that
// it had to make.
type Decisions struct {
	Trace    string `json:"trace,omitzero"` // its file, where it has one
	Style    string `json:"style"`
	Workers  int    `json:"workers"`
	Queue    int    `json:"queue"`
	Requests int    `json:"requests"`
	Rejected int    `json:"rejected"`

	// Admission is every decision that contradicts how many requests were inside, by
	// the log: rejected while there was room, accepted while there was none. This
	// uses no clock: the log is a sequence.
	Admission []Difference `json:"admission"`

	// Replay is every decision that differs from that of the exact queue, first come
	// first served: Accepted as logged. The queue takes when each came and how long
	// it occupied its worker, with the dispatch; after a difference it continues from
	// what really happened.
	Replay []Difference `json:"replay"`

	// OutOfOrder counts requests that a worker took although an earlier one was
	// waiting, and OutOfOrderMax is how much sooner they started: workers do not
	// always wake in the order in which they became free.
	OutOfOrder    int           `json:"out_of_order"`
	OutOfOrderMax time.Duration `json:"out_of_order_max_ns"`

	// Dispatch is the time from when the request was there and its worker free to
	// when it was taken, which a queueing model does not have.
	DispatchMax time.Duration `json:"dispatch_max_ns"`
	Tie         time.Duration `json:"tie_ns"` // 99th percentile of the dispatch: closer to a departure than that, either decision is right

	Warnings []string `json:"warnings,omitempty"`
}

// Difference is a decision that is not what it had to be.
type Difference struct {
	Trace    string        `json:"trace,omitzero"` // its file, where there are several
	Number   int           `json:"number"`         // of the request in the trace, from 1
	At       time.Duration `json:"at_ns"`
	Accepted bool          `json:"accepted"` // by the server
	Inside   int           `json:"inside"`   // when it came, by the log

	// Of the replay: how far the request is from the departure that would have
	// made it agree, how much of that the log shows as a cause, and whether that
	// explains it. Dispatch is that of the requests since then, and how far each was
	// taken from its turn, added up: so far may the two differ.
	Slack     time.Duration `json:"slack_ns"`
	Cause     int           `json:"cause,omitzero"` // number of the request with which the two began to differ; 0: none
	Dispatch  time.Duration `json:"dispatch_ns"`
	Explained bool          `json:"explained"`
	Admission bool          `json:"admission,omitzero"` // it is in Decisions.Admission as well
}

// Equal is how many decisions match the exact queue.
func (d *Decisions) Equal() int { return d.Requests - len(d.Replay) }

// EqualShare is that as a share; 1 where there were none.
func (d *Decisions) EqualShare() float64 {
	if d.Requests == 0 {
		return 1
	}
	return float64(d.Equal()) / float64(d.Requests)
}

// Unexplained is how many decisions have no cause but the admission point: all of
// Admission, and those of Replay that are not near a tie.
func (d *Decisions) Unexplained() int {
	n := len(d.Admission)
	for _, r := range d.Replay {
		if !r.Explained && !r.Admission {
			n++
		}
	}
	return n
}

// CompareDecisions runs the arrivals of a trace through the exact queue of its
// target.
func CompareDecisions(t *trace.Trace) (*Decisions, error) {
	r := &replay{Trace: t, services: t.Services(), out: &Decisions{Style: t.Style, Workers: t.Workers, Queue: t.Queue,
		Requests: len(t.Records), Warnings: t.Warnings(), Admission: []Difference{}, Replay: []Difference{}}}
	r.begun()
	return r.out, r.run()
}

type replay struct {
	*trace.Trace
	services []trace.Service
	off      []time.Duration // by how much each began late, or out of turn
	out      *Decisions

	inside []int // records that are, by the log, in the order in which they leave
	queue  *theory.Replay
	ends   []time.Duration // departures of the queue, in order; the past ones are kept for a while

	// From request cause on, until then, some departure of the queue is not that
	// of the log. Each time that the worker is not the one that was free first, the
	// two may differ by as much as that was late; dispatch adds up what is known of it.
	cause    int
	until    time.Duration
	dispatch time.Duration
}

const never = theory.Never

// leaves is when the place of a record is free again.
func (r *replay) leaves(i int) time.Duration { return cmp.Or(r.Records[i].Done, never) }

// begins is from when on a request occupied a worker.
func (r *replay) begins(i int) time.Duration { return r.leaves(i) - r.services[i].Time }

// serviceTime is how long a request occupies its worker: to beyond the end of the
// trace where it was not done by then.
func (r *replay) serviceTime(i int) time.Duration {
	if r.Records[i].Accepted && r.Records[i].Done == 0 {
		return never / 4
	}
	return r.services[i].Time
}

// begun reports when requests were taken: their dispatch, and their order.
func (r *replay) begun() {
	r.off = make([]time.Duration, len(r.Records))
	var all []time.Duration
	var last time.Duration
	for i, rec := range r.Records {
		if rec.Done == 0 {
			continue
		}
		s := r.services[i]
		all, r.off[i] = append(all, s.Dispatch), max(s.Dispatch, s.Late.Abs())
		if rec.Started < last {
			r.out.OutOfOrder++
			r.out.OutOfOrderMax = max(r.out.OutOfOrderMax, last-rec.Started)
		}
		last = max(last, rec.Started)
	}
	r.out.Tie = r.ClockResolution
	if slices.Sort(all); len(all) > 0 {
		r.out.DispatchMax = all[len(all)-1]
		r.out.Tie = max(r.out.Tie, all[int(math.Ceil(0.99*float64(len(all))))-1])
	}
}

// restart makes the queue an empty one. More workers than there are requests make
// no difference, and would cost time with each difference that is found.
func (r *replay) restart() (err error) {
	r.queue, err = theory.NewReplay(min(r.Workers, len(r.Records)+1), r.Trace.Queue)
	r.ends, r.until, r.dispatch = r.ends[:0], 0, 0
	return err
}

func (r *replay) run() error {
	if err := r.restart(); err != nil {
		return err
	}
	for i, rec := range r.Records {
		r.leave(rec.At)
		d := Difference{Number: i + 1, At: rec.At, Accepted: rec.Accepted, Inside: len(r.inside)}
		d.Admission = rec.Accepted != (d.Inside < r.Places())
		if d.Admission {
			r.out.Admission = append(r.out.Admission, Difference{Number: d.Number, At: d.At, Accepted: d.Accepted, Inside: d.Inside})
		}
		if rec.Accepted {
			at, _ := slices.BinarySearchFunc(r.inside, r.leaves(i), func(j int, t time.Duration) int { return cmp.Compare(r.leaves(j), t) })
			r.inside = slices.Insert(r.inside, at, i)
		} else {
			r.out.Rejected++
		}
		want, err := r.queue.Next(rec.At, r.serviceTime(i))
		switch {
		case err != nil:
			return err
		case want.Accepted != rec.Accepted:
			if err := r.differs(d, rec); err != nil {
				return err
			}
		case want.Accepted:
			r.entered(i, want.Departure)
		}
	}
	return nil
}

// leave removes those that have left by t.
func (r *replay) leave(t time.Duration) {
	gone := 0
	for gone < len(r.inside) && r.leaves(r.inside[gone]) <= t {
		gone++
	}
	r.inside = slices.Delete(r.inside, 0, gone)
	// Of the queue's own as many are kept as may be asked for.
	if past, _ := slices.BinarySearch(r.ends, t+1); past > 4*r.Places() {
		r.ends = slices.Delete(r.ends, 0, past-2*r.Places())
	}
}

// differs adds a difference, and continues with what the log says there is: those
// at workers leave when they did, the others wait in the order in which they came.
func (r *replay) differs(d Difference, rec trace.Record) error {
	d.Slack = r.slack(rec)
	if rec.At < r.until {
		d.Cause, d.Dispatch = r.cause+1, r.dispatch
	}
	d.Explained = !d.Admission && d.Cause > 0 && d.Slack <= max(r.out.Tie, d.Dispatch)
	r.out.Replay = append(r.out.Replay, d)

	if err := r.restart(); err != nil {
		return err
	}
	order := slices.Clone(r.inside)
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(min(r.begins(a), rec.At+1), min(r.begins(b), rec.At+1)), cmp.Compare(a, b))
	})
	for _, i := range order {
		f, err := r.queue.Admit(min(r.begins(i), rec.At), r.serviceTime(i))
		if err != nil {
			return err
		}
		r.departs(f.Departure)
		if done := r.leaves(i); done != never && f.Departure != done {
			if r.until == 0 {
				r.cause = i
			}
			r.until, r.dispatch = max(r.until, f.Departure, done), r.dispatch+r.off[i]
		}
	}
	return nil
}

// departs adds a departure of the queue.
func (r *replay) departs(t time.Duration) {
	at, _ := slices.BinarySearch(r.ends, t)
	r.ends = slices.Insert(r.ends, at, t)
}

// entered notes when a request that both let in leaves the queue, and the log.
func (r *replay) entered(i int, departure time.Duration) {
	r.departs(departure)
	done := r.leaves(i)
	if done == never {
		return
	}
	if i >= r.cause {
		r.dispatch += r.off[i]
	}
	if departure != done {
		if r.Records[i].At >= r.until {
			r.cause, r.dispatch = i, r.off[i]
		}
		r.until = max(r.until, departure, done)
	}
}

// slack is how far the departure is from a request that would have to be on its
// other side for the queue to decide as the log.
func (r *replay) slack(rec trace.Record) time.Duration {
	next, _ := slices.BinarySearch(r.ends, rec.At+1) // the first that is to come
	if rec.Accepted {
		// The queue is full; were its next departure sooner, it were not.
		if next == len(r.ends) {
			return never
		}
		return r.ends[next] - rec.At
	}
	missing := r.Places() - (len(r.ends) - next) // that have left the queue, and should be in it
	if missing < 1 || missing > next {
		return never
	}
	return rec.At - r.ends[next-missing]
}
