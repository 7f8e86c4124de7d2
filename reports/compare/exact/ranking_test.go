package exact

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func close(got, want, within float64) bool { return math.Abs(got-want) <= within }

// The change of nine patients' depression under a tranquilizer: Hollander and
// Wolfe, Nonparametric Statistical Methods, 1973, p. 29f, as in the examples of
// R's wilcox.test.
var depression = []float64{
	0.878 - 1.83, 0.647 - 0.5, 0.598 - 1.62, 2.05 - 2.48, 1.06 - 1.68, 1.29 - 1.88, 1.06 - 1.55, 3.14 - 3.06, 1.29 - 1.3,
}

// By how many eighths of an inch cross-fertilised maize grew higher than
// self-fertilised: Darwin, The Effects of Cross and Self Fertilisation in the
// Vegetable Kingdom, 1876, as in the examples of SciPy's scipy.stats.wilcoxon.
var maize = []float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}

func TestSignedRank(t *testing.T) {
	rows := []struct {
		about string
		got   float64
		want  float64
	}{
		// R prints 0.01953 for V = 40 of 45: 10 of 512 sums are as large.
		{"depression became less", signedRankLower(depression, 0), 10.0 / 512},
		{"the same turned round", signedRankUpper(negated(depression), 0), 10.0 / 512},
		// SciPy prints 0.041259765625 and 0.0206298828125.
		{"maize grew differently", signedRankTwoSided(maize, 0), 0.041259765625},
		{"maize grew higher", signedRankUpper(maize, 0), 0.0206298828125},

		// Pratt's own example, as given in the Wikipedia article on the test: these
		// have 109/2^13 when all are decreased a little, so must not have more
		// before. Dropping the zero makes it 70/2^12, by counting sums.
		{"Pratt's values, decreased", signedRankUpper([]float64{0, 2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 17, -18}, 0.5), 109.0 / 8192},
		{"Pratt's values as they are", signedRankUpper([]float64{0, 2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 17, -18}, 0), 98.0 / 8192},

		// What can go wrong.
		{"no values", signedRankUpper(nil, 0), 1},
		{"all where they should be", signedRankUpper([]float64{3, 3, 3, 3}, 3), 1},
		{"the same for the other side", signedRankLower([]float64{3, 3, 3, 3}, 3), 1},
		{"the same for both", signedRankTwoSided([]float64{3, 3, 3, 3}, 3), 1},
		{"all equal and higher", signedRankUpper([]float64{3, 3, 3, 3}, 2), 1.0 / 16},
		{"all equal and lower", signedRankUpper([]float64{3, 3, 3, 3}, 4), 1},
		{"symmetric: twice a half and more is still 1", signedRankTwoSided([]float64{-1, 1}, 0), 1},
		{"a tie that rounding hides", signedRankUpper([]float64{0.3 - 0.1, -(0.1 + 0.1), 5, 6}, 0), 3.0 / 16},
		{"not a number", signedRankUpper([]float64{1, 2, 3, math.NaN()}, 0), 1},
		{"infinite", signedRankUpper([]float64{1, 2, 3, math.Inf(1)}, 0), 1},
	}
	for _, row := range rows {
		if !close(row.got, row.want, 1e-15) {
			t.Errorf("%s: p is %v, want %v", row.about, row.got, row.want)
		}
	}
}

// byTossing is the p of the signed-rank test by going through all 2^n signs, with
// ranks by counting.
func byTossing(d []float64, theta float64) float64 {
	var ranks []float64
	var observed float64
	for _, x := range d {
		less, same := 0, 0
		for _, y := range d {
			switch away := math.Abs(x - theta); {
			case math.Abs(y-theta) < away:
				less++
			case math.Abs(y-theta) == away:
				same++
			}
		}
		rank := float64(less) + float64(same+1)/2
		if x == theta {
			continue
		}
		ranks = append(ranks, rank)
		if x > theta {
			observed += rank
		}
	}
	count := 0
	for signs := range 1 << len(ranks) {
		var sum float64
		for i, rank := range ranks {
			if signs>>i&1 == 1 {
				sum += rank
			}
		}
		if sum >= observed {
			count++
		}
	}
	return float64(count) / float64(int(1)<<len(ranks))
}

// coarse are samples of few different values, as rounding leaves them: sums
// and means of them are exact, so ties are where they look to be.
func coarse(most int) *rapid.Generator[[]float64] {
	return rapid.Custom(func(t *rapid.T) []float64 {
		width := rapid.IntRange(0, 12).Draw(t, "width")
		return rapid.SliceOfN(rapid.Map(rapid.IntRange(-width, width), func(i int) float64 { return float64(i) / 8 }), 1, most).Draw(t, "coarse")
	})
}

