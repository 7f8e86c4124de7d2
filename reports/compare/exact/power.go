package exact

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// SD is the standard deviation of values as the signed-rank test feels it: 0 of
// fewer than two. A few spikes widen it as much as they widen the bounds, and
// not by their squares.
//
// It is half the width of the interval from one standard deviation below the
// middle signed-rank sum to one above, times √n, times √(3/π), which makes it
// the standard deviation where values are normal. A multiple of that width
// estimates what sets the error of the Hodges-Lehmann estimate, 1/∫f², whatever
// the density f (Lehmann, Nonparametric Confidence Intervals for a Shift
// Parameter, Annals of Mathematical Statistics 34, 1963); and it is for telling
// how wide bounds of more values will be that this is wanted.
//
// The plain standard deviation becomes 1.34 times as large when 10 % of normal
// values have three times the noise, and the error of the estimate only 1.12
// times. Of normal values this one is right to 2 % from 5 on, without a table
// of corrections; Qn, of Rousseeuw and Croux, which spreads about as much,
// needs one, for with few values it is far too large.
func SD(d []float64) float64 {
	if len(d) < 2 {
		return 0
	}
	if !finite(d) {
		return math.NaN()
	}
	n := float64(len(d))
	w := averages(d)
	middle, step := float64(w.n-1)/2, math.Sqrt(n*(n+1)*(2*n+1)/24)
	width := w.between(middle+step) - w.between(middle-step)
	return width / 2 * math.Sqrt(n) * math.Sqrt(3/math.Pi)
}

// detected is the normal quantile of the share of regressions to be found, 95 %.
const detected = 1.645

// efficiency is what the signed-rank test takes of the distance between noise
// and change, as against the one for normal values: √(π/3).
var efficiency = math.Sqrt(math.Pi / 3)

// MDE is the least change that n pairs would prove to be above the margin in
// 95 % of comparisons, at level alpha, where their changes have the standard
// deviation sd; all but n and alpha in the same unit. Infinite where n pairs
// can prove nothing, 2^-n > alpha.
//
// It is the formula for a noise that is known, on z²/2 pairs fewer, where z is
// the normal quantile of alpha: that many it costs to find out the noise as well
// (Guenther, Sample Size Formulas for Normal Theory T Tests, The American
// Statistician 35, 1981). Without them too much would be promised, 10 pairs for
// what takes 12. Simulated, 94 to 96 % are found, but for the two numbers of
// pairs right above the least that can prove anything: there the level is hard
// to reach, and it may be 80 %.
func MDE(margin, alpha, sd float64, n int) float64 {
	return margin + reach(alpha, detected, sd, n)
}

// Provable is the least change that n pairs prove to be above the margin as often
// as not, where [MDE] is the one that they prove in 95 %.
func Provable(margin, alpha, sd float64, n int) float64 {
	return margin + reach(alpha, 0, sd, n)
}

// PairsFor is the least number of pairs whose [MDE] is at most the tolerance;
// [math.MaxInt] where no number is, for the tolerance is not above the margin.
func PairsFor(margin, tolerance, alpha, sd float64) int {
	if !(tolerance > margin) || !(alpha > 0) {
		return math.MaxInt
	}
	root := efficiency * (normalQuantile(alpha) + detected) * sd / (tolerance - margin)
	if !(root < 1e5) { // nobody waits for that; also what is not a number
		return math.MaxInt
	}
	n := max(LeastPairs(alpha), int(root*root+learning(alpha))-1)
	for !(MDE(margin, alpha, sd, n) <= tolerance) {
		n++
	}
	return n
}

// reach is how far from the margin a change must be to be found by n pairs, as
// often as the normal quantile found says; infinite where they prove nothing.
func reach(alpha, found, sd float64, n int) float64 {
	if n < LeastPairs(alpha) {
		return math.Inf(1)
	}
	return efficiency * (normalQuantile(alpha) + found) * sd / math.Sqrt(float64(n)-learning(alpha))
}

// learning is how many pairs it costs that the noise is not known beforehand. It
// is below [LeastPairs]: the normal tail is at most exp(-z²/2), so z²/2 is at
// most ln(1/alpha), and that is less than log2(1/alpha).
func learning(alpha float64) float64 {
	z := max(0, normalQuantile(alpha))
	return z * z / 2
}

// LeastPairs is the least n with 2^-n ≤ alpha: the fewest pairs that can prove
// anything at that level, for that is the chance that all of them are on one side.
// [math.MaxInt] where alpha is not above 0.
func LeastPairs(alpha float64) int {
	if !(alpha > 0) {
		return math.MaxInt
	}
	n := 1
	for math.Ldexp(1, -n) > alpha {
		n++
	}
	return n
}

// normalQuantile is the value that a standard normal one is above with a chance
// of alpha.
func normalQuantile(alpha float64) float64 { return math.Sqrt2 * math.Erfcinv(2*alpha) }

// LeastSD is the lower confidence bound, at the confidence from 0 to 1, of the
// standard deviation of a normal distribution of which n values have the
// standard deviation sd: sd·√((n−1)/q), where q is that quantile of the
// chi-square distribution with n−1 degrees of freedom. With fewer than two
// values it is 0; NaN where the confidence is not between 0 and 1.
func LeastSD(sd float64, n int, confidence float64) float64 {
	if !(confidence > 0 && confidence < 1) {
		return math.NaN()
	}
	if n < 2 {
		return 0
	}
	k := float64(n - 1)
	return sd * math.Sqrt(k/distuv.ChiSquared{K: k}.Quantile(confidence))
}
