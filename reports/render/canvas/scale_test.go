package canvas

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/units"
)

func TestMissingCharacters(t *testing.T) {
	if got, want := printable(Style{Size: LabelSize}, "≤ ∞ µ … – × 呼"), "≤ ∞ µ … – × □"; got != want {
		t.Errorf("drawn as %q, want %q", got, want)
	}
}

func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const lo, hi, gap = 0, 100, 10
		want := rapid.SliceOfN(rapid.Float64Range(-20, 120), 1, 9).Draw(t, "want")
		slices.Sort(want)
		got := spread(want, gap, lo, hi)
		for i, y := range got {
			if y < lo-1e-9 || y > hi+1e-9 {
				t.Errorf("label %d at %v", i, y)
			}
			if i > 0 && y-got[i-1] < gap-1e-6 {
				t.Errorf("labels %v and %v touch", got[i-1], y)
			}
		}
	})
	if got := spread([]float64{50, 50}, 10, 0, 100); got[0] != 45 || got[1] != 55 {
		t.Errorf("two at the same place go to %v, want 45 and 55", got)
	}
	if got := spread([]float64{20, 80}, 10, 0, 100); got[0] != 20 || got[1] != 80 {
		t.Errorf("two with room move to %v", got)
	}
}

func TestTicks(t *testing.T) {
	ms := float64(time.Millisecond)
	names := func(at []float64, text func(float64) string) string {
		var s []string
		for _, v := range at {
			s = append(s, text(v))
		}
		return strings.Join(s, ", ")
	}
	for _, c := range []struct{ why, got, want string }{
		{"1-2-5", names(logTicks(90*ms, 1100*ms, 9), units.Time.Short), "100 ms, 200 ms, 500 ms, 1 s"},
		{"a narrow range has finer steps", names(logTicks(130*ms, 450*ms, 9), units.Time.Short), "150 ms, 200 ms, 300 ms"},
		{"a wide one has decades", names(logTicks(0.001*ms, 60000*ms, 9), units.Time.Short), "1 µs, 10 µs, 100 µs, 1 ms, 10 ms, 100 ms, 1 s, 10 s"},
		{"a very wide one skips decades", names(logTicks(1, 1e12, 5), units.Number), "1, 1,000, 1,000,000, 1,000,000,000, 1,000,000,000,000"},
		{"linear", names(linearTicks(0, 430, 5), units.Number), "0, 200, 400"},
		{"linear below one", names(linearTicks(0, 0.4, 5), units.Number), "0, 0.1, 0.2, 0.3, 0.4"},
		{"linear without a range", names(linearTicks(0, 0, 5), units.Number), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.why, c.got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(1e-3, 1e12).Draw(t, "lo")
		hi := lo * rapid.Float64Range(1.0001, 1e9).Draw(t, "factor")
		ticks := logTicks(lo, hi, 6)
		if len(ticks) == 0 {
			t.Fatalf("no ticks from %v to %v", lo, hi)
		}
		for _, at := range ticks {
			if at < lo*(1-1e-6) || at > hi*(1+1e-6) {
				t.Errorf("tick %v outside of %v to %v", at, lo, hi)
			}
		}
		if len(ticks) > 6 {
			t.Errorf("%d ticks from %v to %v", len(ticks), lo, hi)
		}
	})
}

// A line that goes on beyond the panel ends where it leaves it.
func TestEndOfALineThatLeavesThePanel(t *testing.T) {
	p := Chart{Rect: Rect{X0: 0, Y0: 0, X1: 100, Y1: 100}, X: Axis{Lo: 0, Hi: 10}, Y: Axis{Lo: 0, Hi: 10}}
	for what, c := range map[string]struct {
		values []Value
		want   Point
		none   bool
	}{
		"within":        {[]Value{{X: 1, Y: 1}, {X: 5, Y: 2}}, Point{50, 20}, false},
		"half beyond":   {[]Value{{X: 5, Y: 2}, {X: 15, Y: 8}}, Point{100, 50}, false},
		"two beyond":    {[]Value{{X: 5, Y: 2}, {X: 15, Y: 8}, {X: 20, Y: 9}}, Point{100, 50}, false},
		"above as well": {[]Value{{X: 8, Y: 9}, {X: 12, Y: 30}}, Point{100, 100}, false},
		"all beyond":    {[]Value{{X: 12, Y: 3}, {X: 15, Y: 4}}, Point{100, 30}, false},
		"nothing":       {nil, Point{}, true},
	} {
		got, ok := p.End(Curve{Values: c.values})
		if ok == c.none || ok && (math.Abs(got.X-c.want.X) > 1e-9 || math.Abs(got.Y-c.want.Y) > 1e-9) {
			t.Errorf("%s: %v, %v; want %v", what, got, ok, c.want)
		}
	}
}
