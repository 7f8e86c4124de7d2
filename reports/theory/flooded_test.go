package theory

import (
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// Where an exact law is known, what is said of a flood agrees with it to c/a.
func TestFloodedAgreesWithTheExactLaws(t *testing.T) {
	const service = 200 * time.Millisecond
	for _, c := range []struct {
		workers, places int
		times           float64 // the load, in what the workers can serve
		law             string
	}{{1, 5, 1000, Constant}, {1, 50, 5000, Constant}, {1, 5, 1000, Exponential}, {10, 5, 1000, Exponential}, {200, 100, 2000, Exponential}} {
		s := Setting{Load: load.Load{Rate: c.times * float64(c.workers) / service.Seconds()}, Workers: c.workers, Queue: c.places, ServiceTime: service, ServiceLaw: Law{Kind: c.law}}
		want, err := Predict(s)
		if err != nil || !want.Exact {
			t.Fatalf("%+v: exact %v, %v", c, want != nil && want.Exact, err)
		}
		got, ok := s.flooded()
		if !ok {
			t.Fatalf("%+v is no flood", c)
		}
		within := 1.01 / c.times
		for name, pair := range map[string][2]*float64{
			"rejected": {got.Rejected, want.Rejected}, "throughput": {got.Throughput, want.Throughput},
			"utilisation": {got.Utilisation, want.Utilisation}, "in flight": {got.InFlight, want.InFlight},
			"mean latency": {got.Latency.Mean, want.Latency.Mean},
		} {
			if off := math.Abs(*pair[0] / *pair[1] - 1); off > within*(1+float64(c.places)/float64(c.workers)) {
				t.Errorf("%+v: %s is %g, the exact law says %g", c, name, *pair[0], *pair[1])
			}
		}
	}
}

func TestFloodOfClients(t *testing.T) {
	p, err := Predict(Setting{Load: load.Load{Clients: 2_000_000, ThinkTime: time.Second}, Workers: 200, Queue: 100, ServiceTime: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(*p.Throughput-1000) > 1 || *p.Rejected < 0.9994 || *p.Rejected > 0.9996 || p.Exact {
		t.Errorf("%g/s, %g rejected, exact %v", *p.Throughput, *p.Rejected, p.Exact)
	}
}

func TestLittleIsNoFlood(t *testing.T) {
	for _, s := range []Setting{
		{Load: load.Load{Rate: 999 * 50}, Workers: 10, Queue: 5, ServiceTime: 200 * time.Millisecond},
		{Load: load.Load{Rate: 1e6}, Workers: 10, Queue: 0, ServiceTime: 200 * time.Millisecond},
		{Load: load.Load{Rate: 1e6}, Workers: 10, Queue: Unbounded, ServiceTime: 200 * time.Millisecond},
	} {
		if _, ok := s.flooded(); ok {
			t.Errorf("%+v is called a flood", s)
		}
	}
}
