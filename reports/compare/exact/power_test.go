package exact

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestSD(t *testing.T) {
	for _, d := range [][]float64{nil, {3}, {3, 3, 3, 3}} {
		if got := SD(d); got != 0 {
			t.Errorf("of %v: %v, want 0", d, got)
		}
	}
	if got := SD([]float64{1, math.NaN()}); !math.IsNaN(got) {
		t.Errorf("of what is not a number: %v", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	mean := func(n int, spikes float64) float64 {
		const times = 4000
		var sum float64
		d := make([]float64, n)
		for range times {
			for i := range d {
				d[i] = r.NormFloat64()
				if r.Float64() < spikes {
					d[i] *= 3
				}
			}
			sum += SD(d)
		}
		return sum / times
	}
	for _, n := range []int{5, 8, 14, 48} {
		if got := mean(n, 0); !close(got, 1, 0.035) { // 0.02 is its own, chance seldom adds as much
			t.Errorf("of %d normal values: %v, want 1", n, got)
		}
	}
	// The density at which 10 % have three times the noise has ∫f² = (0.81 +
	// 0.01/3 + 0.18·√(2/10)) / 2√π, and that of normal values 1 / 2√π.
	want := 1 / (0.81 + 0.01/3 + 0.18*math.Sqrt(0.2))
	if got := mean(48, 0.1); !close(got, want, 0.02) {
		t.Errorf("with spikes: %v, want %v", got, want)
	}
}

func TestSDMovesWithValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(30).Draw(t, "d")
		moved := make([]float64, len(d))
		for i, v := range d {
			moved[i] = 5 - 2*v
		}
		if got, want := SD(moved), 2*SD(d); !close(got, want, 1e-12*(1+want)) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestMDE(t *testing.T) {
	// 1 % + √(π/3)·(2.326 + 1.645)·5 %/√(25 - 2.326²/2)
	if got := MDE(0.01, 0.01, 0.05, 25); !close(got, 0.01+math.Sqrt(math.Pi/3)*(2.3263479+1.645)*0.05/math.Sqrt(25-2.3263479*2.3263479/2), 1e-9) {
		t.Errorf("got %v", got)
	}
	if got := MDE(0.01, 0.01, 0.05, 6); !math.IsInf(got, 1) {
		t.Errorf("of 6 pairs, which prove nothing at 1 %%: %v", got)
	}
	rows := []struct {
		about                        string
		margin, tolerance, alpha, sd float64
		want                         int
	}{
		{"no noise at all: as many as can prove anything", 0.01, 0.05, 0.01, 0, 7},
		{"the tolerance is not above the margin", 0.05, 0.05, 0.01, 0.02, math.MaxInt},
		{"not a number", 0.01, 0.05, 0.01, math.NaN(), math.MaxInt},
		{"hopeless", 0.01, 0.05, 0.01, 1e9, math.MaxInt},
		{"no alpha", 0.01, 0.05, 0, 0.02, math.MaxInt},
	}
	for _, row := range rows {
		if got := PairsFor(row.margin, row.tolerance, row.alpha, row.sd); got != row.want {
			t.Errorf("%s: %d pairs, want %d", row.about, got, row.want)
		}
	}
}

func TestPairsForInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margin := rapid.Float64Range(0, 0.1).Draw(t, "margin")
		tolerance := margin + rapid.Float64Range(0.001, 0.2).Draw(t, "above")
		alpha := rapid.Float64Range(1e-5, 0.1).Draw(t, "alpha")
		sd := rapid.Float64Range(0, 0.5).Draw(t, "sd")
		n := PairsFor(margin, tolerance, alpha, sd)
		if got := MDE(margin, alpha, sd, n); got > tolerance {
			t.Errorf("%d pairs find %v, want %v", n, got, tolerance)
		}
		if got := MDE(margin, alpha, sd, n-1); got <= tolerance*(1-1e-12) {
			t.Errorf("%d pairs would do: they find %v", n-1, got)
		}
	})
}

// The number of pairs is that of one-sided t theory, worked out for logs of
// ratios by the noncentral t distribution, and at most 6 % and one pair more: the
// signed-rank test takes 5 % more.
func TestPairsForIsTTheory(t *testing.T) {
	sds := []float64{0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.14}
	for _, row := range []struct {
		margin, tolerance, alpha float64
		want                     []int
	}{
		{0.01, 0.05, 0.01, []int{4, 8, 13, 29, 54, 108, 208}},
		{0.01, 0.05, 0.01 / 6, []int{6, 10, 17, 40, 73, 144, 277}},
		{0.01, 0.05, 0.01 / 24, []int{7, 13, 21, 47, 87, 171, 329}},
		{0.02, 0.10, 0.01, []int{3, 5, 6, 10, 17, 31, 57}},
		{0.02, 0.10, 0.01 / 6, []int{4, 6, 8, 14, 23, 42, 77}},
		{0.02, 0.10, 0.01 / 24, []int{5, 7, 10, 17, 27, 50, 92}},
	} {
		for i, sd := range sds {
			want := max(row.want[i], LeastPairs(row.alpha))
			got := PairsFor(math.Log1p(row.margin), math.Log1p(row.tolerance), row.alpha, sd)
			if got < want || float64(got) > 1.06*float64(want)+1 {
				t.Errorf("%g over %g at %.4g and a noise of %g: %d pairs, want %d", row.tolerance, row.margin, row.alpha, sd, got, want)
			}
		}
	}
}

// What is said to be found in 95 % is: also with few pairs, and at a level that
// is hard to reach.
func TestPairsForFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, row := range []struct{ alpha, sd float64 }{
		{0.01, 0.03}, {0.01, 0.05}, {0.01 / 6, 0.03}, {0.01 / 6, 0.05}, {0.004 / 6, 0.03}, {0.01 / 24, 0.03}, {0.01 / 24, 0.05},
	} {
		n := PairsFor(0.01, 0.05, row.alpha, row.sd)
		const times = 4000
		found := 0
		d := make([]float64, n)
		for range times {
			for i := range d {
				d[i] = 0.05 + row.sd*r.NormFloat64()
			}
			if lower, _ := SignedRankBounds(d, row.alpha); lower > 0.01 {
				found++
			}
		}
		if share := float64(found) / times; !close(share, 0.95, 0.02) {
			t.Errorf("%d pairs at alpha %.4g and a noise of %g find %v, want 0.95", n, row.alpha, row.sd, share)
		}
	}
}

// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4: the upper 10 %
// points of chi-square are 12.017 with 7 degrees of freedom, and 2.706 with 1.
func TestLeastSD(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64
	}{{8, math.Sqrt(7 / 12.017)}, {2, math.Sqrt(1 / 2.706)}, {1, 0}, {0, 0}} {
		if got := LeastSD(1, c.n, 0.9); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d values: %g, want %g", c.n, got, c.want)
		}
	}
}
