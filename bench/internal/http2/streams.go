package http2

// stream is one request and its reply.
type stream struct {
	id, tag  int32
	lowered  uint32 // how often the peer had lowered its limit of streams before
	status   int16
	interim  uint8 // replies that came before the final one, as 103 Early Hints
	began    bool  // the header of the final reply has come
	wanted   bool  // the body is for the Sink
	head     bool
	sent     bool  // all of the request, or no more of it is
	waits    bool  // it is in the line of those that have a body to send
	next     int32 // in that line, or of the places that are free
	received int32 // of its window, since it was topped up last
	length   int64 // of the body, as the header says; noNumber where it does not
	got      int64 // of the body
	size     int64 // of the body and its framing
	window   int64 // for the rest of the request; below 0 where the peer has made it smaller
	body     []byte
}

// streams is those of a connection that are open. A stream has a place, which later ones
// use again.
//
// Ids are found by hashing with open addresses. As they are given out in order, a lookup
// nearly always finds its stream at once; a stream that stays open for long is only one
// more step for others.
type streams struct {
	all  []stream
	free int32   // the first place that is; none
	ids  []int32 // places + 1; twice as many as there are streams at the least
	open int
}

func (s *streams) slot(id int32) uint32 { return uint32(id>>1) & uint32(len(s.ids)-1) }

// find is the place of the open stream with an id, or none.
func (s *streams) find(id int32) int32 {
	if len(s.ids) == 0 {
		return none
	}
	for at := s.slot(id); s.ids[at] != 0; at = (at + 1) & uint32(len(s.ids)-1) {
		if p := s.ids[at] - 1; s.all[p].id == id {
			return p
		}
	}
	return none
}

// add opens a stream.
func (s *streams) add(id int32) (place int32) {
	if s.open == 0 {
		s.free = none
		s.all = s.all[:0]
	}
	if place = s.free; place != none {
		s.free = s.all[place].next
	} else {
		s.all = append(s.all, stream{})
		place = int32(len(s.all) - 1)
	}
	s.all[place] = stream{id: id, next: none, length: noNumber}
	if s.open++; 2*s.open > len(s.ids) {
		s.ids = make([]int32, max(4, 2*len(s.ids)))
		for p := range s.all {
			if s.all[p].id != 0 {
				s.enter(int32(p))
			}
		}
	} else {
		s.enter(place)
	}
	return place
}

func (s *streams) enter(place int32) {
	at := s.slot(s.all[place].id)
	for s.ids[at] != 0 {
		at = (at + 1) & uint32(len(s.ids)-1)
	}
	s.ids[at] = place + 1
}

// remove closes a stream.
func (s *streams) remove(place int32) {
	mask := uint32(len(s.ids) - 1)
	at := s.slot(s.all[place].id)
	for s.ids[at] != place+1 {
		at = (at + 1) & mask
	}
	// Those behind it move up, as far as that leaves them behind their own slot.
	for to := (at + 1) & mask; s.ids[to] != 0; to = (to + 1) & mask {
		own := s.slot(s.all[s.ids[to]-1].id)
		if (to-own)&mask >= (to-at)&mask {
			s.ids[at] = s.ids[to]
			at = to
		}
	}
	s.ids[at] = 0
	s.all[place].id, s.all[place].body = 0, nil
	s.all[place].next, s.free = s.free, place
	s.open--
}
