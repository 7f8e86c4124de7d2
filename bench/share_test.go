package bench

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// numbered is an arrival of a schedule.
type numbered struct {
	at     time.Duration
	number uint64
}

// scheduled are the arrivals of a plan before an offset.
func scheduled(p Plan, until time.Duration) (all []numbered) {
	numbers, next := p.Numbers(), p.Schedule()
	for at := next(); at < until; at = next() {
		all = append(all, numbered{at, numbers()})
	}
	return all
}

// The planned instants of all shares are those of one generator, and each has the number
// that it has there: requests and rows of data follow that number.
func TestSharesAreOneSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = time.Second
		of := rapid.IntRange(1, 9).Draw(t, "generators")
		p := Plan{
			Load:   load.Of(rapid.SampledFrom(load.Models[1:]).Draw(t, "model"), float64(rapid.IntRange(of, 500).Draw(t, "level"))),
			Warmup: time.Duration(rapid.IntRange(0, 500).Draw(t, "warmup ms")) * ms, Duration: length, Seed: rapid.Uint64().Draw(t, "seed"),
		}
		if p.Load.Model() == load.Burst {
			p.Load.BurstInterval = time.Duration(rapid.IntRange(50, 900).Draw(t, "interval ms")) * ms
		}
		want := scheduled(p, p.Warmup+length)
		var got []numbered
		for p.Share = (Share{0, of}); p.Share.Part < of; p.Share.Part++ {
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			got = append(got, scheduled(p, p.Warmup+length)...)
		}
		slices.SortFunc(got, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
		if !slices.Equal(got, want) {
			t.Fatalf("the shares of %d generators have %d arrivals, want the %d of one", of, len(got), len(want))
		}
	})
}

// Clients, connections and places to wait are shared out completely, and the clients of
// all shares begin when those of one generator do.
func TestSharesOfClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.IntRange(1, 20).Draw(t, "generators")
		p := Plan{Load: Load{Clients: rapid.IntRange(of, 400).Draw(t, "clients"), RampUp: time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "ramp-up"))}}
		open := Plan{Load: Load{Rate: 1}, MaxConnections: rapid.IntRange(of, 1000).Draw(t, "connections"), MaxWaiting: rapid.IntRange(1, 1000).Draw(t, "waiting")}
		var want, got []time.Duration
		for i := range p.Clients() {
			want = append(want, p.Begins(i))
		}
		clients, connections, waiting := 0, 0, 0
		for part := range of {
			share := Share{part, of}
			p.Share, open.Share = share, share
			for i := range p.Clients() {
				got = append(got, p.Begins(i))
			}
			clients, connections, waiting = clients+p.Clients(), connections+open.MostConnections(), waiting+open.MostWaiting()
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("clients of %d generators begin at %v, want %v", of, got, want)
		}
		if clients != len(want) || connections != open.MaxConnections || waiting != open.MaxWaiting {
			t.Errorf("%d generators have %d clients, %d connections and %d places to wait, want %d, %d, %d", of, clients, connections, waiting, len(want), open.MaxConnections, open.MaxWaiting)
		}
	})
}

func TestSharesThatCannotBe(t *testing.T) {
	for _, p := range []Plan{
		{Share: Share{Of: -1}}, {Share: Share{Part: 1}}, {Share: Share{Part: 2, Of: 2}}, {Share: Share{Part: -1, Of: 2}},
		{Share: Share{Of: 3}, Load: Load{Clients: 2}}, {Share: Share{Of: 3}, Load: Load{Burst: 2}}, {Share: Share{Of: 3}, Load: Load{Rate: 9}, MaxConnections: 2},
	} {
		if err := p.Validate(); err == nil {
			t.Errorf("%+v of %v is valid", p.Share, p.Load)
		}
	}
}

// script is a server whose replies follow from the number of the arrival alone.
type script struct{ seed uint64 }

func (s script) dial(context.Context) (Conn, error) {
	return &scriptConn{script: s, closed: make(chan struct{})}, nil
}

