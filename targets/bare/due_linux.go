package bare

// due is a reply that waits for its instant.
type due struct {
	at, read int64 // instants, in nanoseconds since the process's epoch
	conn     *conn
	life     uint32 // of conn, when the request came
	reply    reply
}

// fifo holds the replies that are due, first come first: all wait equally long,
// so that nothing has to be sorted. It grows to the most that ever waited.
type fifo struct {
	ring  []due // its length is a power of two, or 0
	first int
	n     int
}

func (q *fifo) push(d due) {
	if q.n == len(q.ring) {
		bigger := make([]due, max(1024, 2*q.n))
		for i := range q.n {
			bigger[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
		}
		q.ring, q.first = bigger, 0
	}
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = d
	q.n++
}

// next is the first of at least one.
func (q *fifo) next() *due { return &q.ring[q.first] }

// pop takes the first of at least one away.
func (q *fifo) pop() {
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
}
