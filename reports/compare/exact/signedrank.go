package exact

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// HodgesLehmann is the estimate of the centre of d that belongs to the signed-rank
// test: the median of its Walsh averages, the means of each value with each and
// with itself. NaN of no values.
func HodgesLehmann(d []float64) float64 {
	if !finite(d) {
		return math.NaN()
	}
	return averages(d).median()
}

// SignedRankBounds bounds what d is symmetric about, each side at level alpha:
// from the lowest to the highest theta that the signed-rank test does not reject.
// Both hold at once with a probability of at least 1-2·alpha. They are infinite
// where even values that are all on one side are not enough, 2^-n > alpha. alpha
// counts as at most a half, so that [HodgesLehmann] is always within.
//
// As theta rises through a Walsh average, and nowhere else, the sum of the ranks
// below it rises, and so does p: bounds are Walsh averages. Without ties the sum is
// how many of them lie below theta, and which of them is a bound depends on n and
// alpha only. With ties it is searched for, with probabilities conditional on the
// ties. p rises with ties as well: where theta comes to where g tied values below
// it are as far away as h above, the mid-ranks of those below rise by h/2, and of
// those above fall by g/2, so the sum of the sample rises by gh/2, and that of no
// other choice of signs by more; and again as theta goes on.
//
// Of more than 100 values ties are not searched: the bounds are those for values
// without. If ties were broken at random, by as little as one likes, the test would
// be exact, and the interval as good as this one; so they hold no less often. Above
// 1,000 values the probabilities are those of a normal distribution.
func SignedRankBounds(d []float64, alpha float64) (lower, upper float64) {
	n := len(d)
	if n == 0 || !finite(d) || !(math.Ldexp(1, -n) <= alpha) {
		return math.Inf(-1), math.Inf(1)
	}
	d = sorted(d)
	tie := near * max(math.Abs(d[0]), math.Abs(d[n-1])) // values as near as that are tied
	for i := 1; i < n && n <= mostTied; i++ {
		if d[i]-d[i-1] <= tie {
			return tiedLower(d, tie, alpha), -tiedLower(negated(d), tie, alpha)
		}
	}
	m := float64(n)
	k := normalCritical(m*(m+1)/4, m*(m+1)*(2*m+1)/24, alpha)
	if n <= mostTail {
		k = critical(tail(n), alpha)
	}
	if k < 0 {
		return math.Inf(-1), math.Inf(1)
	}
	w := averages(d)
	return w.at(k), w.at(w.n - 1 - k)
}

const (
	mostTied = 100  // values whose ties are searched
	mostTail = 1000 // values with exact probabilities, which take some tenths of a second
)

// tail has the probabilities that the signed-rank sum of n values without ties is
// at most 0, 1, 2 and so on, up to the middle. It takes a time of n³, once.
var tail = remembered(func(n int) []float64 {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	return cumulated(tossed(ranks, (n*(n+1)/2-1)/2))
})

// tossed has the probabilities of the sums from 0 to most of ranks, each of which
// is in the sum or not by the toss of a coin.
func tossed(ranks []int, most int) []float64 {
	p := make([]float64, most+1)
	p[0] = 1
	reach := 0 // the largest sum that is possible so far
	for _, rank := range ranks {
		reach = min(reach+rank, most)
		for s := reach; s >= rank; s-- {
			p[s] = (p[s] + p[s-rank]) / 2
		}
		for s := range min(rank, reach+1) {
			p[s] /= 2
		}
	}
	return p
}

// negated has all values with the other sign, in the opposite order.
func negated(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[len(values)-1-i] = -v
	}
	return out
}

// tiedLower is the first Walsh average of sorted values with a p above alpha right
// behind it, by bisection. The middle one is never rejected.
func tiedLower(d []float64, tie, alpha float64) float64 {
	w := sorted(walsh(d))
	distinct := w[:1:1]
	for _, v := range w[:(len(w)-1)/2+1] {
		if v-distinct[len(distinct)-1] > tie {
			distinct = append(distinct, v)
		}
	}
	return distinct[sort.Search(len(distinct)-1, func(i int) bool {
		return signedRankP(d, distinct[i]/2+distinct[i+1]/2, tie) > alpha*(1+near)
	})]
}

// signedRankP is the probability that tossed signs give a sum of the ranks below
// theta of at most that of the sample. Values at theta have no sign; those whose
// distances from it differ by at most tie share their mid-rank.
func signedRankP(d []float64, theta, tie float64) float64 {
	far := make([]float64, len(d)) // below theta, negative
	for i, v := range d {
		far[i] = v - theta
	}
	slices.SortFunc(far, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	var ranks []int // twice the mid-ranks, which are whole numbers
	sum := 0        // of those below
	for start := 0; start < len(far); {
		end, below := start, 0
		for ; end < len(far) && math.Abs(far[end]) <= math.Abs(far[start])+tie; end++ {
			if far[end] < 0 {
				below++
			}
		}
		if rank := start + 1 + end; math.Abs(far[start]) > tie {
			ranks = append(ranks, slices.Repeat([]int{rank}, end-start)...)
			sum += rank * below
		}
		start = end
	}
	p := cumulated(tossed(ranks, sum))
	return p[sum]
}
