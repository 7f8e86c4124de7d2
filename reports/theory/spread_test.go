package theory

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a628bb15/onhold/reports/load"
)

func TestCallsTogether(t *testing.T) {
	exponential := Law{Kind: Exponential}
	law, m := exponential.together(3, false)
	wantClose(t, "sequential mean", 2*m, 6, 1e-12)
	wantClose(t, "sequential p99", 2*m*law.quantile(0.99), 16.8, 0.001)
	wantClose(t, "sequential variance", law.variance(), 1.0/3, 1e-12)
	law, m = exponential.together(3, true)
	wantClose(t, "concurrent mean", 2*m, 11.0/3, 1e-12)
	wantClose(t, "concurrent p99", 2*m*law.quantile(0.99), 11.4, 0.001)
	_, m = exponential.together(100_000, true)
	wantClose(t, "harmonic", m, math.Log(100_000)+0.5772156649+0.5e-5, 1e-9)
	if law, m = (Law{}).together(3, false); m != 3 || law.kind() != Constant || law.quantile(0.5) != 1 {
		t.Errorf("constant, sequential: %v, %+v", m, law)
	}
	if law, m = (Law{}).together(3, true); m != 1 || law.kind() != Constant || law.variance() != 0 {
		t.Errorf("constant, concurrent: %v, %+v", m, law)
	}

	// By drawing: 100,000 times, to some percent.
	for _, one := range []Law{exponential, {Kind: Lognormal, CV: 0.3}, {Kind: Lognormal, CV: 1}, {Kind: Lognormal, CV: 2}} {
		if same, m := one.together(1, true); same != one || m != 1 {
			t.Errorf("one call: %+v, %v", same, m)
		}
		for _, concurrent := range []bool{false, true} {
			law, m := one.together(8, concurrent)
			draw, sum := one.Sampler(rand.New(rand.NewPCG(1, 1))), law.Sampler(rand.New(rand.NewPCG(1, 1)))
			var times []float64
			var squares float64
			for range 100_000 {
				took := 0.0
				for range 8 {
					if v := draw(); concurrent {
						took = max(took, v)
					} else {
						took += v
					}
				}
				if v := sum(); !close(v*m, took, 1e-12) {
					t.Fatalf("%+v draws %v, want %v", law, v*m, took)
				}
				times = append(times, took)
				squares += took / m * took / m
			}
			slices.Sort(times)
			wantClose(t, "mean of eight", m, mean(times), 0.03)
			if one.CV <= 1 { // else it is that of a few long times
				wantClose(t, "variance of eight", law.variance(), squares/100_000-1, 0.1)
			}
			if q := law.quantile(0.9); !math.IsNaN(q) {
				wantClose(t, "p90 of eight", m*q, nearestRank(times, 0.9), 0.03)
			} else if concurrent || one.Kind != Lognormal {
				t.Errorf("%+v has no p90", law)
			}
		}
	}
	// Dean and Barroso, The Tail at Scale, 2013: with 1 in 100 slow, 63 % of requests
	// that call 100 servers are: their p36.6 is the p99 of a call.
	law, m = exponential.together(100, true)
	wantClose(t, "tail at scale", m*law.quantile(1-0.634), exponential.quantile(0.99), 0.001)
}

// What 50 requests per second, each of three calls, expect.
func TestPredictCalls(t *testing.T) {
	s := Setting{Load: load.Load{Rate: 10}, Workers: 10, ServiceTime: 200 * ms, ServiceLaw: Law{Kind: Exponential}, Calls: 3}
	p := must(Predict(s))
	wantClose(t, "sequential, rejected", *p.Rejected, erlangB(10, 6), 1e-9)
	wantClose(t, "sequential, mean", *p.Latency.Mean, 600e6, 1e-9)
	wantClose(t, "sequential, p99", *p.Latency.P99, 1.68*1e9, 0.002)
	s.Concurrent = true
	p = must(Predict(s))
	wantClose(t, "concurrent, rejected", *p.Rejected, erlangB(10, 11.0/3), 1e-6)
	wantClose(t, "concurrent, mean", *p.Latency.Mean, 200e6*11/6, 1e-6)
	s.Queue, s.Requests = 5, 5_000
	if p = must(Predict(s)); p.Model != "M/G/c/K" || p.Exact {
		t.Errorf("with a queue: %+v", p)
	}
}

func TestMG1(t *testing.T) {
	wantClose(t, "M/M/1", mg1Wait(0.8, 1), mmcK(1, Unbounded, 0.8).waitMean, 1e-12)
	wantClose(t, "M/D/1", mg1Wait(0.8, 0), mdc(1, 0.8).waitMean, 1e-10)
	// The interpolation is exact at both ends, and for one worker throughout.
	wantClose(t, "constant", mgcWait(5, 4, 0), mdc(5, 4).waitMean, 1e-12)
	wantClose(t, "exponential", mgcWait(5, 4, 1), mmcK(5, Unbounded, 4).waitMean, 1e-12)
	wantClose(t, "one worker", mgcWait(1, 0.7, 0.36), mg1Wait(0.7, 0.36), 1e-9)
}
