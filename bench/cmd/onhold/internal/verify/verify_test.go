package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/trace"
)

func TestBegunIsPoissonAfterItsFirst(t *testing.T) {
	for _, b := range []begun{{40, 0, 2500}, {20, 20 * time.Millisecond, 2500}} {
		next := b.Schedule(1)
		var last time.Duration
		for i := range b.first {
			want := b.over * time.Duration(i) / time.Duration(b.first)
			if last = next(); last != want {
				t.Errorf("%s: arrival %d at %v, want %v", b.Name(), i, last, want)
			}
		}
		const n = 20_000
		for range n {
			at := next()
			if at < last || at < b.over {
				t.Fatalf("%s: %v after %v", b.Name(), at, last)
			}
			last = at
		}
		if rate := n / (last - b.over).Seconds(); rate < 2400 || rate > 2600 {
			t.Errorf("%s: %.0f a second", b.Name(), rate)
		}
		if again := b.Schedule(1); again() != 0 {
			t.Errorf("%s: a schedule does not begin at 0", b.Name())
		}
	}
}

func TestEveryPlanIsValid(t *testing.T) {
	c := Config{Report: &conformance.Report{Seed: 3}}
	for _, s := range conformance.Grid(false) {
		p := c.plan(conformance.Planned{Spec: s, Window: 4 * time.Second}, bench.Plan{}, "traces/a.trace", 2)
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		set := p.StageSettings(&bench.GoroutineDriver{})
		if set.Get(result.KeyTrace) != "traces/a.trace" || set.Get("cell") != s.Name || set.Get("try") != "2" || set.Get("seed") != "3" {
			t.Errorf("%s: %v", s.Name, set)
		}
		if s.Load.Model() == load.Burst && p.Warmup%s.Load.BurstInterval != 0 {
			t.Errorf("%s: a warm-up of %v is no whole waves", s.Name, p.Warmup)
		}
	}
}

func TestFaultsOf(t *testing.T) {
	tr := &trace.Trace{}
	for i := range 1000 {
		tr.Records = append(tr.Records, trace.Record{At: time.Duration(i) * time.Millisecond})
	}
	for _, c := range []struct {
		why    string
		change func(*result.Stage, *trace.Trace)
		says   string
	}{
		{"all is well", func(*result.Stage, *trace.Trace) {}, ""},
		{"a stage that is not valid", func(s *result.Stage, _ *trace.Trace) { s.Invalidate("the generator was late") }, "late"},
		{"a trace that is cut", func(_ *result.Stage, t *trace.Trace) { t.LeftOut = 3 }, "left out"},
		{"another count", func(s *result.Stage, _ *trace.Trace) { s.Counts[result.OK] = 900 }, "the trace has 1000"},
		{"a quota", func(s *result.Stage, _ *trace.Trace) { s.Target.Throttled = result.Throttled{Times: 2, Time: 3e6} }, "a CPU quota stopped the target 2 times for 3ms"},
		{"resets", func(s *result.Stage, _ *trace.Trace) { s.Counts[result.Reset] = 2 }, "2 requests ended in reset"},
	} {
		s := result.NewStage()
		s.Length, s.Counts[result.OK] = time.Second, 1000
		tr := *tr
		c.change(s, &tr)
		got := strings.Join(faultsOf(s, &tr, 0), "\n")
		if c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", c.why, got)
		}
	}
}
