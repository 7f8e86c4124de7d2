package exact

import (
	"math"
	"slices"
	"sort"
	"sync"
)

// HodgesLehmann is the estimate of where d is centred that goes with the
// signed-rank test: the median of its Walsh averages, the means of each value
// with each and with itself. NaN of no values.
func HodgesLehmann(d []float64) float64 {
	if !finite(d) {
		return math.NaN()
	}
	return median(walsh(d))
}

// SignedRankBounds bounds what d is symmetric about, each side at level alpha:
// from the lowest to the highest theta that the signed-rank test does not
// reject. Both hold at once with a chance of at least 1-2·alpha. They are
// infinite where even values that are all on one side would not be enough,
// 2^-n > alpha, and the same where all values are. alpha counts as at most a
// half, so that the estimate of [HodgesLehmann] is always within.
//
// As theta rises through a Walsh average, and nowhere else, the sum of the
// ranks below it rises, and so p does: bounds are Walsh averages. Without ties
// the sum is how many of them lie below theta, and which of them is a bound
// depends on n and alpha only. With ties it is searched for, with the chances
// conditional on the ties. That p rises holds with ties as well. Let theta come
// to where g tied values below it are as far away as h above. The mid-ranks of
// those below rise by h/2, and of those above fall by g/2, so the sum of the
// sample rises by gh/2, and that of no choice of signs by more; and once more
// as theta goes on. With values at theta itself it is the same.
func SignedRankBounds(d []float64, alpha float64) (lower, upper float64) {
	n := len(d)
	if n == 0 || !finite(d) || !(math.Ldexp(1, -n) <= alpha) {
		return math.Inf(-1), math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(d))
	tie := resolution(sorted)
	for i := 1; i < n; i++ {
		if sorted[i]-sorted[i-1] <= tie {
			return tiedBounds(sorted, tie, alpha)
		}
	}
	w := walsh(sorted)
	k := critical(tail(n), alpha)
	lower = nth(w, k)
	return lower, nth(w[k:], len(w)-1-2*k)
}

// critical is the largest sum whose chance in a cumulative distribution is at
// most alpha; -1 where that of 0 is larger.
func critical(cumulative []float64, alpha float64) int {
	// A chance is a sum of terms that were rounded: one that is alpha counts so.
	most := alpha * (1 + near)
	return sort.Search(len(cumulative), func(t int) bool { return cumulative[t] > most }) - 1
}

var tails sync.Map // from n to the []float64 of tail

// tail has the chances that the signed-rank sum of n values without ties is at
// most 0, 1, 2 and so on, up to the middle. It is kept: a simulation asks for
// the same few again and again. It takes a time of n³, once.
func tail(n int) []float64 {
	if known, ok := tails.Load(n); ok {
		return known.([]float64)
	}
	half := (n*(n+1)/2 - 1) / 2
	chance := make([]float64, half+1)
	chance[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := half; s >= rank; s-- {
			chance[s] = (chance[s] + chance[s-rank]) / 2
		}
		for s := range min(rank, half+1) {
			chance[s] /= 2
		}
	}
	for s := 1; s <= half; s++ {
		chance[s] += chance[s-1]
	}
	known, _ := tails.LoadOrStore(n, chance)
	return known.([]float64)
}

func tiedBounds(sorted []float64, tie, alpha float64) (lower, upper float64) {
	w := walsh(sorted)
	slices.Sort(w)
	buf := make([]int, 0, len(sorted))
	lower = tiedLower(sorted, w, tie, alpha, buf)
	return lower, -tiedLower(negated(sorted), negated(w), tie, alpha, buf)
}

// tiedLower is the first Walsh average w, which are sorted, with a p above
// alpha right behind it. It halves what is left: p rises. The middle one is
// never rejected.
func tiedLower(sorted, w []float64, tie, alpha float64, buf []int) float64 {
	distinct := w[:1:1]
	for _, v := range w[:(len(w)-1)/2+1] {
		if v-distinct[len(distinct)-1] > tie {
			distinct = append(distinct, v)
		}
	}
	last := len(distinct) - 1
	i := sort.Search(last, func(i int) bool {
		between := distinct[i]/2 + distinct[i+1]/2
		return rankAbout(sorted, between, tie, buf).p() > alpha*(1+near)
	})
	return distinct[i]
}
