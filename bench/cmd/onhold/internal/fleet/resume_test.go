package fleet

import (
	"fmt"
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

// A coordinator that is killed at any instant, and taken over from within the time for
// which agents keep their records, costs nothing: no stage is driven again that agents
// had started, and the record is that of one generator, or names the agent that had not
// started.
func takesOver(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "agents")
	p := drawPlan(t, n)
	w := newWorld(rapid.Uint64().Draw(t, "chance"), n, p, drawNetwork(t))
	for _, a := range w.agents {
		a.clock = drawClock(t, 200)
	}
	dead := time.Duration(rapid.SampledFrom(upTo(15_000)).Draw(t, "when ms")) * time.Millisecond
	down := time.Duration(rapid.SampledFrom(upTo(20_000)).Draw(t, "down ms")) * time.Millisecond
	w.lead.dead, w.takeOver = dead, dead+down
	var before Saved // of the first coordinator
	w.at(w.takeOver, func() { before = w.saved })
	stages, err := w.run(t, 2)
	if len(before.Agents) == 0 {
		return // there was no run yet
	}
	if lost, ok := err.(*Lost); ok && strings.Contains(lost.Why, "too late") {
		return
	}
	if err != nil || len(stages) != 2 {
		t.Fatalf("%d stages, %v; %q", len(stages), err, w.said)
	}
	w.fenced(t)
	if w.coord.epoch != 2 {
		t.Fatalf("epoch %d", w.coord.epoch)
	}
	want := played(p, p.Duration)
	for i, s := range stages {
		if planned := s.Counts.Planned(); p.Load.Model() != load.Closed && planned != want.Counts.Planned() {
			t.Errorf("%d arrivals are accounted for, want %d; %q", planned, want.Counts.Planned(), s.Invalid)
		}
		lost := false
		for _, a := range s.Agents {
			if a.Lost == "" {
				continue
			}
			lost = true
			if slices.ContainsFunc(w.plays, func(p *play) bool {
				return p.agent.machine.hello.Agent == a.Name && p.stage == before.Stage && p.spec == fmt.Sprintf("stage %d", i+1) && p.to < w.takeOver
			}) {
				t.Errorf("agent %s drove stage %d, and its record is missing: %s; %q", a.Name, i+1, a.Lost, w.said)
			}
			if s.Valid() || !strings.Contains(strings.Join(s.Invalid, ";"), "agent "+a.Name) && n > 1 {
				t.Errorf("stage %d: %q", i+1, s.Invalid)
			}
		}
		if !lost && s.Counts != want.Counts {
			t.Errorf("stage %d: %v, want %v", i+1, s.Counts, want.Counts)
		}
	}
	// A stage that had been started is driven by nobody again.
	for _, play := range w.plays {
		if before.Started && play.spec == string(before.Spec) && play.stage > before.Stage {
			t.Errorf("agent %s drove %s again", play.agent.machine.hello.Agent, play.spec)
		}
	}
}

// upTo are the numbers up to n, of which rapid draws small ones no more often than others.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// On a good network the record of a run is complete, whenever its coordinator was killed,
// and for how long, up to the time for which agents keep it. After that it is not, and
// says so.
func TestRecordSurvivesTheCoordinator(t *testing.T) {
	t.Parallel()
	p := bench.Plan{Load: bench.Load{Rate: 50}, Duration: 2 * time.Second, Warmup: 300 * time.Millisecond}
	want := played(p, p.Duration).Counts
	for dead := 500 * time.Millisecond; dead < 9*time.Second; dead += 1300 * time.Millisecond {
		for _, down := range []time.Duration{100 * time.Millisecond, 9 * time.Second, simKeep, 2 * simKeep} {
			w := newWorld(1, 2, p, network{delay: 10 * time.Millisecond})
			w.lead.dead, w.takeOver = dead, dead+down
			var before Saved
			w.at(w.takeOver, func() { before = w.saved })
			stages, err := w.run(t, 2)
			if err != nil || len(stages) != 2 {
				t.Errorf("killed after %v, for %v: %d stages, %v; %q", dead, down, len(stages), err, w.said)
				continue
			}
			for i, s := range stages {
				known := want
				if down > simKeep && before.Started && before.Stage == i+1 {
					if known = s.Counts; s.Valid() || s.Counts[result.Unknown] != want.Planned() || !strings.Contains(strings.Join(s.Invalid, ";"), "agent a1: was lost: it has no record of the stage") {
						t.Errorf("killed after %v, for %v: stage %d: %v, %q", dead, down, i+1, s.Counts, s.Invalid)
					}
				}
				if s.Counts != known {
					t.Errorf("killed after %v, for %v: stage %d: %v, want %v; %q", dead, down, i+1, s.Counts, known, s.Invalid)
				}
			}
		}
	}
}

