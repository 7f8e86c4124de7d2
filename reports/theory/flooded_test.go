package theory

import (
	"math"
	"testing"
	"time"
)

// Where an exact law is known, what is said of a flood agrees with it to c/a.
func TestFloodedAgreesWithTheExactLaws(t *testing.T) {
	const service = 200 * time.Millisecond
	for _, c := range []struct {
		workers, places int
		times           float64 // the load, in what the workers can serve
		law             string
	}{{1, 5, 1000, Constant}, {1, 50, 5000, Constant}, {1, 5, 1000, Exponential}, {10, 5, 1000, Exponential}, {200, 100, 2000, Exponential}} {
		s := Setting{Load: LoadPoisson, Rate: c.times * float64(c.workers) / service.Seconds(), Workers: c.workers, Places: c.places, Service: service, ServiceLaw: Law{Kind: c.law}}
		want, err := Predict(s)
		if err != nil || !want.Exact {
			t.Fatalf("%+v: exact %v, %v", c, want != nil && want.Exact, err)
		}
		got, ok := s.flooded(false)
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
	p, err := Predict(Setting{Load: LoadClosed, Clients: 2_000_000, Think: time.Second, Workers: 200, Places: 100, Service: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(*p.Throughput-1000) > 1 || *p.Rejected < 0.9994 || *p.Rejected > 0.9996 || p.Exact {
		t.Errorf("%g/s, %g rejected, exact %v", *p.Throughput, *p.Rejected, p.Exact)
	}
}

func TestLittleIsNoFlood(t *testing.T) {
	for _, s := range []Setting{
		{Load: LoadPoisson, Rate: 999 * 50, Workers: 10, Places: 5, Service: 200 * time.Millisecond},
		{Load: LoadPoisson, Rate: 1e6, Workers: 10, Places: 0, Service: 200 * time.Millisecond},
		{Load: LoadPoisson, Rate: 1e6, Workers: 10, Places: Unbounded, Service: 200 * time.Millisecond},
	} {
		if _, ok := s.flooded(false); ok {
			t.Errorf("%+v is called a flood", s)
		}
	}
}
