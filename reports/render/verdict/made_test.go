package verdict

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// found makes a finding of a metric that compare knows, with pairs whose
// values spread around what it says.
func found(scenario, metric string, v compare.Verdict, base, candidate, estimate, lower, upper, noise float64) compare.Finding {
	var m compare.Metric
	for _, known := range compare.Metrics {
		if known.Name == metric {
			m = known
		}
	}
	f := compare.Finding{
		Scenario: scenario, Metric: metric, Unit: m.Unit, Better: m.Better(), Scale: m.Scale, Gated: m.Gated && metric != "ok/s", // one that informs, too
		Pairs: 32, BaseValue: compare.Bound(base), CandidateValue: compare.Bound(candidate), Estimate: compare.Bound(estimate),
		Lower: compare.Bound(lower), Upper: compare.Bound(upper), Noise: noise,
		Alpha: 0.0005, Look: 3, Margin: m.Margin, Tolerance: m.Tolerance, Verdict: v, MDE: 2.5 * noise,
	}
	for i := range 4 {
		wobble := noise / 2 * float64(i%2*2-1)
		f.Values = append(f.Values, compare.Pair{Number: i + 1, Base: base * (1 - wobble), Candidate: candidate * (1 + wobble)})
	}
	return f
}

// with changes a finding.
func with(f compare.Finding, change func(*compare.Finding)) compare.Finding {
	change(&f)
	return f
}

func madeComparison(v compare.Verdict, findings ...compare.Finding) *compare.Report {
	d := compare.DefaultDesign()
	d.Tests = 0
	for _, f := range findings {
		if f.Gated {
			d.Tests++
		}
	}
	return &compare.Report{
		Schema: compare.Schema, ID: "20261125-101500", Time: time.Date(2026, 11, 25, 10, 15, 0, 0, time.UTC),
		Verdict: v, Exit: v.ExitCode(),
		Base:      compare.Side{Name: "main", Commit: "0123456789abcdef0123456789abcdef01234567"},
		Candidate: compare.Side{Name: "faster-pool", Commit: "fedcba9876543210fedcba9876543210fedcba98"},
		Findings:  findings, Pairs: 32, Repeated: 2, Design: d, Seed: 4711, Took: 341.5, Version: compare.Version,
		FalseAlarms: &compare.Rate{Runs: 312, Count: 0, Upper: 0.0096}, Misses: &compare.Rate{Runs: 93, Count: 1, Upper: 0.0499},
		Environment: "AMD EPYC, 2 cores, linux 6.18, go1.26.8", Scenario: "500 arrivals/s, 200 ms wait, 4 s a slice",
	}
}

const (
	blocking = "target=blocking/load=constant/level=500"
	routine  = "target=goroutine/load=constant/level=500"
	busy     = "target=goroutine/load=constant/level=8000"
)

func regressed() *compare.Report {
	r := madeComparison(compare.Regressed,
		found(blocking, "p50", compare.Equal, 200.4e6, 201.2e6, 0.004, -0.001, 0.011, 0.006),
		found(blocking, "p99", compare.Regressed, 203.4e6, 227.8e6, 0.12, 0.071, 0.17, 0.042),
		found(blocking, "overhead-p99", compare.Minor, 3.41e6, 3.55e6, 0.041, 0.022, 0.063, 0.03),
		found(blocking, "cpu", compare.Equal, 212e3, 213e3, 0.006, -0.012, 0.021, 0.02),
		found(blocking, "rejected", compare.Regressed, 4100, 13200, 0.0091, 0.0062, 0.0121, 0.004),
		found(blocking, "allocs", compare.Equal, 12, 12, 0, 0, 0, 0),
		found(routine, "p50", compare.Equal, 200.1e6, 200.2e6, 0.0005, -0.002, 0.003, 0.004),
		found(routine, "p99", compare.Improved, 208e6, 191e6, -0.081, -0.12, -0.043, 0.05),
		with(found(routine, "cpu", compare.Inconclusive, 64e3, 64.3e3, 0.0042, -0.021, 0.061, 0.11), func(f *compare.Finding) {
			f.Needed, f.Reason = 130, "too noisy"
		}),
		found(routine, "ok/s", compare.Regressed, 500, 451, 0.108, 0.082, 0.133, 0.01),
		found(routine, "rejected", compare.Equal, 0, 0, 0, 0, 0, 0),
	)
	r.Control = []compare.Finding{
		found(blocking, "p99", compare.Equal, 203e6, 203.1e6, 0.0004, -0.02, 0.02, 0.03),
		found(blocking, "cpu", compare.Inconclusive, 212e3, 213e3, 0.006, -0.05, 0.06, 0.1),
	}
	return r
}

