package peers

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// settling is cut off the beginning of an arrival log, in which a tool connects
// and warms up.
const settling = 500 * time.Millisecond

// Pacing is how precisely arrivals kept to the requested grid.
type Pacing struct {
	Arrivals int     `json:"arrivals"` // after settling
	Rate     float64 `json:"rate"`     // achieved, per second
	P50NS    int64   `json:"p50_ns"`   // median of how far an arrival is from its place on the grid
	P90NS    int64   `json:"p90_ns"`
}

// Deviation compares arrivals, in nanoseconds and rising, with the ideal grid
// t0 + i/rate. t0 is the median of arrival i minus i/rate, so the result is how
// steady the generator is, not when it began. A missing arrival moves all later
// ones off the grid by one place, as it should.
func Deviation(arrivals []int64, rate float64, settle time.Duration) (Pacing, error) {
	if len(arrivals) > 0 {
		from, _ := slices.BinarySearch(arrivals, arrivals[0]+int64(settle))
		arrivals = arrivals[from:]
	}
	n := len(arrivals)
	if n < 2 || rate <= 0 {
		return Pacing{}, fmt.Errorf("%d arrivals after the first %v at %v/s are too few to measure pacing", n, settle, rate)
	}
	off := make([]float64, n)
	for i, at := range arrivals {
		off[i] = float64(at-arrivals[0]) - float64(i)*1e9/rate
	}
	origin := median(off)
	for i := range off {
		off[i] = math.Abs(off[i] - origin)
	}
	slices.Sort(off)
	p := Pacing{Arrivals: n, P50NS: int64(off[(n-1)/2]), P90NS: int64(off[int(math.Ceil(0.9*float64(n)-1e-9))-1])}
	if span := arrivals[n-1] - arrivals[0]; span > 0 {
		p.Rate = float64(n-1) / (float64(span) / 1e9)
	}
	return p, nil
}
