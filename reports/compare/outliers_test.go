package compare_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// outlying is a series of n pairs with a control in which, beside a noise of 1 %,
// the launches of an arm that are named take so many times as long.
func outlying(n int, times float64, of map[compare.Arm][]int) compare.Series {
	r := rand.New(rand.NewPCG(9, 9))
	value := func(arm compare.Arm, pair int) float64 {
		v := 2e8 * math.Exp(0.01*r.NormFloat64())
		if slices.Contains(of[arm], pair) {
			v *= times
		}
		return v
	}
	s := compare.Series{Scenario: "s", Metric: compare.MetricOf("p99-ns", false)}
	for i := 1; i <= n; i++ {
		base := value(compare.Base, i)
		s.Pairs = append(s.Pairs, compare.Pair{Number: i, Base: base, Candidate: value(compare.Candidate, i)})
		s.Control = append(s.Control, compare.Pair{Number: i, Base: base, Candidate: value(compare.Control, i)})
	}
	return s
}

func upto(n int) (pairs []int) {
	for i := 1; i <= n; i++ {
		pairs = append(pairs, i)
	}
	return pairs
}

func TestOutliers(t *testing.T) {
	c, b, a := compare.Candidate, compare.Base, compare.Control
	for _, k := range []struct {
		why            string
		n              int
		of             map[compare.Arm][]int
		want           compare.Verdict
		candidate      int
		base, reported string
	}{
		{"none", 14, nil, compare.Equal, 0, "", "0 of 14 launches are outliers, at most 19 % of all (95 % confidence)"},
		{"one, which may be chance", 48, map[compare.Arm][]int{c: {3}}, compare.Equal, 1, "", "1 of 20 launches are outliers, and 0 of 40 of the base"},
		{"as many in the base", 48, map[compare.Arm][]int{c: {1, 9, 17, 30, 41}, b: {2, 5, 22, 33, 40}, a: {3, 8, 19, 44, 45}}, compare.Equal, 5, "", ""},
		{"enough to doubt", 48, map[compare.Arm][]int{c: {15, 18, 30, 44}}, compare.Equal, 0, "", ""}, // decided after 14
		{"early and enough to doubt", 48, map[compare.Arm][]int{c: {3, 7, 12}}, compare.Inconclusive, 3, "", "(pairs 3, 7, 12)"},
		{"more than chance allows", 48, map[compare.Arm][]int{c: {2, 5, 9, 13, 18, 25, 30, 32}}, compare.Unstable, 8, "", "(pairs 2, 5, 9, 13, 18, 25, 30, 32)"},
		{"most of them: that is no outlier any more", 48, map[compare.Arm][]int{c: {1, 2, 4, 5, 6, 8, 9, 10, 12, 13}, b: {3}}, compare.Regressed, 10, "", "10 of 14 launches are outliers"},
		{"the base has them: no alarm", 48, map[compare.Arm][]int{b: {2, 18, 25, 44}, a: {1, 3, 8, 40}}, compare.Equal, 0, "", "launches are outliers"},
		{"pairs in which all arms were slow", 48, map[compare.Arm][]int{c: upto(12), b: upto(12), a: upto(12)}, compare.Equal, 0, "", ""},
	} {
		s := outlying(k.n, 2, k.of)
		f := compare.Decide(compare.DefaultDesign(), []compare.Series{s})[0]
		if f.Verdict != k.want || f.Outliers == nil || k.want != compare.Equal && f.Outliers.Candidate.Outliers != k.candidate || !strings.Contains(f.Reason, k.reported) {
			t.Errorf("%s: %s with %+v, want %s: %s", k.why, f.Verdict, f.Outliers, k.want, f.Reason)
		}
		r := compare.Conclude(compare.DefaultDesign(), []compare.Series{s}, nil, nil)
		if want := k.want.ExitCode(); r.Exit != want && r.Verdict != compare.Invalid {
			t.Errorf("%s: exit code %d, want %d", k.why, r.Exit, want)
		}
	}
	// A share that was asked for has to be shown.
	s := outlying(48, 2, nil)
	s.Metric.MaxOutliers = 0.1
	for n, want := range map[int]compare.Verdict{14: compare.Inconclusive, 20: compare.Inconclusive, 32: compare.Equal} {
		less := s
		less.Pairs, less.Control = s.Pairs[:n], s.Control[:n]
		if f := compare.Decide(compare.DefaultDesign(), []compare.Series{less})[0]; f.Verdict != want {
			t.Errorf("at most 10 %% in %d pairs: %s: %s", n, f.Verdict, f.Reason)
		}
	}
}

