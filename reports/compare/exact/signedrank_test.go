package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Critical values of the test at 2.5 %, of 6 to 60 values: sequence A226330 of
// the On-Line Encyclopedia of Integer Sequences, after Mitic, Critical Values
// for the Wilcoxon Signed Rank Statistic, The Mathematica Journal 6.
func TestCritical(t *testing.T) {
	table := []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89, 98, 107, 116,
		126, 137, 147, 159, 170, 182, 195, 208, 221, 235, 249, 264, 279, 294, 310, 327, 343,
		361, 378, 396, 415, 434, 453, 473, 494, 514, 536, 557, 579, 602, 625, 648}
	for i, want := range table {
		if got := critical(tail(i+6), 0.025); got != want {
			t.Errorf("of %d values the critical sum is %d, want %d", i+6, got, want)
		}
	}
	if got := critical(tail(5), 0.025); got != -1 {
		t.Errorf("of 5 values it is %d, want none", got)
	}
}

func TestHodgesLehmann(t *testing.T) {
	rows := []struct {
		about string
		d     []float64
		want  float64
	}{
		{"depression", depression, -0.46},
		{"maize", maize, 25},
		{"one value", []float64{7}, 7},
		{"an even number of averages", []float64{1, 2, 4}, 2.25},
		{"nothing", nil, math.NaN()},
		{"not a number", []float64{1, math.NaN()}, math.NaN()},
		{"large ones", []float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	}
	for _, row := range rows {
		if got := HodgesLehmann(row.d); !close(got, row.want, 1e-12) && !(math.IsNaN(got) && math.IsNaN(row.want)) {
			t.Errorf("%s: %v, want %v", row.about, got, row.want)
		}
	}
}

// The bounds of the published samples were worked out with fractions, by
// counting all sums and sorting all averages.
func TestSignedRankBounds(t *testing.T) {
	none := math.Inf(1)
	rows := []struct {
		about        string
		d            []float64
		alpha        float64
		lower, upper float64
	}{
		{"depression, 95 %", depression, 0.025, -0.786, -0.010},
		{"depression, 90 %", depression, 0.05, -0.726, -0.175},
		{"depression, too strict", depression, 0.001, -none, none},
		{"maize, 95 %", maize, 0.025, 4, 41.5},
		{"all equal", []float64{3, 3, 3, 3, 3, 3}, 0.025, 3, 3},
		{"all equal, too few", []float64{3, 3, 3, 3, 3}, 0.025, -none, none},
		{"just enough", []float64{1, 2, 4, 8, 16}, 1.0 / 32, 1, 16},
		{"all zero", make([]float64, 48), 0.01 / 24, 0, 0},
		{"one value", []float64{3}, 0.5, 3, 3},
		{"nothing", nil, 0.5, -none, none},
		{"not a number", []float64{1, 2, 3, math.NaN()}, 0.4, -none, none},
		{"infinite", []float64{1, 2, 3, none}, 0.4, -none, none},
		{"alpha is not a number", []float64{1, 2, 3, 4}, math.NaN(), -none, none},
	}
	for _, row := range rows {
		lower, upper := SignedRankBounds(row.d, row.alpha)
		if !(lower == row.lower || close(lower, row.lower, 1e-12)) || !(upper == row.upper || close(upper, row.upper, 1e-12)) {
			t.Errorf("%s: %v to %v, want %v to %v", row.about, lower, upper, row.lower, row.upper)
		}
	}
}

// notRejected is where the interval of what is not rejected starts, by trying
// everything from the far end: each average, and between each two.
func notRejected(d []float64, alpha float64) float64 {
	w := walsh(d)
	slices.Sort(w)
	w = slices.Compact(w)
	if byTossing(d, w[0]-1) > alpha {
		return math.Inf(-1)
	}
	for i, theta := range w {
		if byTossing(d, theta) > alpha || i == len(w)-1 || byTossing(d, (theta+w[i+1])/2) > alpha {
			return theta
		}
	}
	panic("everything is rejected")
}

func agrees(t interface{ Errorf(string, ...any) }, d []float64, alpha float64) {
	lower, upper := SignedRankBounds(d, alpha)
	if want := notRejected(d, alpha); lower != want {
		t.Errorf("of %v at %v the lower bound is %v, want %v", d, alpha, lower, want)
	}
	if want := -notRejected(negated(d), alpha); upper != want {
		t.Errorf("of %v at %v the upper bound is %v, want %v", d, alpha, upper, want)
	}
}

func TestBoundsAgainstAllSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agrees(t, samples(8).Draw(t, "d"), rapid.Float64Range(0.004, 0.49).Draw(t, "alpha"))
	})
	r := rand.New(rand.NewPCG(1, 2))
	for _, step := range []float64{0.125, 1, 4} { // in standard deviations over 2
		d := make([]float64, 12)
		for i := range d {
			d[i] = math.Round(2*r.NormFloat64()/step) * step
		}
		agrees(t, d, 0.01)
	}
}