type scriptConn struct {
	script
	number uint64
	closed chan struct{}
	once   sync.Once
}

func (c *scriptConn) Number(n uint64) { c.number = n }

func (c *scriptConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *scriptConn) Do(time.Duration) Reply {
	r := rand.New(rand.NewPCG(c.seed, c.number))
	timer := time.NewTimer(time.Duration(1+r.Int64N(300)) * ms)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closed:
		return Reply{Outcome: result.Reset, Spent: true}
	}
	switch r.IntN(10) {
	case 0:
		return Reply{Outcome: result.Rejected}
	case 1:
		return Reply{Outcome: result.Error, Why: "as scripted", Spent: true}
	}
	return Reply{Outcome: result.OK}
}

// Generators that drive shares of a load record what one generator records: counts and
// histograms, bucket for bucket, of the stage and of each slice.
func TestSharesRecordWhatOneGeneratorDoes(t *testing.T) {
	skipUnderRace(t)
	for _, l := range []Load{{Clients: 12, ThinkTime: 30 * ms, RampUp: 100 * ms}, {Rate: 200}, {Rate: 150, Arrivals: load.Constant}, {Burst: 9, BurstInterval: 400 * ms}, {Ramp: load.Range{From: 50, To: 300}}} {
		p := Plan{Load: l, Warmup: 500 * ms, Duration: 2 * time.Second, Seed: 5}
		want := runShares(t, p, 1)
		for _, of := range []int{2, 4} {
			got := runShares(t, p, of)
			if !got.Valid() || got.Counts != want.Counts || got.Length != want.Length {
				t.Errorf("%v, %d generators: %v in %v, want %v in %v; %q", l, of, got.Counts, got.Length, want.Counts, want.Length, got.Invalid)
			}
			if d := got.InFlight - want.InFlight; d > 1e-9 || d < -1e-9 {
				t.Errorf("%v, %d generators: %v in flight, want %v", l, of, got.InFlight, want.InFlight)
			}
			same(t, "latency", got.Latency, want.Latency)
			same(t, "uncorrected", got.Uncorrected, want.Uncorrected)
			same(t, "rejected", got.Rejected, want.Rejected)
			same(t, "lag", got.Lag, want.Lag)
			if len(got.Slices) != len(want.Slices) {
				t.Fatalf("%v, %d generators: %d slices, want %d", l, of, len(got.Slices), len(want.Slices))
			}
			for i, s := range want.Slices {
				g := got.Slices[i]
				if g.Offset != s.Offset || g.Length != s.Length || g.Counts != s.Counts {
					t.Errorf("%v, %d generators: slice %d has %v in %v from %v, want %v in %v from %v", l, of, i, g.Counts, g.Length, g.Offset, s.Counts, s.Length, s.Offset)
				}
				same(t, "latency of a slice", g.Latency.Hist(), s.Latency.Hist())
			}
		}
	}
}

// same compares histograms bucket for bucket.
func same(t *testing.T, what string, got, want *result.Hist) {
	t.Helper()
	g, err1 := got.Encode()
	w, err2 := want.Encode()
	if err := cmp.Or(err1, err2); err != nil {
		t.Fatal(err)
	}
	if g != w || got.Sum() != want.Sum() || got.Over() != want.Over() {
		t.Errorf("the histograms of %s differ: %v and %v", what, got.Summary(), want.Summary())
	}
}

// runShares drives a plan with so many generators, which start at one instant.
func runShares(t *testing.T, p Plan, of int) *result.Stage {
	t.Helper()
	parts := make([]*result.Stage, of)
	synctest.Test(t, func(t *testing.T) {
		var together sync.WaitGroup
		for part := range of {
			together.Go(func() {
				p := p
				p.Share = Share{part, of}
				var err error
				if parts[part], err = Run(t.Context(), p, &GoroutineDriver{Dial: script{7}.dial, Kind: "fake", sleep: goSleep}); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
	})
	return result.Together(slices.Values(parts))
}