// Up to 30 % of one side do not hide themselves, whatever the metric's direction
// and scale, how quiet the series is, and whether there is a control.
func TestManyOutliersDoNotHide(t *testing.T) {
	for _, unit := range []string{"p99-ns", "ok/s", "rejected-ppm", "cpu-ns/req", "ns/op"} {
		for _, noise := range []float64{0, 0.001, 0.03} {
			for _, control := range []bool{false, true} {
				for _, share := range []float64{0.1, 0.2, 0.3} {
					r := rand.New(rand.NewPCG(11, 12))
					m := compare.MetricOf(unit, false)
					s := compare.Series{Scenario: "s", Metric: m}
					want := 0
					for i := 1; i <= 48; i++ {
						v := func() float64 { return 1e5 * math.Exp(noise*r.NormFloat64()) }
						p := compare.Pair{Number: i, Base: v(), Candidate: v()}
						if float64(i%10) < 10*share {
							want++
							if m.Higher {
								p.Candidate /= 2
							} else {
								p.Candidate *= 2
							}
						}
						s.Pairs = append(s.Pairs, p)
						if control {
							s.Control = append(s.Control, compare.Pair{Number: i, Base: p.Base, Candidate: v()})
						}
					}
					d := compare.DefaultDesign()
					d.Looks, d.Spend = []int{48}, []float64{1}
					f := compare.Decide(d, []compare.Series{s})[0]
					if f.Outliers.Candidate.Outliers != want || f.Outliers.Base.Outliers+f.Outliers.Control.Outliers != 0 {
						t.Errorf("%s, noise %g, control %v, %g of it: %+v, want %d", unit, noise, control, share, f.Outliers, want)
					}
				}
			}
		}
	}
}

// Of all ways in which the launches of each pair can be handed to the arms,
// which are as likely as each other where nothing changed, at most the share
// alpha is proven unstable, whatever the launches are like.
func TestOutliersAreExact(t *testing.T) {
	value := rapid.SampledFrom([]float64{90, 99, 100, 100, 101, 120, 200, 210, 400})
	rapid.Check(t, func(t *rapid.T) {
		arms := rapid.IntRange(2, 3).Draw(t, "arms")
		n := rapid.IntRange(3, map[int]int{2: 9, 3: 5}[arms]).Draw(t, "pairs")
		launches := make([][]float64, n)
		for i := range launches {
			launches[i] = rapid.SliceOfN(value, arms, arms).Draw(t, "launches")
		}
		d := compare.Design{Alpha: 0.4, Looks: []int{n}, Spend: []float64{1}, Tests: 1}
		alpha := d.OutlierAlphaAt(0)
		ways, proven := 1, 0
		for range n {
			ways *= arms
		}
		for way := range ways { // which launch of each pair is the candidate's
			s := compare.Series{Scenario: "s", Metric: compare.MetricOf("ns/op", false)}
			rest := way
			for i, l := range launches {
				at := rest % arms
				rest /= arms
				p := compare.Pair{Number: i + 1, Candidate: l[at], Base: l[(at+1)%arms]}
				s.Pairs = append(s.Pairs, p)
				if arms == 3 {
					s.Control = append(s.Control, compare.Pair{Number: i + 1, Base: p.Base, Candidate: l[(at+2)%arms]})
				}
			}
			if f := compare.Decide(d, []compare.Series{s})[0]; f.Outliers.Proven() {
				proven++
			}
		}
		if share := float64(proven) / float64(ways); share > alpha*(1+1e-9) {
			t.Errorf("%d of %d are proven, and alpha is %g", proven, ways, alpha)
		}
	})
}

// What is said to be found in 95 % is.
func TestPowerOfOutliers(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	d := compare.DefaultDesign()
	d.Looks, d.Spend = []int{48}, []float64{1}
	found, trials := 0, 400
	share := compare.Decide(d, []compare.Series{outlying(48, 3, nil)})[0].Outliers.Found
	for range trials {
		var of []int
		for i := range 48 {
			if r.Float64() < share {
				of = append(of, i+1)
			}
		}
		if f := compare.Decide(d, []compare.Series{outlying(48, 3, map[compare.Arm][]int{compare.Candidate: of})})[0]; f.Outliers.Proven() {
			found++
		}
	}
	if low, high := exact.ClopperPearson(found, trials, 0.999); !(low < 0.95 && 0.95 < high) {
		t.Errorf("a share of %g is found in %d of %d", share, found, trials)
	}
}

