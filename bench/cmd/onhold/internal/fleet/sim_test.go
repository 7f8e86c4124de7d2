package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

// few is rapid.Check with fewer fleets. The slow tests have all of them.
func few(t *testing.T, most int, property func(*rapid.T)) {
	t.Parallel()
	runs, failed := 0, false
	rapid.Check(t, func(t *rapid.T) {
		if runs++; runs > most && !failed {
			return
		}
		failed = true // unless it returns
		property(t)
		failed = t.Failed()
	})
}

type failer interface {
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// fenced holds that no part of a stage was driven twice at the same time, and by nobody
// who was not in the run.
func (w *world) fenced(t failer) {
	for i, p := range w.plays {
		for _, o := range w.plays[:i] {
			if p.share.Part == o.share.Part && p.from < o.to && o.from < p.to {
				t.Errorf("part %d was driven by %s (stage %d, %v to %v) and by %s (stage %d, %v to %v)", p.share.Part,
					p.agent.machine.hello.Instance, p.stage, p.from, p.to, o.agent.machine.hello.Instance, o.stage, o.from, o.to)
			}
		}
	}
}

func drawPlan(t *rapid.T, agents int) bench.Plan {
	p := bench.Plan{
		Load:     load.Of(rapid.SampledFrom([]load.Model{load.Constant, load.Poisson, load.Burst, load.Closed, load.Ramp}).Draw(t, "model"), float64(rapid.IntRange(agents, 60).Draw(t, "level"))),
		Duration: time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds")) * time.Second, Seed: rapid.Uint64().Draw(t, "seed"),
	}
	if p.Load.Model() == load.Burst {
		p.Load.BurstInterval = 500 * time.Millisecond
	} else {
		p.Warmup = 300 * time.Millisecond
	}
	return p
}

func drawNetwork(t *rapid.T) network {
	return network{
		delay: time.Duration(rapid.IntRange(0, 100).Draw(t, "delay ms")) * time.Millisecond, jitter: time.Duration(rapid.IntRange(0, 200).Draw(t, "jitter ms")) * time.Millisecond,
		drop: rapid.Float64Range(0, 0.2).Draw(t, "dropped"), double: rapid.Float64Range(0, 0.4).Draw(t, "doubled"),
	}
}

// Whatever the network does to messages, and however clocks differ, a fleet records what
// one generator records, and its agents start within the bound that is stated.
func oneGenerator(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "agents")
	p := drawPlan(t, n)
	w := newWorld(rapid.Uint64().Draw(t, "chance"), n, p, drawNetwork(t))
	for _, a := range w.agents {
		a.clock = drawClock(t, 200)
	}
	stages, err := w.run(t, 2)
	if lost, ok := err.(*Lost); ok && strings.Contains(lost.Why, "too late") {
		return // on such a network it may be
	}
	if err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, %v; %q", len(stages), err, w.said)
	}
	want := played(p, p.Duration)
	for i, s := range stages {
		if !s.Valid() || s.Counts != want.Counts || len(s.Agents) != n {
			t.Fatalf("stage %d: %v by %d agents, want %v by %d; %q", i+1, s.Counts, len(s.Agents), want.Counts, n, s.Invalid)
		}
		equal(t, s.Latency, want.Latency)
		equal(t, s.Uncorrected, want.Uncorrected)
		equal(t, s.Lag, want.Lag)
	}
	w.fenced(t)
	for _, m := range w.coord.members {
		for _, play := range w.plays {
			if off := play.from - w.coord.start; play.stage == w.coord.stage && play.agent.machine.hello.Agent == m.hello.Agent && (off > m.within+10 || off < -m.within-10) {
				t.Errorf("agent %s started %v from the instant, beyond the bound of %v", m.hello.Agent, off, m.within)
			}
		}
	}
	for _, a := range w.agents {
		if a.machine.run != "" {
			t.Errorf("agent %s has not been let go: %q", a.machine.hello.Agent, w.said)
		}
	}
}