func minor() *compare.Report {
	return madeComparison(compare.Minor,
		found(blocking, "p99", compare.Minor, 203.4e6, 207.7e6, 0.021, 0.012, 0.039, 0.02),
		found(blocking, "cpu", compare.Equal, 212e3, 213e3, 0.006, -0.012, 0.021, 0.02))
}

func improved() *compare.Report {
	gateOK := func(f *compare.Finding) { f.Gated = true }
	return madeComparison(compare.Improved,
		with(found(busy, "ok/s", compare.Improved, 7210, 7905, -0.088, -0.11, -0.062, 0.02), gateOK),
		found(busy, "p99", compare.Equal, 31e6, 31.2e6, 0.007, -0.02, 0.03, 0.06))
}

func equal() *compare.Report {
	r := madeComparison(compare.Equal,
		found(blocking, "p99", compare.Equal, 203.4e6, 203.2e6, -0.001, -0.02, 0.018, 0.03),
		found(blocking, "cpu", compare.Equal, 212e3, 213e3, 0.006, -0.012, 0.021, 0.02),
		found(blocking, "rejected", compare.Equal, 0, 0, 0, 0, 0, 0))
	r.FalseAlarms, r.Misses = nil, nil
	return r
}

func unclear() *compare.Report {
	r := madeComparison(compare.Inconclusive,
		with(found(blocking, "p99", compare.Inconclusive, 203e6, 209e6, 0.031, -0.034, 0.092, 0.13), func(f *compare.Finding) {
			f.Needed, f.Pairs, f.Reason = 290, 48, "too noisy"
		}),
		with(found(blocking, "cpu", compare.Inconclusive, 212e3, 260e3, 0.22, 0.003, math.Inf(1), 0.4), func(f *compare.Finding) {
			f.Pairs, f.Look, f.MDE, f.Reason = 8, 0, 0, "before the first look"
		}),
		with(found(blocking, "overhead-p99", compare.Inconclusive, 3e6, 3e6, 0, math.NaN(), math.NaN(), 0), func(f *compare.Finding) {
			f.Pairs, f.Look, f.Values = 3, 0, f.Values[:3]
		}))
	r.Reasons = []string{"The machine is too noisy for the tolerance that was asked for."}
	return r
}

func invalid() *compare.Report {
	r := madeComparison(compare.Invalid,
		found(blocking, "p99", compare.Regressed, 203e6, 221e6, 0.09, 0.06, 0.12, 0.03),
		with(found(blocking, "cpu", compare.Invalid, 0, 0, 0, math.NaN(), math.NaN(), 0), func(f *compare.Finding) {
			f.Pairs, f.Look, f.Reason, f.Values = 0, 0, "no CPU time of the candidate was read", nil
		}))
	r.Control = []compare.Finding{found(blocking, "p99", compare.Minor, 203e6, 209e6, 0.031, 0.014, 0.047, 0.03)}
	r.Reasons = []string{"the control failed: p99 of the base differs from itself", "The generator was late in 3 pairs."}
	return r
}