// fine are samples without ties.
func fine(most int) *rapid.Generator[[]float64] {
	return rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(-1<<30, 1<<30), func(i int) float64 { return float64(i) / (1 << 27) }),
		1, most, rapid.ID)
}

func samples(most int) *rapid.Generator[[]float64] { return rapid.OneOf(coarse(most), fine(most)) }

// places are where p may change, and others, none so close that they count as
// the same.
func places(d []float64) *rapid.Generator[float64] {
	return rapid.OneOf(rapid.SampledFrom(walsh(d)), rapid.Map(rapid.IntRange(-2<<10, 2<<10), func(i int) float64 { return float64(i) / (1 << 10) }))
}

func TestSignedRankAgainstAllSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(10).Draw(t, "d")
		theta := places(d).Draw(t, "theta")
		if got, want := signedRankUpper(d, theta), byTossing(d, theta); !close(got, want, 1e-12) {
			t.Errorf("higher: p is %v, want %v", got, want)
		}
		if got, want := signedRankLower(d, theta), byTossing(negated(d), -theta); !close(got, want, 1e-12) {
			t.Errorf("lower: p is %v, want %v", got, want)
		}
	})
}

// That p is a p: above 0, at most 1, and never falling as theta rises, which
// the bounds rely on.
func TestSignedRankRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(60).Draw(t, "d")
		a := places(d).Draw(t, "a")
		b := places(d).Draw(t, "b")
		low, high := signedRankUpper(d, min(a, b)), signedRankUpper(d, max(a, b))
		if low > high+1e-12 {
			t.Errorf("p falls from %v at %v to %v at %v", low, min(a, b), high, max(a, b))
		}
		for _, p := range []float64{low, high, signedRankLower(d, a), signedRankTwoSided(d, a)} {
			if !(p > 0 && p <= 1) {
				t.Errorf("p is %v", p)
			}
		}
	})
}

func TestEquivalent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(10).Draw(t, "d")
		margin := rapid.Map(rapid.IntRange(0, 2<<10), func(i int) float64 { return float64(i) / (1 << 10) }).Draw(t, "margin")
		got, want := equivalent(d, margin), max(byTossing(d, -margin), byTossing(negated(d), -margin))
		if !close(got, want, 1e-12) {
			t.Errorf("p is %v, want %v", got, want)
		}
		// The test and the bounds say the same.
		alpha := rapid.Float64Range(0.001, 0.3).Draw(t, "alpha")
		lower, upper := SignedRankBounds(d, alpha)
		if within := -margin < lower && upper < margin; within && got > alpha {
			t.Errorf("bounds %v to %v are within %v, but p is %v", lower, upper, margin, got)
		}
		if outside := lower < -margin || upper > margin; outside && got <= alpha {
			t.Errorf("bounds %v to %v are not within %v, but p is %v", lower, upper, margin, got)
		}
	})
	if got := equivalent([]float64{0, 0, 0, 0, 0, 0, 0}, 0.05); got != 1.0/128 {
		t.Errorf("of no change at all p is %v, want 1/128", got)
	}
}

// signedRankUpper is the exact p of Wilcoxon's signed-rank test that d is
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
func signedRankUpper(d []float64, theta float64) float64 {
	return signedRank(d, theta, false)
}

// signedRankLower is [signedRankUpper] against that d lies lower than theta.
func signedRankLower(d []float64, theta float64) float64 {
	return signedRank(d, theta, true)
}

// signedRankTwoSided is the p against that d lies elsewhere than about theta:
// twice the smaller of both one-sided ones, and at most 1.
func signedRankTwoSided(d []float64, theta float64) float64 {
	return min(1, 2*min(signedRankUpper(d, theta), signedRankLower(d, theta)))
}

// equivalent is the p of two one-sided tests (TOST) that d lies at -margin or
// below, or at margin or above, against that it lies between: the larger of
// both. Where it is at most alpha, the bounds at alpha lie within the margin.
func equivalent(d []float64, margin float64) float64 {
	return max(signedRankUpper(d, -margin), signedRankLower(d, margin))
}

func signedRank(d []float64, theta float64, lower bool) float64 {
	if !finite(d) || !finite([]float64{theta}) {
		return 1
	}
	d = sorted(d)
	tie := near * math.Abs(theta)
	for _, v := range d {
		tie = max(tie, near*math.Abs(v))
	}
	if lower {
		return signedRankP(negated(d), -theta, tie)
	}
	return signedRankP(d, theta, tie)
}
