package conformance

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

// FatesAim is the share of fates that must match the exact queue.
const FatesAim = 0.999

// Fates compares what became of a trace's requests with what had to.
type Fates struct {
	Trace    string `json:"trace,omitzero"` // its file, where it has one
	Style    string `json:"style"`
	Workers  int    `json:"workers"`
	Places   int    `json:"places"` // beside those at the workers
	Requests int    `json:"requests"`
	Rejected int    `json:"rejected"`

	// Gate is every request whose fate does not follow from those that were inside
	// when it came, by the log: rejected while there was room, accepted while there
	// was none. This uses no clock: the log is a sequence.
	Gate []Difference `json:"gate"`

	// Replay is every request whose fate differs in the exact queue, first come first
	// served: Accepted as logged. The queue takes when each came and how long it
	// occupied its worker, with the way to it; after a difference it continues from
	// what really happened.
	Replay []Difference `json:"replay"`

	// Turns counts requests that a worker took although an earlier one was waiting,
	// and TurnMax is how much sooner they started: workers do not always wake in the
	// order in which they became free.
	Turns   int           `json:"out_of_turn"`
	TurnMax time.Duration `json:"out_of_turn_max_ns"`

	// Way is the time from when the request was there and its worker free to when it
	// was taken, which a queueing model does not have.
	Way Spread `json:"way_ns"`

	// Late is by how much later a request was taken than in the exact queue;
	// negative values too, where others before it were slow.
	Late Spread `json:"late_ns"`

	Tie      time.Duration `json:"tie_ns"` // what is as near as that to a departure may be one or the other: the 99th percentile of Way
	Warnings []string      `json:"warnings,omitempty"`
}

// Spread are quantiles.
type Spread struct {
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	P999 time.Duration `json:"p999"`
	Max  time.Duration `json:"max"`
}

// Difference is a request whose fate is not what it had to be.
type Difference struct {
	Trace    string        `json:"trace,omitzero"` // its file, where there are several
	Number   int           `json:"number"`         // of the request in the trace, from 1
	At       time.Duration `json:"at_ns"`
	Accepted bool          `json:"accepted"` // by the server
	Inside   int           `json:"inside"`   // when it came, by the log

	// Of the replay: how far the request is from the departure that would have
	// made it agree, how much of that the log shows as a cause, and whether that
	// explains it.
	Slack     time.Duration `json:"slack_ns"`
	Cause     int           `json:"cause,omitzero"` // number of the request with which the two began to differ; 0: none
	Way       time.Duration `json:"way_ns"`         // of the workers since then, added up: so far may the two be apart
	Explained bool          `json:"explained"`
	Gate      bool          `json:"gate,omitzero"` // it is among those of the gate as well
}

// Equal is how many had the fate of the exact queue.
func (f *Fates) Equal() int { return f.Requests - len(f.Replay) }

// EqualShare is that as a share; 1 where there were none.
func (f *Fates) EqualShare() float64 {
	if f.Requests == 0 {
		return 1
	}
	return float64(f.Equal()) / float64(f.Requests)
}

// Unexplained is how many requests have a fate with no cause but the server's
// gate: all of Gate, and those of Replay that are not near a tie.
func (f *Fates) Unexplained() int {
	n := len(f.Gate)
	for _, d := range f.Replay {
		if !d.Explained && !d.Gate {
			n++
		}
	}
	return n
}

// CompareFates runs the arrivals of a trace through the exact queue of its
// target.
func CompareFates(t *trace.Trace) (*Fates, error) {
	r := &replay{t: t, arrivals: t.Arrivals(), limit: t.Workers + t.Queue,
		out: &Fates{Style: t.Style, Workers: t.Workers, Places: t.Queue, Requests: len(t.Records), Warnings: t.Warnings(),
			Gate: []Difference{}, Replay: []Difference{}}}
	r.ways()
	if err := r.run(); err != nil {
		return nil, err
	}
	return r.out, nil
}

type replay struct {
	t        *trace.Trace
	arrivals []trace.Arrival
	limit    int
	out      *Fates

	inside []int // records that are, by the log, in the order in which they leave
	queue  *theory.Replay
	ends   []time.Duration // departures of the queue, in order; the past ones are kept for a while

	// From request cause on, until then, some departure of the queue is not that
	// of the log. Each time that the worker is not the one that was free first, the
	// two may get apart by as much as that was late; way adds up what is known of it.
	cause int
	until time.Duration
	way   time.Duration
	late  []time.Duration
}

const never = time.Duration(math.MaxInt64)

// leaves is when the place of a record is free again.
func (r *replay) leaves(i int) time.Duration {
	if d := r.t.Records[i].Done; d > 0 {
		return d
	}
	return never
}

// wayOf is how long a request was on its way to its worker.
func (r *replay) wayOf(i int) time.Duration { return r.arrivals[i].ServiceTime - r.arrivals[i].Work }

// begins is from when on a request kept a worker.
func (r *replay) begins(i int) time.Duration { return r.t.Records[i].Done - r.arrivals[i].ServiceTime }

// ways tells of the way to the worker, and of turns.
func (r *replay) ways() {
	var all []time.Duration
	var last time.Duration
	for i, rec := range r.t.Records {
		if rec.Done == 0 {
			continue
		}
		all = append(all, r.wayOf(i))
		if rec.Started < last {
			r.out.Turns++
			r.out.TurnMax = max(r.out.TurnMax, last-rec.Started)
		}
		last = max(last, rec.Started)
	}
	r.out.Way = spread(all)
	r.out.Tie = max(r.out.Way.P99, r.t.ClockResolution)
}

// workers is how many the queue has: more than there are requests make no
// difference, and would cost time with each difference that is found.
func (r *replay) workers() int { return min(r.t.Workers, len(r.t.Records)+1) }

