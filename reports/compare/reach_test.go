package compare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// TestGivesUpSeldom plays comparisons that are given up at the first look at which
// no later one seems to decide anything: hardly any of them would have been
// decided, however large the noise is beside the change.
func TestGivesUpSeldom(t *testing.T) {
	t.Parallel()
	trials := 3 * planted()
	for _, tests := range []int{1, 6, 20} {
		d := compare.DefaultDesign()
		d.Tests = tests
		for _, c := range []struct{ change, noise float64 }{
			{0, 0.02}, {0.05, 0.05}, {0.1, 0.1}, {-0.4, 0.2}, {0.4, 0.4}, {-0.4, 0.4}, {-0.9, 1}, {9, 1}, {9, 3},
		} {
			r := source(fmt.Sprint("gives up", tests, c))
			lost, given := 0, 0
			for range trials {
				s := latency(drawn(r, independent(r, 2*most, c.noise/math.Sqrt2), 2), c.change, false)
				end := compare.Decide(d, []compare.Series{s})[0]
				for _, n := range d.Looks[:len(d.Looks)-1] {
					f := compare.Decide(d, cut([]compare.Series{s}, n))[0]
					if f.Verdict != compare.Inconclusive {
						break
					}
					if !compare.Reachable(d, f) {
						given++
						if end.Verdict != compare.Inconclusive {
							lost++
						}
						break
					}
				}
			}
			if low, _ := exact.ClopperPearson(lost, trials, 0.99); low > 0.03 {
				t.Errorf("%d metrics, %+g %% at a noise of %g %%: %d of %d are given up that would have been decided", tests, 100*c.change, 100*c.noise, lost, trials)
			}
			t.Logf("%d metrics, %+g %% at a noise of %g %%: %d given up, %d of them for nothing, of %d", tests, 100*c.change, 100*c.noise, given, lost, trials)
		}
	}
}

// What cannot be decided is given up, and nothing else is.
func TestReachable(t *testing.T) {
	d := compare.DefaultDesign()
	r := rand.New(rand.NewPCG(1, 2))
	wild := func(n int) compare.Series {
		return latency(drawn(r, independent(r, 2*n, 2), 2), 0, false)
	}
	given := 0
	for range 100 {
		f := compare.Decide(d, []compare.Series{wild(32)})[0]
		if f.Verdict == compare.Inconclusive && !compare.Reachable(d, f) {
			given++
		}
	}
	if given < 30 {
		t.Errorf("of 100 without a change at a noise of 280 %% only %d are given up", given)
	}
	one := func(s compare.Series) compare.Finding { return compare.Decide(d, []compare.Series{s})[0] }
	asked := outlying(32, 2, map[compare.Arm][]int{compare.Candidate: {2, 7, 11, 16, 21, 27}, compare.Base: {1, 3, 9, 14, 20, 26}, compare.Control: {4, 8, 13, 18, 25, 29}})
	asked.Metric.MaxOutliers, asked.Metric.Tolerance = 0.1, 0.9
	for _, c := range []struct {
		why  string
		f    compare.Finding
		want bool
	}{
		{"before the first look", one(wild(5)), true},
		{"after the last", one(wild(48)), false},
		{"decided", one(latency(drawn(r, independent(r, 28, 0.001), 2), 0, false)), false},
		{"allocations of which the pairs disagree", one(counts(r, 20, 0.5)), true},
		{"more outliers than were asked for, whatever comes", one(asked), false},
	} {
		if got := compare.Reachable(d, c.f); got != c.want {
			t.Errorf("%s: %v (%s after %d pairs: %s)", c.why, got, c.f.Verdict, c.f.Pairs, c.f.Reason)
		}
	}
	few := d.UpTo(8)
	few.Tests = 20
	if f := compare.Decide(few, []compare.Series{wild(5)})[0]; compare.Reachable(few, f) {
		t.Error("8 pairs can prove something about 20 metrics")
	}
}

// Without pairs a figure without noise is worse where it is by more than its
// tolerance, and equal within it.
func TestExactWithoutPairs(t *testing.T) {
	same := func(v float64) (out []float64) {
		for range 12 {
			out = append(out, v)
		}
		return out
	}
	for candidate, want := range map[float64]compare.Verdict{1000: compare.Equal, 1003: compare.Equal, 1005: compare.Equal, 1010: compare.Regressed, 990: compare.Improved, 997: compare.Equal} {
		f := compare.Decide(compare.DefaultDesign(), []compare.Series{{Scenario: "s", Metric: metric(t, "allocs/op"), BaseValues: same(1000), CandidateValues: same(candidate)}})[0]
		if f.Verdict != want {
			t.Errorf("1000 to %g: %s, want %s: %s", candidate, f.Verdict, want, f.Reason)
		}
	}
}
