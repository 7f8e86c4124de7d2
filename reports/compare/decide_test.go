package compare_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// noisy is n pairs in which the candidate is worse by that share, give or take
// a noise that adds up to nothing.
func noisy(n int, base, worse, noise float64) (pairs []compare.Pair) {
	for i := range n {
		wobble := noise * (2*float64(i%10)/9 - 1)
		if i/10%2 == 1 {
			wobble = -wobble
		}
		pairs = append(pairs, compare.Pair{Number: i + 1, Base: base * math.Exp(-wobble/2), Candidate: base * (1 + worse) * math.Exp(wobble/2)})
	}
	return pairs
}

// metric is one of the known metrics.
func metric(t *testing.T, name string) compare.Metric {
	t.Helper()
	for _, m := range compare.Metrics {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("there is no metric %s", name)
	return compare.Metric{}
}

func verdict(m compare.Metric, pairs []compare.Pair) compare.Finding {
	return compare.Decide(compare.DefaultDesign(), []compare.Series{{Scenario: "s", Metric: m, Pairs: pairs}})[0]
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		why    string
		metric string
		pairs  []compare.Pair
		want   compare.Verdict
	}{
		{"nothing changed, little noise", "p99", noisy(14, 2e8, 0, 0.01), compare.Equal},
		{"all samples equal: a point, not a division by zero", "p99", noisy(14, 2e8, 0, 0), compare.Equal},
		{"20 % worse", "p99", noisy(14, 2e8, 0.2, 0.01), compare.Regressed},
		{"worse by more than the margin, surely less than the tolerance", "p99", noisy(14, 2e8, 0.025, 0.003), compare.Minor},
		{"20 % better", "p99", noisy(14, 2e8, -0.2, 0.01), compare.Improved},
		{"as noisy as the change is large", "p99", noisy(14, 2e8, 0.05, 0.3), compare.Inconclusive},
		{"5 % worse at the edge of the tolerance", "p99", noisy(14, 2e8, 0.05, 0.003), compare.Regressed},
		{"more is better, and there is less", "ok/s", noisy(14, 500, -0.2, 0.01), compare.Regressed},
		{"more is better, and there is more", "ok/s", noisy(14, 500, 0.2, 0.01), compare.Improved},
		{"nothing is rejected", "rejected", noisy(14, 0, 0, 0), compare.Equal},
		{"half a point more are rejected", "rejected", shifted(14, 0, 6000, 300), compare.Regressed},
		{"a tenth of a point more", "rejected", shifted(14, 20_000, 1_000, 300), compare.Equal},
		{"as many fewer", "rejected", shifted(14, 20_000, -6_000, 300), compare.Improved},
		{"one more allocation of 20", "allocs", noisy(14, 20, 0.05, 0), compare.Regressed},
		{"one fewer of 20", "allocs", noisy(14, 20, -0.05, 0), compare.Improved},
		{"allocations that vary more than they differ", "allocs", noisy(14, 20, 0.01, 0.05), compare.Inconclusive},
		{"an allocation where there was none", "allocs", shifted(14, 0, 1, 0), compare.Regressed},
		{"next to none, and three times as much of it", "allocs", shifted(14, 0.001, 0.002, 0), compare.Equal},
		{"overhead below the floor, doubled", "overhead-p99", noisy(14, 50e3, 1, 0), compare.Equal},
		{"zero in the base", "p99", shifted(14, 0, 1e6, 0), compare.Invalid},
		{"a negative time", "cpu", noisy(14, -5, 0, 0), compare.Invalid},
		{"no number", "cpu", noisy(14, math.NaN(), 0, 0), compare.Invalid},
	} {
		f := verdict(metric(t, c.metric), c.pairs)
		if f.Verdict != c.want {
			t.Errorf("%s: %s, want %s: %s (%.3f, %.3f to %.3f)", c.why, f.Verdict, c.want, f.Reason, float64(f.Estimate), float64(f.Lower), float64(f.Upper))
		}
		if f.Reason == "" {
			t.Errorf("%s: no reason is given", c.why)
		}
		if f.Verdict != compare.Invalid && !(f.Lower <= f.Estimate && f.Estimate <= f.Upper) {
			t.Errorf("%s: the estimate %g is outside of %g to %g", c.why, float64(f.Estimate), float64(f.Lower), float64(f.Upper))
		}
	}
}

