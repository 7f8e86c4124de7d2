package theory

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// mg1Wait is the mean wait with one worker and an unbounded queue, under Poisson
// arrivals of load a, below 1, and any law of service of the variance: M/G/1. It
// is exact (Pollaczek and Khinchin).
func mg1Wait(a, variance float64) float64 { return a * (1 + variance) / (2 * (1 - a)) }

// mgcWait approximates the mean wait with c workers and an unbounded queue, under
// Poisson arrivals of load a, below c, where the variance of service is at most 1:
// it interpolates between M/D/c and M/M/c, and is exact at both ends (Cosmetatos;
// Tijms, A First Course in Stochastic Models, section 9.6). Above 1 nothing simple
// is right to within 5 %.
func mgcWait(c int, a, variance float64) float64 {
	return (1-variance)*mdc(c, a).waitMean + variance*mmcK(c, Unbounded, a).waitMean
}

// mg1 is the server with one worker and an unbounded queue, Poisson arrivals of
// load a, below 1, and lognormal service with a cv from 0.01: M/G/1. The mean wait
// is exact, the law of the wait right to some four digits. Each quantile takes
// some milliseconds.
//
// The wait is longer than t for a share G(t) with G(t) = a·R(t) + a times the
// integral of G(t-u)·r(u) over u to t, where r is the density of what is left of a
// service in progress, and R its tail. This integral equation is solved by taking
// G as straight between the points of a grid, with r integrated exactly: exact to
// the second order, however much of r lies within one cell.
func mg1(a, cv float64) *queue {
	wait := mg1Wait(a, cv*cv)
	q := &queue{workers: 1, load: a, waitMean: wait, waitProbability: a, tail: never}
	if a == 0 {
		return q
	}
	mu, sigma := Law{Kind: Lognormal, CV: cv}.logs()
	g := waitOfMG1{a: a, service: lognormalTime{mu, sigma}}
	q.tail = func(t float64) float64 {
		if t <= 0 {
			return a
		}
		const cells = 1024
		return g.solve(t, cells)[cells]
	}
	q.quantiles = func(p ...float64) (waits, latencies []float64) {
		for _, p := range p {
			waits = append(waits, g.quantile(p, wait, func(tail []float64, _ float64) []float64 { return tail }))
			latencies = append(latencies, g.quantile(p, 1+wait, g.latency))
		}
		return waits, latencies
	}
	return q
}

// waitOfMG1 solves for the law of the wait.
type waitOfMG1 struct {
	a       float64
	service lognormalTime
}

// solve is the share that waits longer than each point of a grid of cells from 0
// to t.
func (g waitOfMG1) solve(t float64, cells int) []float64 {
	h := t / float64(cells)
	// In the cell j the density r has the weight from[j] at its near end, and to[j]
	// at its far end. left is R at the points.
	from, to, left := make([]float64, cells), make([]float64, cells), make([]float64, cells+1)
	left[0] = 1
	second := g.service.excess2(0)
	for j := range cells {
		next := g.service.excess2(float64(j+1) * h)
		left[j+1] = g.service.excess(float64(j+1) * h)
		mean := max(0, (second-next)/h) // of R over the cell
		from[j] = max(0, left[j]-mean)
		to[j] = max(0, mean-left[j+1])
		second = next
	}
	tail := make([]float64, cells+1)
	tail[0] = g.a
	for n := 1; n <= cells; n++ {
		sum := left[n] + tail[0]*to[n-1]
		for j := 1; j < n; j++ {
			sum += tail[n-j] * (from[j] + to[j-1])
		}
		tail[n] = min(g.a*sum/(1-g.a*from[0]), tail[n-1])
	}
	return tail
}

// latency is the tail of the wait and a service after it, given that of the wait
// at points that are h apart.
func (g waitOfMG1) latency(tail []float64, h float64) []float64 {
	left := make([]float64, len(tail))
	for i := range left {
		left[i] = g.service.excess(float64(i) * h)
	}
	out := make([]float64, len(tail))
	for n := range out {
		sum := (1-tail[0])*g.service.tail(float64(n)*h) + tail[n]
		for j := range n { // a wait in this cell, and a service that lasts beyond
			sum += (tail[j] - tail[j+1]) * (left[n-1-j] - left[n-j]) / h
		}
		out[n] = share(sum)
	}
	return out
}

// quantile is the time that a share p does not exceed, of what of makes of the
// tail of the wait. scale is any time of the right size.
func (g waitOfMG1) quantile(p, scale float64, of func(tail []float64, h float64) []float64) float64 {
	most := scale
	for _, cells := range []int{128, 128, 128, 128, 128, 128, 128, 1024} {
		for range 200 {
			h := most / float64(cells)
			tail := of(g.solve(most, cells), h)
			if tail[0] <= 1-p {
				return 0
			}
			if tail[cells] > 1-p {
				most *= 4
				continue
			}
			i := 1
			for tail[i] > 1-p {
				i++
			}
			at := (float64(i) - (1-p-tail[i])/(tail[i-1]-tail[i])) * h
			if cells == 1024 {
				return at
			}
			most = max(float64(i)*h, 1e-9) * 1.05
			break
		}
	}
	return most
}

// lognormalTime is a lognormal time with mean 1.
type lognormalTime struct{ mu, sigma float64 }

// tail is the chance of more than x.
func (l lognormalTime) tail(x float64) float64 {
	if x <= 0 {
		return 1
	}
	return distuv.UnitNormal.CDF((l.mu - math.Log(x)) / l.sigma)
}

// excess is the mean of what it has above x: the integral of the tail.
func (l lognormalTime) excess(x float64) float64 {
	if x <= 0 {
		return 1 - x
	}
	d := (l.mu - math.Log(x)) / l.sigma
	return max(0, distuv.UnitNormal.CDF(d+l.sigma)-x*distuv.UnitNormal.CDF(d))
}

// excess2 is half the mean of its square: the integral of excess.
func (l lognormalTime) excess2(x float64) float64 {
	square := math.Exp(l.sigma * l.sigma)
	if x <= 0 {
		return square/2 - x + x*x/2
	}
	d := (l.mu - math.Log(x)) / l.sigma
	cdf := distuv.UnitNormal.CDF
	return max(0, (square*cdf(d+2*l.sigma)-2*x*cdf(d+l.sigma)+x*x*cdf(d))/2)
}
