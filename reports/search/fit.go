package search

import "math"

// line is the logarithm of the bad share as a line over that of the level.
type line struct {
	at    float64 // log of the level at which the share is that of the limit
	slope float64
}

const (
	// window is how far from the estimate levels are used, as a logarithm.
	window = 0.4

	// The slope that is expected where the levels say little of it, how sure that is,
	// and the least that it can be.
	usualSlope  = 10
	slopeSpread = 6
	leastSlope  = 2
)

// fit fits the line to the levels around center by Poisson regression with a prior on
// the slope. It is false where the levels say too little.
func (s *Search) fit(limit int, center float64) (line, bool) {
	share := s.Limits[limit].Share
	type point struct{ x, n, bad float64 }
	var points []point
	var sum float64
	for _, l := range s.levels {
		n, b := total(l.batches, bad(limit))
		x := math.Log(l.at) - center
		// Far above the limit the share bends: it cannot exceed 1.
		if n > 0 && !s.outrun(l.last) && math.Abs(x) <= window && float64(b) <= float64(n)*min(10*share, 0.5) {
			points, sum = append(points, point{x, float64(n), float64(b)}), sum+float64(b)
		}
	}
	if len(points) < 2 || sum < 4 {
		return line{}, false
	}
	const weight = 1.0 / (slopeSpread * slopeSpread)
	a, slope := math.Log(share), float64(usualSlope) // a at the center
	for range 50 {
		g1, g2 := 0.0, (usualSlope-slope)*weight
		h11, h12, h22 := 1e-9, 0.0, weight
		for _, p := range points {
			mean := p.n * math.Exp(min(a+slope*p.x, 0))
			g1, g2 = g1+p.bad-mean, g2+(p.bad-mean)*p.x
			h11, h12, h22 = h11+mean, h12+mean*p.x, h22+mean*p.x*p.x
		}
		det := h11*h22 - h12*h12
		da, ds := (h22*g1-h12*g2)/det, (h11*g2-h12*g1)/det
		step := min(1, 2/max(math.Abs(da), math.Abs(ds)/5)) // far off, whole steps overshoot
		a, slope = a+step*da, max(slope+step*ds, leastSlope)
		if math.Abs(da) < 1e-6 {
			break
		}
	}
	return line{center + (math.Log(share)-a)/slope, slope}, !math.IsNaN(a)
}

// estimate is where the capacity seems to be between a level that looks good and one
// that looks bad, and which limit binds there.
func (s *Search) estimate(good, bad float64) (line, int) {
	middle := math.Log(good*bad) / 2
	best, binding := line{math.Inf(1), 0}, -1
	for i := range s.Limits {
		l, ok := s.fit(i, middle)
		for center, k := middle, 0; ok && k < 3; k++ {
			center = min(max(l.at, center-window), center+window)
			if again, ok := s.fit(i, center); ok {
				l = again
			}
		}
		if ok && l.at < best.at {
			best, binding = l, i
		}
	}
	if binding < 0 {
		return line{middle, usualSlope}, 0
	}
	meets, misses := s.proven()
	best.at = max(best.at, math.Log(max(meets, 1))+0.01, math.Log(good)-window)
	best.at = min(best.at, math.Log(misses)-0.01, math.Log(bad)+window/2)
	return best, binding
}