// shifted is n pairs whose candidate has that much more, give or take a noise
// that adds up to nothing.
func shifted(n int, base, more, noise float64) (pairs []compare.Pair) {
	for i := range n {
		pairs = append(pairs, compare.Pair{Number: i + 1, Base: base, Candidate: max(0, base+more+noise*(2*float64(i%2)-1))})
	}
	return pairs
}

// Every metric in which the candidate is worse is reported as worse, whichever
// direction is better.
func TestDirections(t *testing.T) {
	for _, m := range compare.Metrics {
		worse, better := 1.3, 0.7
		if m.Higher {
			worse, better = better, worse
		}
		base := 1e6
		if m.Scale == compare.Points {
			base = 1e5
		}
		for factor, want := range map[float64]compare.Verdict{worse: compare.Regressed, better: compare.Improved} {
			f := verdict(m, noisy(20, base, factor-1, 0.001))
			if f.Verdict != want || (f.Estimate > 0) != (want == compare.Regressed) {
				t.Errorf("%s × %g: %s by %g, want %s", m.Name, factor, f.Verdict, float64(f.Estimate), want)
			}
		}
	}
}

// Below the first look nothing is decided, and an early look cannot decide
// what fewer pairs than it takes could show.
func TestTooFewPairs(t *testing.T) {
	for n := range 14 {
		f := verdict(metric(t, "p99"), noisy(n+1, 2e8, 0.5, 0.01))
		if n+1 < 14 && (f.Verdict != compare.Inconclusive || f.Look != 0) {
			t.Errorf("%d pairs: %s at look %d", n+1, f.Verdict, f.Look)
		}
	}
	// What comes after a look waits for the next one, which alone may spend.
	for n := 14; n < 20; n++ {
		f := verdict(metric(t, "p99"), append(noisy(14, 2e8, 0.05, 0.2), noisy(n-14, 2e8, 1, 0)...))
		if f.Verdict != compare.Inconclusive || f.Look != 1 || f.Pairs != 14 {
			t.Errorf("%d pairs: %s at look %d after %d", n, f.Verdict, f.Look, f.Pairs)
		}
	}
	// As few pairs as are wanted, in one look: 6 cannot reach 1 % (2⁻⁶ = 1.6 %),
	// 7 can.
	for n, want := range map[int]compare.Verdict{6: compare.Inconclusive, 7: compare.Regressed} {
		d := compare.DefaultDesign().UpTo(n)
		f := compare.Decide(d, []compare.Series{{Scenario: "s", Metric: metric(t, "p99"), Pairs: noisy(n, 2e8, 0.5, 0.01)}})[0]
		if f.Verdict != want || f.Lower.None() != (want == compare.Inconclusive) {
			t.Errorf("%d pairs in one look: %s, %v", n, f.Verdict, f.Lower)
		}
	}
}

// What a look has decided stays decided: pairs that come later do not take it
// back, so a comparison that is read again says the same.
func TestDecidedStaysDecided(t *testing.T) {
	pairs := append(noisy(14, 2e8, 0.2, 0.01), noisy(34, 2e8, -0.2, 0.01)...)
	for name, again := range map[string][]compare.Pair{"time": pairs, "allocs": append(noisy(14, 20, 0.2, 0), noisy(34, 20, -0.2, 0)...)} {
		if f := verdict(metric(t, name), again); f.Verdict != compare.Regressed || f.Look != 1 || f.Pairs != 14 {
			t.Errorf("%s: %s at look %d after %d pairs", name, f.Verdict, f.Look, f.Pairs)
		}
	}
	if f := verdict(metric(t, "p99"), pairs); f.Verdict != compare.Regressed || f.Look != 1 || f.Pairs != 14 {
		t.Errorf("%s at look %d after %d pairs", f.Verdict, f.Look, f.Pairs)
	}
}

