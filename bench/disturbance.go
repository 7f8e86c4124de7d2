package bench

import (
	"cmp"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

// span is a part of the window that the machine disturbed: spells, the guard before
// them and the settling after them.
type span struct {
	from, to time.Duration // instants
	causes   causes
}

// causes is how long the machine interfered, by cause.
type causes [host.Limited + 1]time.Duration

func (c *causes) add(o causes) {
	for i, d := range o {
		c[i] += d
	}
}

// most is the largest cause.
func (c causes) most() (most host.Cause) {
	for i, d := range c {
		if d > c[most] {
			most = host.Cause(i)
		}
	}
	return most
}

// text names the largest cause: steal where the hypervisor is known to have taken CPU time.
func (c causes) text(stolen time.Duration) string {
	most := c.most()
	if c[most] <= 0 {
		return ""
	}
	d := max(c[most].Round(time.Millisecond), time.Millisecond)
	switch {
	case most == host.Others:
		return "other processes " + units.Duration(d)
	case most == host.Limited:
		return "CPU quota " + units.Duration(d)
	case stolen > 0:
		return "steal " + units.Duration(max(d, stolen).Round(time.Millisecond))
	}
	return "stopped " + units.Duration(d)
}

// spans are the disturbed parts of a stage, in order, none of which touch.
type spans []span

// add adds a span, and joins it with those that it touches.
func (s *spans) add(n span) {
	first, _ := slices.BinarySearchFunc(*s, n.from, func(o span, at time.Duration) int { return cmp.Compare(o.to, at) })
	last := first
	for ; last < len(*s) && (*s)[last].from <= n.to; last++ {
		o := (*s)[last]
		n.from, n.to = min(n.from, o.from), max(n.to, o.to)
		n.causes.add(o.causes)
	}
	*s = slices.Replace(*s, first, last, n)
}

// has reports whether the instant was disturbed.
func (s spans) has(at time.Duration) bool {
	if len(s) == 0 || at >= s[len(s)-1].to {
		return false
	}
	i, _ := slices.BinarySearchFunc(s, at, func(o span, at time.Duration) int { return cmp.Compare(o.to, at+1) })
	return i < len(s) && s[i].from <= at
}

// touch reports whether any of the time between two instants was disturbed.
func (s spans) touch(from, to time.Duration) bool {
	if len(s) == 0 || from >= s[len(s)-1].to {
		return false
	}
	i, _ := slices.BinarySearchFunc(s, from, func(o span, at time.Duration) int { return cmp.Compare(o.to, at+1) })
	return s[i].from <= to
}

// within is how much of the time between two instants was disturbed, and by what; of a
// span that reaches beyond, its share.
func (s spans) within(from, to time.Duration) (length time.Duration, by causes) {
	i, _ := slices.BinarySearchFunc(s, from, func(o span, at time.Duration) int { return cmp.Compare(o.to, at) })
	for ; i < len(s) && s[i].from < to; i++ {
		part := min(to, s[i].to) - max(from, s[i].from)
		length += part
		for cause, d := range s[i].causes {
			by[cause] += time.Duration(float64(d) * float64(part) / float64(s[i].to-s[i].from))
		}
	}
	return length, by
}

// bounds are what a disturbance is measured by. They come from the latencies of the
// warm-up: those of the window decide nothing.
type bounds struct {
	latency time.Duration // of nearly all requests
	lag     time.Duration // a shorter spell than the lag that a stage may have is none
}

// settling is how long after a spell of that size what it changed may last: the
// requests that were held up leave at once, and the server works them off.
func (b bounds) settling(size time.Duration) time.Duration { return b.latency + 2*size }

// span is what a spell disturbs.
func (b bounds) span(s host.Spell) span {
	n := span{from: s.From - b.latency, to: s.To + b.settling(s.Size)}
	n.causes[s.Cause] = s.Size
	return n
}

// boundsOf takes the bounds from latencies: of 999 in 1,000 of them, and what the
// generator may be late, or in closed loads and bursts what that may change.
func (p Plan) boundsOf(latencies *result.Sparse) bounds {
	b := bounds{latency: min(latencies.Quantile(0.999), p.Timeout), lag: p.lagBound(latencies.Quantile(0.5))}
	if !p.Load.Model().Open() {
		b.lag = cmp.Or(p.MaxLag, max(time.Duration(maxShift*float64(latencies.Quantile(0.5))), minLag))
	}
	return b
}
