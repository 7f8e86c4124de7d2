package compare_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// alarmRow is a row of the README's table of false alarms: comparisons of a build
// with itself.
type alarmRow struct {
	what    string
	pairs   int     // at most
	metrics int     // that decide
	cost    float64 // of a comparison, against that of one metric in 48 pairs; 0: 0.4
	broken  bool    // the promise is not kept there, and the table says so
	control bool
	make    func(r *rand.Rand, pairs int) []compare.Series
	tally   *tally
}

// outlying launches are twice as slow in that share, whoever's they are.
func outlyingLaunches(share float64) noise {
	return func(r *rand.Rand, n int, sd float64) []float64 {
		out := independent(r, n, sd)
		for i := range out {
			if r.Float64() < share {
				out[i] += math.Ln2
			}
		}
		return out
	}
}

// counts is the series of allocations of launches: 20, and one more in some.
func counts(r *rand.Rand, pairs int, more float64) compare.Series {
	value := func() float64 {
		if r.Float64() < more {
			return 21
		}
		return 20
	}
	s := compare.Series{Scenario: "s", Metric: compare.MetricOf("allocs/op", false)}
	for i := range pairs {
		s.Pairs = append(s.Pairs, compare.Pair{Number: i + 1, Base: value(), Candidate: value()})
	}
	return s
}

// benchmarks are that many series of time, with a noise of a launch that is
// theirs for the one half and common to all for the other, and as many series of
// allocations.
func benchmarks(r *rand.Rand, pairs, times, allocs int, sd float64) (all []compare.Series) {
	common := drawn(r, independent(r, 2*pairs, sd*math.Sqrt(0.5)), 2)
	for i := range times {
		s := named(latency(plus(common, drawn(r, spiky(r, 2*pairs, sd*math.Sqrt(0.5)), 2)), 0, false), "ns/op")
		s.Scenario = fmt.Sprint("b", i)
		all = append(all, s)
	}
	for i := range allocs {
		s := counts(r, pairs, 0.5)
		s.Scenario = fmt.Sprint("b", i)
		all = append(all, s)
	}
	return all
}

// keeping are launches of arms that keep a state from one pair to the next: each
// is like the arm's launch before, with that correlation.
func keeping(r *rand.Rand, pairs, arms int, sd, like float64) [][]float64 {
	of := make([][]float64, arms)
	for arm := range of {
		x := r.NormFloat64()
		for range pairs {
			of[arm] = append(of[arm], sd*x)
			x = like*x + math.Sqrt(1-like*like)*r.NormFloat64()
		}
	}
	out := make([][]float64, pairs)
	for i := range out {
		for arm := range of {
			out[i] = append(out[i], of[arm][i])
		}
	}
	return out
}

func alarmRows() (rows []*alarmRow) {
	one := func(of noise, sd float64) func(*rand.Rand, int) []compare.Series {
		return func(r *rand.Rand, pairs int) []compare.Series {
			return []compare.Series{latency(drawn(r, of(r, 2*pairs, sd), 2), 0, false)}
		}
	}
	withControl := func(of noise, sd float64) func(*rand.Rand, int) []compare.Series {
		return func(r *rand.Rand, pairs int) []compare.Series {
			return []compare.Series{latency(drawn(r, of(r, 3*pairs, sd), 3), 0, false)}
		}
	}
	for _, n := range []int{8, 14, 20, 48, 60, 100, 300, 1000} {
		rows = append(rows, &alarmRow{what: "noise of 30 % a launch", pairs: n, metrics: 1, cost: max(0.1, float64(n)/100-0.1), make: one(independent, 0.3)})
	}
	for _, n := range []int{8, 14, 48} {
		rows = append(rows, &alarmRow{what: "allocations that vary in every series", pairs: n, metrics: 20, cost: float64(n) / 16, make: func(r *rand.Rand, pairs int) []compare.Series {
			return benchmarks(r, pairs, 0, 20, 0)
		}})
	}
	for _, series := range []int{1, 6, 20, 40} {
		rows = append(rows, &alarmRow{what: "time, noise of 10 % a launch, and allocations that vary", pairs: 48, metrics: 2 * series, cost: float64(series), make: func(r *rand.Rand, pairs int) []compare.Series {
			return benchmarks(r, pairs, series, series, 0.1)
		}})
	}
	for _, share := range outlierShares {
		rows = append(rows,
			&alarmRow{what: fmt.Sprintf("%.0f %% of all launches twice as slow", 100*share), pairs: 48, metrics: 1, make: one(outlyingLaunches(share), 0.02)},
			&alarmRow{what: fmt.Sprintf("%.0f %% of all launches twice as slow, with a control", 100*share), pairs: 48, metrics: 1, control: true, make: withControl(outlyingLaunches(share), 0.02)})
	}
	rows = append(rows,
		&alarmRow{what: "arms that keep their state: correlation 0.7 from pair to pair, 3 % a launch", pairs: 48, metrics: 1, broken: true, control: true, make: func(r *rand.Rand, pairs int) []compare.Series {
			return []compare.Series{latency(keeping(r, pairs, 3, 0.03, 0.7), 0, false)}
		}},
		&alarmRow{what: "arms that keep their state: an offset of 2 % an arm, noise of 1 %", pairs: 48, metrics: 1, broken: true, control: true, make: func(r *rand.Rand, pairs int) []compare.Series {
			return []compare.Series{latency(plus(keeping(r, pairs, 3, 0.02, 1), keeping(r, pairs, 3, 0.01, 0)), 0, false)}
		}},
	)
	return rows
}

