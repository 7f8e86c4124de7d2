package theory

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// mdc is the server with c workers and an unbounded queue, Poisson arrivals of load
// a, below c, and constant service, first come first served: M/D/c. It is exact to
// ten digits or more. It takes a time of c.
//
// A request in service now has left a service time later. So N, the number in the
// system, and L, that in the queue, follow N' = L + A and L' = max(L + A - c, 0),
// where A is the arrivals of a service time: L is the highest point of a random walk
// with steps A-c. Its distribution comes from factoring 1 - z^-c·exp(a(z-1))
// (Spitzer), here by two Fourier transforms on the circle of radius c/a. The two
// real zeros, 1 and that of the geometric tail, are taken out first. This works for
// 100,000 workers, unlike the search for c-1 complex roots (Crommelin, Delay
// Probability Formulae when the Holding Times Are Constant, 1932; Janssen and van
// Leeuwaarden, 2008). The wait follows from L by the formula of Franx, A Simple
// Solution for the M/D/c Waiting Time Distribution, Operations Research Letters 29,
// 2001. All its terms are positive; those of Erlang's formula of 1909 are not, and
// lose all digits at high loads.
func mdc(c int, a float64) *queue {
	q := &queue{workers: c, load: a, tail: never}
	if a == 0 {
		return q
	}
	law := newWaitingLaw(c, a)
	q.waitMean = max(0, law.mean/a)
	q.tail = func(t float64) float64 {
		// u is the load that arrives in what is left of the last service time.
		k := math.Floor(t) + 1
		if k*float64(c) > 1e15 {
			return 0
		}
		u := a * (k - t)
		last := int(k)*c - 1
		return poissonSum(u, last, func(j int) float64 { return law.more(last - j) }) + poissonAbove(last, u)
	}
	q.waitProbability = share(q.tail(0))
	return q
}

// waitingLaw is the distribution of the number that waits in M/D/c at any instant.
type waitingLaw struct {
	above []float64 // probability of more than 0, 1, 2 and so on
	tau   float64   // ratio of each to the next beyond the end of above
	mean  float64
}

// more is the probability that more than m wait.
func (l *waitingLaw) more(m int) float64 {
	if last := len(l.above) - 1; m > last {
		if l.above[last] == 0 {
			return 0
		}
		return l.above[last] * math.Exp(-float64(m-last)*math.Log(l.tau))
	}
	return l.above[m]
}

func newWaitingLaw(c int, a float64) *waitingLaw {
	n := float64(c)
	free := (n - a) / n                      // what the workers have left
	decay := -n * (math.Log1p(-free) + free) // of the walk's ever reaching up: exp(-decay) a step
	if free < 1e-3 {
		decay = n * free * free * (0.5 + free*(1.0/3+free*(0.25+free*(0.2+free/6))))
	}
	if decay > 4 {
		return rarelyWaiting(n, a, int(38/decay)+1)
	}
	beyond := geometricTail(n, a) // tau-1
	for size := 256; ; size *= 2 {
		if float64(size) >= 32*math.Sqrt(n) {
			if l := factored(n, a, free, decay, beyond, size); l != nil {
				return l
			}
		}
	}
}

// rarelyWaiting is the distribution where only a few steps of the walk matter, by
// Spitzer's formula itself: without a transform small probabilities keep their
// digits. The logarithm of the distribution's transform has the powers b, each the
// sum over steps of the probability to be there, over the step.
func rarelyWaiting(n, a float64, steps int) *waitingLaw {
	b := []float64{0}
	var sum float64
	l := &waitingLaw{tau: math.Inf(1)}
	for m := 1; ; m++ {
		var p float64
		for step := 1; step <= steps; step++ {
			p += poisson(m+step*int(n), float64(step)*a) / float64(step)
		}
		b = append(b, p)
		sum += p
		l.mean += float64(m) * p
		if p <= 1e-20*sum || sum == 0 {
			break
		}
	}
	// The exponential of a power series, all of whose terms are positive.
	q := make([]float64, len(b))
	q[0] = math.Exp(-sum)
	for m := 1; m < len(q); m++ {
		for j := 1; j <= m; j++ {
			q[m] += float64(j) * b[j] * q[m-j] / float64(m)
		}
	}
	l.above = fromEnd(q)[1:]
	return l
}