func TestFleetIsOneGenerator(t *testing.T) { few(t, 12, oneGenerator) }

func TestSlowFleetIsOneGenerator(t *testing.T) {
	slow.Only(t)
	rapid.Check(t, oneGenerator)
}

// equal compares histograms bucket for bucket.
func equal(t failer, got, want *result.Hist) {
	off := got.Sum() - want.Sum() // a record has the mean to a nanosecond
	g, err1 := got.Encode()
	w, err2 := want.Encode()
	if err1 != nil || err2 != nil || g != w || max(off, -off) > time.Duration(want.N()) {
		t.Errorf("the histograms differ: %v, want %v", got.Summary(), want.Summary())
	}
}

// Whichever fault an agent meets with, and whenever, the run ends within its bound, the
// stage accounts for all that was planned, and what is missing has the agent's name.
func survivesFaults(t *rapid.T) {
	n := rapid.IntRange(2, 4).Draw(t, "agents")
	p := drawPlan(t, n)
	w := newWorld(rapid.Uint64().Draw(t, "chance"), n, p, drawNetwork(t))
	victim := w.agents[rapid.IntRange(0, n-1).Draw(t, "victim")]
	for _, a := range w.agents {
		a.clock = drawClock(t, 200)
	}
	when := time.Duration(rapid.IntRange(0, 15_000).Draw(t, "when ms")) * time.Millisecond
	fault := rapid.SampledFrom([]string{"killed", "stopped", "cut off", "cut off for good", "killed and restarted", "one more of its name"}).Draw(t, "fault")
	name := victim.machine.hello.Agent
	switch fault {
	case "killed":
		victim.dead = when + 1
	case "stopped":
		victim.stopped = span{when, when + 5*time.Second}
	case "cut off":
		victim.away = span{when, when + 2*time.Second}
	case "cut off for good":
		victim.away = span{when, time.Hour}
	case "killed and restarted":
		victim.dead = when + 1
		w.add(name, "again", "v1").away = span{0, when + 100*time.Millisecond}
	case "one more of its name":
		w.add(name, "again", "v1")
	}
	stages, err := w.run(t, 2)
	w.fenced(t)
	if err == nil && len(stages) != 2 {
		t.Fatalf("%d stages and no error", len(stages))
	}
	if err != nil && !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "came forward") && !strings.Contains(err.Error(), "too late") {
		t.Errorf("%s: %v does not name agent %s", fault, err, name)
	}
	want := played(p, p.Duration)
	for _, s := range stages {
		if planned := s.Counts.Planned(); p.Load.Model() != load.Closed && planned != want.Counts.Planned() {
			t.Errorf("%s: %d arrivals are accounted for, want %d; %q", fault, planned, want.Counts.Planned(), s.Invalid)
		}
		i := slices.IndexFunc(s.Agents, func(a result.Agent) bool { return a.Lost != "" })
		if (i >= 0) == s.Valid() || i >= 0 && (s.Agents[i].Name != name || !strings.Contains(strings.Join(s.Invalid, ";"), "agent "+name)) {
			t.Errorf("%s of %s: valid %v, %+v, %q", fault, name, s.Valid(), s.Agents, s.Invalid)
		}
		if i < 0 && s.Counts != want.Counts {
			t.Errorf("%s: %v, want %v", fault, s.Counts, want.Counts)
		}
	}
}

func TestFleetSurvivesFaults(t *testing.T) { few(t, 30, survivesFaults) }

func TestSlowFleetSurvivesFaults(t *testing.T) {
	slow.Only(t)
	rapid.Check(t, survivesFaults)
}

