package compare_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// What these tests show is that the simulation can fail: fed with launches in
// an order that nobody drew, or with slices of one launch as if they were
// launches, it alarms.

// often fails where an alarm is not as frequent as a broken recipe makes it.
func often(t *testing.T, what string, count, trials int, want float64) {
	t.Helper()
	lower, _ := exact.ClopperPearson(count, trials, 0.95)
	t.Logf("%s: %d alarms in %d, %.1f %%", what, count, trials, 100*float64(count)/float64(trials))
	if lower <= want {
		t.Errorf("%s: want more than %.0f %%: this simulation does not find a recipe that is broken", what, 100*want)
	}
}

// TestWhyPairs: the usual recipe measures all of the base, then all of the
// candidate, and asks a rank-sum test for p < 5 %. On a machine that drifts it
// finds the drift. The same launches in pairs, in an order that is drawn, do
// not: that is the cell same/drifting/cv=5 of [TestSimulation].
func TestWhyPairs(t *testing.T) {
	t.Parallel()
	const runs, sd = 20, 0.05
	r := source("why pairs")
	count := 0
	for range planted() {
		launches := drifting(r, 2*runs, sd)
		if worse(launches[:runs], launches[runs:]) {
			count++
		}
	}
	often(t, "one side after the other", count, planted(), 0.10)
}

// worse is the verdict of the usual recipe.
func worse(base, candidate []float64) bool {
	_, lower, _ := exact.RankSumBounds(base, candidate, 0.025)
	return lower > 0
}

// slicesOf are slices of one launch of each side: launches differ by 2 %, slices
// of a launch by 1 %.
func slicesOf(r *rand.Rand, n int) [][]float64 {
	logs := make([][]float64, n)
	base, candidate := 0.02*r.NormFloat64(), 0.02*r.NormFloat64()
	for i := range logs {
		logs[i] = []float64{base + 0.01*r.NormFloat64(), candidate + 0.01*r.NormFloat64()}
	}
	return logs
}

// TestWhyLaunches: two launches of one program differ by what no number of
// slices of them averages out. Neither recipe bears slices for launches.
func TestWhyLaunches(t *testing.T) {
	t.Parallel()
	r := source("why launches")
	count := 0
	for range planted() {
		var base, candidate []float64
		for _, l := range slicesOf(r, 20) {
			base, candidate = append(base, l[0]), append(candidate, l[1])
		}
		if worse(base, candidate) {
			count++
		}
	}
	often(t, "rank sums of slices", count, planted(), 0.20)
	n := simulate("why launches", planted(), func(r *rand.Rand) []compare.Series {
		return []compare.Series{latency(slicesOf(r, most), 0, false)}
	})
	often(t, "pairs of slices", n.of[compare.Regressed]+n.of[compare.Minor], n.trials, 0.10)
}

// TestChancesAreNotTooSmall holds the p of comparisons of a build with itself,
// without a margin, against a uniform distribution: they may be larger, not
// smaller. That finds a broken unit long before false alarms would.
func TestChancesAreNotTooSmall(t *testing.T) {
	t.Parallel()
	const trials, pairs = 1000, 14
	ps := func(name string, logs func(*rand.Rand) [][]float64) []float64 {
		r := source(name)
		out := make([]float64, trials)
		for i := range out {
			var d []float64
			for _, l := range logs(r) {
				d = append(d, l[1]-l[0])
			}
			out[i] = signedRank(d)
		}
		return out
	}
	// The one-sided Kolmogorov-Smirnov distance that is passed by chance 1 time in
	// 1,000, by Smirnov's limit exp(-2nd²).
	limit := math.Sqrt(math.Log(1000) / (2 * trials))
	for _, k := range kinds {
		got := ps(k.name, func(r *rand.Rand) [][]float64 { return drawn(r, k.of(r, 2*pairs, 0.05), 2) })
		if d := tooSmall(got); d > limit {
			t.Errorf("%s: p is up to %.3f more often below something than that something", k.name, d)
		}
	}
	if d := tooSmall(ps("slices", func(r *rand.Rand) [][]float64 { return slicesOf(r, pairs) })); d <= limit {
		t.Errorf("slices that pass for launches are not found: %.3f, the limit is %.3f", d, limit)
	}
}

// signedRank is the exact p of the signed-rank test that d, without ties, lies
// above 0: the chance of ranks of negative values as low as these.
func signedRank(d []float64) (p float64) {
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	chance, below := []float64{1}, 0
	for i, v := range d {
		if v < 0 {
			below += i + 1
		}
		next := make([]float64, len(chance)+i+1)
		for s, c := range chance {
			next[s] += c / 2
			next[s+i+1] += c / 2
		}
		chance = next
	}
	for _, c := range chance[:below+1] {
		p += c
	}
	return p
}

// tooSmall is by how much p are more often at most something than they should.
func tooSmall(p []float64) float64 {
	var most float64
	for i, v := range slices.Sorted(slices.Values(p)) {
		most = max(most, float64(i+1)/float64(len(p))-v)
	}
	return most
}
