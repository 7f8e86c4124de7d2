package bench

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// soundStage is a stage without fault: 1,000 arrivals of 200 ms in one second.
func soundStage() merged {
	s := result.NewStage()
	s.Length = time.Second
	for range 1000 {
		s.Counts[result.OK]++
		s.Latency.Record(wait)
		s.Uncorrected.Record(wait)
		s.Lag.Record(10 * time.Microsecond)
	}
	s.InFlight = 200
	return merged{stage: s, inFlight: 200 * time.Second, times: 200 * time.Second, begun: 1000}
}

// soundPlan is the plan of soundStage: 1,000 clients that pause.
func soundPlan() Plan {
	return Plan{Load: Load{Clients: 1000, ThinkTime: 800 * ms}, Duration: time.Second}.withDefaults()
}

// held delays n arrivals of a stage, by a generator that was late or, unseen, by the
// machine.
func held(n int, by time.Duration) func(*merged) {
	return func(m *merged) {
		for range n {
			m.stage.Lag.Record(by)
			m.stage.Counts[result.OK]++
			m.stage.Latency.Record(wait + by)
			m.stage.Uncorrected.Record(wait)
		}
	}
}

func TestOpenLoadsKeepTheirSchedule(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*merged)
		want  string
	}{
		{"on time", held(0, 0), ""},
		{"late", held(20, 30*ms), "p99 of its lag is 30.02ms, above the bound of 2ms"},
		{"late within the bound", held(20, 1900*time.Microsecond), ""},
		{"late once in a thousand", held(1, 30*ms), ""},
		{"late, by the machine", func(m *merged) { held(20, 30*ms)(m); m.stage.Generator.Steal = 70 * ms }, "took its CPU away for 70ms: steal"},
		{"waited for a connection", func(m *merged) { held(20, 30*ms)(m); m.waited = 20 }, "20 arrivals waited for one of the 10000 connections that the stage may have: allow more"},
		{"late in the disturbed part only", func(m *merged) {
			undisturbed := m.stage.All()
			m.stage.Undisturbed = &undisturbed
			m.stage.Lag = result.NewHist()
			held(20, 30*ms)(m)
		}, ""},
	} {
		m := soundStage()
		c.spoil(&m)
		punctual(m, Plan{Load: Load{Rate: 1000}, Duration: time.Second}.withDefaults())
		if all := strings.Join(m.stage.Invalid, "; "); !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: %q; want %q", c.name, all, c.want)
		}
	}
}

// Without a schedule, lag counts where it changes what is reported.
func TestClosedLoadsAreJudgedByTheEffect(t *testing.T) {
	closed := soundPlan()
	burst := Plan{Load: Load{Burst: 1000}, Duration: time.Second}.withDefaults()
	lax := closed
	lax.MaxLag = 50 * ms
	for _, c := range []struct {
		name  string
		plan  Plan
		spoil func(*merged)
		want  string
	}{
		{"no lag", closed, held(0, 0), ""},
		{"a lag without effect", closed, func(m *merged) {
			for range 200 {
				m.stage.Lag.Record(4 * ms) // of those that are rejected, say
			}
		}, ""},
		{"a lag that adds to a percentile", closed, held(20, 30*ms), "its lag adds 30.02ms to p99 of the latency, above the bound of 4ms"},
		{"a lag that adds less", closed, held(20, 3900*time.Microsecond), ""},
		{"a lag that is allowed", lax, held(20, 30*ms), ""},
		{"a lag that lowers the load", closed, func(m *merged) {
			for range 1000 {
				m.stage.Lag.Record(24 * ms)
			}
		}, "its mean lag of 12.01ms lowers the load, above the bound of 10ms"},
		{"a burst, sent one after another", burst, held(500, 15*ms), ""},
		{"a burst, late", burst, held(500, 30*ms), "its lag adds 30.02ms to p99 of the latency, above the bound of 20ms"},
		{"a burst that waits for the one before", burst, func(m *merged) { held(500, 30*ms)(m); m.waited = 500 }, "500 arrivals waited for their client's reply to the wave before: use a longer burst interval"},
	} {
		m := soundStage()
		c.spoil(&m)
		undelayed(m, c.plan)
		if all := strings.Join(m.stage.Invalid, "; "); !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: %q; want %q", c.name, all, c.want)
		}
	}
}

