package theory

import "math"

// queue is what a model says about a server in its steady state. Times are in
// mean service times, and waits are of the served.
type queue struct {
	workers         int
	load            float64 // offered, in erlangs
	rejected        float64 // share of the arrivals that is not served
	waitProbability float64 // share of the served that waits
	waitMean        float64

	// tail is the share of the served that waits longer than t, for t from 0;
	// nil where only a mean is known.
	tail func(t float64) float64
	// quantiles are those of the wait and of the latency, where the model has a
	// better way to them than tail; else nil.
	quantiles func(p ...float64) (waits, latencies []float64)
	spent     float64 // time for which a request waits that is then dropped
	longest   float64 // a bound of every wait; 0 for none
}

// never is the tail of a wait that is always 0.
func never(float64) float64 { return 0 }

// throughput is how many requests are served in a mean service time, which is
// also the mean number of busy workers.
func (q *queue) throughput() float64 { return q.load * (1 - q.rejected) }

// utilisation is the share of its time that a worker is busy.
func (q *queue) utilisation() float64 { return share(q.throughput() / float64(q.workers)) }

// inFlight is how many requests are waiting or in service, on average, by
// Little's law: also those that will be dropped.
func (q *queue) inFlight() float64 {
	return q.throughput()*(1+q.waitMean) + q.load*q.rejected*q.spent
}

// waitTail is the share of the served that waits longer than t: NaN where the
// law is not known.
func (q *queue) waitTail(t float64) float64 {
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

// waitQuantile is the wait that a share p of the served does not exceed, for p
// from 0 and below 1; ok is false where the law is not known.
func (q *queue) waitQuantile(p float64) (t float64, ok bool) {
	switch {
	case !(p >= 0 && p < 1) || q.tail == nil && q.quantiles == nil:
		return 0, false
	case q.quantiles != nil:
		waits, _ := q.quantiles(p)
		return waits[0], true
	}
	t = quantileOf(q.waitTail, p, max(q.waitMean, 1/float64(q.workers)))
	if q.longest > 0 {
		t = min(t, q.longest) // but for the last digit
	}
	return t, true
}

// latencyQuantiles are those of the wait and a service of the law after it, nil
// where they are not known.
func (q *queue) latencyQuantiles(law Law, p ...float64) (t []float64) {
	if q.quantiles != nil {
		_, t = q.quantiles(p...)
		return t
	}
	if q.tail == nil {
		return nil
	}
	switch law.kind() {
	case Constant:
		for _, p := range p {
			w, _ := q.waitQuantile(p)
			t = append(t, w+1)
		}
	case Exponential:
		tail := q.exponentialTail()
		for _, p := range p {
			t = append(t, quantileOf(tail, p, 1+q.waitMean))
		}
	}
	return t
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
// bisection where it is not.
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

// exponentialTail is the law of the wait and an exponential service after it, to
// some eight digits. Let G be the tail of the wait. That of the sum, H, is exp(-t)
// plus the integral of exp(s-t)·G(s) over s from 0 to t.
//
// It is computed once, in panels up to where G is 0: each H follows from the last.
func (q *queue) exponentialTail() func(t float64) float64 {
	last := quantileOf(q.waitTail, 1-1e-13, max(q.waitMean, 1/float64(q.workers)))
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
			sum += w[i] * math.Exp(s-to) * q.waitTail(s)
		}
		return math.Exp(from-to)*h + sum*(to-from)
	}
	width := last / panels
	if width > 1 {
		// The wait is long compared with the service: only the last 40 services
		// matter, the latest most.
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
