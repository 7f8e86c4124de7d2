package inject

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// draw picks a share of numbered calls: one in each run of 1/share calls, at a
// place within it that the seed decides.
//
// A coin for each call would have the share in the long run, too, but among a
// stage's thousand calls 2 % would come as 1.1 % now and then, and a p99 would
// not show it. Every fiftieth call would often hit the same client of a closed
// load. So the count is off by less than one, wherever one stops, and yet
// nothing repeats.
type draw struct {
	share float64 // above 0, up to 1
	seed  uint64
}

func newDraw(percent float64, seed uint64) draw { return draw{percent / 100, seed} }

// endless is a number that no call has. It bounds the runs of a share that is
// next to nothing.
const endless = 1 << 62

// first is the number of the first call of run k. A run is 1/share calls long
// on average, and at least one.
func (d draw) first(k uint64) uint64 {
	return uint64(min(math.Ceil(float64(k)/d.share), endless))
}

// has reports whether the call with that number, from 0, is picked.
func (d draw) has(n uint64) bool {
	k := uint64(float64(n) * d.share)
	for d.first(k) > n { // rounding
		k--
	}
	for d.first(k+1) <= n {
		k++
	}
	from, to := d.first(k), d.first(k+1)
	place, _ := bits.Mul64(rand.NewPCG(d.seed, k).Uint64(), to-from)
	return n == from+place
}
