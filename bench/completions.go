package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// Completions reports when a server completes requests that it only accepted with
// its reply. It knows a request by the id that the server gave it; see Reply.ID.
type Completions interface {
	// Watch calls report with each completion, also of requests of others, from the
	// moment it returns until ctx ends.
	Watch(ctx context.Context, report func(id uint64, how result.CompletionEvent)) error

	// Waiting is how many of the requests the server still has, though no
	// completion was reported. The rest of them are lost; on an error it is unknown
	// what became of any.
	Waiting(ctx context.Context, ids []uint64) (int, error)
}

const (
	// mostRemembered bounds how many completed requests are remembered, to notice
	// one that is reported again: some 40 MB.
	mostRemembered = 1 << 20

	// mostEarly bounds how many completions are kept of requests that are not
	// known: those of others, and those that overtook the reply.
	mostEarly = 1 << 16

	// settleLimit bounds the question for what is missing at the end.
	settleLimit = 10 * time.Second
)

// completions matches the accepted requests of a stage with their completions,
// whichever comes first. It is safe for concurrent use.
type completions struct {
	r *Recorder

	mu      sync.Mutex
	record  *result.Completion
	open    map[uint64]time.Duration // accepted and not done: the planned instant
	done    *recent[struct{}]        // of the window
	early   *recent[early]
	closed  bool          // what is reported now comes too late
	changed chan struct{} // has room for one: open has become empty
	err     error         // why it is not known what is lost
}

// early is what was reported of a request before it was known to be accepted.
type early struct {
	done         bool
	at           time.Duration
	again, twice int64
}

// newCompletions returns the recorder's completions. A driver asks for them before
// Start, or never, where replies are all there is.
func (r *Recorder) newCompletions() *completions {
	r.completions = &completions{
		r: r, record: result.NewCompletion(), open: map[uint64]time.Duration{},
		done: newRecent[struct{}](mostRemembered), early: newRecent[early](mostEarly), changed: make(chan struct{}, 1),
	}
	return r.completions
}

// accepted notes that the server accepted, under that id, the request that was
// planned for that instant.
func (c *completions) accepted(id uint64, planned time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.r.measured(planned) {
		c.record.Accepted++
	}
	c.open[id] = planned
	if e, ok := c.early.take(id); ok {
		c.repeated(planned, e.again, e.twice)
		if e.done {
			c.complete(id, planned, e.at)
		}
	}
}

// reported notes what is reported of a request, now. Once the stage is settled it
// does nothing: what watches may not have stopped by then.
func (c *completions) reported(id uint64, how result.CompletionEvent) {
	now := clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	planned, open := c.open[id]
	_, done := c.done.of[id]
	switch {
	case open && how == result.Completed:
		c.complete(id, planned, now)
	case open:
		c.repeated(planned, 1, twice(how))
	case done:
		c.record.Duplicates++
		c.record.CompletedAgain += twice(how)
	default:
		e := c.early.of[id]
		if how == result.Completed {
			if e.done {
				e.again++
			} else {
				e.done, e.at = true, now
			}
		} else {
			e.again++
			e.twice += twice(how)
		}
		c.early.put(id, e)
	}
}

func twice(how result.CompletionEvent) int64 {
	if how == result.CompletedAgain {
		return 1
	}
	return 0
}

func (c *completions) repeated(planned time.Duration, again, twice int64) {
	if c.r.measured(planned) {
		c.record.Duplicates += again
		c.record.CompletedAgain += twice
	}
}

// complete takes a request off the open ones.
func (c *completions) complete(id uint64, planned, at time.Duration) {
	delete(c.open, id)
	if c.r.measured(planned) {
		c.record.Latency.Record(at - planned)
		c.done.put(id, struct{}{})
		if c.r.observer != nil {
			c.r.observer.Completed(planned, at)
		}
	}
	if len(c.open) == 0 {
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
}

// drain waits until every accepted request is completed, or ctx ends. No request
// may be in flight any more.
func (c *completions) drain(ctx context.Context) {
	for {
		c.mu.Lock()
		n := len(c.open)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-c.changed:
		case <-ctx.Done():
			return
		}
	}
}

// settle stops taking completions, and finds out what became of the requests of the
// window that are not complete: the server still has them, or they are lost.
//
// So duplicates are counted until here, which is when the last request is complete
// or the drain timeout has passed. A server that hands a request out again some
// time after the first delivery may do so later; the stage does not wait for that.
func (c *completions) settle(ctx context.Context, from Completions) {
	c.mu.Lock()
	c.closed = true
	var ids []uint64
	for id, planned := range c.open {
		if c.r.measured(planned) {
			ids = append(ids, id)
		}
	}
	c.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	waiting, err := from.Waiting(ctx, ids)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		// Even one that was completed may be among them: what reports it is gone.
		c.record.Unknown = int64(len(ids))
		c.err = fmt.Errorf("it is unknown what became of %d accepted requests, because the broker could not be asked when the drain timeout had passed: %w", len(ids), err)
		return
	}
	c.record.Backlog = int64(waiting)
	c.record.Lost = int64(len(ids) - waiting)
}

// result is a copy of what was counted, and why it is not known what
// is lost.
func (c *completions) result() (*result.Completion, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record.Clone(), c.err
}

// recent is a map that keeps the newest keys alone.
type recent[T any] struct {
	most int
	of   map[uint64]T
	ring []uint64 // in the order in which they came, from next on where it is full
	next int
}

func newRecent[T any](most int) *recent[T] { return &recent[T]{most: most, of: map[uint64]T{}} }

func (r *recent[T]) put(id uint64, value T) {
	if _, ok := r.of[id]; !ok {
		if len(r.ring) < r.most {
			r.ring = append(r.ring, id)
		} else {
			delete(r.of, r.ring[r.next])
			r.ring[r.next] = id
			r.next = (r.next + 1) % r.most
		}
	}
	r.of[id] = value
}

func (r *recent[T]) take(id uint64) (value T, ok bool) {
	value, ok = r.of[id]
	delete(r.of, id) // its place in the ring is used up all the same
	return value, ok
}
