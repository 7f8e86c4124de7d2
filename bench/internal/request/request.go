// Package request has the requests of a stage as they are sent, and draws from
// them.
package request

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// Set is requests to one server.
type Set struct {
	Addr   string // HOST:PORT
	Host   string // of Addr
	Secure bool   // over TLS
	Head   bool   // replies have no body, whatever their header says
	Close  bool   // each request says that it is the last of its connection
	Seed   uint64 // of the drawing
	Body   int    // how many bytes at the end of each request are its body

	// Fill, where not nil, changes the body of a copy of a request, number n, before
	// it is sent.
	Fill func(body []byte, n uint64)

	raw    [][]byte
	upTo   []uint64      // of request i: the sum of the weights up to its own
	filled atomic.Uint64 // how many were
}

// Add adds a request as it is sent. Its share of all is its weight over the sum
// of the weights.
func (s *Set) Add(raw []byte, weight int) {
	sum := uint64(weight)
	if n := len(s.upTo); n > 0 {
		sum += s.upTo[n-1]
	}
	s.raw, s.upTo = append(s.raw, raw), append(s.upTo, sum)
}

// Longest is the length in bytes of the longest of the requests.
func (s *Set) Longest() (n int) {
	for _, raw := range s.raw {
		n = max(n, len(raw))
	}
	return n
}

// Picker draws requests. It is not safe for concurrent use.
type Picker struct {
	set  *Set
	draw *rand.Rand // nil where there is one request only
	own  [][]byte   // the picker's own copies, where they are filled; else those of the set
}

// Picker returns picker number n. Pickers of one number and seed draw the same.
func (s *Set) Picker(n uint64) Picker {
	p := Picker{set: s, own: s.raw}
	if s.Fill != nil {
		p.own = make([][]byte, len(s.raw))
		for i, raw := range s.raw {
			p.own[i] = bytes.Clone(raw)
		}
	}
	if len(s.raw) > 1 {
		p.draw = rand.New(rand.NewPCG(s.Seed, n))
	}
	return p
}

// Next is the next request. It must not be changed, and is valid until the next
// call.
func (p *Picker) Next() []byte {
	raw := p.own[0]
	if p.draw != nil {
		at := p.draw.Uint64N(p.set.upTo[len(p.set.upTo)-1])
		i, found := slices.BinarySearch(p.set.upTo, at)
		if found { // upTo[i] requests come before those of i+1
			i++
		}
		raw = p.own[i]
	}
	if p.set.Fill != nil {
		p.set.Fill(raw[len(raw)-p.set.Body:], p.set.filled.Add(1))
	}
	return raw
}