func TestCannotTellSaysWhatItCould(t *testing.T) {
	f := verdict(metric(t, "p99"), noisy(48, 2e8, 0.02, 0.3))
	if f.Verdict != compare.Inconclusive || f.MDE < 0.05 || f.Needed < 48 {
		t.Errorf("%s, MDE %g, %d pairs needed: %s", f.Verdict, f.MDE, f.Needed, f.Reason)
	}
}

// What is reported to be found at the last look is that, also where time ran out
// before it.
func TestForecastIsOfTheLastLook(t *testing.T) {
	pairs := noisy(20, 2e8, 0.02, 0.1)
	if f := verdict(metric(t, "p99"), pairs); f.Verdict != compare.Inconclusive || f.MDE == 0 {
		t.Errorf("%s: a regression of %g would be found, by %d pairs", f.Verdict, f.MDE, f.Needed)
	}
	if given := verdict(metric(t, "p99"), pairs[:8]); given.MDE == 0 {
		t.Error("given up after 8 pairs, and it does not say what 48 would have found")
	}
}

func TestConclude(t *testing.T) {
	p99, p50 := metric(t, "p99"), metric(t, "p50")
	same, worse := noisy(14, 2e8, 0, 0.01), noisy(14, 2e8, 0.2, 0.01)
	for _, c := range []struct {
		why     string
		series  []compare.Series
		invalid []string
		want    compare.Verdict
		exit    int
	}{
		{"equal", []compare.Series{{Scenario: "s", Metric: p99, Pairs: same}}, nil, compare.Equal, 0},
		{"what informs does not decide", []compare.Series{{Scenario: "s", Metric: p99, Pairs: same}, {Scenario: "s", Metric: p50, Pairs: worse}}, nil, compare.Equal, 0},
		{"one of two scenarios", []compare.Series{{Scenario: "s", Metric: p99, Pairs: same}, {Scenario: "t", Metric: p99, Pairs: worse}}, nil, compare.Regressed, 1},
		{"a regression outranks what is inconclusive", []compare.Series{{Scenario: "s", Metric: p99, Pairs: noisy(14, 2e8, 0.05, 0.3)}, {Scenario: "t", Metric: p99, Pairs: worse}}, nil, compare.Regressed, 1},
		{"cannot tell", []compare.Series{{Scenario: "s", Metric: p99, Pairs: noisy(14, 2e8, 0.05, 0.3)}}, nil, compare.Inconclusive, 3},
		{"not valid outranks all", []compare.Series{{Scenario: "s", Metric: p99, Pairs: worse}}, []string{"the arm died"}, compare.Invalid, 4},
		{"nothing was measured", nil, nil, compare.Invalid, 4},
		{"nothing that decides was measured", []compare.Series{{Scenario: "s", Metric: p50, Pairs: same}}, nil, compare.Invalid, 4},
		{"the control differs", []compare.Series{{Scenario: "s", Metric: p99, Pairs: same, Control: worse}}, nil, compare.Invalid, 4},
		{"the control does not differ", []compare.Series{{Scenario: "s", Metric: p99, Pairs: worse, Control: same}}, nil, compare.Regressed, 1},
		{"without pairs a regression is not proven", []compare.Series{{Scenario: "s", Metric: p99, BaseValues: values(12, 2e8), CandidateValues: values(12, 3e8)}}, nil, compare.Regressed, 3},
		{"a proven regression stands beside a scenario without pairs", []compare.Series{{Scenario: "s", Metric: p99, Pairs: worse}, {Scenario: "t", Metric: p99, BaseValues: values(12, 2e8), CandidateValues: values(12, 2e8)}}, nil, compare.Regressed, 1},
		{"without pairs, equal", []compare.Series{{Scenario: "s", Metric: p99, BaseValues: values(12, 2e8), CandidateValues: values(12, 2e8)}}, nil, compare.Equal, 0},
		{"one value each is no comparison", []compare.Series{{Scenario: "s", Metric: p99, BaseValues: values(1, 2e8), CandidateValues: values(1, 3e8)}}, nil, compare.Inconclusive, 3},
	} {
		r := compare.Conclude(compare.DefaultDesign(), c.series, c.invalid, nil)
		if r.Verdict != c.want || r.Exit != c.exit {
			t.Errorf("%s: %s with exit code %d, want %s with %d: %q", c.why, r.Verdict, r.Exit, c.want, c.exit, r.Reasons)
		}
		if r.Verdict == compare.Invalid && len(r.Reasons) == 0 {
			t.Errorf("%s: no reason is given", c.why)
		}
	}
}

