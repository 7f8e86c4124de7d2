package find

import (
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

const (
	quantum   = 250 * time.Millisecond
	batchTime = time.Second // the least that a batch takes
	latencies = 5           // how many median latencies it takes at least
)

// Counter counts the bad arrivals of a stage as they end, by their planned instant: at
// the limit itself, which the buckets of a histogram do not know. It is a
// [bench.Observer]. Where several generators drive the stage, each has a Counter of its
// own, and another one has what they counted [Counter.Together].
type Counter struct {
	conditions []Condition

	mu     sync.Mutex
	from   time.Duration           // of the first quantum
	bins   map[int64]*search.Batch // by the quantum of the planned instant
	waited int64                   // arrivals that found all connections busy
	ends   []int64                 // the last quantum in which each generator had an arrival; nil where there is one
}

// NewCounter returns a counter of what is bad by any of the conditions.
func NewCounter(conditions []Condition) *Counter {
	return &Counter{conditions: conditions, bins: map[int64]*search.Batch{}}
}

// Begin sets from which instant on, by package clock, time is counted: generators on
// several machines have nothing in common but that their windows begin together. It is
// called before any arrival has ended.
func (c *Counter) Begin(from time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = from
}

// Ended implements [bench.Observer].
func (c *Counter) Ended(a bench.Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Waited || a.Outcome == result.Unsent {
		c.waited++
	}
	c.bin(max(a.Done, a.Planned)).Ended++
	b := c.bin(a.Planned)
	b.N++
	for i, condition := range c.conditions {
		bad, near := condition.bad(a)
		if bad {
			b.Bad[i]++
		}
		if near {
			b.Near[i]++
		}
	}
}

// bin is the quantum of an instant.
func (c *Counter) bin(at time.Duration) *search.Batch {
	n := int64((at - c.from) / quantum)
	return c.numbered(n)
}

func (c *Counter) numbered(n int64) *search.Batch {
	if c.bins[n] == nil {
		c.bins[n] = c.batch()
	}
	return c.bins[n]
}

// Completed implements [bench.Observer].
func (c *Counter) Completed(planned, done time.Duration) {}

func (c *Counter) batch() *search.Batch {
	return &search.Batch{Bad: make([]int64, len(c.conditions)), Near: make([]int64, len(c.conditions))}
}

// batches are the counts of a stage, without its disturbed slices.
func (c *Counter) batches(s *result.Stage) []search.Batch {
	return c.split(max(batchTime, latencies*s.Latency.Quantile(0.5)), 0, func(offset time.Duration) bool {
		return slices.ContainsFunc(s.Slices, func(x result.Slice) bool {
			return x.Disturbed > 0 && x.Offset < offset+quantum && offset < x.Offset+x.Length
		})
	})
}

// soFar is a visit of a stage that goes on, without the latest arrivals: of those only
// the quick ones have ended.
func (c *Counter) soFar(v search.Visit) search.Visit {
	n := 0
	v.Batches = c.split(batchTime, c.slowest()+quantum, func(time.Duration) bool { n++; return false })
	v.Length = time.Duration(n) * quantum
	return v
}

// split are the counts in batches of a length, but for the last of the arrivals, and for
// what is left out. No batch goes on across a gap.
func (c *Counter) split(length, but time.Duration, without func(offset time.Duration) bool) (out []search.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []int64
	end := int64(0)
	for at, b := range c.bins {
		all = append(all, at)
		if b.N > 0 { // else some end after the window
			end = max(end, at)
		}
	}
	slices.Sort(all)
	last, count := int64(-2), int64(0)
	for _, at := range all {
		if at > end-int64(but/quantum) || without(time.Duration(at-all[0])*quantum) {
			continue
		}
		if at != last+1 || count == int64(length/quantum) {
			out, count = append(out, *c.batch()), 0
		}
		out[len(out)-1].Add(*c.bins[at])
		last, count = at, count+1
	}
	return out
}

// slowest is the longest latency that a condition asks about.
func (c *Counter) slowest() (longest time.Duration) {
	for _, condition := range c.conditions {
		longest = max(longest, condition.Latency)
	}
	return longest
}
