package series

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// autoregressive are blocks of so many slices each, whose logarithm has correlation rho
// from slice to slice, on a line that rises by so many standard deviations of a block.
func autoregressive(r *rand.Rand, per int, rho, rise float64) []float64 {
	y := make([]float64, blocks)
	v := r.NormFloat64() / math.Sqrt(1-rho*rho)
	for k := range y {
		for range per {
			v = rho*v + r.NormFloat64()
			y[k] += v / math.Sqrt(float64(per))
		}
		y[k] = math.Exp(y[k] + rise*float64(k)/blocks)
	}
	return y
}

// A server that does not drift must not be said to, also where slices are like their
// neighbours: a soak of a minute has six slices in a block.
func TestDriftErrorRate(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation, which the race detector makes slow")
	}
	r := rand.New(rand.NewPCG(1, 2))
	const runs = 20_000
	found := func(per int, rho, rise float64) float64 {
		n := 0.0
		for range runs {
			if trendStatistic(ranks(autoregressive(r, per, rho, rise))) > criticalTrend {
				n++
			}
		}
		return n / runs
	}
	each := DriftError / float64(len(tracked))
	for _, c := range []struct {
		per int
		rho float64
		max float64
	}{{6, 0, each}, {6, 0.5, each}, {6, 0.8, each}, {6, 0.9, 1.6 * each}, {15, 0.9, each}, {60, 0.98, 2 * each}} {
		got := found(c.per, c.rho, 0)
		t.Logf("%d slices a block, correlation %v: error rate %.4f of %.4f", c.per, c.rho, got, each)
		if got > c.max {
			t.Errorf("%d slices a block, correlation %v: error rate %.4f, want at most %.4f", c.per, c.rho, got, c.max)
		}
	}
	for rise, least := range map[float64]float64{3: 0.6, 5: 0.95} {
		got := found(6, 0, rise)
		t.Logf("a rise of %v standard deviations of a block is found in %.2f", rise, got)
		if got < least {
			t.Errorf("a rise of %v standard deviations of a block is found in %.2f of the soaks, want %.2f", rise, got, least)
		}
	}
}

// soak is ten minutes, in slices of one second, with so many bytes at each second.
func soak(memory func(second int) int64, latency func(second int) time.Duration) *result.Stage {
	r := rand.New(rand.NewPCG(3, 4))
	s := result.NewStage()
	s.Length = 10 * time.Minute
	for i := range 600 {
		p := result.Slice{Offset: time.Duration(i) * time.Second, Length: time.Second, Latency: new(result.Sparse), Target: result.Spent{CPU: time.Second / 5, RSS: memory(i)}}
		for range 100 + r.IntN(20) {
			p.Counts[result.OK]++
			p.Latency.Record(latency(i) + time.Duration(r.ExpFloat64()*float64(time.Millisecond)))
		}
		s.Slices = append(s.Slices, p)
	}
	return s
}

func TestDrift(t *testing.T) {
	flat := func(int) int64 { return 20 << 20 }
	leak := func(second int) int64 { return 20<<20 + int64(second)<<16 }
	steady := func(int) time.Duration { return 20 * time.Millisecond }
	slower := func(second int) time.Duration { return 20*time.Millisecond + time.Duration(second)*2*time.Microsecond }
	stall := func(second int) time.Duration {
		if second > 500 && second < 510 {
			return 2 * time.Second
		}
		return 20 * time.Millisecond
	}
	for _, c := range []struct {
		name  string
		stage *result.Stage
		want  string
	}{
		{"none", soak(flat, steady), ""},
		{"a leak", soak(leak, steady), "memory rises from 20.9 MiB to 57.4 MiB"},
		{"slower", soak(flat, slower), "p50 rises from 20.7 ms to 21.9 ms, p99 rises from 24.7 ms to 25.9 ms"},
		{"one stall at the end is none", soak(flat, stall), ""},
	} {
		var got []string
		for _, trend := range Drift(c.stage) {
			if trend.Drifts {
				got = append(got, trend.String())
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
	short := soak(leak, steady)
	short.Length = 59 * time.Second
	ramp := soak(leak, steady)
	ramp.Settings = ramp.Settings.With(result.KeyLoad, "ramp")
	if Drift(short) != nil || Drift(ramp) != nil {
		t.Error("tested a stage that is no soak")
	}
}