// A bus that is lost for less than the time for which agents wait to be asked costs
// nothing, whenever it is. One that never comes back ends the run within its bound.
func TestBusIsLost(t *testing.T) {
	t.Parallel()
	p := bench.Plan{Load: bench.Load{Rate: 50}, Duration: 2 * time.Second, Warmup: 300 * time.Millisecond}
	want := played(p, p.Duration).Counts
	for from := 500 * time.Millisecond; from < 9*time.Second; from += 1300 * time.Millisecond {
		for _, down := range []time.Duration{time.Second, simPrepare - 2*time.Second, time.Hour} {
			w := newWorld(1, 2, p, network{delay: 10 * time.Millisecond})
			w.lead.away = span{from, from + down}
			stages, err := w.run(t, 2)
			for i, s := range stages {
				if s.Counts.Planned() != want.Planned() || down < time.Hour && s.Counts != want || s.Counts[result.Unknown] > 0 && s.Valid() {
					t.Errorf("lost after %v, for %v: stage %d: %v, want %v; %q", from, down, i+1, s.Counts, want, s.Invalid)
				}
			}
			if down < time.Hour && (err != nil || len(stages) != 2) || down == time.Hour && len(stages) == 2 && stages[1].Valid() {
				t.Errorf("lost after %v, for %v: %d stages, %v; %q", from, down, len(stages), err, w.said)
			}
			w.fenced(t)
		}
	}
}

// An agent that does not come back is missing in the stage that was under way, and ends
// the run. The others hand over what they have.
func TestAgentThatDoesNotComeBack(t *testing.T) {
	p := bench.Plan{Load: bench.Load{Rate: 50}, Duration: 2 * time.Second}
	w := newWorld(1, 2, p, network{})
	w.lead.dead, w.takeOver = 2500*time.Millisecond, 10*time.Second
	w.agents[1].dead = 3 * time.Second
	stages, err := w.run(t, 2)
	if len(stages) != 1 || err == nil || !strings.Contains(err.Error(), "agent a1 was lost: it did not come back within 20s") {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	s, all := stages[0], played(p, p.Duration).Counts.Planned()
	if s.Valid() || s.Counts.Planned() != all || s.Agents[0].Lost != "" || s.Agents[0].Coverage() != 1 || s.Agents[1].Counts[result.Unknown] != s.Agents[1].Counts.Planned() || s.Agents[1].Host != "h-a1" {
		t.Errorf("%v of %d, %+v", s.Counts, all, s.Agents)
	}
	// Where no agent comes back, nothing is recorded: they may come later.
	w = newWorld(1, 2, p, network{})
	w.lead.dead, w.takeOver = 2500*time.Millisecond, 10*time.Second
	w.agents[0].dead, w.agents[1].dead = w.lead.dead, w.lead.dead
	if stages, err = w.run(t, 2); len(stages) != 0 || err == nil || !strings.Contains(err.Error(), "no agent came forward within 20s; the agents of the run are a0, a1") {
		t.Errorf("%d stages, %v", len(stages), err)
	}
}

// An agent whose disk is full keeps the record in memory, and says so. What was on the disk
// is gone with the run.
func TestAgentWithAFullDisk(t *testing.T) {
	p := bench.Plan{Load: bench.Load{Rate: 50}, Duration: 2 * time.Second}
	for _, full := range []bool{false, true} {
		w := newWorld(1, 2, p, network{})
		w.lead.dead, w.takeOver, w.fullDisk = 2500*time.Millisecond, 12*time.Second, full
		var disk *kept
		w.at(w.takeOver, func() { disk = w.agents[0].disk })
		stages, err := w.run(t, 2)
		if err != nil || len(stages) != 2 || !stages[0].Valid() || disk == nil || disk.stage != 1 || w.agents[0].disk != nil {
			t.Errorf("full %v: %d stages, %v, %+v", full, len(stages), err, disk)
		}
		if text := strings.Join(w.said, "\n"); full != strings.Contains(text, "is kept for 30s, in memory only: no space left on device") {
			t.Errorf("full %v: %s", full, text)
		}
	}
}

// A coordinator from which another took over ends, and changes nothing.
func TestCoordinatorThatWasTakenOverFrom(t *testing.T) {
	c := newCoordinator(0, coordinator{run: "r1", epoch: 1, version: "v1", agents: 1, plan: []byte("a plan"), gather: simGather})
	c.hello(0, Hello{Run: "r1", Agent: "a0", Instance: "i0", Version: "v1"})
	c.state(0, State{Run: "r1", Epoch: 2, Agent: "a0", Instance: "i0", Seq: 1})
	if c.err == nil || !strings.Contains(c.err.Error(), "another coordinator has taken over run r1") {
		t.Error(c.err)
	}
}

func TestCoordinatorIsTakenOverFrom(t *testing.T) { few(t, 12, takesOver) }

func TestSlowCoordinatorIsTakenOverFrom(t *testing.T) {
	slow.Only(t)
	rapid.Check(t, takesOver)
}
