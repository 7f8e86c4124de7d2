package render

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// seen writes a curve as levels, each with the signs of how it is drawn.
func seen(c curve) []string {
	var out []string
	for _, m := range c.marks {
		s := number(m.x)
		if m.thin {
			s += " thin"
		}
		if m.hollow {
			s += " hollow"
		}
		if m.apart {
			s += " apart"
		}
		out = append(out, s)
	}
	return out
}

func TestCapacityDrawsOnlyWhatSamplesCarry(t *testing.T) {
	m := newCapacityModel(sweep.Of(defaultStages()))
	want := map[string][]string{
		"p50":   {"1 thin", "50", "100", "200", "300", "500", "1,000", "2,000"}, // n = 15 at one client
		"p90":   {"1 thin", "50", "100", "200", "300", "500", "1,000", "2,000"},
		"p99":   {"50 thin", "100", "200", "300", "500", "1,000", "2,000"}, // n = 750 at 50
		"p99.9": {"100 thin", "200 thin", "300 thin", "500 thin", "1,000 thin", "2,000 thin"},
	}
	for _, c := range m.columns[0].quantiles {
		if diff := cmp.Diff(want[c.name], seen(c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	last := m.columns[0].quantiles[2].marks[6]
	if want := float64(303 * time.Millisecond); math.Abs(last.y-want) > 0.01*want {
		t.Errorf("p99 at 2,000 clients is drawn at %v", asTime(last.y))
	}
	if !m.anyThin || m.anyOdd || m.anyRep {
		t.Errorf("thin %v, not valid %v, repeats %v", m.anyThin, m.anyOdd, m.anyRep)
	}
}

func TestCapacityTellsRejections(t *testing.T) {
	m := newCapacityModel(sweep.Of(defaultStages()))
	blocking, goroutine := m.columns[0], m.columns[1]
	if got := seen(blocking.turned); !slices.Equal(got, []string{"500", "1,000", "2,000"}) {
		t.Errorf("time to be turned away at %q", got)
	}
	if !blocking.off {
		t.Error("a rejection within 0.4 ms is on the scale: it presses the latencies together")
	}
	if len(goroutine.turned.marks) > 0 {
		t.Error("goroutine turns nobody away, but a time for it is drawn")
	}
	if got := blocking.shares[5].of; math.Abs(got[0]-0.5) > 1e-9 || math.Abs(got[1]-0.5) > 1e-9 {
		t.Errorf("shares at 500 clients: %v", got)
	}
	if diff := cmp.Diff([]rule{{200, "200 workers"}, {300, "+ 100 queued"}}, blocking.rules, cmp.AllowUnexported(rule{})); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if goroutine.rules != nil {
		t.Errorf("goroutine has no pool, but rules %v", goroutine.rules)
	}
	for _, m := range blocking.goodput.marks {
		if want := min(m.x, 200) * 5; math.Abs(m.y-want) > 0.01*want {
			t.Errorf("goodput at %v clients is drawn at %v", m.x, m.y)
		}
	}
}

func TestCapacitySlowRejectionsAreOnTheScale(t *testing.T) {
	a, b := pool(300), pool(500)
	b.turnedIn = 100 * time.Millisecond
	m := newCapacityModel(sweep.Of(stagesOf(a, b)))
	if m.columns[0].off || m.latency.lo > float64(100*time.Millisecond) {
		t.Errorf("rejections take 100 ms, the axis begins at %s", asTime(m.latency.lo))
	}
}

func TestCapacityMarksWhatIsNotValid(t *testing.T) {
	m := newCapacityModel(sweep.Of(spoiledStages()))
	if got := seen(m.columns[0].quantiles[0]); !slices.Contains(got, "1,000 hollow") || !slices.Contains(got, "500") {
		t.Errorf("p50 of blocking: %q", got)
	}
	eventloop := m.columns[1]
	if !slices.Equal(eventloop.nobody, []float64{2000}) || len(eventloop.shares) != 8 {
		t.Errorf("no success at %v of %d levels", eventloop.nobody, len(eventloop.shares))
	}
	if !m.anyOdd {
		t.Error("the footer does not explain the hollow markers")
	}
}

func TestCapacityMergesRepeats(t *testing.T) {
	m := newCapacityModel(sweep.Of(repeatedStages()))
	p50 := m.columns[0].quantiles[0].marks
	if len(p50) != 5 {
		t.Fatalf("%d levels", len(p50))
	}
	near := func(got float64, want time.Duration) bool { return math.Abs(got-float64(want)) < 0.01*float64(want) }
	if k := p50[4]; !near(k.lo, 381*time.Millisecond) || !near(k.hi, 541*time.Millisecond) || !near(k.y, 461*time.Millisecond) {
		t.Errorf("p50 at 800 clients: %s, repeats from %s to %s", asTime(k.y), asTime(k.lo), asTime(k.hi))
	}
	// The repeat at 400 that the generator spoiled is left out, so the level is valid.
	if k := p50[3]; k.hollow || !near(k.lo, 341*time.Millisecond) || !near(k.hi, 421*time.Millisecond) {
		t.Errorf("p50 at 400 clients: hollow %v, from %s to %s", k.hollow, asTime(k.lo), asTime(k.hi))
	}
}

func TestOpenLoadIsLinear(t *testing.T) {
	m := newCapacityModel(sweep.Of(openStages()))
	if m.log || m.levels.lo != 0 || m.rate.lo != 0 {
		t.Errorf("log %v, levels %v, rates %v", m.log, m.levels, m.rate)
	}
	if m.columns[0].rules != nil {
		t.Error("an open load has no number of clients at which the pool is full")
	}
}

func TestPercentilesEndWhereSamplesEnd(t *testing.T) {
	m := newPercentilesModel(sweep.Of(defaultStages()))
	var levels []int
	for _, c := range m.columns[0].tails {
		levels = append(levels, c.level)
		n := float64(min(c.level, 200) * 15)
		if end := c.latency[len(c.latency)-1].x; math.Abs(end-math.Log10(n)) > 0.01 {
			t.Errorf("%d clients: the curve ends at %.2f nines, n is %v", c.level, end, n)
		}
		if math.Abs(c.sure-max(math.Log10(n/10), 0)) > 0.01 {
			t.Errorf("%d clients: dotted from %.2f nines", c.level, c.sure)
		}
	}
	// Without load, half of the last good level, that, the first bad one, the highest.
	if want := []int{1, 200, 300, 500, 2000}; !slices.Equal(levels, want) {
		t.Errorf("blocking is drawn at %v, want %v", levels, want)
	}
	if got := m.columns[0].tails[4].rejected; math.Abs(got-8500.0/9500) > 0.001 {
		t.Errorf("rejected at 2,000: %v", got)
	}
	if m.time.hi/m.time.lo < halfDecade {
		t.Errorf("the axis spans %s to %s, less than half a decade", asTime(m.time.lo), asTime(m.time.hi))
	}
}

func TestSweeps(t *testing.T) {
	two := func(key, a, b string, level int) []*result.Stage {
		x, y := pool(level).stage(), pool(level).stage()
		x.Settings, y.Settings = x.Settings.With(key, a), y.Settings.With(key, b)
		return []*result.Stage{x, y}
	}
	names := func(stages []*result.Stage) (names []string) {
		for _, w := range sweep.Of(stages) {
			names = append(names, w.Name)
		}
		return names
	}
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		want   []string
	}{
		{"another number of workers is another sweep", two("workers", "100", "200", 50), []string{"blocking workers=100", "blocking workers=200"}},
		{"another load is another sweep", two("load", "closed", "burst", 50), []string{"blocking load=closed", "blocking load=burst"}},
		{"repeats are one", two("rep", "1", "2", 50), []string{"blocking"}},
		{"one has no such setting", append(two("new_connection", "true", "", 50)[:1], pool(50).stage()), []string{"blocking new_connection=true", "blocking"}},
		{"another request", two("request_digest", "ab12", "cd34", 50), []string{"blocking request_digest=ab12", "blocking request_digest=cd34"}},
		{"another request at another level",
			append(two("request_digest", "ab12", "", 50)[:1], two("request_digest", "cd34", "", 100)[:1]...), []string{"blocking request_digest=ab12", "blocking request_digest=cd34"}},
		{"what goes along with the level does not split",
			append(two("conns", "50", "50", 50)[:1], two("conns", "100", "100", 100)[:1]...), []string{"blocking"}},
	} {
		if got := names(c.stages); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
	var levels []int
	for _, p := range sweep.Of(stagesOf(pool(300), pool(50), pool(100)))[0].Points {
		levels = append(levels, p.Level)
	}
	if !slices.Equal(levels, []int{50, 100, 300}) {
		t.Errorf("levels %v", levels)
	}
}
