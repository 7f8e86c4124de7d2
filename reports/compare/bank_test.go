package compare_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
)

// An injection makes a launch worse by a known amount, as if its server were.
type injection struct {
	name string
	unit string // of the metric that shows it
	do   func(*result.Stage)
}

// injections are planted into the candidate's launches.
var injections = []injection{
	{"all latencies × 1.05", "p99-ns", slower(0, 1.05)},
	{"all latencies × 1.10", "p99-ns", slower(0, 1.10)},
	{"the slowest 5 % × 1.05", "p99-ns", slower(0.95, 1.05)},
	{"the slowest 5 % × 1.10", "p99-ns", slower(0.95, 1.10)},
	{"CPU × 1.05", "cpu-ns/req", func(s *result.Stage) { s.Target.CPU += s.Target.CPU / 20 }},
	{"CPU × 1.10", "cpu-ns/req", func(s *result.Stage) { s.Target.CPU += s.Target.CPU / 10 }},
	{"+0.5 points rejected", "rejected-ppm", func(s *result.Stage) {
		more := (s.Counts.Planned() + 199) / 200 // half a percent, or a little above
		s.Counts[result.OK] -= more
		s.Counts[result.Rejected] += more
	}},
}

// slower makes latencies that many times as long, of those beyond a quantile.
func slower(beyond, times float64) func(*result.Stage) {
	return func(s *result.Stage) {
		out := result.NewHist()
		var rank int64
		spared := int64(beyond * float64(s.Latency.N()))
		for d, n := range s.Latency.All() {
			for range n {
				rank++
				if rank <= spared {
					out.Record(d)
				} else {
					out.Record(time.Duration(float64(d) * times))
				}
			}
		}
		s.Latency = out
	}
}

// launched is a launch of the bank: its figures as they were, and as each
// injection makes them.
type launched struct {
	was  []compare.Sample
	with [][]compare.Sample // by the index of the injection
}

// session is a comparison that was run live: its launches, pair by pair in the
// order of time. In what they are from they are all the same.
type session struct {
	kind  string // server and load: pairs of different ones are not put together
	pairs [][]launched
}

// bank reads the bank, once for all tests.
var bank = sync.OnceValues(func() ([]session, error) {
	type pair struct {
		session string
		number  int
	}
	var out []session
	at := map[string]int{}
	last := map[string]pair{}
	err := eachLaunch(bankFile, func(s *result.Stage) {
		kind := s.Settings.Get(keyServe) + " " + compare.ScenarioOf(s.TargetName(), s.Load(), s.Level())
		id := s.Settings.Get(keySession) + " " + kind
		i, ok := at[id]
		if !ok {
			if testing.Short() && len(out) == 2 {
				return // under the race detector all of it takes too long
			}
			i = len(out)
			at[id] = i
			out = append(out, session{kind: kind})
		}
		p := pair{id, s.Settings.Int(result.KeyPair)}
		if last[id] != p {
			last[id] = p
			out[i].pairs = append(out[i].pairs, nil)
		}
		l := launched{was: figures(s)}
		for _, in := range injections {
			worse := *s
			in.do(&worse)
			l.with = append(l.with, figures(&worse))
		}
		pairs := out[i].pairs
		pairs[len(pairs)-1] = append(pairs[len(pairs)-1], l)
	})
	for i := range out {
		out[i].pairs = slices.DeleteFunc(out[i].pairs, func(p []launched) bool { return len(p) < 2 })
	}
	return slices.DeleteFunc(out, func(s session) bool { return len(s.pairs) == 0 }), err
})

// figures are those that decide, of one launch.
func figures(s *result.Stage) []compare.Sample {
	all, _ := compare.FromStages([]*result.Stage{s}, "")
	return slices.DeleteFunc(all, func(s compare.Sample) bool { return !compare.MetricOf(s.Unit, false).Gated })
}

// openBank is the bank, or a failure: a proof that is gone is none.
func openBank(t *testing.T) (sessions []session, pairs int) {
	t.Helper()
	sessions, err := bank()
	if err != nil {
		t.Fatal(bankMissing(err))
	}
	if len(sessions) == 0 {
		t.Fatal("the bank is empty")
	}
	for _, s := range sessions {
		pairs += len(s.pairs)
	}
	return sessions, pairs
}

