package compare_test

import (
	"math"
	"slices"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// Whatever number of pairs is asked for, and however many metrics decide: the
// last look is at that number and can prove what a look there can, no look is
// without a share, and all of them together spend what there is and no more.
func TestDesignOfAnyNumberOfPairs(t *testing.T) {
	for most := 1; most <= 1000; most++ {
		u := compare.DefaultDesign().UpTo(most)
		if err := u.Validate(); err != nil || u.MaxPairs() != most {
			t.Fatalf("up to %d: %+v: %v", most, u, err)
		}
		sum := 0.0
		for i, s := range u.Spend {
			sum += s
			if i > 0 && s < u.Spend[i-1] || s < 0.01 {
				t.Errorf("up to %d: look %d spends %g: %v", most, i+1, s, u.Spend)
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("up to %d: the looks spend %g of it", most, sum)
		}
		for _, tests := range []int{0, 1, 2, 3, 6, 12, 40, 80, 1000} {
			u.Tests = tests
			part := u.Alpha / float64(max(tests, 1))
			typical, noiseless, outlying := 0.0, 0.0, 0.0
			for i, n := range u.Looks {
				typical, noiseless, outlying = typical+u.AlphaAt(i), noiseless+u.ExactAlphaAt(i), outlying+u.OutlierAlphaAt(i)
				last := i == len(u.Looks)-1
				for what, alpha := range map[string]float64{"typical": u.AlphaAt(i), "exact": u.ExactAlphaAt(i)} {
					if alpha < 0 || math.IsNaN(alpha) || last && alpha == 0 || !last && alpha > 0 && math.Ldexp(1, -n) > alpha {
						t.Errorf("up to %d, %d tests: look %d after %d pairs has %g of %s, and proves nothing", most, tests, i+1, n, alpha, what)
					}
				}
			}
			if math.Abs(typical+outlying-part) > 1e-12*part || math.Abs(typical-noiseless) > 1e-12*part {
				t.Errorf("up to %d, %d tests: spends %g and %g, of exact metrics %g, and has %g", most, tests, typical, outlying, noiseless, part)
			}
			if can := u.MinPairs() <= most; can != (exact.LeastPairs(u.AlphaAt(len(u.Looks)-1)) <= most) || most >= 20 && !can {
				t.Errorf("up to %d, %d tests: it takes %d pairs", most, tests, u.MinPairs())
			}
		}
	}
	if d := compare.DefaultDesign(); len(d.Looks) != len(d.UpTo(48).Looks) || d.Spend[3] != d.UpTo(48).Spend[3] {
		t.Errorf("the default is %+v, and up to 48 it is %+v", d, d.UpTo(48))
	}
}

func TestDesignValidates(t *testing.T) {
	nan := math.NaN()
	for _, bad := range []compare.Design{
		{},
		{Alpha: 0.01, Looks: []int{5, 5}, Spend: []float64{0.5, 0.5}},
		{Alpha: 0.01, Looks: []int{5}, Spend: []float64{2}},
		{Alpha: 0.01, Looks: []int{5, 9}, Spend: []float64{0.5}},
		{Alpha: 0.01, Looks: []int{5, 9}, Spend: []float64{1, 0}},
		{Alpha: 0.01, Looks: []int{5, 9}, Spend: []float64{1.5, -0.5}},
		{Alpha: 0.01, Looks: []int{5, 9}, Spend: []float64{nan, 0.5}},
		{Alpha: 0.01, Looks: []int{5}, Spend: []float64{math.Inf(1)}},
		{Alpha: nan, Looks: []int{5}, Spend: []float64{1}},
		{Alpha: 1, Looks: []int{5}, Spend: []float64{1}},
		{Alpha: 0.01, Looks: []int{0}, Spend: []float64{1}},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	for _, text := range []string{"NaN", "0.5,NaN", "1,0", "", "x", "+Inf"} {
		s := compare.DefaultDesign().UpTo(20).Settings().With("spend", text)
		if _, err := compare.DesignOf(s); err == nil {
			t.Errorf("spend %q was taken", text)
		}
	}
}

// So few outliers as were asked for take a certain number of pairs to show, and
// there is a look then.
func TestDesignForOutliers(t *testing.T) {
	for _, c := range []struct {
		share      float64
		most, want int // 0: too few are asked for
	}{{0.1, 48, 29}, {0.2, 48, 14}, {0.05, 100, 59}, {0.05, 48, 0}, {0.01, 300, 299}, {0.01, 299, 299}, {0.01, 298, 0}, {0.19, 48, 15}, {0.5, 48, 5}, {0.0001, 1000, 0}} {
		d, err := compare.DefaultDesign().UpTo(c.most).ForOutliers(c.share)
		if (err != nil) != (c.want == 0) {
			t.Errorf("at most %g in %d pairs: %v", c.share, c.most, err)
		}
		if c.want == 0 {
			continue
		}
		if n := compare.LaunchesFor(c.share); n != c.want || exact.ClopperPearsonUpper(0, n, 0.95) > c.share || n > 1 && exact.ClopperPearsonUpper(0, n-1, 0.95) <= c.share {
			t.Errorf("at most %g takes %d launches, want %d", c.share, n, c.want)
		}
		if !slices.Contains(d.Looks, c.want) || d.MaxPairs() != c.most || d.Validate() != nil {
			t.Errorf("at most %g in %d pairs: looks %v (%v)", c.share, c.most, d.Looks, d.Validate())
		}
	}
	for _, share := range []float64{0, -1, math.NaN()} {
		if n := compare.LaunchesFor(share); n != math.MaxInt {
			t.Errorf("a share of %g takes %d launches", share, n)
		}
	}
}
