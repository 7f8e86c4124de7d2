package theory

// line is a queue of c workers, first come first served, that takes arrivals in
// order and knows at once when each will start: the worker that is free first
// serves it. Times are numbers of any unit.
type line[T int64 | float64] struct {
	room   int // how many may wait, or Unbounded
	free   []T // when each worker has done all it was given: a heap
	starts []T // when those leave the queue that are in it, from first on
	first  int
}

func newLine[T int64 | float64](c, room int) *line[T] {
	return &line[T]{room: room, free: make([]T, c)}
}

// advance removes those from the queue that leave it by t. A request that leaves
// at t has left before one that arrives at t.
func (l *line[T]) advance(t T) {
	for l.first < len(l.starts) && l.starts[l.first] <= t {
		l.first++
	}
	if l.first > 1024 && l.first > len(l.starts)/2 {
		l.starts = l.starts[:copy(l.starts, l.starts[l.first:])]
		l.first = 0
	}
}

func (l *line[T]) waiting() int { return len(l.starts) - l.first }

// earliest is when a worker is free for the next request.
func (l *line[T]) earliest() T { return l.free[0] }

// full reports whether an arrival at t is rejected, as of the last advance.
func (l *line[T]) full(t T) bool {
	return l.room >= 0 && l.earliest() > t && l.waiting() >= l.room
}

// opens is when a full line has room again: at the next departure.
func (l *line[T]) opens() T {
	if l.waiting() > 0 {
		return l.starts[l.first]
	}
	return l.earliest()
}

// enter takes an arrival at t, whether there is room or not.
func (l *line[T]) enter(t, service T) (start T) {
	start = max(t, l.earliest())
	siftDown(l.free, start+service)
	if start > t {
		l.leaveAt(start)
	}
	return start
}

// leaveAt keeps a place in the queue until t.
func (l *line[T]) leaveAt(t T) {
	if l.room >= 0 {
		l.starts = append(l.starts, t)
	}
}

// outcome is what becomes of a simulated arrival.
type outcome int

const (
	served outcome = iota
	rejected
	dropped // after the longest wait
)

// submit is the outcome of an arrival at t, and how long it waits.
func (l *line[T]) submit(t, service, longest T) (o outcome, wait T) {
	l.advance(t)
	if l.full(t) {
		return rejected, 0
	}
	wait = max(0, l.earliest()-t)
	if longest > 0 && wait > longest {
		l.leaveAt(t + longest)
		return dropped, longest
	}
	l.enter(t, service)
	return served, wait
}

// siftDown replaces the least of a heap by v.
func siftDown[T int64 | float64](h []T, v T) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if v <= h[child] {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = v
}