func (r *replay) run() error {
	var err error
	if r.queue, err = theory.NewReplay(r.workers(), r.t.Queue); err != nil {
		return err
	}
	for i, rec := range r.t.Records {
		r.leave(rec.At)
		n := len(r.inside)
		if !rec.Accepted {
			r.out.Rejected++
		}
		if rec.Accepted != (n < r.limit) {
			r.out.Gate = append(r.out.Gate, Difference{Number: i + 1, At: rec.At, Accepted: rec.Accepted, Inside: n})
		}
		if rec.Accepted {
			r.enter(i)
		}
		if err := r.next(i, n); err != nil {
			return err
		}
	}
	r.out.Late = spread(r.late)
	return nil
}

// leave lets those go that have left by t.
func (r *replay) leave(t time.Duration) {
	gone := 0
	for gone < len(r.inside) && r.leaves(r.inside[gone]) <= t {
		gone++
	}
	r.inside = slices.Delete(r.inside, 0, gone)
	// Of the queue's own as many are kept as may be asked for.
	if past, _ := slices.BinarySearch(r.ends, t+1); past > 4*r.limit {
		r.ends = slices.Delete(r.ends, 0, past-2*r.limit)
	}
}

func (r *replay) enter(i int) {
	at, _ := slices.BinarySearchFunc(r.inside, r.leaves(i), func(j int, t time.Duration) int { return cmp.Compare(r.leaves(j), t) })
	r.inside = slices.Insert(r.inside, at, i)
}

// held is how long a request keeps its worker.
func (r *replay) held(i int) time.Duration {
	if r.t.Records[i].Accepted && r.t.Records[i].Done == 0 {
		return never / 4 // to beyond the end of the trace
	}
	return r.arrivals[i].ServiceTime
}

// next tells the queue of request i, when by the log there were n inside.
func (r *replay) next(i, n int) error {
	rec := r.t.Records[i]
	f, err := r.queue.Next(rec.At, r.held(i))
	if err != nil {
		return err
	}
	if f.Accepted == rec.Accepted {
		if f.Accepted {
			r.entered(i, f)
		}
		return nil
	}
	d := Difference{Number: i + 1, At: rec.At, Accepted: rec.Accepted, Inside: n, Slack: r.slack(rec)}
	if rec.At < r.until {
		d.Cause, d.Way = r.cause+1, r.way
	}
	d.Gate = rec.Accepted != (n < r.limit)
	d.Explained = !d.Gate && d.Cause > 0 && d.Slack <= max(r.out.Tie, d.Way)
	r.out.Replay = append(r.out.Replay, d)
	return r.goOn(rec.At)
}

// entered notes when the queue lets a request go, and when the log does.
func (r *replay) entered(i int, f theory.Fate) {
	at, _ := slices.BinarySearch(r.ends, f.Departure)
	r.ends = slices.Insert(r.ends, at, f.Departure)
	if r.t.Records[i].Done == 0 {
		return
	}
	r.late = append(r.late, r.t.Records[i].Started-f.Start)
	if i >= r.cause {
		r.way += r.wayOf(i)
	}
	if done := r.leaves(i); f.Departure != done {
		if t := r.t.Records[i].At; t >= r.until {
			r.cause, r.way = i, r.wayOf(i)
		}
		r.until = max(r.until, f.Departure, done)
	}
}

// slack is how far the departure is from a request that would have to be on its
// other side for the queue to do as the log.
func (r *replay) slack(rec trace.Record) time.Duration {
	next, _ := slices.BinarySearch(r.ends, rec.At+1) // the first that is to come
	if rec.Accepted {
		// The queue is full; were its next departure sooner, it were not.
		if next == len(r.ends) {
			return never
		}
		return r.ends[next] - rec.At
	}
	missing := r.limit - (len(r.ends) - next) // that have left the queue, and should be in it
	if missing < 1 || missing > next {
		return never
	}
	return rec.At - r.ends[next-missing]
}

// goOn makes the queue that which the log says there is at t: those at workers
// leave when they did, the others wait in the order in which they came.
func (r *replay) goOn(t time.Duration) error {
	var err error
	if r.queue, err = theory.NewReplay(r.workers(), r.t.Queue); err != nil {
		return err
	}
	r.ends, r.until, r.way = r.ends[:0], 0, 0
	var at, waiting []int
	for _, i := range r.inside {
		switch {
		case r.leaves(i) == never: // nobody knows
			waiting = append(waiting, i)
		case r.begins(i) <= t:
			at = append(at, i)
		default:
			waiting = append(waiting, i)
		}
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Compare(r.begins(a), r.begins(b)) })
	slices.Sort(waiting)
	for _, i := range slices.Concat(at, waiting) {
		from := t
		if r.leaves(i) != never && r.begins(i) <= t {
			from = r.begins(i)
		}
		f, err := r.queue.Admit(from, r.held(i))
		if err != nil {
			return err
		}
		end, _ := slices.BinarySearch(r.ends, f.Departure)
		r.ends = slices.Insert(r.ends, end, f.Departure)
		if done := r.leaves(i); done != never && f.Departure != done {
			if r.until == 0 {
				r.cause = i
			}
			r.until, r.way = max(r.until, f.Departure, done), r.way+r.wayOf(i)
		}
	}
	return nil
}

func spread(v []time.Duration) Spread {
	if len(v) == 0 {
		return Spread{}
	}
	slices.Sort(v)
	at := func(q float64) time.Duration { return v[max(0, int(math.Ceil(q*float64(len(v))))-1)] }
	return Spread{at(0.5), at(0.99), at(0.999), v[len(v)-1]}
}
