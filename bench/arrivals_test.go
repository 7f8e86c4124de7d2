package bench_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"pgregory.net/rapid"
)

func take(a bench.Arrivals, seed uint64, n int) []time.Duration {
	next := a.Schedule(seed)
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

func before(a bench.Arrivals, seed uint64, limit time.Duration) (n int) {
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
		a    bench.Arrivals
		want []time.Duration
	}{
		{"a constant rate keeps its grid from 0", bench.Constant{Rate: 500}, []time.Duration{0, 2 * ms, 4 * ms, 6 * ms}},
		{"a rate that does not divide a second", bench.Constant{Rate: 3}, []time.Duration{0, 333333333, 666666667, time.Second}},
		{"waves share one instant", bench.Burst{Clients: 3, Every: time.Second}, []time.Duration{0, 0, 0, time.Second, time.Second, time.Second, 2 * time.Second}},
		// N(t) = 5t² over 10 s: arrival n at √(n/5).
		{"a ramp from nothing", bench.Ramp{From: 0, To: 100, Over: 10 * time.Second}, []time.Duration{0, 447213595, 632455532, 774596669, 894427191, time.Second}},
		{"a ramp that stays flat is a constant rate", bench.Ramp{From: 10, To: 10, Over: time.Second}, []time.Duration{0, 100 * ms, 200 * ms}},
	} {
		got := take(c.a, 1, len(c.want))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\n got %v\nwant %v", c.what, c.a.Name(), got, c.want)
		}
	}
}

func TestRampKeepsItsRateAfterwards(t *testing.T) {
	r := bench.Ramp{From: 100, To: 300, Over: 2 * time.Second}
	if n := before(r, 0, 2*time.Second); n < 399 || n > 401 {
		t.Errorf("%d arrivals during the ramp, want (100+300)/2·2 = 400", n)
	}
	if n := before(r, 0, 12*time.Second); n < 3399 || n > 3401 {
		t.Errorf("%d arrivals in 12 s, want 400 + 10·300", n)
	}
	down := bench.Ramp{From: 300, To: 100, Over: 2 * time.Second}
	if n := before(down, 0, 12*time.Second); n < 1399 || n > 1401 {
		t.Errorf("downwards: %d arrivals in 12 s, want 400 + 10·100", n)
	}
}

// The gaps of a Poisson process are exponential and independent. With fixed
// seeds the test is deterministic; the bounds are those of a fair draw at 5
// standard deviations.
func TestPoissonIsPoisson(t *testing.T) {
	const rate, n = 1000.0, 100_000
	for seed := range uint64(3) {
		at := take(bench.Poisson{Rate: rate}, seed, n)
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
	p := bench.Poisson{Rate: 100}
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
			rapid.Map(rate, func(r float64) bench.Arrivals { return bench.Constant{Rate: r} }),
			rapid.Map(rate, func(r float64) bench.Arrivals { return bench.Poisson{Rate: r} }),
			rapid.Map(rapid.IntRange(1, 50), func(n int) bench.Arrivals { return bench.Burst{Clients: n, Every: over} }),
			rapid.Map(rate, func(r float64) bench.Arrivals { return bench.Ramp{From: r / 2, To: r, Over: over} }),
		).Draw(t, "pattern")
		at := take(a, rapid.Uint64().Draw(t, "seed"), 300)
		if at[0] < 0 || !slices.IsSorted(at) {
			t.Fatalf("%s goes back: %v", a.Name(), at)
		}
		// Its name must be readable and mean the same.
		again, err := bench.ParseArrivals(a.Name())
		if err != nil {
			t.Fatalf("the name %q cannot be parsed: %v", a.Name(), err)
		}
		if again != a {
			t.Fatalf("%q means %v, want %v", a.Name(), again, a)
		}
	})
}

func TestParseArrivalsSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":              "unknown pattern",
		"sine:5":        `unknown pattern "sine"`,
		"constant:0":    "above 0",
		"constant:x":    `"x" is not a rate`,
		"poisson:-1":    "above 0",
		"poisson:NaN":   `NaN is not a rate`,
		"poisson:1e300": "up to 1e+08",
		"burst:10":      "burst:CLIENTS/EVERY",
		"burst:0/1s":    "at least 1",
		"burst:10/0s":   "above 0",
		"ramp:1-2":      "ramp:FROM-TO/OVER",
		"ramp:5-0/1s":   "above 0",
		"ramp:5-6/soon": `"soon" is not a duration`,
	} {
		if _, err := bench.ParseArrivals(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that contains %q", text, err, want)
		}
	}
}

func FuzzParseArrivals(f *testing.F) {
	for _, seed := range []string{"constant:500", "poisson:0.5", "burst:1000/1s", "ramp:0-1000/30s", "ramp:1e3-1/1ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := bench.ParseArrivals(text)
		if err != nil {
			return
		}
		again, err := bench.ParseArrivals(a.Name())
		if err != nil || again != a {
			t.Fatalf("%q is %v, whose name %q reads as %v, %v", text, a, a.Name(), again, err)
		}
		at := take(a, 1, 100)
		if at[0] < 0 || !slices.IsSorted(at) {
			t.Fatalf("%q goes back: %v", text, at)
		}
	})
}

func TestParseLevels(t *testing.T) {
	got, err := bench.ParseLevels("1, 50,100")
	if err != nil || !slices.Equal(got, []int{1, 50, 100}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "1,,2", "1,x", "-5", "1.5", "5,5", "5,4"} {
		if _, err := bench.ParseLevels(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
