package request

// Distinct is how many different requests there are, where each follows from one record
// of one file or there is only one; 0 where that has no number, as each has a value that
// is drawn, or counted, or comes from two files.
func (s *Set) Distinct() int {
	d := s.Data
	switch {
	case d == nil && s.Fill == nil:
		return len(s.raw)
	case d == nil || len(s.Templates) > 1 || d.Rows != nil && d.Table != nil || s.Templates[0].draws() || d.Rows.draws():
		return 0
	case d.Rows != nil:
		return d.Rows.Len()
	case d.Table != nil:
		return d.Table.Len()
	}
	return 1
}

// Which is the one of them, from 0, that arrival number n sends.
func (s *Set) Which(n uint64) int {
	if s.Data != nil {
		row, cells := s.Data.places(s.Seed, n)
		return max(row, cells) // one of them is 0
	}
	if len(s.raw) > 1 {
		return s.weigh.draw(s.Seed, n)
	}
	return 0
}

// Of is the i-th of them, and else like Next.
func (p *Picker) Of(i int) (raw []byte) {
	s := p.set
	if s.Data == nil {
		return p.own[i]
	}
	raw, _ = p.render(&s.Templates[0], 0, i, i)
	return raw
}

// draws reports whether something stands in the request that differs between arrivals
// with the same records.
func (t *Template) draws() bool {
	drawn := t.Target.draws() || t.Body.draws()
	for _, lines := range t.Lines {
		drawn = drawn || lines.draws()
	}
	return drawn
}

func (r *Rows) draws() bool {
	for i := 0; r != nil && i < r.Len(); i++ {
		if row := r.row(i); row.lines.draws() || row.target != nil && row.target.draws() || row.body != nil && row.body.draws() {
			return true
		}
	}
	return false
}

// draws reports whether a text has {seq}, {uuid} or {random LOW HIGH}.
func (c Code) draws() bool {
	for {
		n, w := uvarint(c)
		c = c[w+int(n):]
		op, w := uvarint(c)
		c = c[w:]
		switch op {
		case putEnd:
			return false
		case putSeq, putUUID, putRandom:
			return true
		}
	}
}
