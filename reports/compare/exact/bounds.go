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
	return averages(slices.Sorted(slices.Values(d))).median()
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
//
// Of more than 100 values ties are not searched: the bounds are those for values
// without. Were ties broken at random, by as little as one likes, the test would
// be exact, and the interval as good as this one; so they hold no less often.
// Above 1,000 values the chances are those of a normal distribution, which are
// too large rather than too small where alpha is at most 4 %.
func SignedRankBounds(d []float64, alpha float64) (lower, upper float64) {
	n := len(d)
	if n == 0 || !finite(d) || !(math.Ldexp(1, -n) <= alpha) {
		return math.Inf(-1), math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(d))
	tie := resolution(sorted)
	for i := 1; i < n && n <= mostTied; i++ {
		if sorted[i]-sorted[i-1] <= tie {
			return tiedBounds(sorted, tie, alpha)
		}
	}
	k := criticalSum(n, alpha)
	if k < 0 {
		return math.Inf(-1), math.Inf(1)
	}
	w := averages(sorted)
	return w.at(k), w.at(w.n - 1 - k)
}

const (
	mostTied = 100  // values whose ties are searched
	mostTail = 1000 // values of which the exact chances are worked out, in some tenths of a second
)

// criticalSum is the largest signed-rank sum of n values whose chance is at most
// alpha; -1 where there is none.
func criticalSum(n int, alpha float64) int {
	if n <= mostTail {
		return critical(tail(n), alpha)
	}
	m := float64(n)
	sd := math.Sqrt(m * (m + 1) * (2*m + 1) / 24)
	sums := n * (n + 1) / 2
	return min(int(math.Floor(m*(m+1)/4-0.5-normalQuantile(min(alpha, 0.5))*sd)), (sums-1)/2)
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
