package compare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
)

// powerNoises are the noises of the README's table: the standard deviation of
// the log ratio of a pair. A launch's own is smaller by √2 where the launches
// of a pair know nothing of each other.
var powerNoises = []float64{0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10, 0.14}

// powerRow is what is found at one noise.
type powerRow struct {
	noise    float64
	same     *tally
	by5, by7 *tally
	by10     *tally
	spiky    *tally  // 5 % worse, where one launch in ten has three times the noise
	single   *tally  // 5 % worse, where no other metric decides
	found95  float64 // the least that is found in 95 %
	forecast float64 // and what a comparison that cannot tell says it is
}

// planted is how often each cell is simulated in which the candidate is worse.
func planted() int {
	switch {
	case testing.Short():
		return 40
	case inFull():
		return 500
	}
	return 60
}

// server is what a server is judged by: p99 latency, and two more metrics that
// share the chance of a false alarm with it and have nothing to tell.
func server(p99 compare.Series) []compare.Series {
	still := make([]compare.Pair, len(p99.Pairs))
	for i := range still {
		still[i] = compare.Pair{Number: i + 1, Base: 1e5, Candidate: 1e5}
	}
	return []compare.Series{
		p99,
		{Scenario: "s", Metric: compare.MetricOf("cpu-ns/req", false), Pairs: still},
		{Scenario: "s", Metric: compare.MetricOf("rejected-ppm", false), Pairs: still},
	}
}

func measurePower(sd float64) powerRow {
	row := powerRow{noise: sd}
	at := func(of noise, worse float64, trials int) *tally {
		// The same noise for every change: what is found then rises with it.
		return simulate(fmt.Sprint("power", sd), trials, func(r *rand.Rand) []compare.Series {
			return server(latency(drawn(r, of(r, 2*most, sd/math.Sqrt2), 2), worse, false))
		})
	}
	row.same = at(independent, 0, alarms())
	row.by5, row.by7, row.by10 = at(independent, 0.05, planted()), at(independent, 0.07, planted()), at(independent, 0.10, planted())
	row.spiky = at(spiky, 0.05, planted())
	row.single = simulate(fmt.Sprint("single", sd), planted(), func(r *rand.Rand) []compare.Series {
		return []compare.Series{latency(drawn(r, independent(r, 2*most, sd/math.Sqrt2), 2), 0.05, false)}
	})
	// In steps of half a percent the least that is found in 95 %, beginning where
	// the forecast has it.
	d := compare.DefaultDesign()
	d.Tests = compare.Tests(server(compare.Series{Metric: compare.MetricOf("p99-ns", false)}))
	row.forecast = math.Expm1(exact.MDE(math.Log1p(0.01), d.AlphaAt(len(d.Looks)-1), sd, d.MaxPairs()))
	finds := func(halves int) bool { return at(independent, float64(halves)/200, planted()).found() >= 0.95 }
	halves := int(math.Round(200 * row.forecast))
	for finds(halves - 1) {
		halves--
	}
	for !finds(halves) {
		halves++
	}
	row.found95 = float64(halves) / 200
	return row
}

// check asserts what may be promised.
func (p powerRow) check(t *testing.T) {
	t.Logf("same: %v", p.same)
	t.Logf("5 %% worse: %v", p.by5)
	t.Logf("7 %% worse: %v", p.by7)
	t.Logf("10 %% worse: %v", p.by10)
	t.Logf("5 %% worse, spiky: %v", p.spiky)
	t.Logf("5 %% worse, the only metric: %v", p.single)
	t.Logf("found in 95 %%: from %.1f %%; forecast: %.2f %%", 100*p.found95, 100*p.forecast)
	noAlarm(t, p.same)
	atLeast := func(what string, n *tally, want float64) {
		t.Helper()
		if got := n.found(); got < want {
			t.Errorf("%s: found in %.1f %%, want %.0f %%", what, 100*got, 100*want)
		}
	}
	promise := 0.95
	if !inFull() {
		promise = 0.80 // so few trials scatter
	}
	if p.noise <= 0.05 {
		atLeast("5 % worse", p.by5, promise)
		atLeast("5 % worse, the only metric", p.single, promise)
	}
	if p.noise <= 0.04 {
		atLeast("5 % worse, spiky", p.spiky, promise)
	}
	if p.noise <= 0.07 {
		atLeast("7 % worse", p.by7, promise)
	}
	if p.noise <= 0.10 {
		atLeast("10 % worse", p.by10, promise)
	}
	// Proven to be worse, and less than the tolerance, is what 5 % worse is not.
	for _, n := range []*tally{p.by5, p.by7, p.by10, p.spiky, p.single} {
		missed := n.share(compare.Equal, compare.Improved)
		least, _ := exact.ClopperPearson(int(math.Round(missed*float64(n.trials))), n.trials, 0.98) // of so few trials one is no rate
		if inFull() && (n.share(compare.Minor) > 0.01 || missed > 0.02) || least > 0.02 {
			t.Errorf("too much is taken for less than it is: %v", n)
		}
	}
	// Where it is smaller, many a comparison never gets to the last look: a change
	// that is proven to be within the tolerance is not looked for any longer.
	if inFull() && p.forecast > 0.04 && math.Abs(p.found95-p.forecast) > 0.006 {
		t.Errorf("found in 95 %% from %.1f %%, and the forecast is %.2f %%", 100*p.found95, 100*p.forecast)
	}
}

// rejectedCells are servers that turn away more.
func rejectedCells(t *testing.T) {
	for _, more := range []float64{0.005, 0.01} {
		for _, sd := range []float64{0, 0.1} {
			name := fmt.Sprintf("worse/rejected=+%gpp/cv=%g", 100*more, 100*sd)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := simulate(name, planted(), func(r *rand.Rand) []compare.Series {
					return []compare.Series{rejections(drawn(r, independent(r, 2*most, sd), 2), r, more)}
				})
				t.Log(n)
				if got := n.found(); inFull() && got < 0.95 || got < 0.80 {
					t.Errorf("found in %.1f %%", 100*got)
				}
			})
		}
	}
}

// powerTable is the README's, with how often there was a false alarm in all
// cells, and in the worst.
func powerTable(rows []powerRow, cells []*tally) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| noise of a pair | unchanged: equal | pairs | 5 % worse: found | pairs | 10 % worse: found | pairs | found in 95 % from |")
	fmt.Fprintln(&b, "|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, p := range rows {
		fmt.Fprintf(&b, "| %.0f %% | %.0f %% | %.0f | %.0f %% | %.0f | %.0f %% | %.0f | %.1f %% |\n", 100*p.noise,
			100*p.same.share(compare.Equal), p.same.meanPairs(), 100*p.by5.found(), p.by5.meanPairs(),
			100*p.by10.found(), p.by10.meanPairs(), 100*p.found95)
	}
	all, worst := tally{of: map[compare.Verdict]int{}}, cells[0]
	for _, n := range cells {
		all.trials += n.trials
		all.of[compare.Regressed] += n.alarms()
		if a, b := n.alarms(), worst.alarms(); a > b || a == b && n.noise() > worst.noise() {
			worst = n // they come in no order
		}
	}
	fmt.Fprintf(&b, "\nFalse alarms: %d in %d comparisons of a build with itself, under seven kinds of noise; in the worst of them, at a noise of %.0f %%, %d in %d.\n",
		all.alarms(), all.trials, 100*worst.noise(), worst.alarms(), worst.trials)
	return b.String()
}
