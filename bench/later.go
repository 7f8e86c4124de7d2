package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/result"
)

// Completions tells when the work of requests is done that a server only
// accepted: the second clock of a stage, beside that of the replies. It knows
// a request by the id that the server gave it; see Reply.ID.
type Completions interface {
	// Watch calls told with each completion, of whosever requests, from the
	// moment it returns until ctx ends.
	Watch(ctx context.Context, told func(id uint64, how result.CompletionEvent)) error

	// Waiting is how many of the requests the server still has, though no
	// completion was told. The rest of them are lost; on an error it is unknown
	// what became of any.
	Waiting(ctx context.Context, ids []uint64) (int, error)
}

const (
	// mostRemembered bounds how many requests are remembered that are done, to
	// notice one that is told again: some 40 MB.
	mostRemembered = 1 << 20

	// mostEarly bounds how many completions are kept of requests that are not
	// known: those of others, and those that overtook the reply.
	mostEarly = 1 << 16

	// settleLimit bounds the question for what is missing at the end.
	settleLimit = 10 * time.Second
)

// completions is the second clock of a stage: it matches accepted requests with
// their completions, whichever comes first. It is safe for concurrent use.
type completions struct {
	r *Recorder

	mu      sync.Mutex
	queue   *result.Completion
	open    map[uint64]time.Duration // accepted and not done: the planned instant
	done    *recent[struct{}]        // of the window
	early   *recent[early]
	closed  bool          // what is told now comes too late
	changed chan struct{} // has room for one: open has become empty
	err     error         // why it is not known what is lost
}

// early is what was told of a request before it was known to be accepted.
type early struct {
	done         bool
	at           time.Duration
	again, twice int64
}

// Later returns the recorder's second clock. A driver asks for it before
// Start, or never, where replies are all there is.
func (r *Recorder) Later() *completions {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.later == nil {
		r.later = &completions{
			r: r, queue: result.NewCompletion(), open: map[uint64]time.Duration{},
			done: newRecent[struct{}](mostRemembered), early: newRecent[early](mostEarly), changed: make(chan struct{}, 1),
		}
	}
	return r.later
}

// Accepted notes that the server accepted, under that id, the request that was
// planned for that instant.
func (l *completions) Accepted(id uint64, planned time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.r.measured(planned) {
		l.queue.Accepted++
	}
	l.open[id] = planned
	if e, ok := l.early.take(id); ok {
		l.repeated(planned, e.again, e.twice)
		if e.done {
			l.complete(id, planned, e.at)
		}
	}
}

// told notes what is told of a request, now. Once the stage is settled it does
// nothing: who watches may not have stopped by then.
func (l *completions) told(id uint64, how result.CompletionEvent) {
	now := clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	planned, open := l.open[id]
	_, done := l.done.of[id]
	switch {
	case open && how == result.Completed:
		l.complete(id, planned, now)
	case open:
		l.repeated(planned, 1, twice(how))
	case done:
		l.queue.Duplicates++
		l.queue.CompletedAgain += twice(how)
	default:
		e := l.early.of[id]
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
		l.early.put(id, e)
	}
}

func twice(how result.CompletionEvent) int64 {
	if how == result.CompletedAgain {
		return 1
	}
	return 0
}

func (l *completions) repeated(planned time.Duration, again, twice int64) {
	if l.r.measured(planned) {
		l.queue.Duplicates += again
		l.queue.CompletedAgain += twice
	}
}

// complete takes a request off the open ones.
func (l *completions) complete(id uint64, planned, at time.Duration) {
	delete(l.open, id)
	if l.r.measured(planned) {
		l.queue.Latency.Record(at - planned)
		l.done.put(id, struct{}{})
		if l.r.observer != nil {
			l.r.observer.Completed(planned, at)
		}
	}
	if len(l.open) == 0 {
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}

// Drain waits until every accepted request is done, or ctx ends. No request
// may be under way any more.
func (l *completions) Drain(ctx context.Context) {
	for {
		l.mu.Lock()
		n := len(l.open)
		l.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return
		}
	}
}

// Settle stops the clock, and finds out what became of the requests of the
// window that are not done: the server still has them, or they are lost.
//
// So duplicates are counted until here, which is when the last request is done
// or the drain limit has passed. A server that hands a request out again some
// time after it gave it to somebody may do so later, and nobody waits for that.
func (l *completions) Settle(ctx context.Context, from Completions) {
	l.mu.Lock()
	l.closed = true
	var ids []uint64
	for id, planned := range l.open {
		if l.r.measured(planned) {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	waiting, err := from.Waiting(ctx, ids)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		// Even one that was done may be among them: who tells of it is gone.
		l.queue.Unknown = int64(len(ids))
		l.err = fmt.Errorf("of %d accepted requests it is unknown what became of them, as nobody could be asked at the drain limit: %w", len(ids), err)
		return
	}
	l.queue.Backlog = int64(waiting)
	l.queue.Lost = int64(len(ids) - waiting)
}

// result is a copy of what the clock has counted, and why it is not known what
// is lost.
func (l *completions) result() (*result.Completion, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.Clone(), l.err
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
