package theory

import "math"

// Fluid is the backlog of a queue that accepts now and works later, as a fluid:
// what comes and what is worked on flow. It is right to first order, off by some
// sqrt(rate·time) requests. Times are in seconds, rates in requests a second.
type Fluid struct {
	Rate      float64 // of arrivals while the load lasts
	For       float64 // how long that is; nothing comes after it, but After
	After     float64 // rate of arrivals after it, below Capacity
	Consumers int
	Service   float64 // of one consumer, for one
	Bound     float64 // how many fit in, +Inf for any number; 0 counts as +Inf
}

// Backlog is what a [Fluid] comes to.
type Backlog struct {
	Capacity float64 // requests a second that the consumers can do
	Most     float64 // requests behind, at the most
	Oldest   float64 // how long the one waits that waits longest, in seconds
	FullAt   float64 // when it is full, in seconds from the start; +Inf for never
	Rejected float64 // share of what comes while the load lasts
	EmptyAt  float64 // when nothing is behind any more; 0 where nothing ever is
}

// Backlog works it out.
func (f Fluid) Backlog() (Backlog, error) {
	if err := firstOf(badTime("rate", f.Rate), badTime("for", f.For), badTime("after", f.After), badWorkers(f.Consumers), badPositive("service", f.Service),
		bad(f.Bound >= 0, "bound", f.Bound, "0 or more")); err != nil {
		return Backlog{}, err
	}
	b := Backlog{Capacity: float64(f.Consumers) / f.Service, FullAt: math.Inf(1)}
	bound := f.Bound
	if bound == 0 {
		bound = math.Inf(1)
	}
	if err := firstOf(badPositive("service", 1/b.Capacity), badPositive("service", b.Capacity), bad(f.After < b.Capacity, "after", f.After, "below what the consumers can do, or it is never empty"),
		badTime("rate", f.Rate*f.For)); err != nil {
		return Backlog{}, err
	}
	rise := f.Rate - b.Capacity
	if rise <= 0 || f.For == 0 {
		return b, nil
	}
	b.Most = rise * f.For
	if b.Most > bound {
		b.FullAt = bound / rise
		b.Rejected = rise * (f.For - b.FullAt) / (f.Rate * f.For)
		b.Most = bound
	}
	b.Oldest = b.Most / b.Capacity
	b.EmptyAt = f.For + b.Most/(b.Capacity-f.After)
	return b, nil
}

// At is the backlog at a time, and how long one that comes then is behind.
func (f Fluid) At(t float64) (behind, age float64, err error) {
	b, err := f.Backlog()
	if err := firstOf(err, badTime("t", t)); err != nil {
		return 0, 0, err
	}
	behind = min(b.Most, max(0, f.Rate-b.Capacity)*min(t, f.For))
	if t > f.For {
		behind = max(0, b.Most-(b.Capacity-f.After)*(t-f.For))
	}
	return behind, behind / b.Capacity, nil
}
