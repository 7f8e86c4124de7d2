package theory

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// close says that two numbers are, relative to the larger, or both next to 0.
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

// What is out of range is an error that says what, and what it must be.
func TestRangeErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	queue := func(_ *Queue, err error) error { return err }
	number := func(_ float64, err error) error { return err }
	of := func(_ any, err error) error { return err }
	rows := []struct {
		about string
		err   error
		want  string
	}{
		{"negative workers", number(ErlangB(-1, 1)), "workers=-1: must be from 0 to 1000000"},
		{"too many workers", number(ErlangB(MaxWorkers+1, 1)), "workers="},
		{"negative load", number(ErlangB(1, -1)), "load=-1: must be from 0 to 1e+07"},
		{"load not a number", number(ErlangB(1, nan)), "load=NaN"},
		{"infinite load", number(ErlangB(1, inf)), "load=+Inf"},
		{"share of 0", number(erlangBLoad(1, 0)), "rejected=0: must be more than 0 and less than 1"},
		{"share out of reach", number(erlangBLoad(1_000, 1-1e-6)), "rejected=0.999999: must be at most 0.9999"},
		{"share of 1", func() error { _, err := ErlangBWorkers(1, 1); return err }(), "rejected=1"},
		{"a load that needs more than all workers", func() error { _, err := ErlangBWorkers(9e6, 0.1); return err }(), "load=9e+06: must be less"},
		{"no clients", number(Engset(0, 1, 1)), "clients=0"},
		{"ratio below 0", number(Engset(1, 1, -1)), "ratio=-1"},
		{"no workers", queue(MMcK(0, 1, 1)), "workers=0: must be from 1"},
		{"places below -1", queue(MMcK(1, -2, 1)), "places=-2: must be from 0 to 10000000, or -1 for no bound"},
		{"no steady state", queue(MMcK(10, Unbounded, 10)), "load=10: must be below the number of workers, 10"},
		{"Erlang's C without a steady state", number(ErlangC(1, 1)), "load=1: must be below"},
		{"M/D/c without a steady state", queue(MDc(2, 2.5)), "load=2.5: must be below"},
		{"M/D/1/K without a bound", queue(MD1K(Unbounded, 0.5)), "places=-1: must be from 0 to 10000000"},
		{"M/D/2/K with too many places", queue(MD2K(1_001, 1)), "places=1001: must be from 0 to 1000"},
		{"M/D/2/K with too much load", queue(MD2K(1, 21)), "load=21: must be from 0 to 20"},
		{"deadline below 0", queue(MMcD(1, 1, -1)), "longest=-1"},
		{"arrivals that meet departures", queue(DDc(10, 0, 12)), "load=12: must be other than a whole number"},
		{"constant rate without a steady state", queue(DDc(10, Unbounded, 12)), "load=12: must be at most the number of workers"},
		{"more clients than fit in", queue(ClosedCycle(3, 1, 1, 0)), "clients=3: must be at most 2"},
		{"no think time in a chain", queue(ClosedChain(3, 1, 1, 0)), "think=0"},
		{"clients that all fit in", of(FlatOut(2, 1, 1, 1)), "clients=2: must be more than the 2"},
		{"pause of 0", of(FlatOut(3, 1, 1, 0)), "pause=0"},
		{"M/G/1 without a steady state", number(MG1Wait(1, 0)), "load=1: must be below"},
		{"cv below 0", number(MG1Wait(0.5, -1)), "cv=-1"},
		{"interpolation above 1", number(MGcWait(2, 1, 1.5)), "cv=1.5: must be from 0 to 1"},
		{"a wave of none", of(NewBurst(0, 1, 1)), "clients=0"},
		{"no values", of(BatchMeans(nil, 0.95)), "values=none: must be one or more"},
		{"values not numbers", of(BatchMeans([]float64{1, nan}, 0.95)), "values=NaN: must be finite"},
		{"confidence of 1", of(BatchMeans([]float64{1, 2}, 1)), "confidence=1"},
		{"warm-up without a steady state", number(WarmUp(1, Unbounded, 1)), "load=1"},
		{"a simulation of one run", of(Simulate(Simulation{Workers: 1, Load: 1, Runs: 1})), "runs=1"},
		{"a simulation without a load", of(Simulate(Simulation{Workers: 1})), "load=0"},
		{"a simulation without a steady state", of(Simulate(Simulation{Workers: 1, Places: Unbounded, Load: 1})), "load=1"},
		{"a simulation that takes too long", of(Simulate(Simulation{Workers: 1, Places: MaxPlaces, Load: 1})), "must be one at which a steady state is sooner reached"},
		{"a law that is not known", of(Simulate(Simulation{Workers: 1, Load: 1, Service: Law{Kind: "uniform"}})), "service=uniform: must be constant, exponential or lognormal"},
		{"cv of a constant", of(Simulate(Simulation{Workers: 1, Load: 1, Service: Law{CV: 1}})), "cv=1"},
		{"clients that retry without a pause", of(SimulateClosed(ClosedSimulation{Clients: 3, Workers: 1, Places: 1})), "pause=0"},
	}
	for _, row := range rows {
		var out *RangeError
		if !errors.As(row.err, &out) {
			t.Errorf("%s: %v, want a RangeError", row.about, row.err)
			continue
		}
		if !strings.Contains(row.err.Error(), row.want) {
			t.Errorf("%s: %v, want %s", row.about, row.err, row.want)
		}
	}
}

func TestPoisson(t *testing.T) {
	// The last two by Stirling's series.
	rows := []struct {
		n    int
		x    float64
		want float64
	}{
		{0, 0, 1}, {1, 0, 0}, {-1, 1, 0}, {0, 2, 0.1353352832366127}, {3, 2, 0.18044704431548356}, {10, 10, 0.12511003572113372},
		{1_000, 1_000, 0.01261461134871819}, {1_000_000, 1_000_000, 0.000398942247156},
	}
	for _, row := range rows {
		wantClose(t, "poisson", poisson(row.n, row.x), row.want, 1e-12)
	}
	exactly, above := poissonLaw(7.5)
	for n := range exactly {
		if above[n] > 1e-200 {
			wantClose(t, "above", above[n], poissonAbove(n, 7.5), 1e-10)
		}
		wantClose(t, "at most", 1-above[n], poissonAtMost(n, 7.5), 1e-12)
	}
}
