package bench

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/a628bb15/onhold/reports/redact"
)

// HTTP says what requests to make over HTTP/1.1 connections, plain or TLS.
type HTTP struct {
	URL string      // http:// or https://, with a host
	Mix []Weighted  // in place of URL: several addresses on one server, by weight
	TLS *tls.Config // for https; the system's where nil

	Method string // GET where empty

	// Header is further header lines, each as "Name: value". They are sent byte
	// for byte, in this order, the same name as often as it is given. A Host or
	// User-Agent line, or an Authorization line where URL has a user, takes the
	// place of the one that is made. A line that cannot be sent, or that would
	// change where the request ends, is an error.
	Header []string
	Body   []byte

	// Fill, where given, makes each request another one: it is called with its
	// body, a copy of Body that it may change in place, and its number, from 1,
	// over all connections. It is called from many goroutines.
	Fill func(body []byte, n uint64)

	// Accepted, where given, reads from the body of an ok reply what the server
	// calls the request that it accepted: see Completions. Only the goroutine
	// driver asks for it.
	Accepted func(body []byte) (id uint64, ok bool)

	NewConnection bool   // tell the server, by "Connection: close", that each request has a connection of its own
	Seed          uint64 // of the drawing from Mix
}

// Weighted is one address of a mix.
type Weighted struct {
	URL    string
	Weight int // its share of the requests is Weight over the sum of all weights; at least 1
}

// ParseWeighted reads an address that may have a weight in front of it, as in
// 9@http://127.0.0.1/a. Without one its weight is 1.
func ParseWeighted(text string) (Weighted, error) {
	weight, rest, ok := strings.Cut(text, "@")
	if !ok || strings.Contains(weight, ":") { // an @ of its own, as in http://joe:secret@host/
		return Weighted{text, 1}, nil
	}
	n, err := strconv.Atoi(weight)
	if err != nil || n < 1 || n > maxWeight {
		return Weighted{}, fmt.Errorf("url %q: what stands before the @ is no weight, want a whole number from 1 to %d, as in 9@http://127.0.0.1/", redact.URL(text), maxWeight)
	}
	return Weighted{rest, n}, nil
}

const maxWeight = 1_000_000

// Requests are requests as they go out, and to whom.
type Requests struct {
	Addr   string // HOST:PORT
	Host   string // of Addr
	Secure bool   // over TLS
	Head   bool   // replies have no body, whatever their header says
	Close  bool   // the server is told that no further request follows on the connection

	raw  [][]byte
	body int                         // how many bytes at the end of each are its body
	fill func(body []byte, n uint64) // of HTTP
	made atomic.Uint64               // requests that were filled
	upTo []uint64                    // of request i: the sum of the weights up to its own
	seed uint64
}

// Requests builds the requests. It fails where one cannot be made; the error
// begins with the name of the field.
func (h HTTP) Requests() (*Requests, error) {
	mix := h.Mix
	if len(mix) == 0 {
		mix = []Weighted{{h.URL, 1}}
	}
	h.learn(mix)
	r := &Requests{seed: h.Seed, Close: h.NewConnection, body: len(h.Body), fill: h.Fill}
	var sum uint64
	for i, w := range mix {
		u, err := parseURL(w.URL)
		if err != nil {
			return nil, err
		}
		if w.Weight < 1 || w.Weight > maxWeight {
			return nil, fmt.Errorf("url %s: the weight is %d, want 1 to %d", redact.URL(w.URL), w.Weight, maxWeight)
		}
		port := cmp.Or(u.Port(), u.Scheme)
		addr, secure := net.JoinHostPort(u.Hostname(), port), u.Scheme == "https"
		if i > 0 && (addr != r.Addr || secure != r.Secure) {
			return nil, fmt.Errorf("url %s: is on another server than %s, want addresses on one", redact.URL(w.URL), r.Addr)
		}
		r.Addr, r.Host, r.Secure = addr, u.Hostname(), secure
		raw, err := h.render(u, w.URL, r)
		if err != nil {
			return nil, err
		}
		sum += uint64(w.Weight)
		r.raw, r.upTo = append(r.raw, raw), append(r.upTo, sum)
	}
	return r, nil
}

// learn makes the secrets in the requests known, so that they are not shown where
// a server repeats them.
func (h HTTP) learn(mix []Weighted) {
	for _, w := range mix {
		redact.LearnURL(w.URL)
	}
	for _, line := range h.Header {
		redact.LearnHeader(line)
	}
	redact.Learn(string(h.Body)) // where it is short
}

// Longest is the length in bytes of the longest of the requests.
func (r *Requests) Longest() (n int) {
	for _, raw := range r.raw {
		n = max(n, len(raw))
	}
	return n
}

// Picker draws requests from a mix. It is not safe for concurrent use.
type Picker struct {
	r    *Requests
	draw *rand.Rand // nil where there is nothing to draw
	own  [][]byte   // the picker's own copies of the requests, where they are filled; else those of all
}

// Picker returns picker number n. Pickers of one number and seed draw the same.
func (r *Requests) Picker(n uint64) Picker {
	p := Picker{r: r, own: r.raw}
	if r.fill != nil {
		p.own = make([][]byte, len(r.raw))
		for i, raw := range r.raw {
			p.own[i] = bytes.Clone(raw)
		}
	}
	if len(r.raw) > 1 {
		p.draw = rand.New(rand.NewPCG(r.seed, n))
	}
	return p
}

// Next is the next request, as it goes out. It must not be changed, and is good
// until the next call.
func (p *Picker) Next() []byte {
	raw := p.pick()
	if p.r.fill != nil {
		p.r.fill(raw[len(raw)-p.r.body:], p.r.made.Add(1))
	}
	return raw
}

func (p *Picker) pick() []byte {
	if p.draw == nil {
		return p.own[0]
	}
	at := p.draw.Uint64N(p.r.upTo[len(p.r.upTo)-1])
	i, found := slices.BinarySearch(p.r.upTo, at)
	if found { // upTo[i] requests come before those of i+1
		i++
	}
	return p.own[i]
}