// values are n that vary by half a percent.
func values(n int, around float64) (out []float64) {
	for i := range n {
		out = append(out, around*(1+0.0005*float64(i-n/2)))
	}
	return out
}

func TestCollectMissesNothing(t *testing.T) {
	samples := []compare.Sample{
		{Scenario: "a", Unit: "p99-ns", Arm: compare.Base, Pair: 1, Value: 1}, {Scenario: "a", Unit: "p99-ns", Arm: compare.Candidate, Pair: 1, Value: 2},
		{Scenario: "a", Unit: "p99-ns", Arm: compare.Control, Pair: 1, Value: 3},
		{Scenario: "a", Unit: "p99-ns", Arm: compare.Base, Pair: 2, Value: 4}, // its candidate is missing
		{Scenario: "gone", Unit: "p99-ns", Arm: compare.Base, Pair: 1, Value: 1},
		{Scenario: "new", Unit: "p99-ns", Arm: compare.Candidate, Pair: 1, Value: 1},
		{Scenario: "gone", Unit: "p50-ns", Arm: compare.Base, Pair: 1, Value: 1},
	}
	all, missing, fresh := compare.Collect(samples, compare.Policy{})
	if len(all) != 1 || len(all[0].Pairs) != 1 || len(all[0].Control) != 1 || all[0].Control[0].Candidate != 3 {
		t.Errorf("series %+v", all)
	}
	if len(missing) != 2 || !strings.Contains(missing[0], "p99 of a: only 1 of 2 pairs") || !strings.Contains(missing[1], "p99 of gone") {
		t.Errorf("missing: %q", missing)
	}
	if len(fresh) != 2 {
		t.Errorf("one side only: %q", fresh)
	}
}

// What should decide and was measured on neither side is reported.
func TestWhatWasNotMeasuredDoesNotPass(t *testing.T) {
	series := func(scenario string, units ...string) (out []compare.Series) {
		for _, u := range units {
			out = append(out, compare.Series{Scenario: scenario, Metric: compare.MetricOf(u, false)})
		}
		return out
	}
	for _, c := range []struct {
		why            string
		all            []compare.Series
		policy         compare.Policy
		missing, notes string // empty: none
	}{
		{"all of a load", series("a", "p99-ns", "cpu-ns/req", "ok/s", "rejected-ppm"), compare.Policy{}, "", ""},
		{"a plain benchmark", series("a", "ns/op", "B/op"), compare.Policy{}, "", ""},
		{"too few were served", series("a", "cpu-ns/req", "ok/s"), compare.Policy{}, "p99 of a: neither side has it", ""},
		{"one of two loads", append(series("a", "p99-ns", "cpu-ns/req", "ok/s"), series("b", "cpu-ns/req", "ok/s")...), compare.Policy{}, "p99 of b", ""},
		{"no process is known", series("a", "p99-ns", "ok/s"), compare.Policy{}, "", "cpu of a was not measured"},
		{"something else is to decide", series("a", "ok/s"), compare.Policy{Gate: []string{"ok/s"}}, "", ""},
		{"that one is missing", series("a", "ok/s"), compare.Policy{Gate: []string{"allocs"}}, "allocs should decide", ""},
		{"a unit with a typing error", series("a", "ns/op"), compare.Policy{Tolerance: map[string]float64{"ns/opp": 0.1}}, "has a tolerance or margin, and was not measured", ""},
		{"a unit of one's own", series("a", "widgets/op", "ns/op"), compare.Policy{Margin: map[string]float64{"widgets/op": 0.1}}, "", ""},
	} {
		missing, notes := c.policy.Unmeasured(c.all)
		for what, got := range map[string][2]string{"missing": {strings.Join(missing, "; "), c.missing}, "notes": {strings.Join(notes, "; "), c.notes}} {
			if !strings.Contains(got[0], got[1]) || got[1] == "" && got[0] != "" {
				t.Errorf("%s: %s is %q, want %q", c.why, what, got[0], got[1])
			}
		}
	}
}

