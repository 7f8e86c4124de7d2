package figure

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/units"
)

// seen writes a curve as levels, each with the signs of how it is drawn.
func seen(c canvas.Curve) []string {
	var out []string
	for _, m := range c.Values {
		s := units.Number(m.X)
		if m.Thin {
			s += " thin"
		}
		if m.Hollow {
			s += " hollow"
		}
		if m.Gap {
			s += " gap"
		}
		out = append(out, s)
	}
	return out
}

func TestCapacityDrawsOnlyWhatSamplesCarry(t *testing.T) {
	m := newCapacityModel(sweep.Of(sweeptest.Default()))
	want := map[string][]string{
		"p50":   {"1 thin", "50", "100", "200", "300", "500", "1,000", "2,000"}, // n = 15 at one client
		"p90":   {"1 thin", "50", "100", "200", "300", "500", "1,000", "2,000"},
		"p99":   {"50 thin", "100", "200", "300", "500", "1,000", "2,000"}, // n = 750 at 50
		"p99.9": {"100 thin", "200 thin", "300 thin", "500 thin", "1,000 thin", "2,000 thin"},
	}
	for _, c := range m.columns[0].quantiles {
		if diff := cmp.Diff(want[c.Name], seen(c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
	last := m.columns[0].quantiles[2].Values[6]
	if want := float64(303 * time.Millisecond); math.Abs(last.Y-want) > 0.01*want {
		t.Errorf("p99 at 2,000 clients is drawn at %v", units.Time.Text(last.Y))
	}
	if marks := m.marks(); !strings.Contains(marks, "dotted") || strings.Contains(marks, "hollow") || strings.Contains(marks, "bars") {
		t.Errorf("marks: %s", marks)
	}
}

func TestCapacityTellsRejections(t *testing.T) {
	m := newCapacityModel(sweep.Of(sweeptest.Default()))
	blocking, goroutine := m.columns[0], m.columns[1]
	if got := seen(blocking.rejected); !slices.Equal(got, []string{"500", "1,000", "2,000"}) {
		t.Errorf("time until a rejection at %q", got)
	}
	if !blocking.off {
		t.Error("a rejection within 0.4 ms is on the scale: it presses the latencies together")
	}
	if len(goroutine.rejected.Values) > 0 {
		t.Error("goroutine rejects nobody, but a time for it is drawn")
	}
	if got := blocking.shares[5].of; math.Abs(got[0]-0.5) > 1e-9 || math.Abs(got[1]-0.5) > 1e-9 {
		t.Errorf("shares at 500 clients: %v", got)
	}
	if diff := cmp.Diff([]rule{{200, "200 workers"}, {300, "+ 100 queued"}}, blocking.rules, cmp.AllowUnexported(rule{})); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if goroutine.rules != nil {
		t.Errorf("goroutine has no sweeptest.Pool, but rules %v", goroutine.rules)
	}
	for _, m := range blocking.goodput.Values {
		if want := min(m.X, 200) * 5; math.Abs(m.Y-want) > 0.01*want {
			t.Errorf("goodput at %v clients is drawn at %v", m.X, m.Y)
		}
	}
}

func TestCapacitySlowRejectionsAreOnTheScale(t *testing.T) {
	a, b := sweeptest.Pool(300), sweeptest.Pool(500)
	b.RejectedIn = 100 * time.Millisecond
	m := newCapacityModel(sweep.Of(sweeptest.Stages(a, b)))
	if m.columns[0].off || m.latency.Lo > float64(100*time.Millisecond) {
		t.Errorf("rejections take 100 ms, the axis begins at %s", units.Time.Text(m.latency.Lo))
	}
}

func TestCapacityMarksWhatIsNotValid(t *testing.T) {
	m := newCapacityModel(sweep.Of(sweeptest.Spoiled()))
	if got := seen(m.columns[0].quantiles[0]); !slices.Contains(got, "1,000 hollow") || !slices.Contains(got, "500") {
		t.Errorf("p50 of blocking: %q", got)
	}
	eventloop := m.columns[1]
	if !slices.Equal(eventloop.unserved, []float64{2000}) || len(eventloop.shares) != 8 {
		t.Errorf("no success at %v of %d levels", eventloop.unserved, len(eventloop.shares))
	}
	if !strings.Contains(m.marks(), "hollow: stage not valid") {
		t.Error("the footer does not explain the hollow markers")
	}
}

func TestCapacityMergesRepeats(t *testing.T) {
	m := newCapacityModel(sweep.Of(sweeptest.Repeated()))
	p50 := m.columns[0].quantiles[0].Values
	if len(p50) != 5 {
		t.Fatalf("%d levels", len(p50))
	}
	near := func(got float64, want time.Duration) bool { return math.Abs(got-float64(want)) < 0.01*float64(want) }
	if k := p50[4]; !near(k.Lo, 381*time.Millisecond) || !near(k.Hi, 541*time.Millisecond) || !near(k.Y, 461*time.Millisecond) {
		t.Errorf("p50 at 800 clients: %s, repeats from %s to %s", units.Time.Text(k.Y), units.Time.Text(k.Lo), units.Time.Text(k.Hi))
	}
	// The repeat at 400 that the generator spoiled is left out, so the level is valid.
	if k := p50[3]; k.Hollow || !near(k.Lo, 341*time.Millisecond) || !near(k.Hi, 421*time.Millisecond) {
		t.Errorf("p50 at 400 clients: hollow %v, from %s to %s", k.Hollow, units.Time.Text(k.Lo), units.Time.Text(k.Hi))
	}
}

func TestOpenLoadIsLinear(t *testing.T) {
	m := newCapacityModel(sweep.Of(sweeptest.Open()))
	if m.levels.Log || m.rate.Log || m.levels.Lo != 0 || m.rate.Lo != 0 {
		t.Errorf("levels %v, rates %v", m.levels, m.rate)
	}
	if m.columns[0].rules != nil {
		t.Error("an open load has no number of clients at which the pool is full")
	}
}

func TestPercentilesEndWhereSamplesEnd(t *testing.T) {
	m := newPercentilesModel(sweep.Of(sweeptest.Default()))
	var levels []int
	for _, c := range m.columns[0].tails {
		levels = append(levels, c.level)
		n := float64(min(c.level, 200) * 15)
		if end := c.latency.Last().X; math.Abs(end-math.Log10(n)) > 0.01 {
			t.Errorf("%d clients: the curve ends at %.2f nines, n is %v", c.level, end, n)
		}
		for _, v := range c.latency.Values {
			if v.Thin != (v.X > max(math.Log10(n/10), 0)) {
				t.Errorf("%d clients: dotted at %.2f nines: %v", c.level, v.X, v.Thin)
			}
		}
	}
	// Without load, half of the last good level, that, the first bad one, the highest.
	if want := []int{1, 200, 300, 500, 2000}; !slices.Equal(levels, want) {
		t.Errorf("blocking is drawn at %v, want %v", levels, want)
	}
	if got := m.columns[0].tails[4].rejected; math.Abs(got-8500.0/9500) > 0.001 {
		t.Errorf("rejected at 2,000: %v", got)
	}
	if m.latency.Hi/m.latency.Lo < canvas.HalfDecade {
		t.Errorf("the axis spans %s to %s, less than half a decade", units.Time.Text(m.latency.Lo), units.Time.Text(m.latency.Hi))
	}
}
