package arrivals

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type pattern interface {
	Schedule(seed uint64) func() time.Duration
}

func take(a pattern, seed uint64, n int) []time.Duration {
	next := a.Schedule(seed)
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

func before(a pattern, seed uint64, limit time.Duration) (n int) {
	next := a.Schedule(seed)
	for next() < limit {
		n++
	}
	return n
}

func TestSchedules(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		what string
		a    pattern
		want []time.Duration
	}{
		{"a constant rate keeps its grid from 0", Constant{Rate: 500}, []time.Duration{0, 2 * ms, 4 * ms, 6 * ms}},
		{"a rate that does not divide a second", Constant{Rate: 3}, []time.Duration{0, 333333333, 666666667, time.Second}},
		{"waves share one instant", Burst{Clients: 3, Interval: time.Second}, []time.Duration{0, 0, 0, time.Second, time.Second, time.Second, 2 * time.Second}},
		// N(t) = 5t² over 10 s: arrival n at √(n/5).
		{"a ramp from nothing", Ramp{From: 0, To: 100, Over: 10 * time.Second}, []time.Duration{0, 447213595, 632455532, 774596669, 894427191, time.Second}},
		{"a ramp waits until it begins", Ramp{From: 2, To: 4, Hold: time.Second, Over: 2 * time.Second}, []time.Duration{0, 500 * ms, time.Second, 1449489743, 1828427125, 2162277660, 2464101615, 2741657387, 3 * time.Second, 3250 * ms}},
		{"a ramp that stays flat is a constant rate", Ramp{From: 10, To: 10, Over: time.Second}, []time.Duration{0, 100 * ms, 200 * ms}},
	} {
		got := take(c.a, 1, len(c.want))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v\n got %v\nwant %v", c.what, c.a, got, c.want)
		}
	}
}

func TestRampKeepsItsRateAfterwards(t *testing.T) {
	r := Ramp{From: 100, To: 300, Over: 2 * time.Second}
	if n := before(r, 0, 2*time.Second); n < 399 || n > 401 {
		t.Errorf("%d arrivals during the ramp, want (100+300)/2·2 = 400", n)
	}
	if n := before(r, 0, 12*time.Second); n < 3399 || n > 3401 {
		t.Errorf("%d arrivals in 12 s, want 400 + 10·300", n)
	}
	down := Ramp{From: 300, To: 100, Over: 2 * time.Second}
	if n := before(down, 0, 12*time.Second); n < 1399 || n > 1401 {
		t.Errorf("downwards: %d arrivals in 12 s, want 400 + 10·100", n)
	}
}

// The arrivals of a random ramp in disjoint times are independent Poisson
// counts, with the integral of the rate as mean. With fixed seeds the test is
// deterministic; the bound is that of a fair draw at 5 standard deviations.
func TestRandomRamp(t *testing.T) {
	const hold, over = 4, 20 // seconds
	r := Ramp{From: 50, To: 450, Hold: hold * time.Second, Over: over * time.Second, Random: true}
	for seed := range uint64(5) {
		counts := make([]float64, hold+over+3)
		next := r.Schedule(seed)
		for at := next(); at < time.Duration(len(counts))*time.Second; at = next() {
			counts[int(at/time.Second)]++
		}
		chi := 0.0
		for s, n := range counts {
			middle := min(max(0, float64(s)+0.5-hold), over)
			mean := r.From + (r.To-r.From)/over*middle
			chi += (n - mean) * (n - mean) / mean
		}
		if k := float64(len(counts)); math.Abs(chi-k) > 5*math.Sqrt(2*k) {
			t.Errorf("seed %d: the counts per second differ from the ramp: chi² %.1f of %g degrees of freedom", seed, chi, k)
		}
	}
}

// The gaps of a Poisson process are exponential and independent. With fixed
// seeds the test is deterministic; the bounds are those of a fair draw at 5
// standard deviations.
func TestPoissonIsPoisson(t *testing.T) {
	const rate, n = 1000.0, 100_000
	for seed := range uint64(3) {
		at := take(Poisson{Rate: rate}, seed, n)
		var sum, squares, products, last float64
		var above int
		for i, a := range at {
			var prev time.Duration
			if i > 0 {
				prev = at[i-1]
			}
			gap := (a - prev).Seconds() * rate
			sum += gap
			squares += gap * gap
			products += (gap - 1) * (last - 1)
			if gap > 2 {
				above++
			}
			last = gap
		}
		mean := sum / n
		if dev := math.Abs(mean - 1); dev > 5/math.Sqrt(n) {
			t.Errorf("seed %d: mean gap %v, want 1", seed, mean)
		}
		if variance := squares/n - mean*mean; math.Abs(variance-1) > 5*math.Sqrt(8.0/n) {
			t.Errorf("seed %d: variance of the gaps %v, want 1", seed, variance)
		}
		if correlation := products / n; math.Abs(correlation) > 5/math.Sqrt(n) {
			t.Errorf("seed %d: correlation of neighbouring gaps %v, want 0", seed, correlation)
		}
		p := math.Exp(-2)
		if dev := math.Abs(float64(above)/n - p); dev > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("seed %d: share of gaps above 2: %v, want %v", seed, float64(above)/n, p)
		}
	}
}

func TestSeedsDecideTheSchedule(t *testing.T) {
	p := Poisson{Rate: 100}
	if !slices.Equal(take(p, 7, 50), take(p, 7, 50)) {
		t.Error("the same seed gave two schedules")
	}
	if slices.Equal(take(p, 7, 50), take(p, 8, 50)) {
		t.Error("two seeds gave the same schedule")
	}
}

// Whatever the pattern, offsets never decrease, and as many fall into a time
// as the rate says.
func TestSchedulesNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(1e-6, 1e5)
		over := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "over"))
		a := rapid.OneOf(
			rapid.Map(rate, func(r float64) pattern { return Constant{Rate: r} }),
			rapid.Map(rate, func(r float64) pattern { return Poisson{Rate: r} }),
			rapid.Map(rapid.IntRange(1, 50), func(n int) pattern { return Burst{Clients: n, Interval: over} }),
			rapid.Map(rate, func(r float64) pattern { return Ramp{From: r / 2, To: r, Over: over} }),
			rapid.Map(rate, func(r float64) pattern { return Ramp{From: r, To: r / 2, Hold: over / 3, Over: over, Random: true} }),
		).Draw(t, "pattern")
		at := take(a, rapid.Uint64().Draw(t, "seed"), 300)
		if at[0] < 0 || !slices.IsSorted(at) {
			t.Fatalf("%+v goes back: %v", a, at)
		}
	})
}
