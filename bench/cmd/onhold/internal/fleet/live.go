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
	known map[string]*Progress
	sum   bench.Live // of all that was handed out
	start time.Time

	scratch [2]result.Sparse
}

func newLive(p bench.Plan) *live {
	return &live{plan: p, known: map[string]*Progress{}, sum: bench.Live{Latency: new(result.Sparse), Lag: new(result.Sparse)}}
}

// look hands out what there is, once a second. What agents report is added up in
// histograms with all buckets, and what was handed out is taken off once: a thousand
// agents have some million buckets in use.
func (l *live) look(c *coordinator, now time.Duration) {
	if l.plan.Watch == nil && l.plan.Abort == nil || c.step != running || now-l.at < reportEvery {
		return
	}
	l.at, l.start = now, clock.Wall(c.start+l.plan.Lead())
	next := bench.Live{From: l.from, To: l.from, Start: l.start}
	all := totals{latency: result.NewHist(), lag: result.NewHist()}
	var counted [][]byte
	for _, m := range c.members {
		before := l.known[m.hello.Agent]
		p := m.live
		if p == nil || p.addTo(&all, &l.scratch) != nil {
			if p = before; p == nil {
				continue
			}
			_ = p.addTo(&all, &l.scratch) // it was added before
		} else if p != before {
			l.known[m.hello.Agent] = p
			next.Disturbed = next.Disturbed || p.Disturbed
		}
		next.To = max(next.To, p.To)
		next.Counts.Add(result.Counts(p.Counts))
		counted = append(counted, p.Counted)
	}
	if next.To == l.from {
		return
	}
	next.Latency, next.Lag, next.Streams = result.SparseOf(all.latency), result.SparseOf(all.lag), all.streams.Part()
	subtract(&next, l.sum)
	if counter, ok := l.plan.Observer.(Counter); ok && counter.Together(counted) != nil {
		return // an agent's cannot be read; at the end, that is an error
	}
	if l.show(next) {
		c.cut = true
	}
}

func subtract(from *bench.Live, l bench.Live) {
	for o, n := range l.Counts {
		from.Counts[o] -= n
	}
	from.Latency.Subtract(l.Latency)
	from.Lag.Subtract(l.Lag)
	from.Streams = from.Streams.Minus(l.Streams)
}

// show hands out a part, and reports whether the window is to end.
func (l *live) show(next bench.Live) (abort bool) {
	l.from = next.To
	l.sum.Counts.Add(next.Counts)
	l.sum.Latency.Merge(next.Latency)
	l.sum.Lag.Merge(next.Lag)
	l.sum.Streams = l.sum.Streams.Plus(next.Streams)
	if l.plan.Watch != nil {
		l.plan.Watch(next)
	}
	return l.plan.Abort != nil && l.plan.Abort(next)
}

// finish hands out the rest of a stage.
func (l *live) finish(s *result.Stage) {
	next := bench.Live{From: l.from, To: max(s.Length, l.from), Start: s.Start, Last: true, Counts: s.Counts, Latency: result.SparseOf(s.Latency), Lag: result.SparseOf(s.Lag), Streams: s.Streams.Part()}
	subtract(&next, l.sum)
	l.show(next)
}
