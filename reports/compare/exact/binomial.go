package exact

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// ClopperPearson is the exact interval of a rate of which k in n were seen, at
// a two-sided confidence such as 0.95 (Clopper and Pearson, The Use of
// Confidence or Fiducial Limits Illustrated in the Case of the Binomial,
// Biometrika 26, 1934). It is all from 0 to 1 where n is 0, and NaN where k is
// not in 0 to n, or the confidence not between 0 and 1.
func ClopperPearson(k, n int, confidence float64) (lower, upper float64) {
	if k < 0 || k > n || !(confidence > 0 && confidence < 1) {
		return math.NaN(), math.NaN()
	}
	alpha := (1 - confidence) / 2
	upper = ClopperPearsonUpper(k, n, 1-alpha)
	switch {
	case k == 0:
		return 0, upper
	case k == n:
		return math.Pow(alpha, 1/float64(n)), upper
	}
	return mathext.InvRegIncBeta(float64(k), float64(n-k)+1, alpha), upper
}

// ClopperPearsonUpper is the exact upper bound of a rate of which k in n were
// seen, at a one-sided confidence: the rate at which so few would be seen with
// a chance of only 1-confidence. Of k and n as in [ClopperPearson].
func ClopperPearsonUpper(k, n int, confidence float64) float64 {
	switch {
	case k < 0 || k > n || !(confidence > 0 && confidence < 1):
		return math.NaN()
	case k == n:
		return 1
	case k == 0:
		return -math.Expm1(math.Log1p(-confidence) / float64(n)) // (1-rate)^n = 1-confidence
	}
	return mathext.InvRegIncBeta(float64(k)+1, float64(n-k), confidence)
}

// QuantileRanks are the ranks, from 1, of the order statistics between which
// the q-quantile of what n independent values were drawn from lies with at
// least the confidence, either side with an error of at most half of what is
// left. It is exact for values without ties, and holds with them. Where n is
// too small for either rank, ok is false, and that rank is the outermost: 1 or
// n. q is more than 0 and less than 1.
//
// Fewer than r values lie below the quantile with the chance of fewer than r
// heads in n tosses of a coin with q for heads (David and Nagaraja, Order
// Statistics).
func QuantileRanks(n int64, q, confidence float64) (low, high int64, ok bool) {
	if n < 1 || !(q > 0 && q < 1) || !(confidence > 0 && confidence < 1) {
		return 1, max(n, 1), false
	}
	alpha := (1 - confidence) / 2
	b := newBinomial(n, q)
	// The lower is the largest with a chance of fewer heads of at most alpha.
	low = b.quantile(alpha)
	// By symmetry the upper is as far from the end as the lower of tails is from
	// the start.
	high = n + 1 - newBinomial(n, 1-q).quantile(alpha)
	return max(low, 1), min(high, n), low >= 1 && high <= n
}

// binomial is how often heads come in n tosses, with chances as multiples of
// that of mode, the most likely. Their sum is added up outwards from there: no
// gamma function is needed, which loses digits when n is large. It takes a time
// of the square root of n.
type binomial struct {
	n, mode     int64
	odds        float64 // of heads
	total, less float64 // of all, and of fewer heads than mode
}

func newBinomial(n int64, q float64) binomial {
	b := binomial{n: n, mode: min(int64(q*float64(n+1)), n), odds: q / (1 - q)}
	for c, k := b.down(1, b.mode), b.mode-1; c > 0 && k >= 0; c, k = b.down(c, k), k-1 {
		b.less += c
	}
	b.total = 1 + b.less
	for c, k := b.up(1, b.mode), b.mode+1; c > 0 && k <= n; c, k = b.up(c, k), k+1 {
		b.total += c
	}
	return b
}

// down is the chance of k-1 heads, where c is that of k; up is that of k+1.
// What is too small to matter is 0.
func (b binomial) down(c float64, k int64) float64 {
	return notable(c * float64(k) / float64(b.n-k+1) / b.odds)
}

func (b binomial) up(c float64, k int64) float64 {
	return notable(c * float64(b.n-k) / float64(k+1) * b.odds)
}

func notable(c float64) float64 {
	if c < 1e-300 {
		return 0
	}
	return c
}

// quantile is the largest k with a chance of fewer than k heads of at most p; 0
// where no other has one.
func (b binomial) quantile(p float64) int64 {
	most := p * (1 + near) * b.total
	k, c, fewer := b.mode, 1.0, b.less // c is the chance of k, fewer of less
	for ; k < b.n && fewer+c <= most; k++ {
		fewer += c
		c = b.up(c, k)
	}
	for ; k > 0 && fewer > most; k-- {
		c = b.down(c, k)
		fewer -= c
	}
	return k
}