// The control's outliers make the comparison invalid, as they would make the
// candidate unstable; and its difference is looked for at every look that there
// was, also after the candidate was decided.
func TestControlIsTestedAsTheCandidateIs(t *testing.T) {
	s := outlying(14, 3, map[compare.Arm][]int{compare.Control: upto(14)})
	if r := compare.Conclude(compare.DefaultDesign(), []compare.Series{s}, nil, nil); r.Verdict != compare.Invalid {
		t.Errorf("a control three times as slow: %s", r.Verdict)
	}
	some := map[compare.Arm][]int{compare.Control: {1, 3, 4, 6, 7, 9, 10, 12, 14, 15, 18, 20, 22, 25, 26, 28, 31}}
	r := compare.Conclude(compare.DefaultDesign(), []compare.Series{outlying(32, 3, some)}, nil, nil)
	if r.Verdict != compare.Invalid || !strings.Contains(strings.Join(r.Reasons, " "), "outliers") {
		t.Errorf("a control with many outliers: %s, %q", r.Verdict, r.Reasons)
	}
	// The candidate is decided after 14 pairs, and another metric goes on to 48, in
	// which the control drifts off.
	calm, late := latency(drawn(source("calm"), independent(source("calm"), 3*48, 0.002), 3), 0, false), compare.Series{}
	for i := range calm.Control {
		if i >= 14 {
			calm.Control[i].Candidate *= 1.05
		}
	}
	late = latency(drawn(source("late"), independent(source("late"), 2*48, 0.3), 2), 0, false)
	late.Scenario = "late"
	if r := compare.Conclude(compare.DefaultDesign(), []compare.Series{calm, late}, nil, nil); r.Verdict != compare.Invalid {
		t.Errorf("a control that drifts off after the first look: %s", r.Verdict)
	}
	// Exact metrics have a control too.
	allocs := compare.Series{Scenario: "s", Metric: metric(t, "allocs/op"), Pairs: noisy(14, 20, 0, 0), Control: noisy(14, 20, 0.1, 0)}
	if r := compare.Conclude(compare.DefaultDesign(), []compare.Series{allocs}, nil, nil); r.Verdict != compare.Invalid {
		t.Errorf("a control with more allocations: %s", r.Verdict)
	}
}

// A change of just the margin, or just the tolerance, is one whatever the base
// was; rounding makes no verdict.
func TestRoundingIsNoVerdict(t *testing.T) {
	same := func(n int, base, candidate float64) (pairs []compare.Pair) {
		for i := range n {
			pairs = append(pairs, compare.Pair{Number: i + 1, Base: base, Candidate: candidate})
		}
		return pairs
	}
	for _, c := range []struct {
		why, metric string
		change      func(base float64) float64
		bases       []float64
		want        compare.Verdict
	}{
		{"1 % is not more than the margin", "time", func(v float64) float64 { return v * 1.01 }, []float64{1, 3, 7, 100, 101, 0.1, 1234567, 1e-3, 333.3}, compare.Equal},
		{"a little more is", "time", func(v float64) float64 { return v * 1.0101 }, []float64{1, 3, 7, 100, 0.1}, compare.Minor},
		{"5 % may be the tolerance", "time", func(v float64) float64 { return v * 1.05 }, []float64{1, 3, 7, 20, 100, 0.1, 60e3}, compare.Regressed},
		{"1 % better is not more than the margin", "time", func(v float64) float64 { return v / 1.01 }, []float64{1, 3, 7, 101, 0.1}, compare.Equal},
		{"+0.1 points is not more than the margin", "rejected", func(v float64) float64 { return v + 1000 }, []float64{0, 0.1, 3, 1e5 / 3, 123456.7, 998_999.9}, compare.Equal},
		{"+0.5 points may be the tolerance", "rejected", func(v float64) float64 { return v + 5000 }, []float64{0, 0.1, 3, 1e5 / 3, 123456.7, 994_999.9}, compare.Regressed},
		{"200 to 201 is within half a percent", "allocs/op", func(v float64) float64 { return v * 201 / 200 }, []float64{200, 400, 1000, 3e9}, compare.Equal},
		{"199 to 200 is not", "allocs/op", func(v float64) float64 { return v * 200 / 199 }, []float64{199, 398}, compare.Regressed},
		{"1 % less throughput is not more than the margin", "ok/s", func(v float64) float64 { return v / 1.01 }, []float64{101, 303, 3, 1e5 / 3}, compare.Equal},
	} {
		for _, base := range c.bases {
			f := verdict(metric(t, c.metric), same(14, base, c.change(base)))
			if f.Verdict != c.want {
				t.Errorf("%s: %g to %g is %s, want %s: %s", c.why, base, c.change(base), f.Verdict, c.want, f.Reason)
			}
		}
	}
	// A hundred pairs away from the base: still the same.
	if f := verdict(metric(t, "time"), same(14, 100, 101)); f.Verdict != compare.Equal {
		t.Errorf("100 to 101 ns is %s: %s", f.Verdict, f.Reason)
	}
}

