// Package request has the requests of a stage as they are sent: one that is always the
// same, several by weight, or one for each arrival, made of data. Which one, and what is
// random in it, follows from the number of the arrival alone: every run, and every
// generator of several, sends the same.
package request

import (
	"bytes"
	"crypto/tls"
	"math"
	"math/bits"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// Set is requests to one server.
type Set struct {
	Addr  string      // HOST:PORT
	Unix  string      // the path of the server's Unix socket, in place of Addr
	Host  string      // of Addr
	TLS   *tls.Config // of each connection, with the server's name; nil where they are plain
	Head  bool        // replies have no body, whatever their header says
	Close bool        // each request says that it is the last of its connection
	Seed  uint64      // of the drawing
	Body  int         // how many bytes at the end of each request are its body

	addresses addresses
	sessions  sessions

	Meaning *result.Meaning // what a reply's status means
	Stream  *stream.Spec    // what replies bring, where they are streams; else nil
	Look    stream.Look     // at replies, where Stream is nil

	// Fill, where not nil, changes the body of a copy of a request, number n, before
	// it is sent.
	Fill func(body []byte, n uint64)

	// Data, where not nil, is what the placeholders of Templates stand for, which then
	// take the place of the requests added.
	Data      *Data
	Templates []Template

	Multiplex
	shared shared

	raw    [][]byte
	weigh  weights
	filled atomic.Uint64 // how many were
}

// Add adds a request as it is sent. Its share of all is its weight over the sum
// of the weights. Where there is data, raw is of no meaning.
func (s *Set) Add(raw []byte, weight int) {
	s.raw = append(s.raw, raw)
	s.weigh.add(weight)
}

// Longest is about the length in bytes of the longest of the requests.
func (s *Set) Longest() (n int) {
	for _, raw := range s.raw {
		n = max(n, len(raw))
	}
	for _, t := range s.Templates {
		n = max(n, len(t.Target)+len(t.Lines[0])+len(t.Body)+s.Data.longest())
	}
	return n
}

// Most is how many requests there are before the data ends; math.MaxUint64 where it
// does not end.
func (s *Set) Most() uint64 {
	if s.Data == nil {
		return math.MaxUint64
	}
	return s.Data.most()
}

// Picker makes requests. It is not safe for concurrent use.
type Picker struct {
	set *Set
	own [][]byte // the picker's own copies, where they are filled; else those of the set

	out, body []byte // the last request that was made of data, and its body
	arrival   arrival

	which int             // of the set's requests the last was
	made  *http2.Requests // nil until one was made for HTTP/2
	maker *http2.Maker    // nil until one was made of data for it
}

// Picker returns a picker.
func (s *Set) Picker() Picker {
	p := Picker{set: s, own: s.raw}
	if s.Fill != nil {
		p.own = make([][]byte, len(s.raw))
		for i, raw := range s.raw {
			p.own[i] = bytes.Clone(raw)
		}
	}
	return p
}

// Reused reports whether the next request overwrites the last.
func (p *Picker) Reused() bool { return p.set.Fill != nil || p.set.Data != nil }

// Next is the request of arrival number n, from 0, and whether the reply to it has no
// body, whatever its header says. It must not be changed, and is valid until the next
// call.
func (p *Picker) Next(n uint64) (raw []byte, head bool) {
	s, i := p.set, 0
	if len(s.raw) > 1 {
		i = s.weigh.draw(s.Seed, n)
	}
	if s.Data != nil {
		row, cells := s.Data.places(s.Seed, n)
		return p.render(&s.Templates[i], n, row, cells)
	}
	raw, p.which = p.own[i], i
	if s.Fill != nil {
		s.Fill(raw[len(raw)-s.Body:], s.filled.Add(1))
	}
	return raw, s.Head
}

// weights are running sums of the weights of several.
type weights []uint64

func (w *weights) add(weight int) {
	sum := uint64(weight)
	if n := len(*w); n > 0 {
		sum += (*w)[n-1]
	}
	*w = append(*w, sum)
}

// draw is which of them arrival number n takes.
func (w weights) draw(seed, n uint64) int {
	at := below(random(seed, n, drawWhich), w[len(w)-1])
	i, found := slices.BinarySearch(w, at)
	if found { // w[i] requests come before those of i+1
		i++
	}
	return i
}

// What a random number of an arrival is for; those of placeholders are counted from 0.
const (
	drawWhich = math.MaxUint64 - iota
	drawRow
	drawUUID
	drawUUIDRest
)

// random is a number of 64 random bits that follows from its arguments alone: the
// generator is a counter and the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func random(seed, n, which uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	return mixed(mixed(seed+golden*(n+1)) + golden*(which+1))
}

func mixed(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below maps 64 random bits to 0 up to n-1.
func below(random, n uint64) uint64 {
	high, _ := bits.Mul64(random, n)
	return high
}

// framed reports whether a request of that method states its length where it has no
// body (RFC 9110, 8.6).
func framed(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}
