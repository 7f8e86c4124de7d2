package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is searched for is what stands there when all is written down.
func TestSearchIsTheListsRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := slices.Sorted(slices.Values(samples(60).Draw(t, "a")))
		all := walsh(a)
		slices.Sort(all)
		k := rapid.IntRange(0, len(all)-1).Draw(t, "k")
		got := ordered{len(all), a[0], a[len(a)-1], func(v float64) (n int) {
			for _, w := range all {
				if w <= v {
					n++
				}
			}
			return n
		}}.at(k)
		if got != all[k] {
			t.Errorf("of rank %d: %v, want %v", k, got, all[k])
		}
	})
	r := rand.New(rand.NewPCG(3, 4))
	for _, step := range []float64{0, 0.5} { // without ties, and with many
		draw := func(n int) []float64 {
			d := make([]float64, n)
			for i := range d {
				d[i] = r.NormFloat64()
				if step > 0 {
					d[i] = math.Round(d[i]/step) * step
				}
			}
			slices.Sort(d)
			return d
		}
		a, b := draw(250), draw(180)
		all := walsh(a)
		slices.Sort(all)
		var diffs []float64
		for _, x := range a {
			for _, y := range b {
				diffs = append(diffs, y-x)
			}
		}
		slices.Sort(diffs)
		for _, c := range []struct {
			about string
			got   ordered
			want  []float64
		}{{"averages", averages(a), all}, {"differences", differences(a, b), diffs}} {
			for _, k := range []int{0, 1, 7, len(c.want) / 3, len(c.want) / 2, len(c.want) - 2, len(c.want) - 1} {
				if c.got.n != len(c.want) || c.got.at(k) != c.want[k] {
					t.Errorf("%s: rank %d of %d is %v, want %v of %d", c.about, k, c.got.n, c.got.at(k), c.want[k], len(c.want))
				}
			}
		}
	}
}

// A thousand pairs, tied or not, are bounded in no time to speak of; of many
// more nothing that grows with their square is kept.
func TestManyPairsAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{101, 1000, 20_000} {
		for _, step := range []float64{0, 0.1} {
			d := make([]float64, n)
			for i := range d {
				d[i] = 0.5 + r.NormFloat64()
				if step > 0 {
					d[i] = math.Round(d[i]/step) * step
				}
			}
			began := time.Now()
			lower, upper := SignedRankBounds(d, 0.001)
			estimate, sd := HodgesLehmann(d), SD(d)
			took := time.Since(began)
			// 3.09 standard errors, and half as much again for chance.
			reach := 7/math.Sqrt(float64(n)) + step
			if !(lower <= estimate && estimate <= upper) || math.Abs(lower-0.5) > reach || math.Abs(upper-0.5) > reach || step == 0 && !close(sd, 1, 0.3) {
				t.Errorf("%d values in steps of %g: %v (%v to %v), sd %v", n, step, estimate, lower, upper, sd)
			}
			if took > time.Minute {
				t.Errorf("%d values took %v", n, took)
			}
		}
	}
	many := make([]float64, 30_000)
	for i := range many {
		many[i] = r.NormFloat64()
	}
	if e, lower, upper := RankSumBounds(many, many, 0.001); !(lower < 0 && upper > 0 && math.Abs(e) < 0.01) {
		t.Errorf("a sample against itself: %v (%v to %v)", e, lower, upper)
	}
}

// Where the normal distribution takes over, it rejects no earlier than the
// exact one.
func TestNormalTailIsNotTooSmall(t *testing.T) {
	for _, alpha := range []float64{0.04, 0.01, 0.001, 1e-4, 1e-5, 1e-6} {
		n := mostTail
		m := float64(n)
		normal := normalCritical(m*(m+1)/4, m*(m+1)*(2*m+1)/24, alpha)
		if exact := critical(tail(n), alpha); normal > exact || float64(exact-normal) > 0.01*float64(exact) {
			t.Errorf("at %g the critical sum of %d values is %d, and by the normal distribution %d", alpha, n, exact, normal)
		}
	}
}

// Without ties the bounds are those of values with ties that were broken: never
// narrower than what the ties allow.
func TestBoundsOfManyTies(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const times, n, alpha = 2000, mostTied + 1, 0.05
	missed := 0
	for range times {
		d := make([]float64, n)
		for i := range d {
			d[i] = math.Round(2 * r.NormFloat64())
		}
		if lower, _ := SignedRankBounds(d, alpha); lower > 0 {
			missed++
		}
	}
	if low, _ := ClopperPearson(missed, times, 0.99); low > alpha {
		t.Errorf("%d of %d lower bounds are above the truth, at alpha %g", missed, times, alpha)
	}
}
