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

// chunk is a part of a queue of entries.
type chunk struct {
	entries [chunkEntries]entry
	n       atomic.Int32 // entries that are shown
	next    atomic.Pointer[chunk]
}

// entries is a queue of one writer and one reader, without a lock and without a wake-up:
// the thread that drives must wait for nobody.
type entries struct {
	// Of the writer.
	tail    *chunk
	filled  int32         // entries in tail
	dropped int64         // for want of room
	shown   time.Duration // when the last group was

	held  atomic.Int32             // chunks in use
	spare [8]atomic.Pointer[chunk] // some that the reader is done with

	// Of the reader. What lies before behind is done with; ahead is never before it.
	ahead, behind cursor
}

// cursor is a place in a queue.
type cursor struct {
	at   *chunk
	read int32 // entries of at that were read
}

func newEntries() *entries {
	q := &entries{tail: new(chunk)}
	q.ahead.at, q.behind.at = q.tail, q.tail
	q.held.Store(1)
	return q
}

func (q *entries) put(e entry) {
	if q.filled == chunkEntries && !q.grow() {
		q.dropped++
		return
	}
	q.tail.entries[q.filled] = e
	q.filled++
	if done := e.planned + e.took; q.filled%groupEntries == 0 || done >= q.shown+showEvery {
		q.shown = done
		q.show()
	}
}

// show shows the reader what is noted. The last group is shown by who knows that it is the last.
func (q *entries) show() { q.tail.n.Store(q.filled) }

func (q *entries) grow() bool {
	if q.held.Load() >= mostChunks {
		return false
	}
	var c *chunk
	for i := range q.spare {
		if c = q.spare[i].Swap(nil); c != nil {
			break
		}
	}
	if c == nil {
		c = new(chunk)
	}
	q.held.Add(1)
	q.tail.next.Store(c)
	q.tail, q.filled = c, 0
	return true
}

// peek is the entry at the cursor; nil where there is none yet.
func (c *cursor) peek() *entry {
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
func (c *cursor) skip() {
	for c.peek() != nil {
		c.read = c.at.n.Load()
	}
}

// oldest is the entry at behind; nil where that has caught up with ahead.
func (q *entries) oldest() *entry {
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