// unstable has launches that are outliers: proven of p99, and suspected of cpu.
func unstable() *compare.Report {
	outliers := func(candidate, others int, pairs []int, chance float64) *compare.Outliers {
		return &compare.Outliers{
			Beyond: 0.31, Base: compare.Launches{N: 32, Outliers: others}, Control: compare.Launches{N: 32},
			Candidate: compare.Launches{N: 32, Outliers: candidate, Pairs: pairs}, Upper: exact.ClopperPearsonUpper(candidate, 32, 0.95), Chance: chance, Alpha: 0.0002, Found: 0.4,
		}
	}
	return madeComparison(compare.Unstable,
		with(found(blocking, "p99", compare.Unstable, 203.4e6, 203.9e6, 0.002, -0.011, 0.014, 0.02), func(f *compare.Finding) {
			f.Outliers = outliers(9, 0, []int{2, 5, 9, 11, 17, 18, 23, 28, 31}, 5e-5)
			f.Reason = f.Outliers.Summary() + "; each is at least 31 % worse than the typical one (pairs 2, 5, 9, 11, 17, 18, 23, 28, 31)"
		}),
		with(found(blocking, "cpu", compare.Equal, 212e3, 213e3, 0.006, -0.012, 0.021, 0.02), func(f *compare.Finding) {
			f.Outliers = outliers(1, 2, []int{9}, 0.7)
		}))
}

// fromNothing has an allocation where there was none.
func fromNothing() *compare.Report {
	none := math.Inf(1)
	return madeComparison(compare.Regressed,
		with(found("Encode/size=1k", "allocs/op", compare.Regressed, 0, 3, none, none, none, 0), func(f *compare.Finding) {
			f.Reason = "typically 0 in the base and 3 in the candidate: from zero there is no per cent"
		}),
		found("Encode/size=1k", "time", compare.Equal, 1234, 1235, 0.001, -0.009, 0.012, 0.01))
}

func advisory() *compare.Report {
	r := madeComparison(compare.Regressed,
		with(found("Encode/size=1k", "time", compare.Regressed, 1234, 1391, 0.127, 0.09, 0.16, 0.03), func(f *compare.Finding) {
			f.Pairs, f.Values = 10, nil
		}),
		with(found("Encode/size=1k", "throughput", compare.Regressed, 812, 719, 0.129, 0.09, 0.16, 0.03), func(f *compare.Finding) {
			f.Pairs, f.Values = 10, nil
		}),
		with(found("Encode/size=1k", "allocs/op", compare.Regressed, 3, 4, 0.333, 0.333, 0.333, 0), func(f *compare.Finding) {
			f.Pairs, f.Values = 10, nil
		}))
	r.Advisory, r.Exit, r.Pairs, r.Repeated = true, compare.ExitFine, 0, 0
	return r
}

// goldens are the comparisons whose outputs are kept under testdata.
var goldens = []struct {
	name string
	make func() *compare.Report
}{
	{"regressed", regressed},
	{"unstable", unstable},
	{"nothing", fromNothing},
	{"minor", minor},
	{"improved", improved},
	{"equal", equal},
	{"unclear", unclear},
	{"invalid", invalid},
	{"advisory", advisory},
}

// outputsOf are all texts of a comparison by name, with the text for the
// terminal and the alternative text of the first figure among them.
func outputsOf(t interface{ Errorf(string, ...any) }, r *compare.Report, options ...Option) map[string]string {
	out := map[string]string{}
	c := comparisonAt(r, 12, options...)
	for _, o := range outputs {
		files, err := o.make(c)
		if err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name, ".svg") {
				continue // the drawing of the PNG
			}
			out[f.Name] = string(f.Data)
			if f.Name == "regression.png" {
				out["alt"] = f.Alt
			}
		}
	}
	var text bytes.Buffer
	if err := Text(&text, r); err != nil {
		t.Errorf("text: %v", err)
	}
	out["text"] = text.String()
	return out
}

// manyFindings are n of all verdicts.
func manyFindings(n int) *compare.Report {
	var fs []compare.Finding
	for i := range n {
		metric := []string{"p99", "cpu", "overhead-p99", "rejected", "allocs", "p50"}[i%6]
		fs = append(fs, found(fmt.Sprintf("target=t%d/load=poisson/level=%d", i/7, i), metric, bySeverity[i%len(bySeverity)], 1e6, 1.1e6, 0.1, 0.05, 0.2, 0.02))
	}
	return madeComparison(compare.Regressed, fs...)
}

func comparisonAt(r *compare.Report, resolution int, options ...Option) *comparison {
	c := newComparison(r, options)
	c.resolution = resolution
	return c
}
