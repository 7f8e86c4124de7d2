package verdict

import (
	"math"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

func TestHeadline(t *testing.T) {
	one := func(v compare.Verdict, f compare.Finding) *compare.Report { return madeComparison(v, f) }
	for _, c := range []struct {
		r    *compare.Report
		want string
	}{
		{regressed(), "regressed: p99 of blocking at 500 arrivals/s is 12 % worse (7.1 % to 17 %, 99 % confidence); the tolerance is 5 %. 1 more regressed"},
		{unstable(), "unstable: p99 of blocking at 500 arrivals/s: 9 of 32 launches of the candidate were outliers, at least 31 % worse than the typical one, and 0 of 64 of the base"},
		{fromNothing(), "regressed: allocs/op of Encode/size=1k: 0 → 3 allocs/op; the tolerance is 0.5 %"},
		{minor(), "minor: p99 of blocking at 500 arrivals/s is 2.1 % worse (1.2 % to 3.9 %, 99 % confidence), less than its tolerance of 5 %"},
		{improved(), "improved: ok/s of goroutine at 8,000 arrivals/s is 8.8 % better (6.2 % to 11 %, 99 % confidence)"},
		{equal(), "equal: none of the 3 metrics that decide got worse by more than its tolerance in the typical launch (99 % confidence)"},
		{one(compare.Equal, found("", "p99", compare.Equal, 1, 1, 0.001, -0.01, 0.02, 0.1)), "equal: p99 is 0.1 % worse (1.0 % better to 2.0 % worse, 99 % confidence), within its tolerance of 5 % in the typical launch"},
		{unclear(), "inconclusive: cpu of blocking at 500 arrivals/s is at least 0.3 % worse (99 % confidence); the tolerance is 5 %. 2 more inconclusive"},
		{invalid(), "not valid: the control failed: p99 of the base differs from itself"},
		{advisory(), "regressed (advisory): allocs/op of Encode/size=1k is 33 % worse; the tolerance is 0.5 %. 1 more regressed"},
		{nil, "not valid: nothing was compared"},
		{madeComparison(compare.Equal), "not valid: nothing was compared"},
		{one("great", found("", "p99", compare.Equal, 1, 1, 0, 0, 0, 0)), `not valid: unknown verdict "great"`},
		{one(compare.Regressed, found("", "ok/s", compare.Equal, 1, 1, 0, 0, 0, 0)), "regressed: no metric says why"},
		{one(compare.Invalid, found("", "p99", "", 1, 1, 0, 0, 0, 0)), "not valid: p99"},
	} {
		if got := newComparison(c.r, nil).headline(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestChangesInWords(t *testing.T) {
	inf, none := math.Inf(1), math.NaN()
	f := func(scale compare.Scale, e, lo, hi float64) compare.Finding {
		return compare.Finding{Pairs: 9, Scale: scale, BaseValue: 1, CandidateValue: 1, Estimate: compare.Bound(e), Lower: compare.Bound(lo), Upper: compare.Bound(hi)}
	}
	for _, c := range []struct {
		why              string
		f                compare.Finding
		change, interval string
	}{
		{"worse", f(compare.Ratio, 0.12, 0.071, 0.17), "12 % worse", "7.1 % to 17 %"},
		{"better, the nearer bound first", f(compare.Ratio, -0.08, -0.12, -0.043), "8.0 % better", "4.3 % to 12 %"},
		{"either", f(compare.Ratio, 0.004, -0.02, 0.014), "0.4 % worse", "2.0 % better to 1.4 % worse"},
		{"a bound of nothing", f(compare.Ratio, 0.03, 0, 0.07), "3.0 % worse", "0 % to 7.0 %"},
		{"all the same", f(compare.Exact, 0, 0, 0), "no change", "exact"},
		{"points", f(compare.Points, 0.005, 0.001, 0.0095), "0.5 pp worse", "0.1 pp to 0.9 pp"},
		{"no upper bound", f(compare.Ratio, 0.1, 0.05, inf), "10 % worse", "at least 5.0 % worse"},
		{"no upper bound, maybe better", f(compare.Ratio, 0.1, -0.05, none), "10 % worse", "at most 5.0 % better"},
		{"no lower bound", f(compare.Ratio, 0.1, none, 0.5), "10 % worse", "up to 50 % worse"},
		{"no lower bound, better", f(compare.Ratio, -0.1, -inf, -0.05), "10 % better", "at least 5.0 % better"},
		{"no bounds", f(compare.Ratio, 0.1, -inf, inf), "10 % worse", "–"},
		{"an estimate outside of its interval", f(compare.Ratio, -0.1, 0.05, 0.07), "10 % better", "5.0 % worse to 7.0 % worse"},
		{"from nothing", with(f(compare.Exact, inf, inf, inf), func(f *compare.Finding) { f.BaseValue, f.CandidateValue, f.Unit = 0, 3, "allocs/op" }), "0 → 3 allocs/op", "–"},
		{"to nothing", with(f(compare.Exact, -1, -1, -1), func(f *compare.Finding) { f.BaseValue, f.CandidateValue, f.Unit = 3, 0, "allocs/op" }), "3 → 0 allocs/op", "–"},
		{"from no time", with(f(compare.Ratio, inf, none, none), func(f *compare.Finding) { f.BaseValue, f.CandidateValue, f.Unit = 0, 3e5, "overhead-p99-ns" }), "0 → 300 µs", "–"},
		{"from no share", with(f(compare.Points, 0.01, 0.01, 0.01), func(f *compare.Finding) { f.BaseValue, f.CandidateValue, f.Unit = 0, 1e4, "rejected-ppm" }), "1.0 pp worse", "exact"},
		{"tiny", f(compare.Ratio, 1e-9, 0, 0.0004), "<0.01 % worse", "0 % to 0.04 %"},
		{"rounds into two digits", f(compare.Ratio, 0.0997, 0.0004, 0.0996), "10 % worse", "0.04 % to 10 %"},
		{"huge", f(compare.Ratio, 1e300, 1, 12), ">1,000,000 % worse", "100 % to 1,200 %"},
		{"not a number", f(compare.Ratio, none, -1, 1), "–", "100 % better to 100 % worse"},
	} {
		if got := changed(c.f); got != c.change {
			t.Errorf("%s: %q, want %q", c.why, got, c.change)
		}
		if got := interval(c.f); got != c.interval {
			t.Errorf("%s: %q, want %q", c.why, got, c.interval)
		}
	}
}

func TestValueOf(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{203411072, "p99-ns", "203 ms"}, {41260, "cpu-ns/req", "41.3 µs"}, {0.25, "ns/op", "0.25 ns"}, {0, "ns/op", "0"},
		{985.2, "ok/s", "985/s"}, {4100, "rejected-ppm", "0.4 %"}, {812.3, "MB/s", "812 MB/s"}, {2048, "B/op", "2 KiB"},
		{12, "allocs/req", "12"}, {1234567, "widgets", "1,234,567"}, {-3e6, "x-ns", "−3 ms"}, {math.NaN(), "ns/op", "–"},
		{1e300, "ns/op", "1e+300"}, {7, "", "7"},
	} {
		if got := valueOf(c.v, c.unit); got != c.want {
			t.Errorf("%g %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// Where the typical launch is proven worse, how many launches are outliers says nothing.
func TestOutliersOfAWorseTypicalLaunch(t *testing.T) {
	all := func(f *compare.Finding) {
		f.Outliers = &compare.Outliers{Candidate: compare.Launches{N: 14, Outliers: 14}}
	}
	for _, c := range []struct {
		why, want string
		f         compare.Finding
	}{
		{"exact, and worse", "", with(found(blocking, "allocs", compare.Regressed, 12, 18, 0.5, 0.5, 0.5, 0), all)},
		{"noisy, and worse", "", with(found(blocking, "p99", compare.Regressed, 2e8, 3e8, 0.5, 0.4, 0.6, 0.1), all)},
		{"from zero", "", with(found(blocking, "allocs", compare.Regressed, 0, 3, math.NaN(), math.NaN(), math.NaN(), 0), all)},
		{"typically equal", "14 of 14", with(found(blocking, "p99", compare.Unstable, 2e8, 2e8, 0, -0.01, 0.01, 0.1), all)},
	} {
		if got := outliers(c.f); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func TestScenarioWords(t *testing.T) {
	for scenario, want := range map[string]string{
		"target=blocking/load=constant/level=500": "blocking at 500 arrivals/s",
		"target=blocking load=closed level=1":     "blocking at 1 client",
		"target=a/workers=10":                     "a, workers 10",
		"level=50":                                "level 50",
		"load=closed":                             "closed load",
		"BenchmarkX/n=3":                          "BenchmarkX/n=3",
		"target=http://h/p/load=closed/level=2":   "h/p at 2 clients",
		"":                                        "",
	} {
		if got := scenarioWords(scenario); got != want {
			t.Errorf("%s: %q, want %q", scenario, got, want)
		}
	}
}
