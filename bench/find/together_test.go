package find

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

// However arrivals are shared out, and whatever the clocks of the generators show, what
// they count is together what one would count.
func TestTogetherCountsAsOne(t *testing.T) {
	conditions := []Condition{{Rejected: true}, {Rejected: true, Failed: true, Latency: 100 * time.Millisecond}}
	rapid.Check(t, func(t *rapid.T) {
		one := NewCounter(conditions)
		shares := make([]*Counter, rapid.IntRange(1, 4).Draw(t, "generators"))
		clocks := make([]time.Duration, len(shares))
		for i := range shares {
			clocks[i] = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "clock"))
			shares[i] = NewCounter(conditions)
			shares[i].Begin(clocks[i])
		}
		for range rapid.IntRange(0, 60).Draw(t, "arrivals") {
			a := bench.Arrival{Planned: time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "planned"))}
			a.Done = a.Planned + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "took"))
			a.Waited = rapid.Bool().Draw(t, "waited")
			a.Outcome = rapid.SampledFrom([]result.Outcome{result.OK, result.Rejected, result.Timeout}).Draw(t, "outcome")
			one.Ended(a)
			i := rapid.IntRange(0, len(shares)-1).Draw(t, "generator")
			a.Planned, a.Done = a.Planned+clocks[i], a.Done+clocks[i]
			shares[i].Ended(a)
		}
		var parts [][]byte
		for _, s := range shares {
			parts = append(parts, s.Counted())
		}
		sum := NewCounter(conditions)
		if err := sum.Together(parts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one.bins, sum.bins); diff != "" {
			t.Errorf("(-one +together):\n%s", diff)
		}
		if sum.waited != one.waited {
			t.Errorf("%d waited, want %d", sum.waited, one.waited)
		}
		if got := sum.trim(time.Hour); len(shares) == 1 && got != time.Hour {
			t.Errorf("of one generator %v are left", got)
		}
	})
}

// Of windows that ended early, what counts is what all generators had the time to send.
func TestTrim(t *testing.T) {
	conditions := []Condition{{Rejected: true}}
	var parts [][]byte
	for _, last := range []time.Duration{1900 * time.Millisecond, 2600 * time.Millisecond} {
		c := NewCounter(conditions)
		for at := time.Duration(0); at <= last; at += 100 * time.Millisecond {
			c.Ended(bench.Arrival{Planned: at, Done: at})
		}
		parts = append(parts, c.Counted())
	}
	sum := NewCounter(conditions)
	if err := sum.Together(parts); err != nil {
		t.Fatal(err)
	}
	if got := sum.trim(2700 * time.Millisecond); got != 2*time.Second {
		t.Errorf("%v are left, want 2s", got)
	}
	var n int64
	for b := range maps.Values(sum.bins) {
		n += b.N
	}
	if n != 40 {
		t.Errorf("%d arrivals, want 20 of each", n)
	}
}

func TestCountsOfOthersAreChecked(t *testing.T) {
	c := NewCounter([]Condition{{Rejected: true}})
	c.Ended(bench.Arrival{Done: 300 * time.Millisecond})
	good := c.Counted()
	sum := NewCounter(c.conditions)
	if err := sum.Together([][]byte{good, nil}); err != nil { // a generator may have counted nothing
		t.Fatal(err)
	}
	before := map[int64]search.Batch{}
	for at, b := range sum.bins {
		before[at] = *b
	}
	for _, bad := range [][]byte{good[:len(good)-1], {0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 0, 0}, {0, 0, 0xff}} {
		if sum.Together([][]byte{good, bad}) == nil {
			t.Errorf("% x is read", bad)
		}
	}
	for at, b := range sum.bins {
		if diff := cmp.Diff(before[at], *b); diff != "" {
			t.Error(diff)
		}
	}
}

// Streams are judged by their first events and their gaps, not by their length. One that
// failed is bad whatever came of it.
func TestConditionsOfStreams(t *testing.T) {
	required, err := compare.ParseRequirements("first-event-p99<1s,median-gap-p90<50ms")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Conditions(required, load.Closed)
	if err != nil || math.Abs(all[0].Share-0.01) > 1e-9 || math.Abs(all[1].Share-0.1) > 1e-9 {
		t.Fatalf("%+v, %v", all, err)
	}
	const planned = time.Second
	for _, row := range []struct {
		arrival   bench.Arrival
		bad, near []bool
	}{
		{bench.Arrival{FirstEvent: planned + 100*time.Millisecond, MedianGap: 10 * time.Millisecond, Done: time.Hour}, []bool{false, false}, []bool{false, false}},
		{bench.Arrival{FirstEvent: planned + 600*time.Millisecond, MedianGap: 30 * time.Millisecond}, []bool{false, false}, []bool{true, true}},
		{bench.Arrival{FirstEvent: planned + 1001*time.Millisecond, MedianGap: 51 * time.Millisecond}, []bool{true, true}, []bool{true, true}},
		{bench.Arrival{FirstEvent: planned + time.Millisecond, Outcome: result.Timeout}, []bool{true, true}, []bool{true, true}},
		{bench.Arrival{Outcome: result.Rejected}, []bool{true, true}, []bool{true, true}},
	} {
		row.arrival.Planned = planned
		for i, c := range all {
			if bad, near := c.bad(row.arrival); bad != row.bad[i] || near != row.near[i] {
				t.Errorf("%s of %+v: bad %v, near %v", c.Name, row.arrival, bad, near)
			}
		}
	}
}
