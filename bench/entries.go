package bench

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// entry is an arrival that has ended, as the thread that drives notes it.
type entry struct {
	planned, lag, took time.Duration // took from the planned instant on
	rest               uint32        // of took, from the first byte of the reply on, in units of restUnit
	outcome            result.Outcome
	stream             bool // it had events: what they took is what bounds are from
}

const (
	restUnit  = 256 * time.Nanosecond // so that an entry is no larger for it
	restKnown = math.MaxUint32        // what rest is below, where the first byte is known
)

func restOf(a Arrival) uint32 {
	if a.First == 0 {
		return restKnown
	}
	return uint32(min(max(a.Done-a.First, 0)/restUnit, restKnown-1))
}

// firstByte is the time from the planned instant to the first byte of the reply.
func (e *entry) firstByte() (time.Duration, bool) {
	return e.took - time.Duration(e.rest)*restUnit, e.rest < restKnown
}

const (
	chunkEntries = 2048 // 64 KB
	// mostChunks bounds what one shard holds that is not folded yet: 32 MB, a million
	// arrivals.
	mostChunks = 512
	// Entries are shown to the reader in groups, or after showEvery: the store that does it
	// waits for those before it, which rarely find the memory in a cache.
	groupEntries = 16 // of which there is a multiple in a chunk
	showEvery    = 10 * time.Millisecond
)

// chunk is a part of a queue.
type chunk[T any] struct {
	entries [chunkEntries]T
	n       atomic.Int32 // entries that are shown
	next    atomic.Pointer[chunk[T]]
}

// queue is one of entries, or of what else the thread that drives notes. It has one
// writer and one reader, no lock and no wake-up: that thread must wait for nobody.
type queue[T any] struct {
	// Of the writer.
	tail    *chunk[T]
	filled  int32         // entries in tail
	dropped int64         // for want of room
	shown   time.Duration // when the last group was

	held  atomic.Int32                // chunks in use
	spare [8]atomic.Pointer[chunk[T]] // some that the reader is done with

	// Of the reader. What lies before behind is done with; ahead is never before it.
	ahead, behind cursor[T]
}

// cursor is a place in a queue.
type cursor[T any] struct {
	at   *chunk[T]
	read int32 // entries of at that were read
}

func newQueue[T any]() *queue[T] {
	q := &queue[T]{tail: new(chunk[T])}
	q.ahead.at, q.behind.at = q.tail, q.tail
	q.held.Store(1)
	return q
}

// put puts in what was known at an instant.
func (q *queue[T]) put(e T, at time.Duration) {
	if q.filled == chunkEntries && !q.grow() {
		q.dropped++
		return
	}
	q.tail.entries[q.filled] = e
	q.filled++
	if q.filled%groupEntries == 0 || at >= q.shown+showEvery {
		q.shown = at
		q.show()
	}
}

// show shows the reader what is noted. The last group is shown by who knows that it is the last.
func (q *queue[T]) show() { q.tail.n.Store(q.filled) }

func (q *queue[T]) grow() bool {
	if q.held.Load() >= mostChunks {
		return false
	}
	var c *chunk[T]
	for i := range q.spare {
		if c = q.spare[i].Swap(nil); c != nil {
			break
		}
	}
	if c == nil {
		c = new(chunk[T])
	}
	q.held.Add(1)
	q.tail.next.Store(c)
	q.tail, q.filled = c, 0
	return true
}

// peek is the entry at the cursor; nil where there is none yet.
func (c *cursor[T]) peek() *T {
	if c.read == chunkEntries {
		next := c.at.next.Load()
		if next == nil {
			return nil
		}
		c.at, c.read = next, 0
	}
	if c.read == c.at.n.Load() {
		return nil
	}
	return &c.at.entries[c.read]
}

// skip goes to the end of what there is.
func (c *cursor[T]) skip() {
	for c.peek() != nil {
		c.read = c.at.n.Load()
	}
}

// oldest is the entry at behind; nil where that has caught up with ahead.
func (q *queue[T]) oldest() *T {
	if q.behind == q.ahead {
		return nil
	}
	at := q.behind.at
	e := q.behind.peek()
	if at != q.behind.at {
		q.held.Add(-1)
		at.next.Store(nil)
		at.n.Store(0)
		for i := range q.spare {
			if q.spare[i].CompareAndSwap(nil, at) {
				break
			}
		}
	}
	return e
}
