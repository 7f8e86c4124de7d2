package patterns

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue"
)

// placeOrders drives a target with POSTs that place orders. Where it has a broker,
// the orders are paid later, and the stage has completions.
func placeOrders(ctx context.Context, p *targets.Process, plan bench.Plan) (s *result.Stage, t *timeline, err error) {
	var driver *bench.GoroutineDriver
	if p.Broker == "" {
		driver, err = queue.Request(p.Addr).Driver()
	} else {
		var done func()
		if driver, done, err = queue.Driver(ctx, p.Addr, p.Broker, false); err == nil {
			defer done()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	t = &timeline{}
	plan.Observer = t
	s, err = p.Drive(ctx, plan, driver)
	return s, t, err
}

// timeline is when each order of a stage was answered and paid.
type timeline struct {
	mu    sync.Mutex
	began time.Duration // the planned instant of the first order
	ended []bench.Arrival
	paid  []payment
}

type payment struct{ planned, done time.Duration }

// Ended implements [bench.Observer].
func (t *timeline) Ended(a bench.Arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended = append(t.ended, a); len(t.ended) == 1 || a.Planned < t.began {
		t.began = a.Planned
	}
}

// Completed implements [bench.Observer].
func (t *timeline) Completed(planned, done time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paid = append(t.paid, payment{planned, done})
}

// replies are the orders that were accepted, and when the reply came.
func (t *timeline) replies() (out []payment) {
	for _, a := range t.ended {
		if a.Outcome == result.OK {
			out = append(out, payment{a.Planned, a.Done})
		}
	}
	return out
}

// end is when the last order was answered or paid, from the first on.
func (t *timeline) end() (end time.Duration) {
	for _, a := range t.ended {
		end = max(end, a.Done-t.began)
	}
	for _, p := range t.paid {
		end = max(end, p.done-t.began)
	}
	return end
}

const bin = 500 * time.Millisecond

// overTime is the median time to an event against the instant of the order.
func (t *timeline) overTime(name, style string, events []payment) pattern.Line {
	line := pattern.Line{Name: name, Style: style}
	bins := map[time.Duration][]time.Duration{}
	for _, e := range events {
		at := (e.planned - t.began) / bin
		bins[at] = append(bins[at], e.done-e.planned)
	}
	for _, at := range slices.Sorted(maps.Keys(bins)) {
		slices.Sort(bins[at])
		line.Add(float64(at*bin+bin/2), float64(bins[at][len(bins[at])/2]))
	}
	return line
}

// backlog is how many accepted orders had not had their event, over time up to end.
func (t *timeline) backlog(name, style string, accepted, events []payment, end time.Duration) pattern.Line {
	line := pattern.Line{Name: name, Style: style, Step: true, Fill: true}
	const step = bin / 2
	for at := time.Duration(0); at <= end+step; at += step {
		n := 0
		for _, o := range accepted {
			if o.planned-t.began <= at {
				n++
			}
		}
		for _, e := range events {
			if e.done-t.began <= at {
				n--
			}
		}
		line.Add(float64(at), float64(n))
	}
	return line
}