func TestJudgeOfADisturbedStage(t *testing.T) {
	for _, c := range []struct {
		name      string
		disturbed time.Duration
		valid     bool
		want      string
	}{
		{"nothing", 0, true, ""},
		{"a little", 9 * ms, true, ""},
		{"some", 300 * ms, true, "the machine disturbed 300 ms of the 1 s of the window (other processes 120 ms: make 0.48 CPUs, cc1 0.09): percentiles, shares and rates leave that out"},
		{"too much", 501 * ms, false, "the machine disturbed 501 ms of the 1 s of the window (other processes 120 ms: make 0.48 CPUs, cc1 0.09), which leaves less than half of the planned 1 s"},
	} {
		m := soundStage()
		m.disturbed, m.causes[host.Others] = c.disturbed, 120*ms
		m.stage.Others = []result.Process{{Name: "make", CPU: 480 * ms}, {Name: "cc1", CPU: 90 * ms}}
		disturbed(m, soundPlan())
		if all := strings.Join(m.stage.Notes(), "; "); m.stage.Valid() != c.valid || m.stage.Disturbed == c.valid || !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: valid %v, disturbed %v, %q; want %v, %q", c.name, m.stage.Valid(), m.stage.Disturbed, all, c.valid, c.want)
		}
	}
}

func TestJudgeNamesTheFigureAndTheBound(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*merged)
		meter error
		valid bool
		want  string
	}{
		{"nothing wrong", func(*merged) {}, nil, true, ""},
		{"CPU", func(m *merged) { m.stage.Generator.CPU = time.Duration(host.CPUs()) * 850 * ms }, nil, false,
			"used 85 % of the CPU time it may use, above the bound of 80 %"},
		{"CPU within bounds", func(m *merged) { m.stage.Generator.CPU = time.Duration(host.CPUs()) * 790 * ms }, nil, true, ""},
		{"one loop of two", func(m *merged) {
			m.stage.Generator.Loops = []result.Loop{{CPU: 300 * ms}, {CPU: 810 * ms}}
		}, nil, false, "loop 2 of 2 of the generator was busy for 81 % of the time, above the bound of 80 %"},
		{"a loop that spins on purpose", func(m *merged) {
			m.stage.Generator.CPU = time.Duration(host.CPUs())*790*ms + 300*ms
			m.stage.Generator.Loops = []result.Loop{{CPU: time.Second, Spun: 300 * ms}}
		}, nil, true, ""},
		{"a quota on the generator", func(m *merged) {
			m.stage.Generator.Quota, m.stage.Generator.Throttled = 0.2, result.Throttled{Times: 9, Time: 700 * ms}
		}, nil, false, "a CPU quota of 0.2 CPUs stopped the generator 9 times for 700ms (70 % of the window, above the bound of 0.1 %): raise the quota"},
		{"a quota on the generator, of which the time is not known yet", func(m *merged) {
			m.stage.Generator.Throttled = result.Throttled{Times: 1}
		}, nil, false, "a CPU quota stopped the generator once for 0s"},
		{"a quota on the generator, within the bound", func(m *merged) {
			m.stage.Generator.Quota, m.stage.Generator.Throttled = 1.5, result.Throttled{Times: 1, Time: 900 * time.Microsecond}
		}, nil, true, "a CPU quota of 1.5 CPUs stopped the generator once for 900µs, within the bound of 0.1 % of the window"},
		{"a quota on the target", func(m *merged) {
			m.stage.Target.Quota, m.stage.Target.Throttled = 0.5, result.Throttled{Times: 3, Time: 80 * ms}
		}, nil, true, "a CPU quota of 0.5 CPUs stopped the target 3 times for 80ms: its latencies include that time"},
		{"CPU, of a quota", func(m *merged) { m.stage.Generator.Quota, m.stage.Generator.CPU = 0.1, 85*ms }, nil, false,
			"used 85 % of the CPU time it may use, above the bound of 80 %"},
		{"unsent", func(m *merged) {
			m.stage.Counts[result.Unsent] = 3
			m.begun += 3
			m.whys[result.Unsent] = "no ports"
		}, nil, false, "could not send 3 of 1003 arrivals: no ports"},
		{"no measurement of the target", func(*merged) {}, errors.New("process 7 has ended"), false, "could not be measured: process 7 has ended"},
		{"an arrival without outcome", func(m *merged) { m.begun++ }, nil, false, "1001 arrivals were begun, but 1000 have an outcome"},
		{"a lost record", func(m *merged) { m.times -= 10 * time.Second }, nil, false, "Little's law fails: 200 in flight on average, but rate × mean time is 190"},
		{"edges are accounted for", func(m *merged) { m.times += 10 * time.Second; m.overhang += 10 * time.Second }, nil, true, ""},
		{"a failure of the server is no fault of ours", func(m *merged) {
			m.stage.Counts[result.Reset] = 5
			m.begun += 5
			m.whys[result.Reset] = "closed"
		}, nil, true, "5 of 1005 arrivals ended in reset, for example: closed"},
		{"above the histogram", func(m *merged) {
			m.stage.Lag.Record(10 * time.Microsecond)
			m.stage.Counts[result.OK]++
			m.begun++
			m.stage.Latency.Record(2 * time.Minute)
			m.times += 2 * time.Minute
			m.stage.InFlight += 120
		}, nil, true, "1 latencies are above 1m0s: they are counted without"},
	} {
		m := soundStage()
		c.spoil(&m)
		judge(m, soundPlan(), c.meter)
		all := strings.Join(m.stage.Notes(), "; ")
		if m.stage.Valid() != c.valid || !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: valid %v, warnings %q; want %v, %q", c.name, m.stage.Valid(), all, c.valid, c.want)
		}
	}
}

