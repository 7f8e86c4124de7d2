package exact

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

func TestCompareForgivesRounding(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		about      string
		a, b, unit float64
		want       int
	}{
		{"100 to 101 ns is 1 %", math.Log(101.0 / 100), math.Log1p(0.01), 1, 0},
		{"21 to 22 is not 5 %", math.Log(22.0 / 21), math.Log1p(0.05), 1, -1},
		{"points of a large share", (905_000.1 - 900_000.1) * 1e-6, 0.005, 1, 0},
		{"points of a small one", (5_000.3 - 0.3) * 1e-6, 0.005, 1, 0},
		{"a millionth more than the tolerance is more", 0.05 * (1 + 1e-6), 0.05, 1, 1},
		{"a rate that a division made", 3.0 / 0.003, 1000, 0, 0},
		{"a rate below", 999.999, 1000, 0, -1},
		{"one in 10¹⁰ is not none", 1e-10, 0, 0, 1},
		{"none is none", 0, 0, 0, 0},
		{"no bound", inf, 0.05, 1, 1}, {"no bound below", -inf, 0.05, 1, -1}, {"both", inf, inf, 1, 0},
		{"not a number is no more than anything", math.NaN(), 0, 1, -1},
	} {
		if got := Compare(c.a, c.b, c.unit); got != c.want {
			t.Errorf("%s: %d, want %d", c.about, got, c.want)
		}
		if got := Compare(c.b, c.a, c.unit); got != -c.want {
			t.Errorf("%s, turned round: %d, want %d", c.about, got, -c.want)
		}
	}
}

// A change of just the tolerance is just the tolerance, whatever the base.
func TestCompareDoesNotDependOnTheBase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Float64Range(1e-6, 1e15).Draw(t, "base")
		share := rapid.SampledFrom([]float64{0.001, 0.005, 0.01, 0.05, 0.1, 1, 9}).Draw(t, "share")
		if got := Compare(math.Log(base*(1+share)/base), math.Log1p(share), 1); got != 0 {
			t.Errorf("%g more by %g compares as %d", base, share, got)
		}
		ppm := rapid.Float64Range(0, 1e6).Draw(t, "ppm")
		if got := Compare((ppm+1e6*share-ppm)*1e-6, share, 1); got != 0 {
			t.Errorf("%g ppm more by %g compares as %d", ppm, share, got)
		}
	})
}

func TestBinomialUpper(t *testing.T) {
	for _, c := range []struct {
		k, n int
		q    float64
		want float64
	}{
		{14, 14, 0.5, math.Ldexp(1, -14)}, {13, 14, 0.5, math.Ldexp(15, -14)}, {0, 5, 0.3, 1}, {6, 5, 0.3, 0}, {1, 1, 0, 0}, {2, 3, 1, 1}, {8, 8, 1.0 / 3, math.Pow(3, -8)},
	} {
		if got := BinomialUpper(c.k, c.n, c.q); !close(got, c.want, 1e-12) {
			t.Errorf("%d of %d at %g: %g, want %g", c.k, c.n, c.q, got, c.want)
		}
	}
}

// Against all ways in which the draws can fall.
func TestDrawnUpper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1.0 / 3, 0.5, 2.0 / 3, 1}), 0, 10).Draw(t, "q")
		k := rapid.IntRange(-1, 11).Draw(t, "k")
		var want float64
		for falls := range 1 << len(q) {
			if bits.OnesCount(uint(falls)) < k {
				continue
			}
			p := 1.0
			for i, hit := range q {
				if falls>>i&1 == 0 {
					hit = 1 - hit
				}
				p *= hit
			}
			want += p
		}
		if got := DrawnUpper(k, q); !close(got, want, 1e-12) {
			t.Errorf("at least %d of %v: %g, want %g", k, q, got, want)
		}
	})
}

func TestMedianBounds(t *testing.T) {
	d := []float64{5, 1, 4, 2, 3, 8, 6, 7}
	inf := math.Inf(1)
	for _, c := range []struct {
		d            []float64
		alpha        float64
		lower, upper float64
	}{
		{d, math.Ldexp(1, -8), 1, 8}, {d, math.Ldexp(9, -8), 2, 7}, {d, math.Ldexp(37, -8), 3, 6}, {d, math.Ldexp(1, -9), -inf, inf},
		{d, 0.5, 4, 5}, {[]float64{5, 1, 4, 2, 3, 8, 6}, 0.5, 4, 4}, {[]float64{inf, 1, inf}, 0.125, 1, inf}, {nil, 0.5, -inf, inf}, {[]float64{math.NaN(), 1, 1, 1}, 0.4, -inf, inf}, {d, math.NaN(), -inf, inf}, {d, 7, 4, 5},
	} {
		if lower, upper := MedianBounds(c.d, c.alpha); lower != c.lower || upper != c.upper {
			t.Errorf("of %v at %g: %g to %g, want %g to %g", c.d, c.alpha, lower, upper, c.lower, c.upper)
		}
	}
}

// What is no chance and no confidence gets no answer, and nothing panics.
func TestWhatIsNoConfidence(t *testing.T) {
	for _, bad := range []float64{math.NaN(), -1, 0, 1, 2, math.Inf(1), math.Inf(-1)} {
		if v := LeastSD(1, 8, bad); !math.IsNaN(v) {
			t.Errorf("least SD at a confidence of %g: %g", bad, v)
		}
		for _, k := range []int{0, 3, 9} {
			low, high := ClopperPearson(k, 9, bad)
			if !math.IsNaN(low) || !math.IsNaN(high) {
				t.Errorf("%d of 9 at a confidence of %g: %g to %g", k, bad, low, high)
			}
		}
		d := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
		if bad < 1 || math.IsNaN(bad) { // more than 1 counts as one half
			if low, high := SignedRankBounds(d, bad); bad <= 0 && !math.IsInf(low, -1) || math.IsNaN(low) || math.IsNaN(high) {
				t.Errorf("signed-rank bounds at %g: %g to %g", bad, low, high)
			}
			if _, low, high := RankSumBounds(d, d, bad); !math.IsInf(low, -1) || !math.IsInf(high, 1) {
				t.Errorf("rank-sum bounds at %g: %g to %g", bad, low, high)
			}
			if v := MDE(0.01, bad, 0.1, 20); !math.IsInf(v, 1) {
				t.Errorf("MDE at %g: %g", bad, v)
			}
		}
		MDE(0.01, bad, bad, 20)
		PairsFor(0.01, 0.05, bad, bad)
		SD([]float64{bad, 1})
		HarrellDavis([]float64{1, bad})
	}
}
