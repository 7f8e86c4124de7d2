package clock

// Ring is a first-in, first-out queue that reuses its memory. The
// zero value is an empty queue. It is not safe for concurrent use.
type Ring[T any] struct {
	buf  []T
	head int
	n    int
}

// Len returns how many are in the queue.
func (r *Ring[T]) Len() int { return r.n }

// Push adds one at the end.
func (r *Ring[T]) Push(v T) {
	if r.n == len(r.buf) {
		grown := make([]T, max(64, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = v
	r.n++
}

// First returns the first and leaves it in. There must be one.
func (r *Ring[T]) First() T { return r.buf[r.head] }

// Pop removes and returns the first. There must be one.
func (r *Ring[T]) Pop() T {
	v := r.buf[r.head]
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return v
}
