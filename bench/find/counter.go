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

// counter counts the bad arrivals of a stage as they end, by their planned instant: at
// the limit itself, which the buckets of a histogram do not know.
type counter struct {
	conditions []Condition

	mu     sync.Mutex
	bins   map[int64]*search.Batch // by the quantum of the planned instant
	waited int64                   // arrivals that found all connections busy
}

// Ended implements [bench.Observer].
func (c *counter) Ended(a bench.Arrival) {
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
func (c *counter) bin(at time.Duration) *search.Batch {
	n := int64(at / quantum)
	if c.bins[n] == nil {
		c.bins[n] = c.batch()
	}
	return c.bins[n]
}

// Completed implements [bench.Observer].
func (c *counter) Completed(planned, done time.Duration) {}

func (c *counter) batch() *search.Batch {
	return &search.Batch{Bad: make([]int64, len(c.conditions)), Near: make([]int64, len(c.conditions))}
}

// batches are the counts of a stage, without its disturbed slices.
func (c *counter) batches(s *result.Stage) []search.Batch {
	return c.split(max(batchTime, latencies*s.Latency.Quantile(0.5)), 0, func(offset time.Duration) bool {
		return slices.ContainsFunc(s.Slices, func(x result.Slice) bool {
			return x.Disturbed > 0 && x.Offset < offset+quantum && offset < x.Offset+x.Length
		})
	})
}

// soFar is a visit of a stage that goes on, without the latest arrivals: of those only
// the quick ones have ended.
func (c *counter) soFar(v search.Visit) search.Visit {
	n := 0
	v.Batches = c.split(batchTime, c.slowest()+quantum, func(time.Duration) bool { n++; return false })
	v.Length = time.Duration(n) * quantum
	return v
}

// split are the counts in batches of a length, but for the last of the arrivals, and for
// what is left out. No batch goes on across a gap.
func (c *counter) split(length, but time.Duration, without func(offset time.Duration) bool) (out []search.Batch) {
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
func (c *counter) slowest() (longest time.Duration) {
	for _, condition := range c.conditions {
		longest = max(longest, condition.Latency)
	}
	return longest
}