// Agents whose coordinator is gone finish a stage that has started, start no other, and
// are free for the next run.
func orphansStop(t *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(t, "agents")
	p := drawPlan(t, n)
	w := newWorld(rapid.Uint64().Draw(t, "chance"), n, p, drawNetwork(t))
	w.lead.dead = time.Duration(rapid.IntRange(1, 15_000).Draw(t, "when ms")) * time.Millisecond
	w.run(t, 2)
	for _, play := range w.plays {
		if late := play.from - w.lead.dead; late > mostAhead/20 {
			t.Errorf("agent %s began stage %d %v after the coordinator had gone", play.agent.machine.hello.Agent, play.stage, late)
		}
	}
	for _, a := range w.agents {
		if a.machine.run != "" || a.current != nil && a.machine.phase == Ready {
			t.Errorf("agent %s still serves run %s in phase %q", a.machine.hello.Agent, a.machine.run, a.machine.phase)
		}
	}
}

func TestOrphansStop(t *testing.T) { few(t, 10, orphansStop) }

func TestSlowOrphansStop(t *testing.T) {
	slow.Only(t)
	rapid.Check(t, orphansStop)
}

// Agents of another version, and those that refuse the plan, are named with the reason.
func TestAgentsThatDoNotTakePart(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*simAgent)
		want   string
	}{
		{"another version", func(a *simAgent) { a.machine.hello.Version = "v2" }, "agent a1 on h-a1: its version is v2, that of the coordinator is v1"},
		{"not in its list", func(a *simAgent) { a.refuses = "http://10.0.0.9/ is not among its --allow" }, "agent a1 on h-a1 does not take part: http://10.0.0.9/ is not among its --allow"},
		{"absent", func(a *simAgent) { a.away = span{0, time.Hour} }, "1 of 2 agents came forward within 20s"},
	} {
		w := newWorld(1, 2, bench.Plan{Load: bench.Load{Rate: 5}, Duration: time.Second}, network{})
		c.change(w.agents[1])
		if _, err := w.run(t, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

// A burst on a link with 10 ms each way cannot be one: its start is not known that well.
func TestBurstNeedsOneStart(t *testing.T) {
	for _, c := range []struct {
		delay time.Duration
		ok    bool
	}{{100 * time.Microsecond, true}, {10 * time.Millisecond, false}} {
		w := newWorld(1, 2, bench.Plan{Load: bench.Load{Burst: 4, BurstInterval: time.Second}, Duration: time.Second}, network{delay: c.delay})
		w.maxError = time.Millisecond
		if _, err := w.run(t, 1); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "a burst needs one start") {
			t.Errorf("delay %v: %v", c.delay, err)
		}
	}
}

// Orders of an earlier epoch, old ones, and those for another instance change nothing.
func TestOldOrdersAreFenced(t *testing.T) {
	w := newWorld(1, 1, bench.Plan{Load: bench.Load{Rate: 5}, Duration: time.Second}, network{})
	a := w.agents[0]
	plan := []byte("a plan")
	order := Order{Run: "r1", Epoch: 3, Seq: 10, Agent: "a0", Instance: "i0", Goal: Prepare, Hash: sumOf(plan), Plan: plan, Stage: 2, Share: bench.Share{Of: 1}}
	a.machine.order(0, order)
	if a.machine.stage != 2 || a.machine.phase != Preparing {
		t.Fatalf("stage %d, %q", a.machine.stage, a.machine.phase)
	}
	a.machine.ready(2, nil)
	for what, change := range map[string]func(*Order){
		"an earlier epoch": func(o *Order) { o.Epoch, o.Seq = 2, 99 },
		"an old one":       func(o *Order) { o.Seq = 10 },
		"another instance": func(o *Order) { o.Instance, o.Seq = "i9", 99 },
		"another run":      func(o *Order) { o.Run, o.Seq = "r9", 99 },
	} {
		o := order
		o.Goal, o.At = Start, time.Second
		change(&o)
		if a.machine.order(time.Millisecond, o); a.machine.phase != Ready {
			t.Errorf("%s: the agent is %q", what, a.machine.phase)
		}
	}
	// After it was let go, what is late of that run does not bring it back.
	leave := order
	leave.Seq, leave.Goal = 50, Leave
	a.machine.order(time.Second, leave)
	a.machine.order(time.Second, order)
	if a.machine.run != "" {
		t.Errorf("a late order made the agent serve run %s again", a.machine.run)
	}
}
