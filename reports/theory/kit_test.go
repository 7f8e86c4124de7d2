package theory

import (
	"cmp"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/load"
)

// close reports whether two numbers are, relative to the larger, or both next to 0.
func close(got, want, relative float64) bool {
	return math.Abs(got-want) <= relative*max(math.Abs(got), math.Abs(want))+1e-300
}

type errorer interface {
	Helper()
	Errorf(string, ...any)
}

func wantClose(t errorer, about string, got, want, relative float64) {
	t.Helper()
	if !close(got, want, relative) {
		t.Errorf("%s: %.12g, want %.12g", about, got, want)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// services is a time in services of a second.
func services(t float64) time.Duration { return time.Duration(math.Round(t * float64(time.Second))) }

// openSim is a simulation of an open load; times are in service times.
type openSim struct {
	Arrivals        load.Model
	Workers, Places int
	Load            float64 // in erlangs
	Service         Law
	Longest         float64
	Seed            uint64
	Runs, Requests  int
	Confidence      float64
}

func simulateOpen(s openSim, quantiles ...float64) (*simulated, error) {
	return Setting{Load: load.Load{Rate: s.Load, Arrivals: s.Arrivals}, Workers: s.Workers, Queue: s.Places, ServiceTime: time.Second, ServiceLaw: s.Service,
		MaxWait: services(s.Longest), Seed: s.Seed, Runs: s.Runs, Requests: s.Requests}.simulate(cmp.Or(s.Confidence, defaultConfidence), quantiles...)
}

// closedSim is a simulation of clients; times are in service times.
type closedSim struct {
	Clients, Workers, Places int
	Think, Pause             float64
	ThinkLaw, Service        Law
	Seed                     uint64
	Runs, Requests           int
	Confidence               float64
}

func simulateClosed(s closedSim, quantiles ...float64) (*simulated, error) {
	return Setting{Load: load.Load{Clients: s.Clients, ThinkTime: services(s.Think), Backoff: services(s.Pause)}, ThinkLaw: s.ThinkLaw,
		Workers: s.Workers, Queue: s.Places, ServiceTime: time.Second, ServiceLaw: s.Service,
		Seed: s.Seed, Runs: s.Runs, Requests: s.Requests}.simulate(cmp.Or(s.Confidence, defaultConfidence), quantiles...)
}

// bisect is the smallest number from low to high for which above is true.
func bisect(low, high float64, above func(float64) bool) float64 {
	for range 200 {
		if mid := low + (high-low)/2; above(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
