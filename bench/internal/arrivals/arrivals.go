// Package arrivals has the patterns of planned instants that loads have. They
// know no clock: a schedule is computed, compared and tested without waiting.
package arrivals

import (
	"math"
	"math/rand/v2"
	"time"
)

// Constant is a steady rate: arrival number i comes at i/Rate.
type Constant struct {
	Rate float64 // arrivals per second, above 0
}

// Poisson is a Poisson process: independent exponential gaps.
type Poisson struct {
	Rate float64 // arrivals per second on average, above 0
}

// Burst is Clients arrivals at the same instant, wave after wave.
type Burst struct {
	Clients  int           // above 0
	Interval time.Duration // from one wave to the next, above 0
}

// Ramp is a rate that is From during Hold, rises or falls evenly to To during
// Over, and then stays.
type Ramp struct {
	From, To   float64 // arrivals per second, not negative, To above 0
	Hold, Over time.Duration
	Random     bool // a Poisson process of that rate; else arrival number i comes when i are due
}

// Schedule returns the offset of arrival number 0, 1, 2 and so on. It is computed
// from that number, so that no rounding adds up.
func (c Constant) Schedule(uint64) func() time.Duration {
	i := 0.0
	return func() time.Duration {
		at := seconds(i / c.Rate)
		i++
		return at
	}
}

// Schedule draws the gaps from the seed.
func (p Poisson) Schedule(seed uint64) func() time.Duration {
	due := unitPoisson(seed)
	return func() time.Duration { return seconds(due() / p.Rate) }
}

// unitPoisson is the instants of a Poisson process of rate 1.
func unitPoisson(seed uint64) func() float64 {
	gaps := rand.New(rand.NewPCG(seed, 0x61727269_76616c73))
	at := 0.0
	return func() float64 {
		at += gaps.ExpFloat64()
		return at
	}
}

// Schedule repeats the instant of each wave once per client.
func (b Burst) Schedule(uint64) func() time.Duration {
	i := 0
	return func() time.Duration {
		at := time.Duration(i/b.Clients) * b.Interval
		i++
		return at
	}
}

// Schedule inverts the number of arrivals expected by an instant: it maps the
// arrivals of a process of rate 1, regular or random, to those of the ramp.
func (r Ramp) Schedule(seed uint64) func() time.Duration {
	next := -1.0
	due := func() float64 { next++; return next }
	if r.Random {
		due = unitPoisson(seed)
	}
	return func() time.Duration { return seconds(r.at(due())) }
}

// at is when n arrivals are expected to have come, in seconds.
func (r Ramp) at(n float64) float64 {
	hold, over := r.Hold.Seconds(), r.Over.Seconds()
	held, rising := r.From*hold, (r.From+r.To)/2*over // arrivals of each part
	switch {
	case n < held:
		return n / r.From
	case n == held: // also where From is 0
		return hold
	case n > held+rising:
		return hold + over + (n-held-rising)/r.To
	}
	// The root of slope/2·t² + From·t = n, in the form that does not cancel where
	// the slope is small or zero.
	n -= held
	root := math.Sqrt(max(0, r.From*r.From+2*(r.To-r.From)/over*n))
	return hold + 2*n/(r.From+root)
}

// seconds turns an offset into a Duration, at most the largest one: a rate so
// low that its next arrival lies centuries ahead is allowed.
func seconds(s float64) time.Duration {
	ns := math.Round(s * 1e9)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

// Share is every n-th of a schedule's offsets, from number i on.
func Share(next func() time.Duration, i, n int) func() time.Duration {
	if n == 1 {
		return next
	}
	for range i {
		next()
	}
	first := true
	return func() time.Duration {
		if !first {
			for range n - 1 {
				next()
			}
		}
		first = false
		return next()
	}
}

// Replay is arrivals at recorded instants.
type Replay struct {
	Instants []time.Duration // never decreasing, the first 0; at least one
	Speed    float64         // how many times as fast, above 0
}

// ended is an instant that no stage reaches; sums of two do not overflow.
const ended = math.MaxInt64 / 2

// Schedule returns the instants, and after the last of them one that does not come.
func (r Replay) Schedule(uint64) func() time.Duration {
	i := 0
	return func() time.Duration {
		if i == len(r.Instants) {
			return ended
		}
		i++
		return r.at(i - 1)
	}
}

func (r Replay) at(i int) time.Duration {
	return min(seconds(r.Instants[i].Seconds()/r.Speed), ended-1)
}

// Length is that of a window that holds all arrivals: the mean gap follows the last.
func (r Replay) Length() time.Duration {
	last := r.at(len(r.Instants) - 1)
	return last + max(last/time.Duration(max(1, len(r.Instants)-1)), time.Millisecond)
}
