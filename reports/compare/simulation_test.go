package compare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

const (
	promised = 0.01 // the most false alarms a comparison may raise
	most     = 48   // pairs of the design that is used
)

// alarms is how often each cell is simulated in which nothing changed. Under
// the race detector, which asks for -short, there is time for a few only.
func alarms() int {
	switch {
	case testing.Short():
		return 30
	case inFull():
		return 2000
	}
	return 100
}

// noAlarm fails where false alarms may be more frequent than promised: where
// the exact 95 % upper bound of their rate is not below it. A short run cannot
// show as much, and is content with a rate that does not contradict it.
func noAlarm(t *testing.T, n *tally) {
	t.Helper()
	count := n.alarms()
	lower, _ := exact.ClopperPearson(count, n.trials, 0.9)
	upper := exact.ClopperPearsonUpper(count, n.trials, 0.95)
	if lower > promised || inFull() && upper >= promised {
		t.Errorf("%d false alarms in %d, a rate of up to %.2f %%", count, n.trials, 100*upper)
	}
}

// TestSimulation plays comparisons of which the truth is known: how often does
// the gate cry wolf, and what does it find? The README states what comes out.
func TestSimulation(t *testing.T) {
	var mu sync.Mutex
	var cells []*tally
	rows := make([]powerRow, len(powerNoises))
	t.Run("all", func(t *testing.T) {
		quiet := func(name string, make func(*rand.Rand) []compare.Series) {
			t.Run("same/"+name, func(t *testing.T) {
				t.Parallel()
				n := simulate(name, alarms(), make)
				t.Logf("noise of a pair %.2f %%; %v", 100*n.noise(), n)
				noAlarm(t, n)
				mu.Lock()
				defer mu.Unlock()
				cells = append(cells, n)
			})
		}
		falseAlarmCells(quiet)
		for i, sd := range powerNoises {
			t.Run(fmt.Sprintf("worse/noise=%g", 100*sd), func(t *testing.T) {
				t.Parallel()
				rows[i] = measurePower(sd)
				rows[i].check(t)
			})
		}
		rejectedCells(t)
	})
	partly := len(cells) == 0 || slices.ContainsFunc(rows, func(p powerRow) bool { return p.same == nil }) // by -run
	if !testing.Short() && !t.Failed() && !partly {
		inReadme(t, "power", powerTable(rows, cells))
	}
}

// falseAlarmCells are comparisons of a build with itself.
func falseAlarmCells(cell func(name string, make func(*rand.Rand) []compare.Series)) {
	for _, k := range kinds {
		for _, sd := range []float64{0.02, 0.05, 0.10} {
			cell(fmt.Sprintf("%s/cv=%g", k.name, 100*sd), func(r *rand.Rand) []compare.Series {
				return []compare.Series{latency(drawn(r, k.of(r, 2*most, sd), 2), 0, k.round)}
			})
		}
	}
	// So little noise that most pairs are tied.
	cell("rounded/cv=0.1", func(r *rand.Rand) []compare.Series {
		return []compare.Series{latency(drawn(r, independent(r, 2*most, 0.001), 2), 0, true)}
	})
	// Six metrics decide, half of whose noise they share: one that regresses is
	// an alarm.
	cell("six metrics/cv=5", func(r *rand.Rand) (all []compare.Series) {
		common := drawn(r, drifting(r, 2*most, 0.05*math.Sqrt(0.5)), 2)
		for i := range 6 {
			s := latency(plus(common, drawn(r, spiky(r, 2*most, 0.05*math.Sqrt(0.5)), 2)), 0, false)
			s.Scenario = fmt.Sprint("s", i)
			all = append(all, s)
		}
		return all
	})
	// One that informs is as noisy as it likes.
	cell("with one that informs/cv=5", func(r *rand.Rand) []compare.Series {
		logs := drawn(r, independent(r, 2*most, 0.05), 2)
		return []compare.Series{latency(logs, 0, false), named(latency(plus(logs, drawn(r, independent(r, 2*most, 0.05), 2)), 0, false), "p50-ns")}
	})
	for _, sd := range []float64{0, 0.1} {
		cell(fmt.Sprintf("rejected/cv=%g", 100*sd), func(r *rand.Rand) []compare.Series {
			return []compare.Series{rejections(drawn(r, drifting(r, 2*most, sd), 2), r, 0)}
		})
	}
}

// plus adds up two noises, pair by pair and arm by arm.
func plus(a, b [][]float64) [][]float64 {
	out := make([][]float64, len(a))
	for i := range a {
		out[i] = make([]float64, len(a[i]))
		for j := range a[i] {
			out[i][j] = a[i][j] + b[i][j]
		}
	}
	return out
}

// TestControlIsSeldomWrong: the control of a comparison in which nothing
// changed, and the arms are treated alike, is as likely to differ to either
// side as a false alarm, and more likely only by its smaller margin.
func TestControlIsSeldomWrong(t *testing.T) {
	t.Parallel()
	n := simulate("control", alarms(), func(r *rand.Rand) []compare.Series {
		return []compare.Series{latency(drawn(r, drifting(r, 3*most, 0.05), 3), 0, false)}
	})
	t.Log(n)
	if upper := exact.ClopperPearsonUpper(n.of[compare.Invalid], n.trials, 0.95); inFull() && upper >= 2*promised {
		t.Errorf("%d of %d were not valid, a rate of up to %.2f %%", n.of[compare.Invalid], n.trials, 100*upper)
	}
	noAlarm(t, n)
}

// rejections is the series of the share of rejected: one in fifty of 10,000
// requests, give or take the noise of the launch and that of counting. The
// candidate rejects that many more.
func rejections(logs [][]float64, r *rand.Rand, more float64) compare.Series {
	const requests = 10_000
	count := func(share float64) float64 {
		return 1e6 / requests * math.Round(max(0, requests*share+math.Sqrt(requests*share*(1-share))*r.NormFloat64()))
	}
	s := compare.Series{Scenario: "s", Metric: compare.MetricOf("rejected-ppm", false)}
	for i, l := range logs {
		base := count(0.02 * math.Exp(l[0]))
		s.Pairs = append(s.Pairs, compare.Pair{Number: i + 1, Base: base, Candidate: count(0.02*math.Exp(l[1]) + more)})
	}
	return s
}