// From zero there is no per cent, and none is reported.
func TestFromZero(t *testing.T) {
	for _, c := range []struct {
		metric          string
		base, candidate float64
		want            compare.Verdict
		estimate        string // in JSON
	}{
		{"allocs/op", 0, 3, compare.Regressed, "null"}, {"allocs/op", 3, 0, compare.Improved, "-1"},
		{"bytes", 0, 64, compare.Regressed, "null"}, {"allocs", 0, 0.01, compare.Equal, "0"}, {"allocs/op", 0, 0, compare.Equal, "0"},
		{"overhead-p99", 0, 9e5, compare.Regressed, "null"}, {"rejected", 0, 20_000, compare.Regressed, "0.02"},
	} {
		m := metric(t, c.metric)
		m.Gated = true
		f := verdict(m, shifted(14, c.base, c.candidate-c.base, 0))
		if f.Verdict != c.want || f.FromZero() != (m.Scale != compare.Points && (c.base == 0) != (c.candidate == 0)) {
			t.Errorf("%s from %g to %g: %s, from zero %v: %s", c.metric, c.base, c.candidate, f.Verdict, f.FromZero(), f.Reason)
		}
		if f.FromZero() && f.Verdict != compare.Equal && !strings.Contains(f.Reason, fmt.Sprintf("typically %g in the base and %g in the candidate", c.base, c.candidate)) {
			t.Errorf("%s from %g to %g: %s", c.metric, c.base, c.candidate, f.Reason)
		}
		text, err := json.Marshal(f)
		if err != nil || !strings.Contains(string(text), `"estimate":`+c.estimate+`,`) {
			t.Errorf("%s from %g to %g: %v\n%s", c.metric, c.base, c.candidate, err, text)
		}
	}
}

// A value that is no number costs its own figure, is named, and never passes; all
// others are reported, and JSON can be written and read.
func TestOneBadValueCostsOneFigure(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5} {
		for _, arm := range []compare.Arm{compare.Base, compare.Candidate, compare.Control} {
			for _, unit := range []string{"ns/op", "allocs/op", "widgets/op", "rejected-ppm"} {
				var samples []compare.Sample
				for pair := 1; pair <= 14; pair++ {
					for _, a := range []compare.Arm{compare.Base, compare.Candidate, compare.Control} {
						v := 100.0
						if pair == 5 && a == arm {
							v = bad
						}
						samples = append(samples, compare.Sample{Scenario: "s", Unit: unit, Arm: a, Pair: pair, Value: v}, compare.Sample{Scenario: "s", Unit: "p99-ns", Arm: a, Pair: pair, Value: 100})
					}
				}
				all, missing, fresh := compare.Collect(samples, compare.Policy{})
				r := compare.Conclude(compare.DefaultDesign(), all, missing, fresh)
				text, err := json.Marshal(r)
				var back compare.Report
				if err != nil || json.Unmarshal(text, &back) != nil {
					t.Fatalf("%g %s in the %s: %v", bad, unit, arm, err)
				}
				for _, f := range r.Findings {
					if f.Unit != unit {
						if f.Verdict != compare.Equal {
							t.Errorf("%g %s in the %s: %s is %s", bad, unit, arm, f.Unit, f.Verdict)
						}
						continue
					}
					// A control that has no figure hides nothing of the candidate, and is named.
					if arm == compare.Control && !strings.Contains(strings.Join(r.Reasons, " "), "pair 5: "+unit+" of the control") {
						t.Errorf("%g %s in the %s: %q", bad, unit, arm, r.Reasons)
					}
					if arm != compare.Control && (f.Verdict != compare.Invalid || !strings.Contains(f.Reason, "pair 5: "+unit+" of the "+string(arm))) {
						t.Errorf("%g %s in the %s: %s: %s", bad, unit, arm, f.Verdict, f.Reason)
					}
					if want := f.Gated && arm != compare.Control; (r.Verdict == compare.Invalid) != want {
						t.Errorf("%g %s in the %s: the comparison is %s", bad, unit, arm, r.Verdict)
					}
				}
			}
		}
	}
}

