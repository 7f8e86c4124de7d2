package exact

import (
	"math"
	"slices"
	"sort"
)

// SignedRankUpper is the exact p of Wilcoxon's signed-rank test that d is
// symmetric about theta, against that it lies higher: the chance of ranks as
// favourable to "higher" as these, were each sign tossed. It is above 0 and at
// most 1, and 1 of no values.
//
// The chance is conditional on the ties: they share the mean of their ranks.
// Values that equal theta keep their ranks and have no sign, as Pratt has it
// (Remarks on Zeros and Ties in the Wilcoxon Signed Rank Procedures, Journal of
// the American Statistical Association 54, 1959). Dropped, as Wilcoxon has it,
// they make p fall where a value falls; so p never falls as theta rises, and
// [SignedRankBounds] can invert it.
func SignedRankUpper(d []float64, theta float64) float64 {
	return signedRank(d, theta, false)
}

// SignedRankLower is [SignedRankUpper] against that d lies lower than theta.
func SignedRankLower(d []float64, theta float64) float64 {
	return signedRank(d, theta, true)
}

// SignedRankTwoSided is the p against that d lies elsewhere than about theta:
// twice the smaller of both one-sided ones, and at most 1.
func SignedRankTwoSided(d []float64, theta float64) float64 {
	return min(1, 2*min(SignedRankUpper(d, theta), SignedRankLower(d, theta)))
}

// Equivalent is the p of two one-sided tests (TOST) that d lies at -margin or
// below, or at margin or above, against that it lies between: the larger of
// both. Where it is at most alpha, the bounds at alpha lie within the margin.
func Equivalent(d []float64, margin float64) float64 {
	return max(SignedRankUpper(d, -margin), SignedRankLower(d, margin))
}

func signedRank(d []float64, theta float64, lower bool) float64 {
	if !finite(d) || !finite([]float64{theta}) {
		return 1
	}
	sorted := slices.Sorted(slices.Values(d))
	r := rankAbout(sorted, theta, max(resolution(d), near*math.Abs(theta)), nil)
	if lower {
		r.below = r.total - r.below
	}
	return r.p()
}

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
