package clock

import "time"

// Queue holds values that become due at an instant. Values due at the same
// instant come out in the order in which they were pushed. The zero value is
// an empty queue. It is not safe for concurrent use.
type Queue[T any] struct {
	heap []entry[T]
	seq  uint64
}

type entry[T any] struct {
	at  time.Duration
	seq uint64 // breaks ties, so that equal instants stay first in, first out
	v   T
}

func (e entry[T]) before(o entry[T]) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// Len returns the number of values in the queue.
func (q *Queue[T]) Len() int { return len(q.heap) }

// Next returns the earliest instant in the queue; ok is false when it is empty.
func (q *Queue[T]) Next() (at time.Duration, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// Push adds v, due at the instant at, and reports whether it is now the
// first: then an alarm set for the queue has to be set again.
func (q *Queue[T]) Push(at time.Duration, v T) (first bool) {
	e := entry[T]{at: at, seq: q.seq, v: v}
	q.seq++
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
	return i == 0
}

// PopDue removes and returns the earliest value if it is due at now.
func (q *Queue[T]) PopDue(now time.Duration) (v T, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return v, false
	}
	v = q.heap[0].v
	n := len(q.heap) - 1
	last := q.heap[n]
	q.heap[n] = entry[T]{} // let go of what v points to
	q.heap = q.heap[:n]
	if n == 0 {
		return v, true
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && q.heap[child+1].before(q.heap[child]) {
			child++
		}
		if !q.heap[child].before(last) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = last
	return v, true
}