// So few pairs that no bound can be proven are reported as that, with how many it
// takes, and pass nothing.
func TestTooFewPairsProveNothing(t *testing.T) {
	for _, c := range []struct {
		n, tests int
		proves   bool
	}{{8, 1, true}, {8, 2, true}, {8, 3, false}, {9, 4, true}, {10, 20, false}, {14, 40, true}, {14, 200, false}} {
		for _, m := range []compare.Metric{metric(t, "time"), metric(t, "allocs/op")} {
			for why, worse := range map[string]float64{"worse": 0.5, "same": 0} {
				d := compare.DefaultDesign().UpTo(c.n)
				d.Tests = c.tests
				f := compare.Decide(d, []compare.Series{{Scenario: "s", Metric: m, Pairs: noisy(c.n, 100, worse, 0)}})[0]
				want := map[string]compare.Verdict{"worse": compare.Regressed, "same": compare.Equal}[why]
				if !c.proves {
					want = compare.Inconclusive
				}
				if f.Verdict != want || !c.proves && !strings.Contains(f.Reason, fmt.Sprintf("%d pairs cannot prove a change", c.n)) {
					t.Errorf("%s %s, %d pairs and %d metrics: %s, want %s: %s", m.Name, why, c.n, c.tests, f.Verdict, want, f.Reason)
				}
			}
		}
	}
}

// Allocations that vary a little are equal where most launches are, and are
// decided at the first look where all pairs agree, also among many.
func TestExactMetricsAreDecidedAtTheFirstLook(t *testing.T) {
	for _, tests := range []int{1, 6, 20, 40, 80} {
		d := compare.DefaultDesign()
		d.Tests = tests
		for why, c := range map[string]struct {
			pairs []compare.Pair
			want  compare.Verdict
		}{
			"one more":       {noisy(14, 20, 0.05, 0), compare.Regressed},
			"one fewer":      {noisy(14, 20, -0.05, 0), compare.Improved},
			"as many":        {noisy(14, 20, 0, 0), compare.Equal},
			"one odd launch": {append(noisy(13, 20, 0, 0), compare.Pair{Number: 14, Base: 20, Candidate: 21}), compare.Equal},
		} {
			f := compare.Decide(d, []compare.Series{{Scenario: "s", Metric: metric(t, "allocs/op"), Pairs: c.pairs}})[0]
			if f.Verdict != c.want || f.Look != 1 {
				t.Errorf("%s, %d metrics: %s at look %d, want %s: %s", why, tests, f.Verdict, f.Look, c.want, f.Reason)
			}
		}
	}
}

func TestPolicyOfExactMetricsAndUnits(t *testing.T) {
	for _, c := range []struct {
		p    compare.Policy
		want string // empty: it is taken
	}{
		{compare.Policy{Margin: map[string]float64{"allocs": 0.01}}, "has no margin"},
		{compare.Policy{Margin: map[string]float64{"allocs/op": 0.01}}, "has no margin"},
		{compare.Policy{Tolerance: map[string]float64{"allocs/op": 0.1}}, ""},
		{compare.Policy{Margin: map[string]float64{"widgets/op": 0.1}}, "want less than its tolerance"},
		{compare.Policy{Margin: map[string]float64{"widgets/op": 0.1}, Tolerance: map[string]float64{"widgets/op": 0.2}}, ""},
		{compare.Policy{Margin: map[string]float64{"p99": 0.05}}, "want less than its tolerance"},
		{compare.Policy{MaxOutliers: 0.1}, ""},
		{compare.Policy{MaxOutliers: 1}, "MaxOutliers is"}, {compare.Policy{MaxOutliers: -0.1}, "MaxOutliers is"}, {compare.Policy{MaxOutliers: math.NaN()}, "MaxOutliers is"},
	} {
		err := c.p.Validate()
		if c.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
		if err == nil {
			back, err := compare.PolicyOf(c.p.Settings())
			if err != nil || back.MaxOutliers != c.p.MaxOutliers {
				t.Errorf("%+v is read back as %+v (%v)", c.p, back, err)
			}
		}
	}
	if p := (compare.Policy{MaxOutliers: 0.1}).With(compare.Policy{}); p.MaxOutliers != 0.1 {
		t.Errorf("kept: %+v", p)
	}
}
