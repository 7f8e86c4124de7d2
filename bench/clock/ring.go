package clock

import "time"

// Ring is a first-in, first-out queue of instants that reuses its memory. The
// zero value is an empty queue. It is not safe for concurrent use.
type Ring struct {
	buf  []time.Duration
	head int
	n    int
}

// Len returns the number of instants in the queue.
func (r *Ring) Len() int { return r.n }

// Push adds an instant at the end.
func (r *Ring) Push(at time.Duration) {
	if r.n == len(r.buf) {
		grown := make([]time.Duration, max(64, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = at
	r.n++
}

// Pop removes and returns the first instant. There must be one.
func (r *Ring) Pop() time.Duration {
	at := r.buf[r.head]
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return at
}
