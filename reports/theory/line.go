package theory

// line is a queue of c workers, first come first served, that is told arrivals in
// order and knows at once when each will start: the worker that is free first
// takes it. Times are numbers of any unit.
type line[T int64 | float64] struct {
	places  int  // Unbounded, or that many may wait
	ordered bool // departures come in the order of arrivals: services are all the same

	free   []T // when each worker has done all it was given: a heap, or a ring from head
	head   int
	starts []T // when those leave the queue that are in it, from first on
	first  int
}

func newLine[T int64 | float64](c, places int, ordered bool) *line[T] {
	return &line[T]{places: places, ordered: ordered, free: make([]T, c)}
}

// advance lets those go whose time has come. What leaves at t has left before
// what arrives at t.
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

// earliest is when a worker is free for the next.
func (l *line[T]) earliest() T { return l.free[l.head] }

// full says that what arrives at t is rejected; it is as of the last advance.
func (l *line[T]) full(t T) bool {
	return l.places >= 0 && l.earliest() > t && l.waiting() >= l.places
}

// opens is when a line that is full has room again: at the next departure.
func (l *line[T]) opens() T {
	if l.waiting() > 0 {
		return l.starts[l.first]
	}
	return l.earliest()
}

// enter takes one that arrives at t, whether there is room or not.
func (l *line[T]) enter(t, service T) (start T) {
	start = max(t, l.earliest())
	l.occupy(start + service)
	if start > t && l.places >= 0 {
		l.starts = append(l.starts, start)
	}
	return start
}

// leaveAt keeps a place until t for one that will not be served.
func (l *line[T]) leaveAt(t T) {
	if l.places >= 0 {
		l.starts = append(l.starts, t)
	}
}

// simulatedFate is what became of an arrival.
type simulatedFate int

const (
	served simulatedFate = iota
	turnedAway
	givenUp
)

// submit is what becomes of one that arrives at t, and how long it waits.
func (l *line[T]) submit(t, service, longest T) (f simulatedFate, wait T) {
	l.advance(t)
	if l.full(t) {
		return turnedAway, 0
	}
	wait = max(0, l.earliest()-t)
	if longest > 0 && wait > longest {
		l.leaveAt(t + longest)
		return givenUp, longest
	}
	l.enter(t, service)
	return served, wait
}

// occupy gives the worker that is free first something to do until then.
func (l *line[T]) occupy(until T) {
	if l.ordered {
		l.free[l.head] = until
		l.head++
		if l.head == len(l.free) {
			l.head = 0
		}
		return
	}
	siftDown(l.free, until)
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
