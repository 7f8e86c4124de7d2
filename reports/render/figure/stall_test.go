package figure

import (
	"math"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
)

func TestStallModel(t *testing.T) {
	m := newStallModel(sweep.Of(sweeptest.Stalled()))
	if len(m.columns) != 2 {
		t.Fatalf("%d columns, want two", len(m.columns))
	}
	open, closed := m.columns[0], m.columns[1]
	// Ten of the thousand are late by less than a hundredth of the stall.
	if open.late != 990 || open.served != 2500 || closed.late != 100 {
		t.Errorf("%d of %d late under the constant rate, %d under the closed load; want 990 of 2500, 100", open.late, open.served, closed.late)
	}
	for _, s := range open.curve.Values {
		want := max(2.2e9-s.X*2e6, 0.2e9)
		if math.Abs(s.Y-want) > 0.01e9 {
			t.Fatalf("the %.0f-th slowest took %.0f ms, want %.0f: not a straight line", s.X, s.Y/1e6, want/1e6)
		}
	}
	if len(closed.expect.Values) > 0 || open.expect.Values[0] != (canvas.Value{X: 0, Y: 2.2e9}) || open.expect.Values[1] != (canvas.Value{X: 1000, Y: 0.2e9}) {
		t.Errorf("expected lines: %v, %v", open.expect, closed.expect)
	}
	if open.hue == closed.hue {
		t.Error("one target under two loads has one colour")
	}
	want := "The backend stalls for 2 s: a constant load of 500 arrivals/s has 990 late requests and a closed load of 100 clients has 100 late requests"
	if got := m.finding(); got != want {
		t.Errorf("finding: %q, want %q", got, want)
	}
	stages := sweeptest.Stalled()
	stages[0].Invalidate("late")
	if got := newStallModel(sweep.Of(stages)).finding(); !strings.Contains(got, "?") {
		t.Errorf("a stage is not valid, and yet: %q", got)
	}
}

// A run without a stall has no such figure, and nothing is said to be missing.
func TestNoStallNoFigure(t *testing.T) {
	r := sweep.NewReport(sweeptest.Run(), sweeptest.Default())
	if files, err := Stall(r); len(files) != 0 || err != nil || len(r.Missing) > 0 {
		t.Errorf("%d files, %v, missing %q", len(files), err, r.Missing)
	}
}
