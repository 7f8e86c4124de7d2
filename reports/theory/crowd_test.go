package theory

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
)

// A million clients are too many to be simulated, and so many that they are all
// but Poisson arrivals: held against the chain that is exact for them.
func TestCrowdIsNearlyPoisson(t *testing.T) {
	exponential := Law{Kind: Exponential}
	for _, c := range []struct {
		name  string
		think time.Duration
		work  int
	}{
		{"overloaded", 60 * time.Second, 3000},
		{"with room to spare", 60 * time.Second, 3500},
	} {
		s := Setting{Load: load.Load{Clients: 1_000_000, ThinkTime: c.think}, Workers: c.work, Queue: 100, ServiceTime: 200 * time.Millisecond,
			ServiceLaw: exponential, ThinkLaw: exponential}
		want, err := Predict(s)
		if err != nil || !want.Exact {
			t.Fatalf("%s: %v, %v", c.name, want, err)
		}
		got, err := s.crowd(field.Check(false, "Load.Clients", s.clients(), "fewer"))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.Exact || math.Abs(*got.Rejected-*want.Rejected) > 0.002 || math.Abs(*got.Throughput / *want.Throughput - 1) > 0.002 ||
			math.Abs(*got.Latency.Mean / *want.Latency.Mean - 1) > 0.005 {
			t.Errorf("%s: rejected %v, %v/s in %v ns; the chain says %v, %v/s in %v ns", c.name, *got.Rejected, *got.Throughput, *got.Latency.Mean,
				*want.Rejected, *want.Throughput, *want.Latency.Mean)
		}
	}
}

func TestCrowdIsNoAnswerToEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates; takes ten times as long with the race detector")
	}
	s := Setting{Load: load.Load{Clients: 10_000, ThinkTime: time.Second}, Workers: 900, Queue: 100, ServiceTime: 200 * time.Millisecond}
	refused := errors.New("no")
	for _, err := range []error{refused, field.Check(false, "Load.Clients", 1, "fewer")} {
		if _, got := s.crowd(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
	if p, err := Predict(Setting{Load: load.Load{Clients: 3_000_000, ThinkTime: time.Minute}, Workers: 10_000, Queue: 100, ServiceTime: 200 * time.Millisecond}); err != nil || p.Exact || p.Throughput == nil {
		t.Errorf("three million clients: %+v, %v", p, err)
	}
}