// Where the target is served by this process the generator answers for its
// loops alone, as far as they can be separated.
func TestJudgeOfATargetInThisProcess(t *testing.T) {
	all := time.Duration(host.CPUs())
	cpus := "0"
	if all > 1 {
		cpus = "0-" + strconv.Itoa(int(all)-1)
	}
	for _, c := range []struct {
		name  string
		cpu   time.Duration // of the process
		loops []result.Loop
		valid bool
		want  string
	}{
		{"a busy target is no fault of the generator", all * 850 * ms, []result.Loop{{CPU: 100 * ms}}, true, ""},
		{"a target that has all that the loop leaves", all * 990 * ms, []result.Loop{{CPU: 100 * ms}}, true, ""},
		{"a busy loop", all * 900 * ms, []result.Loop{{CPU: 850 * ms}}, false, "loop 1 of 1 of the generator was busy for 85 % of the time"},
		{"they cannot be separated", all * 850 * ms, nil, false,
			"the generator and the target, both in this process, used 85 % of the CPU time"},
		{"they need not be separated", all * 700 * ms, nil, true, ""},
	} {
		m := soundStage()
		m.stage.Target, m.stage.Generator = divide(result.Usage{CPU: c.cpu, CPUs: cpus, Allocs: 7}, c.loops)
		m.stage.Generator.Loops = c.loops
		judge(m, Plan{Duration: time.Second, TargetPID: os.Getpid()}.withDefaults(), nil)
		notes := strings.Join(m.stage.Notes(), "; ")
		if m.stage.Valid() != c.valid || !strings.Contains(notes, c.want) || c.want == "" && notes != "" {
			t.Errorf("%s: valid %v, warnings %q; want %v, %q", c.name, m.stage.Valid(), notes, c.valid, c.want)
		}
		want := time.Duration(0) // not known
		for _, l := range c.loops {
			want = c.cpu - l.CPU
		}
		if got := m.stage.Target; got.CPU != want || got.Allocs != 7 || m.stage.Generator.Allocs != 0 {
			t.Errorf("%s: the target has %v and %d allocations, want %v and all 7", c.name, got.CPU, got.Allocs, want)
		}
	}
}

func TestJudgeDoubtsAWaitThatWasNot(t *testing.T) {
	for said, doubt := range map[time.Duration]bool{0: false, wait - ms: false, wait + ms: false, 2 * wait: true} {
		m := soundStage()
		judge(m, Plan{Duration: time.Second, Wait: said}.withDefaults(), nil)
		if notes := strings.Join(m.stage.Notes(), "; "); strings.Contains(notes, "is said to wait for") != doubt || !m.stage.Valid() {
			t.Errorf("wait %v: warnings %q", said, notes)
		}
	}
}

// A stage is worth running again where the machine disturbed it, and only there.
func TestSpoilt(t *testing.T) {
	late := func(m *merged) {
		held(20, 30*ms)(m)
		m.begun += 20
		m.times += m.stage.Latency.Sum() - 200*time.Second
		m.stage.InFlight = m.times.Seconds()
	}
	for _, c := range []struct {
		name  string
		steal time.Duration
		spoil func(*merged)
		meter error
		want  bool
	}{
		{"nothing wrong", 0, func(*merged) {}, nil, false},
		{"stolen, and nothing wrong", 100 * ms, func(*merged) {}, nil, false},
		{"late by itself", 9 * ms, late, nil, false},
		{"late as it was stolen from", 100 * ms, late, nil, true},
		{"stolen, but the target had ended", 100 * ms, late, errors.New("process 7 has ended"), false},
		{"stolen, but something was not sent", 100 * ms, func(m *merged) { late(m); m.stage.Counts[result.Unsent]++; m.begun++ }, nil, false},
	} {
		m := soundStage()
		m.stage.Generator.Steal = c.steal
		c.spoil(&m)
		judge(m, soundPlan(), c.meter)
		if m.stage.Disturbed != c.want {
			t.Errorf("%s: disturbed %v, want %v (%q)", c.name, m.stage.Disturbed, c.want, m.stage.Notes())
		}
		if m.stage.Invalidate("another reason"); m.stage.Disturbed {
			t.Errorf("%s: still disturbed by the machine alone", c.name)
		}
	}
}

// A single hiccup among a few arrivals says nothing about a stage.
func TestLagQuantileOfFewArrivals(t *testing.T) {
	for n, want := range map[int64]float64{0: 0.5, 1: 0.5, 15: 0.5, 20: 0.5, 100: 0.9, 1000: 0.99, 1e6: 0.99} {
		if got := lagQuantile(n); got != want {
			t.Errorf("lagQuantile(%d) = %v, want %v", n, got, want)
		}
	}
}