func TestReadBench(t *testing.T) {
	text := `goos: linux
Unit widgets/req better=higher
pkg: example.com/a
arm: base
pair: 3
BenchmarkLoad/target=x/load=closed/level=200-2 	 1	 203411072 p99-ns	 985.2 ok/s	 3 widgets/req	 41250 cpu-ns/req
arm: candidate
BenchmarkLoad/target=x/load=closed/level=200-2 	 1	 203411073 p99-ns
`
	samples, err := compare.ReadBench(strings.NewReader(text), "old.txt", "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]compare.Sample{}
	for _, s := range samples {
		got[s.Unit+string(s.Arm)] = s
	}
	want := compare.Sample{Scenario: "Load/target=x/load=closed/level=200-2", Unit: "p99-ns", Arm: compare.Base, Pair: 3, Value: 203411072, Package: "example.com/a"}
	if diff := cmp.Diff(want, got["p99-nsbase"]); diff != "" {
		t.Error(diff)
	}
	if s := got["p99-nscandidate"]; s.Arm != compare.Candidate || s.Value != 203411073 {
		t.Errorf("the candidate's: %+v", s)
	}
	if s := got["ok/sbase"]; !s.Higher || s.Value != 985.2 {
		t.Errorf("ok/s: %+v", s)
	}
	if s := got["widgets/reqbase"]; !s.Higher {
		t.Errorf("a Unit line is not heeded: %+v", s)
	}
	for _, bad := range []string{"pair: none\nBenchmarkX 1 2 ns/op\n", "BenchmarkX 1 nothing ns/op\n", "BenchmarkX 1 nothing ns/op\npair: 1\nBenchmarkX 1 2 ns/op\n"} {
		if _, err := compare.ReadBench(strings.NewReader(bad), "old.txt", ""); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzReadBench(f *testing.F) {
	f.Add("arm: base\npair: 1\nBenchmarkX-2 1 2 ns/op\nUnit x better=higher\n")
	f.Add("Benchmark/=-1 1 1 /s\npkg: a\nBenchmarkY 1 1e309 B/op\n")
	f.Fuzz(func(t *testing.T, text string) {
		samples, err := compare.ReadBench(strings.NewReader(text), "text", compare.Base)
		if err != nil {
			return
		}
		all, missing, fresh := compare.Collect(samples, compare.Policy{})
		compare.Conclude(compare.DefaultDesign(), all, missing, fresh) // whatever it says, it says it
	})
}

// Each figure of a stage that is on benchmark lines, which is what a comparison reads,
// can be gated by its name.
func TestEveryFigureOnLinesHasAPolicy(t *testing.T) {
	for _, of := range result.Metrics {
		if of.Bench == "" {
			continue
		}
		m := metric(t, of.Name)
		gated := compare.Policy{Gate: []string{of.Name}}
		if m.Unit != of.Bench || m.Higher != of.Higher || compare.MetricOf(of.Bench, of.Higher).Unknown || gated.Validate() != nil || !gated.Apply(m).Gated {
			t.Errorf("%s: %+v", of.Name, m)
		}
	}
}

func TestPolicy(t *testing.T) {
	shares, err := compare.ParseShares("p99=10%, rejected=0.2%,ns/op=0.03")
	if err != nil {
		t.Fatal(err)
	}
	p := compare.Policy{Tolerance: shares, Gate: []string{"p50", "rejected"}}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if m := p.Apply(metric(t, "p99")); m.Tolerance != 0.1 || m.Margin != 0.01 || m.Gated {
		t.Errorf("p99: %+v", m)
	}
	if m := p.Apply(metric(t, "rejected")); m.Tolerance != 0.002 || m.Margin != 0.0004 || !m.Gated {
		t.Errorf("rejected: %+v", m)
	}
	if m := p.Apply(metric(t, "time")); m.Tolerance != 0.03 {
		t.Errorf("time by its unit: %+v", m)
	}
	for _, bad := range []string{"p99", "=5%", "p99=0%", "p99=-1%", "p99=x", "p99=1%,p99=2%", "p99=2000%", "p99=NaN", "p99=5"} {
		if _, err := compare.ParseShares(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if wide, err := compare.ParseShares("p99=500%"); err != nil || wide["p99"] != 5 {
		t.Errorf("500 %%: %v, %v", wide, err)
	} else if back, err := compare.PolicyOf(compare.Policy{Tolerance: wide}.Settings()); err != nil || back.Tolerance["p99"] != 5 {
		t.Errorf("500 %%, stored: %+v, %v", back, err)
	}
	for _, bad := range []compare.Policy{
		{Gate: []string{"p98"}}, {Gate: []string{"gap-p95"}}, {Tolerance: map[string]float64{"p": 0.1}}, {Margin: map[string]float64{"p99": 0.05}},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// Without pairs too nothing is so much more than zero; zeros on both sides are
// the same.
func TestZerosWithoutPairs(t *testing.T) {
	same := func(n int, v float64) (out []float64) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	for _, c := range []struct {
		why, metric     string
		base, candidate []float64
		want            compare.Verdict
	}{
		{"a candidate that serves nobody", "ok/s", same(12, 500), same(12, 0), compare.Invalid},
		{"half a nanosecond against none", "time", same(12, 0), same(12, 0.5), compare.Invalid},
		{"one value that is zero", "time", append(same(11, 1000), 0), same(12, 1000), compare.Invalid},
		{"one unit against none: the unit is no zero", "time", same(12, 0), same(12, 1), compare.Invalid},
		{"a negative value", "time", same(12, -1), same(12, -1), compare.Invalid},
		{"nothing on either side", "time", same(12, 0), same(12, 0), compare.Equal},
		{"below the floor on one side, above on the other", "allocs", same(12, 0), same(12, 2), compare.Regressed},
		{"below the floor on both sides", "allocs", same(12, 0), same(12, 0.01), compare.Equal},
		{"shares may be zero", "rejected", same(12, 0), same(12, 20_000), compare.Regressed},
		{"the same", "time", same(12, 1000), same(12, 1000), compare.Equal},
	} {
		f := compare.Decide(compare.DefaultDesign(), []compare.Series{{Scenario: "s", Metric: metric(t, c.metric), BaseValues: c.base, CandidateValues: c.candidate}})[0]
		if f.Verdict != c.want || f.Verdict == compare.Invalid && !strings.Contains(f.Reason, "is zero and has no ratio") && !strings.Contains(f.Reason, "which is negative") {
			t.Errorf("%s: %s (%s), want %s", c.why, f.Verdict, f.Reason, c.want)
		}
	}
}

func TestPolicyAnew(t *testing.T) {
	stored := compare.Policy{Tolerance: map[string]float64{"p99": 0.1, "cpu": 0.2}, Margin: map[string]float64{"p99-ns": 0.03}, Gate: []string{"p99", "cpu"}}
	got := stored.With(compare.Policy{Tolerance: map[string]float64{"cpu-ns/req": 0.3}, Margin: map[string]float64{"p99": 0.02}})
	if p99 := got.Apply(metric(t, "p99")); p99.Tolerance != 0.1 || p99.Margin != 0.02 || !p99.Gated {
		t.Errorf("p99: %+v", p99)
	}
	if cpu := got.Apply(metric(t, "cpu")); cpu.Tolerance != 0.3 || !cpu.Gated {
		t.Errorf("cpu: %+v", cpu)
	}
	if got := stored.With(compare.Policy{Gate: []string{"ok/s"}}); got.Apply(metric(t, "p99")).Gated || !got.Apply(metric(t, "ok/s")).Gated || got.Apply(metric(t, "p99")).Tolerance != 0.1 {
		t.Errorf("another gate: %+v", got)
	}
	if stored.Tolerance["cpu"] != 0.2 || stored.Margin["p99-ns"] != 0.03 {
		t.Errorf("what is stored was changed: %+v", stored)
	}
}

func FuzzParseShares(f *testing.F) {
	f.Add("p99=5%,rejected=0.5%")
	f.Add("a=b=1")
	f.Fuzz(func(t *testing.T, text string) {
		shares, err := compare.ParseShares(text)
		if err != nil {
			return
		}
		for name, v := range shares {
			if !(v > 0 && v <= 10) {
				t.Errorf("%q: %s=%g", text, name, v)
			}
		}
	})
}
