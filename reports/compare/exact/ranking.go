package exact

import (
	"sort"
)

// ranking is a sample as the signed-rank test sees it. Its ranks are twice the
// mid-ranks: those are whole numbers.
type ranking struct {
	ranks        []int // rising, without those of values at theta
	total, below int   // the sum of all, and of those of values below theta
}

// rankAbout ranks sorted values by their distance from theta, going outwards
// from it on both sides. What differs by at most tie is tied. The ranks are
// written over buf, which may be nil.
func rankAbout(sorted []float64, theta, tie float64, buf []int) ranking {
	n := len(sorted)
	r := ranking{ranks: buf[:0]}
	right := sort.SearchFloat64s(sorted, theta)
	left := right - 1
	next := func() (distance float64, below bool) {
		if left >= 0 && (right == n || theta-sorted[left] <= sorted[right]-theta) {
			return theta - sorted[left], true
		}
		return sorted[right] - theta, false
	}
	for ranked := 0; ranked < n; {
		first, _ := next()
		start, below := ranked, 0
		for ranked < n {
			distance, isBelow := next()
			if distance > first+tie {
				break
			}
			if isBelow {
				left--
				below++
			} else {
				right++
			}
			ranked++
		}
		if first <= tie {
			continue // at theta: no sign
		}
		doubled := start + 1 + ranked
		for range ranked - start {
			r.ranks = append(r.ranks, doubled)
		}
		r.total += doubled * (ranked - start)
		r.below += doubled * below
	}
	return r
}

// p is the chance that tossed signs give a sum below theta of at most that of
// the sample, which is the chance of one above theta of at least that.
func (r ranking) p() float64 {
	t := r.below
	other := 2*t >= r.total
	if other { // the other end is shorter
		t = r.total - t - 1
	}
	unit := 2 // without ties of an even number all doubled ranks are even
	for _, rank := range r.ranks {
		if rank%2 != 0 {
			unit = 1
			break
		}
	}
	p := atMost(r.ranks, unit, t)
	if other {
		return 1 - p
	}
	return p
}

// atMost is the chance that a sum of ranks, each of which is in it or not by
// the toss of a coin, is at most t. All ranks are multiples of unit, and rise.
func atMost(ranks []int, unit, t int) float64 {
	if t < 0 {
		return 0
	}
	chance := make([]float64, t/unit+1)
	chance[0] = 1
	reach := 0 // the largest sum that is possible so far
	for _, rank := range ranks {
		rank /= unit
		reach = min(reach+rank, len(chance)-1)
		for s := reach; s >= rank; s-- {
			chance[s] = (chance[s] + chance[s-rank]) / 2
		}
		for s := range chance[:min(rank, reach+1)] {
			chance[s] /= 2
		}
	}
	var p float64
	for _, c := range chance {
		p += c
	}
	return p
}
