package render

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// stalledStages is one stall of 2 s under a constant rate and under a closed
// load, as arithmetic has it.
func stalledStages() []*result.Stage {
	const wait, stall = 200 * time.Millisecond, 2 * time.Second
	open := made{target: "goroutine", load: "constant", level: 500, ok: 500, latency: wait}.stage()
	closed := made{target: "goroutine", load: "closed", level: 100, ok: 400, latency: wait}.stage()
	late := func(s *result.Stage, n int, from time.Duration) {
		for i := range n {
			d := wait + from + time.Duration(float64(stall-from)*float64(i+1)/float64(n))
			s.Latency.Record(d)
			s.Uncorrected.Record(d)
			s.Counts[result.OK]++
		}
		s.Settings = s.Settings.With(result.KeyBackendStall, "2s@5s")
	}
	late(open, 1000, 0)
	late(closed, 100, stall-wait)
	return []*result.Stage{open, closed}
}

func TestStallModel(t *testing.T) {
	m := newStallModel(sweep.Of(stalledStages()))
	if len(m.columns) != 2 {
		t.Fatalf("%d columns, want two", len(m.columns))
	}
	open, closed := m.columns[0], m.columns[1]
	// Ten of the thousand are late by less than a hundredth of the stall.
	if open.late != 990 || open.served != 2500 || closed.late != 100 {
		t.Errorf("%d of %d late under the constant rate, %d under the closed load; want 990 of 2500, 100", open.late, open.served, closed.late)
	}
	for _, s := range open.curve {
		want := max(2.2e9-s.x*2e6, 0.2e9)
		if math.Abs(s.y-want) > 0.01e9 {
			t.Fatalf("the %.0f-th slowest took %.0f ms, want %.0f: not a straight line", s.x, s.y/1e6, want/1e6)
		}
	}
	if closed.expect != nil || open.expect[0] != (step{0, 2.2e9}) || open.expect[1] != (step{1000, 0.2e9}) {
		t.Errorf("expected lines: %v, %v", open.expect, closed.expect)
	}
	if open.hue == closed.hue {
		t.Error("one target under two loads has one colour")
	}
	want := "The backend stalls for 2 s: a constant load of 500 arrivals/s has 990 late requests and a closed load of 100 clients has 100 late requests"
	if got := m.finding(); got != want {
		t.Errorf("finding: %q, want %q", got, want)
	}
	stages := stalledStages()
	stages[0].Invalidate("late")
	if got := newStallModel(sweep.Of(stages)).finding(); !strings.Contains(got, "?") {
		t.Errorf("a stage is not valid, and yet: %q", got)
	}
}

func TestStallFigure(t *testing.T) {
	r := sweep.NewReport(madeRun(), stalledStages())
	r.DPI = goldenDPI
	files, err := stallFiles(r)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	golden(t, "stall.png", files[0].Data)
	if want := "a straight line from 2.2 s down to 200 ms"; !strings.Contains(files[0].Alt, want) {
		t.Errorf("alternative text %q does not say %q", files[0].Alt, want)
	}
}

// A run without a stall has no such figure, and nothing is said to be missing.
func TestNoStallNoFigure(t *testing.T) {
	r := sweep.NewReport(madeRun(), defaultStages())
	if files, err := stallFiles(r); len(files) != 0 || err != nil {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestNotesTellOfConnections(t *testing.T) {
	s := made{target: "goroutine", load: "closed", level: 10, ok: 50, latency: 200 * time.Millisecond}.stage()
	s.Reconnects = 1234
	s.Settings = s.Settings.With(result.KeyNewConnection, "true")
	for range 100 {
		s.Connect.Record(45 * time.Microsecond)
	}
	all := strings.Join(finding.Notes(&sweep.Of([]*result.Stage{s})[0]), "\n")
	for _, want := range []string{
		"each request opened a connection, and latencies contain it: at 10 clients, connecting took p50 45.1 µs, p99 45.1 µs.",
		"up to 1,234 connections per stage were closed",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("notes do not say %q:\n%s", want, all)
		}
	}
}
