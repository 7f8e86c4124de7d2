package theory

import "math"

// Queue is what a model says of a server in its steady state. Times are in units
// of the mean service time, and waits are of what was served.
type Queue struct {
	Workers, Places int     // places may be Unbounded
	Load            float64 // offered, in erlangs
	Rejected        float64 // share of what arrives that is not served
	WaitProbability float64 // share of the served that waits
	WaitMean        float64

	// tail is the share of the served that waits longer than t, for t from 0;
	// nil where only a mean is known.
	tail func(t float64) float64
	// quantiles are those of the wait and of the latency, where the model has better
	// means for them than tail; else nil.
	quantiles func(p ...float64) (waits, latencies []float64)
	// spent is the time that one waits who is given up.
	spent float64
	// longest is a bound of any wait, where there is one.
	longest float64
}

// Throughput is how many requests are served in a mean service time: also the
// mean number of busy workers.
func (q *Queue) Throughput() float64 { return q.Load * (1 - q.Rejected) }

// Utilisation is the share of its time that a worker is busy.
func (q *Queue) Utilisation() float64 { return share(q.Throughput() / float64(q.Workers)) }

// InFlight is how many requests are waiting or served, on average: Little's law.
// Those count that will be given up.
func (q *Queue) InFlight() float64 {
	return q.Throughput()*(1+q.WaitMean) + q.Load*q.Rejected*q.spent
}

// WaitTail is the share of the served that waits longer than t. It is 1 for t
// below 0, and not a number where the model gives no law.
func (q *Queue) WaitTail(t float64) float64 {
	switch {
	case t < 0:
		return 1
	case q.tail == nil || math.IsNaN(t):
		return math.NaN()
	case q.longest > 0 && t >= q.longest, t > 1e15: // no load within the range is so near the limit
		return 0
	}
	return share(q.tail(t))
}

// WaitQuantile is the wait that a share p of the served does not exceed, for p
// from 0 and below 1; ok is false where p is not, or the model gives no law.
func (q *Queue) WaitQuantile(p float64) (t float64, ok bool) {
	if !(p >= 0 && p < 1) || q.tail == nil {
		return 0, false
	}
	if q.quantiles != nil {
		waits, _ := q.quantiles(p)
		return waits[0], true
	}
	t = quantileOf(q.WaitTail, p, max(q.WaitMean, 1/float64(q.Workers)))
	if q.longest > 0 {
		t = min(t, q.longest) // but for the last digit
	}
	return t, true
}

// quantileOf is the first t with a tail of at most 1-p; scale is any time of the
// right size.
func quantileOf(tail func(float64) float64, p, scale float64) float64 {
	enough := func(t float64) bool { return tail(t) <= 1-p }
	if enough(0) {
		return 0
	}
	high := scale
	for !enough(high) && high < 1e300 {
		high *= 2
	}
	return firstBelow(tail, 1-p, high)
}

// firstBelow is the first t, to 13 digits, at which a tail is at most q, given that
// it is above q at 0, and not at high. It is the method of Oliveira and Takahashi
// (An Enhancement of the Bisection Method, ACM Transactions on Mathematical
// Software 47, 2020): a dozen steps where the tail is smooth, and one more than
// halving takes where it is not.
func firstBelow(tail func(t float64) float64, q, high float64) float64 {
	low, above, below := 0.0, tail(0)-q, tail(high)-q // above is over 0, below is not
	half := 0.5e-13 * high
	width := high
	most := math.Ceil(math.Log2(width/(2*half))) + 1
	for j := 0.0; high-low > 2*half && j < 200; j++ {
		mid := low + (high-low)/2
		secant := (above*high - below*low) / (above - below)
		side := math.Copysign(1, mid-secant)
		t := mid
		if shift := 0.2 / width * (high - low) * (high - low); shift <= math.Abs(mid-secant) {
			t = secant + side*shift
		}
		if room := half*math.Exp2(most-j) - (high-low)/2; math.Abs(t-mid) > room {
			t = mid - side*room
		}
		if !(t > low && t < high) {
			if t = mid; t <= low || t >= high {
				break
			}
		}
		if v := tail(t) - q; v <= 0 {
			high, below = t, v
		} else {
			low, above = t, v
		}
	}
	return high
}

// ConstantLatency are the quantiles of the latency of the served, where each
// service takes 1: the wait, and 1 more.
func (q *Queue) ConstantLatency(p ...float64) (t []float64, ok bool) {
	for _, p := range p {
		w, ok := q.WaitQuantile(p)
		if !ok {
			return nil, false
		}
		t = append(t, w+1)
	}
	return t, true
}

// ExponentialLatency are the quantiles of the latency of the served, where
// service is exponential, and so independent of the wait before it. They are
// accurate to some eight digits.
func (q *Queue) ExponentialLatency(p ...float64) (t []float64, ok bool) {
	if q.tail == nil {
		return nil, false
	}
	tail := q.exponentialTail()
	for _, p := range p {
		if !(p >= 0 && p < 1) {
			return nil, false
		}
		t = append(t, quantileOf(tail, p, 1+q.WaitMean))
	}
	return t, true
}

// exponentialTail is the law of the wait and an exponential service after it. Let
// G be the tail of the wait. That of the sum, H, is exp(-t) and the integral of
// exp(s-t)·G(s) over s from 0 to t: with E(h(W)) = h(0) + the integral of h'·G,
// of h(s) = exp(s-t) below t and 1 above.
//
// It is laid out once, in panels up to where G is nothing: the next H follows from
// the last.
func (q *Queue) exponentialTail() func(t float64) float64 {
	last := quantileOf(q.WaitTail, 1-1e-13, max(q.WaitMean, 1/float64(q.Workers)))
	if last == 0 {
		return func(t float64) float64 { return math.Exp(-t) }
	}
	const panels, nodes = 400, 8
	x, w := gauss(nodes, 0, 1)
	// step is H at the time to, given that it is h at from.
	step := func(h, from, to float64) float64 {
		var sum float64
		for i := range x {
			s := from + x[i]*(to-from)
			sum += w[i] * math.Exp(s-to) * q.WaitTail(s)
		}
		return math.Exp(from-to)*h + sum*(to-from)
	}
	width := last / panels
	if width > 1 {
		// Of a wait that is long against the service the last 40 services decide, and
		// the more the later they are.
		return func(t float64) float64 {
			from := max(0, t-40)
			h, at := boolTo(from == 0), from
			for _, left := range [...]float64{32, 25, 20, 16, 12, 9, 6.5, 4.5, 3, 2, 1, 0} {
				if to := t - left*(t-from)/40; to > at {
					h, at = step(h, at, to), to
				}
			}
			return h
		}
	}
	at := make([]float64, panels+1)
	at[0] = 1
	for i := range panels {
		at[i+1] = step(at[i], float64(i)*width, float64(i+1)*width)
	}
	return func(t float64) float64 {
		if t >= last {
			return math.Exp(last-t) * at[panels]
		}
		i := min(int(t/width), panels-1)
		return step(at[i], float64(i)*width, t)
	}
}