// What is too large to go through all signs is held against the test itself,
// just outside and just inside.
func TestBoundsAgainstTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(60).Draw(t, "d")
		alpha := rapid.Float64Range(0.0001, 0.49).Draw(t, "alpha")
		lower, upper := SignedRankBounds(d, alpha)
		if math.IsInf(lower, 0) {
			return
		}
		const bit = 1e-9
		if p := signedRankUpper(d, lower-bit); p > alpha {
			t.Errorf("%v is below the lower bound, but has p %v", lower-bit, p)
		}
		if p := signedRankUpper(d, lower+bit); p <= alpha {
			t.Errorf("%v is above the lower bound, but has p %v", lower+bit, p)
		}
		if p := signedRankLower(d, upper+bit); p > alpha {
			t.Errorf("%v is above the upper bound, but has p %v", upper+bit, p)
		}
		if p := signedRankLower(d, upper-bit); p <= alpha {
			t.Errorf("%v is below the upper bound, but has p %v", upper-bit, p)
		}
	})
}

func TestBoundsMoveWithValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := samples(50).Draw(t, "d")
		alpha := rapid.Float64Range(0.0001, 0.9).Draw(t, "alpha")
		lower, upper := SignedRankBounds(d, alpha)
		if estimate := HodgesLehmann(d); !(lower <= estimate && estimate <= upper) {
			t.Errorf("the estimate %v is not within %v to %v", estimate, lower, upper)
		}

		if low, high := SignedRankBounds(negated(d), alpha); low != -upper || high != -lower {
			t.Errorf("turned round: %v to %v, want %v to %v", low, high, -upper, -lower)
		}

		by := float64(rapid.IntRange(-40, 40).Draw(t, "by")) / 8
		moved := make([]float64, len(d))
		for i, v := range d {
			moved[i] = 2*v + by
		}
		if low, high := SignedRankBounds(moved, alpha); low != 2*lower+by || high != 2*upper+by {
			t.Errorf("moved: %v to %v, want %v to %v", low, high, 2*lower+by, 2*upper+by)
		}

		rest := slices.Clone(d)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		if low, high := SignedRankBounds(rest, alpha); low != lower || high != upper {
			t.Errorf("in another order: %v to %v, want %v to %v", low, high, lower, upper)
		}
	})
}

// Of all samples that differ only in their signs, which are as likely as each
// other, at most the share alpha has a lower bound above the truth.
func TestBoundsCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		away := samples(9).Draw(t, "away")
		alpha := rapid.Float64Range(0.01, 0.49).Draw(t, "alpha")
		d := make([]float64, len(away))
		missed := 0
		for signs := range 1 << len(d) {
			for i, v := range away {
				d[i] = v
				if signs>>i&1 == 1 {
					d[i] = -v
				}
			}
			if lower, _ := SignedRankBounds(d, alpha); lower > 0 {
				missed++
			}
		}
		if share := float64(missed) / float64(int(1)<<len(d)); share > alpha {
			t.Errorf("%v of all bounds are wrong, want at most %v", share, alpha)
		}
	})
}

func TestBoundsAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := 100; n < 110; n++ {
				d := make([]float64, n)
				for i := range d {
					d[i] = float64(i * i)
				}
				SignedRankBounds(d, 0.01)
			}
		})
	}
	wg.Wait()
}

func BenchmarkSignedRankBounds(b *testing.B) {
	// Steps of rounding, in standard deviations: none, of a histogram with three
	// digits whose values spread by 5 %, of one whose values hardly differ.
	for _, step := range []float64{0, 0.02, 0.2, 1} {
		for _, n := range []int{14, 48} {
			b.Run(fmt.Sprintf("step=%v/n=%d", step, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				d := make([]float64, n)
				for i := range d {
					d[i] = r.NormFloat64()
					if step > 0 {
						d[i] = math.Round(d[i]/step) * step
					}
				}
				for b.Loop() {
					SignedRankBounds(d, 0.01/12)
				}
			})
		}
	}
	b.Run("half=equal/n=48", func(b *testing.B) {
		r := rand.New(rand.NewPCG(1, 2))
		d := make([]float64, 48)
		for i := range 24 {
			d[i] = r.NormFloat64()
		}
		for b.Loop() {
			SignedRankBounds(d, 0.01/12)
		}
	})
}
