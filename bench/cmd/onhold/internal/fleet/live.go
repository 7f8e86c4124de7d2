package fleet

import (
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// live hands out what has ended in a stage while the agents drive it: what they reported
// since the last time.
type live struct {
	plan  bench.Plan
	from  time.Duration // up to where it was handed out
	at    time.Duration // when
	shown map[string]*Progress
	sum   Progress // of all that was handed out
	start time.Time
}

func newLive(p bench.Plan) *live {
	return &live{plan: p, shown: map[string]*Progress{}, sum: Progress{Latency: buckets{new(result.Sparse)}, Lag: buckets{new(result.Sparse)}}}
}

// look hands out what there is, once a second.
func (l *live) look(c *coordinator, now time.Duration) {
	if l.plan.Watch == nil && l.plan.Abort == nil || c.step != running || now-l.at < reportEvery {
		return
	}
	l.at, l.start = now, clock.Wall(c.start+l.plan.Lead())
	next := bench.Live{From: l.from, To: l.from, Start: l.start, Latency: new(result.Sparse), Lag: new(result.Sparse)}
	for _, m := range c.members {
		if m.live == nil || m.live.Latency.Sparse == nil || m.live.Lag.Sparse == nil {
			continue
		}
		next.To = max(next.To, m.live.To)
		if before := l.shown[m.hello.Agent]; before != nil {
			subtract(&next, before)
		}
		next.Counts.Add(m.live.Counts)
		next.Latency.Merge(m.live.Latency.Sparse)
		next.Lag.Merge(m.live.Lag.Sparse)
		next.Disturbed = next.Disturbed || m.live.Disturbed
		l.shown[m.hello.Agent] = m.live
	}
	if next.To == l.from {
		return
	}
	if l.show(next) {
		c.cut = true
	}
}

func subtract(from *bench.Live, p *Progress) {
	for o, n := range p.Counts {
		from.Counts[o] -= n
	}
	from.Latency.Subtract(p.Latency.Sparse)
	from.Lag.Subtract(p.Lag.Sparse)
}

// show hands out a part, and reports whether the window is to end.
func (l *live) show(next bench.Live) (abort bool) {
	l.from = next.To
	l.sum.Counts.Add(next.Counts)
	l.sum.Latency.Merge(next.Latency)
	l.sum.Lag.Merge(next.Lag)
	if l.plan.Watch != nil {
		l.plan.Watch(next)
	}
	return l.plan.Abort != nil && l.plan.Abort(next)
}

// finish hands out the rest of a stage.
func (l *live) finish(s *result.Stage) {
	next := bench.Live{From: l.from, To: max(s.Length, l.from), Start: s.Start, Last: true, Counts: s.Counts, Latency: result.SparseOf(s.Latency), Lag: result.SparseOf(s.Lag)}
	subtract(&next, &l.sum)
	l.show(next)
}