var outlierShares = []float64{0.05, 0.10, 0.20}

// TestAlarms plays comparisons of a build with itself, in all that can raise an
// alarm: for every number of pairs, for one metric and for many, with exact ones,
// with outlying launches, and with arms that are no independent launches. The
// README states what comes out.
func TestAlarms(t *testing.T) {
	rows := alarmRows()
	t.Run("all", func(t *testing.T) {
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s/pairs=%d/metrics=%d", row.what, row.pairs, row.metrics), func(t *testing.T) {
				t.Parallel()
				if slow.Asked() && !slow.All() && (row.metrics > 20 || row.pairs > 100) {
					t.Skip("takes minutes: left to the long run")
				}
				cost := cmp.Or(row.cost, 0.4)
				trials := int(float64(alarms()) / max(cost, 0.1))
				if inFull() {
					trials = max(2000, trials)
				}
				trials = max(20, trials)
				row.tally = simulateWith(compare.DefaultDesign().UpTo(row.pairs), source(fmt.Sprint("alarms", row.what, row.pairs, row.metrics)), trials, func(r *rand.Rand) []compare.Series {
					return row.make(r, row.pairs)
				})
				t.Log(row.tally)
				if !row.broken {
					noAlarm(t, row.tally)
				}
			})
		}
	})
	if !t.Failed() && !slices.ContainsFunc(rows, func(r *alarmRow) bool { return r.tally == nil }) {
		inReadme(t, "alarms", alarmTable(rows))
	}
}

func alarmTable(rows []*alarmRow) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| a build against itself | pairs, at most | metrics | comparisons | false alarms | at most (95 %) | not valid |")
	fmt.Fprintln(&b, "|:--|---:|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		upper := exact.ClopperPearsonUpper(r.tally.alarms(), r.tally.trials, 0.95)
		invalid := "–"
		if r.control {
			invalid = fmt.Sprintf("%.1f %%", 100*r.tally.share(compare.Invalid))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.1f %% | %s |\n", r.what, r.pairs, r.metrics, r.tally.trials, r.tally.alarms(), 100*upper, invalid)
	}
	return b.String()
}

// outlierRow is a row of the README's table of outlying launches, which are the
// candidate's alone.
type outlierRow struct {
	share, asked float64 // asked: --max-outliers
	pairs        int
	tally        *tally
}

// TestOutlyingLaunches plays comparisons in which a share of the candidate's
// launches is twice as slow: what is found of that, and what passes?
func TestOutlyingLaunches(t *testing.T) {
	var rows []*outlierRow
	for _, share := range append([]float64{0}, outlierShares...) {
		rows = append(rows, &outlierRow{share: share, pairs: 48}, &outlierRow{share: share, asked: 0.1, pairs: 48}, &outlierRow{share: share, asked: 0.03, pairs: 200})
	}
	t.Run("all", func(t *testing.T) {
		for _, row := range rows {
			t.Run(fmt.Sprintf("share=%g/asked=%g/pairs=%d", 100*row.share, 100*row.asked, row.pairs), func(t *testing.T) {
				t.Parallel()
				d, err := compare.DefaultDesign().UpTo(row.pairs).ForOutliers(row.asked)
				if err != nil {
					t.Fatal(err)
				}
				trials := 2 * planted()
				row.tally = simulateWith(d, source(fmt.Sprint("outlying", row.share)), trials, func(r *rand.Rand) []compare.Series {
					logs := drawn(r, independent(r, 3*row.pairs, 0.01), 3)
					for i := range logs {
						if r.Float64() < row.share {
							logs[i][1] += math.Ln2
						}
					}
					s := latency(logs, 0, false)
					s.Metric.MaxOutliers = row.asked
					return []compare.Series{s}
				})
				t.Log(row.tally)
				passed := row.tally.share(compare.Equal, compare.Improved, compare.Minor)
				switch {
				case row.share == 0:
					noAlarm(t, row.tally)
					if passed < 0.95 {
						t.Errorf("without an outlier %.1f %% pass", 100*passed)
					}
				// With more of them than were asked for, it passes as seldom as the
				// confidence says: 5 % at each of the looks that can show so few.
				case row.asked > 0 && row.share >= 2*row.asked && passed > 0.05:
					t.Errorf("%.1f %% pass, where at most %g %% were asked for", 100*passed, 100*row.asked)
				}
			})
		}
	})
	if t.Failed() || slices.ContainsFunc(rows, func(r *outlierRow) bool { return r.tally == nil }) {
		return
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| launches of the candidate that are twice as slow | `--max-outliers` | pairs, at most | unstable | regressed | inconclusive | still equal | pairs |")
	fmt.Fprintln(&b, "|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, r := range rows {
		asked := "–"
		if r.asked > 0 {
			asked = fmt.Sprintf("%.0f %%", 100*r.asked)
		}
		n := r.tally
		fmt.Fprintf(&b, "| %.0f %% | %s | %d | %.0f %% | %.0f %% | %.0f %% | %.0f %% | %.0f |\n", 100*r.share, asked, r.pairs,
			100*n.share(compare.Unstable), 100*n.share(compare.Regressed), 100*n.share(compare.Inconclusive), 100*n.share(compare.Equal), n.meanPairs())
	}
	inReadme(t, "outliers", b.String())
}