// geometricTail is tau-1, where tau is the root above 1 of z^c = exp(a(z-1)).
func geometricTail(n, a float64) float64 {
	if free := (n - a) / n; free < 1e-3 {
		// ln(1+y)/y = a/n by its series, or the digits of y are lost.
		y := 2 * free
		for range 60 {
			y = 2 * (free + y*y*(1.0/3-y*(0.25-y*(0.2-y*(1.0/6-y/7)))))
		}
		return y
	}
	over := func(y float64) float64 { return a*y - n*math.Log1p(y) } // convex, least at (n-a)/a
	y := 2 * (n - a) / a
	for over(y) < 0 {
		y *= 2
	}
	for range 100 { // Newton's method, from above
		next := y - over(y)/(a-n/(1+y))
		if !(next < y) {
			break
		}
		y = next
	}
	return y
}

// factored is the distribution by a transform of the given size; nil where that is
// too small. No input within the range is known to need the largest.
func factored(n, a, free, decay, beyond float64, size int) *waitingLaw {
	fft := fourier.NewCmplxFFT(size)
	radius, tau := n/a, 1+beyond
	values := make([]complex128, size)
	for i := range values {
		theta := 2 * math.Pi * float64(i) / float64(size)
		if i > size/2 {
			theta -= 2 * math.Pi
		}
		half := math.Sin(theta / 2)
		turn := complex(-2*half*half, math.Sin(theta)) // exp(i·theta) - 1
		// On this circle z^-c·exp(a(z-1)) is exp(x+iy).
		x, y := -decay-2*n*half*half, n*(math.Sin(theta)-theta)
		if math.Abs(theta) < 0.01 {
			y = -n * theta * theta * theta * (1.0/6 - theta*theta*(1.0/120-theta*theta/5040))
		}
		e, h := math.Exp(x), math.Sin(y/2)
		one := complex(-math.Expm1(x)*math.Cos(y)+2*h*h, -e*math.Sin(y))
		z := complex(radius, 0) * (turn + 1)
		fromOne := complex(free*radius, 0) + complex(radius, 0)*turn      // z-1
		toTau := complex(beyond-free*radius, 0) - complex(radius, 0)*turn // tau-z
		values[i] = cmplx.Log(one) - cmplx.Log(fromOne/z) - cmplx.Log(toTau/complex(tau, 0))
	}
	coeff := fft.Coefficients(nil, values)
	var most, middle float64
	for i, v := range coeff {
		size := cmplx.Abs(v)
		most = max(most, size)
		if i > len(coeff)/4 && i < 3*len(coeff)/4 {
			middle = max(middle, size)
		}
	}
	if middle > 1e-13*most && middle > 1e-15*float64(size) && size < 1<<22 {
		return nil
	}
	// g is the part with positive powers of the logarithm of the distribution's transform.
	l := &waitingLaw{tau: tau, mean: 1 / beyond}
	logRadius := -math.Log1p(-free)
	var atOne float64
	for m := range coeff {
		g := -real(coeff[m]) / float64(size)
		if m == 0 || m > size/2 {
			g = 0
		}
		coeff[m] = complex(g, 0)
		if g != 0 {
			g *= math.Exp(-float64(m) * logRadius)
			atOne += g
			l.mean += float64(m) * g
		}
	}
	values = fft.Coefficients(values, coeff)
	for i := range values {
		values[i] = cmplx.Exp(values[i] - complex(atOne, 0))
	}
	coeff = fft.Sequence(coeff, values)
	// With the geometric tail put back in, q is the distribution itself.
	q := make([]float64, size/2)
	var s float64
	for m := range q {
		s = s/tau + real(coeff[m])/float64(size)*math.Exp(-float64(m)*logRadius)*beyond/tau
		q[m] = max(s, 0)
	}
	l.above = make([]float64, len(q))
	last := len(q) - 1
	l.above[last] = q[last] / beyond
	for m := last; m > 0; m-- {
		l.above[m-1] = l.above[m] + q[m]
	}
	return l
}