// redrawn makes a comparison out of the bank: runs of pairs that came one after
// the other, until there are as many as the last look takes, all of one kind.
// Who is base and who candidate is redrawn within each pair, and nowhere else:
// that is what the order by a coin makes exchangeable, and pairs of different
// times are not. An injection's index is that of what the candidate suffers; -1
// is none. The control is the launch that is left, where one is and control is
// set.
func redrawn(r *rand.Rand, sessions []session, injected int, control bool) []compare.Series {
	s := sessions[r.IntN(len(sessions))]
	kind := s.kind
	var samples []compare.Sample
	number := 0
	for number < most {
		for _, pair := range s.pairs[r.IntN(len(s.pairs)):] {
			if number++; number > most {
				break
			}
			order := r.Perm(len(pair))
			for i, arm := range []compare.Arm{compare.Base, compare.Candidate, compare.Control} {
				if i >= len(order) || arm == compare.Control && !control {
					break
				}
				launch := pair[order[i]]
				from := launch.was
				if arm == compare.Candidate && injected >= 0 {
					from = launch.with[injected]
				}
				for _, x := range from {
					x.Arm, x.Pair, x.Scenario = arm, number, "bank"
					samples = append(samples, x)
				}
			}
		}
		for s = sessions[r.IntN(len(sessions))]; s.kind != kind; s = sessions[r.IntN(len(sessions))] {
		}
	}
	all, _, _ := compare.Collect(samples, compare.Policy{})
	return all
}

// TestBankFalseAlarms plays comparisons in which nothing changed, out of what was
// measured. They share their pairs, so they are not as many independent ones as
// there are redraws: the bound holds for this bank, and how many pairs it is of
// is reported. A bias of an arm's own, which redrawn labels hide, only live
// comparisons show.
func TestBankFalseAlarms(t *testing.T) {
	t.Parallel()
	sessions, pairs := openBank(t)
	r := source("bank")
	trials := alarms()
	n := &tally{trials: trials, of: map[compare.Verdict]int{}}
	alarms := 0
	for range trials {
		report := play(compare.DefaultDesign(), redrawn(r, sessions, -1, true))
		n.of[report.Verdict]++
		n.pairs += report.Pairs
		// Also where the control makes the comparison invalid.
		if slices.ContainsFunc(report.Findings, func(f compare.Finding) bool { return f.Gated && f.Verdict.ExitCode() == compare.ExitRegressed }) {
			alarms++
		}
	}
	lower, upper := exact.ClopperPearson(alarms, trials, 0.95)
	t.Logf("%d false alarms in %d redraws (%.2f to %.2f %%) of %d distinct pairs, which they share, of %d sessions: %v",
		alarms, trials, 100*lower, 100*upper, pairs, len(sessions), n)
	n.of[compare.Regressed], n.of[compare.Unstable] = alarms, 0
	noAlarm(t, n)
	if upper := exact.ClopperPearsonUpper(n.of[compare.Invalid], trials, 0.95); inFull() && upper >= 2*promised {
		t.Errorf("the control made %d of %d not valid, a rate of up to %.2f %%", n.of[compare.Invalid], trials, 100*upper)
	}
	kinds := map[string]int{}
	for _, s := range sessions {
		kinds[s.kind] += len(s.pairs)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%d pairs of %s", kinds[kind], kind)
	}
}

// TestBankPower plants regressions into what was measured. What is found depends
// on how quiet the machine was on which the bank was made, so that is reported and
// not asserted; what is asserted holds at any noise.
func TestBankPower(t *testing.T) {
	t.Parallel()
	sessions, _ := openBank(t)
	found := make([]int, len(injections))
	var table strings.Builder
	fmt.Fprintln(&table, "| planted | regressed | minor | equal | inconclusive | pairs | noise of a pair |\n|---|---:|---:|---:|---:|---:|---:|")
	for i, in := range injections {
		r := source("bank power") // the same pairs for all
		of := map[compare.Verdict]int{}
		pairs, noise := 0, 0.0
		trials := planted()
		for range trials {
			report := play(compare.DefaultDesign(), redrawn(r, sessions, i, false))
			at := slices.IndexFunc(report.Findings, func(f compare.Finding) bool { return f.Unit == in.unit })
			if at < 0 {
				t.Fatalf("%s: the bank has no %s", in.name, in.unit)
			}
			f := report.Findings[at]
			verdict := f.Verdict
			if report.Verdict == compare.Regressed { // by overhead, say, which the same injection makes worse
				verdict = compare.Regressed
			}
			of[verdict]++
			pairs += report.Pairs
			noise += f.Noise
		}
		share := func(v compare.Verdict) float64 { return 100 * float64(of[v]) / float64(trials) }
		fmt.Fprintf(&table, "| %s | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.0f | %.1f %% |\n", in.name, share(compare.Regressed), share(compare.Minor),
			share(compare.Equal), share(compare.Inconclusive), float64(pairs)/float64(trials), 100*noise/float64(trials))
		found[i] = of[compare.Regressed] + of[compare.Minor]
		if missed := of[compare.Equal] + of[compare.Improved]; missed > trials/20 {
			t.Errorf("%s: %d of %d were called equal or improved", in.name, missed, trials)
		}
	}
	t.Logf("planted into the candidate's launches, %d redraws each:\n%s", planted(), table.String())
	for _, twice := range [][2]int{{0, 1}, {2, 3}, {4, 5}} {
		if small, large := twice[0], twice[1]; found[large] < found[small] {
			t.Errorf("%s is found %d times, and %s %d times", injections[small].name, found[small], injections[large].name, found[large])
		}
	}
}
