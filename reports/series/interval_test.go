package series_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

const slice = 250 * time.Millisecond

// stageOf has arrivals at the given instants, in slices of 250 ms.
func stageOf(length time.Duration, arrivals func(yield func(at, latency time.Duration) bool)) *result.Stage {
	s := result.NewStage()
	s.Length = length
	for at := time.Duration(0); at < length; at += slice {
		s.Slices = append(s.Slices, result.Slice{Offset: at, Length: min(slice, length-at), Latency: new(result.Sparse)})
	}
	for at, latency := range arrivals {
		if at >= length {
			break
		}
		p := &s.Slices[at/slice]
		p.Counts[result.OK]++
		p.Latency.Record(latency)
		s.Counts[result.OK]++
		s.Latency.Record(latency)
	}
	return s
}

// queue is M/M/c at the given utilisation with a mean service time of 20 ms, in a
// steady state.
func queue(r *rand.Rand, c int, rho float64) func(yield func(at, latency time.Duration) bool) {
	return func(yield func(at, latency time.Duration) bool) {
		const service = 20e6
		free := make([]float64, c)
		t := -500 * service
		for i := range free {
			free[i] = t
		}
		for {
			t += r.ExpFloat64() * service / (rho * float64(c))
			k := 0
			for i, f := range free {
				if f < free[k] {
					k = i
				}
			}
			free[k] = max(free[k], t) + r.ExpFloat64()*service
			if t >= 0 && !yield(time.Duration(t), time.Duration(free[k]-t)) {
				return
			}
		}
	}
}

// The intervals must be wrong no more often than they say, also where one request waits
// for the other.
func TestIntervalsHoldTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation, which the race detector makes slow")
	}
	const runs = 100
	for _, c := range []struct {
		name   string
		rho    float64
		length time.Duration
		wrong  float64 // share of the runs whose interval does not hold the truth, at most
		given  float64 // share of the runs with an interval of p90, at least
	}{
		{"hardly a queue, 5 s", 0.4, 5 * time.Second, 0.07, 0.95},
		{"hardly a queue, 30 s", 0.4, 30 * time.Second, 0.09, 0.95},
		{"a queue", 0.8, 30 * time.Second, 0.15, 0.9},
		{"near saturation", 0.95, 30 * time.Second, 0.2, 0},
	} {
		truth := stageOf(1000*time.Second, queue(rand.New(rand.NewPCG(1, 1)), 10, c.rho))
		for _, q := range []float64{0.5, 0.9, 0.99} {
			want := truth.Latency.Quantile(q)
			var wrong, given float64
			for run := range uint64(runs) {
				i := series.Percentile(stageOf(c.length, queue(rand.New(rand.NewPCG(run, 7)), 10, c.rho)), q)
				if i.TooShort != "" {
					continue
				}
				given++
				if want < i.Low || want > i.High {
					wrong++
				}
			}
			t.Logf("%s: p%v is given by %.2f of the runs, and wrong in %.2f", c.name, 100*q, given/runs, wrong/runs)
			if wrong/runs > c.wrong || q == 0.9 && given/runs < c.given {
				t.Errorf("%s: p%v is wrong in %.2f of the runs, want at most %.2f; given by %.2f", c.name, 100*q, wrong/runs, c.wrong, given/runs)
			}
		}
	}
}

func TestTooShortIsNoNumber(t *testing.T) {
	every := func(gap, latency time.Duration) func(yield func(at, latency time.Duration) bool) {
		return func(yield func(at, latency time.Duration) bool) {
			for at := time.Duration(0); yield(at, latency+at%7); at += gap {
			}
		}
	}
	burst := func(yield func(at, latency time.Duration) bool) { // all that is slow is in one slice
		for at := time.Duration(0); ; at += time.Millisecond {
			latency := 10 * time.Millisecond
			if at/slice == 5 {
				latency = time.Second
			}
			if !yield(at, latency) {
				return
			}
		}
	}
	for _, c := range []struct {
		name  string
		stage *result.Stage
		q     float64
		want  string
	}{
		{"few slices", stageOf(2*time.Second, every(time.Millisecond, time.Second)), 0.5, "8 slices are too few: it takes 10"},
		{"few requests", stageOf(3*time.Second, every(10*time.Millisecond, time.Second)), 0.99, "300 requests are too few: it takes 1,000"},
		{"one cluster", stageOf(3*time.Second, burst), 0.99, "slow requests come in clusters, and 30 of 3000 are worth"},
		{"enough", stageOf(3*time.Second, every(time.Millisecond, 20*time.Millisecond)), 0.99, ""},
	} {
		got := series.Percentile(c.stage, c.q)
		if !strings.HasPrefix(got.TooShort, c.want) || (c.want == "") != (got.TooShort == "") || (c.want != "") != (got.String() == "too short") {
			t.Errorf("%s: %v, %q; want %q", c.name, got, got.TooShort, c.want)
		}
	}
	disturbed := stageOf(3*time.Second, every(time.Millisecond, time.Second))
	for i := range 4 {
		disturbed.Slices[i].Disturbed = slice
	}
	if got := series.Percentile(disturbed, 0.5); got.TooShort == "" {
		t.Errorf("%v of 8 undisturbed slices, want none", got)
	}
}

// The interval of a difference holds the true one, and a shift is proven.
func TestDiffer(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	wrong, shifts, all := 0, 0, 40
	for range all {
		a, b := stageOf(20*time.Second, queue(r, 10, 0.5)), stageOf(20*time.Second, queue(r, 10, 0.5))
		slow := stageOf(20*time.Second, func(yield func(at, latency time.Duration) bool) {
			queue(r, 10, 0.5)(func(at, latency time.Duration) bool { return yield(at, latency+10*time.Millisecond) })
		})
		if d := series.Differ(a, b, 0.9); d.TooShort != "" || d.Proven() {
			wrong++
		}
		d := series.Differ(a, slow, 0.5)
		if d.Low > 10*time.Millisecond || d.High < 10*time.Millisecond {
			wrong++
		}
		if d.Proven() && d.Low > 0 {
			shifts++
		}
	}
	if wrong > 6 { // of 80, each with a chance of less than 5 %
		t.Errorf("%d intervals of %d are wrong", wrong, 2*all)
	}
	if shifts < all*9/10 {
		t.Errorf("only %d of %d shifts are proven", shifts, all)
	}
}
