package epoll

// line is the requests under way, the one first of which nothing came for longest: no
// reply, or no event of it. As all have the same timeout, it is the next to time out. It runs through the clients
// themselves, so that keeping it allocates nothing.
type line struct{ first, last int32 }

func newLine() line { return line{none, none} }

func (q *line) push(conns []conn, i int32) {
	conns[i].prev, conns[i].next = q.last, none
	if q.last == none {
		q.first = i
	} else {
		conns[q.last].next = i
	}
	q.last = i
}

func (q *line) remove(conns []conn, i int32) {
	prev, next := conns[i].prev, conns[i].next
	if prev == none {
		q.first = next
	} else {
		conns[prev].next = next
	}
	if next == none {
		q.last = prev
	} else {
		conns[next].prev = prev
	}
}
