package result_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/a628bb15/onhold/reports/result"
)

// arrival is one that a test records.
type arrival struct {
	at, took time.Duration
	outcome  result.Outcome
}

// recorded is the stage of arrivals, with slices of so many times the shortest length.
func recorded(arrivals []arrival, slice time.Duration) *result.Stage {
	s := result.NewStage()
	s.Length = 4 * time.Second
	for _, a := range arrivals {
		s.Counts[a.outcome]++
		for len(s.Slices) <= int(a.at/slice) {
			s.Slices = append(s.Slices, result.Slice{Offset: time.Duration(len(s.Slices)) * slice, Length: slice, Latency: new(result.Sparse)})
		}
		in := &s.Slices[a.at/slice]
		in.Counts[a.outcome]++
		s.InFlight += a.took.Seconds() / s.Length.Seconds()
		if a.outcome == result.OK {
			in.Latency.Record(a.took)
			s.Latency.Record(a.took)
		}
		s.Lag.Record(0)
	}
	return s
}

// Shares of a load are, together, what one generator records, however they are shared
// out and whatever the lengths of their slices.
func TestTogetherIsOneGenerator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const slice = 250 * time.Millisecond
		n := rapid.IntRange(1, 4).Draw(t, "generators")
		parts := make([][]arrival, n)
		var all []arrival
		for range rapid.IntRange(0, 40).Draw(t, "arrivals") {
			a := arrival{
				at: time.Duration(rapid.Int64Range(0, int64(4*time.Second)-1).Draw(t, "at")), took: time.Duration(rapid.Int64Range(0, int64(70*time.Second)).Draw(t, "took")),
				outcome: rapid.SampledFrom(result.Outcomes[:]).Draw(t, "outcome"),
			}
			all = append(all, a)
			i := rapid.IntRange(0, n-1).Draw(t, "generator")
			parts[i] = append(parts[i], a)
		}
		var stages []*result.Stage
		longest := slice
		for _, p := range parts {
			length := slice << rapid.IntRange(0, 2).Draw(t, "halved")
			if len(p) > 0 {
				longest = max(longest, length)
			}
			stages = append(stages, recorded(p, length))
		}
		got := result.Together(slices.Values(stages))
		if len(all) == 0 {
			return
		}
		want := recorded(all, got.Slices[0].Length)
		if longest < got.Slices[0].Length {
			t.Fatalf("slices of %v, and the longest were %v", got.Slices[0].Length, longest)
		}
		if got.Counts != want.Counts || got.Length != want.Length || len(got.Slices) != len(want.Slices) {
			t.Fatalf("%v in %v and %d slices, want %v in %v and %d", got.Counts, got.Length, len(got.Slices), want.Counts, want.Length, len(want.Slices))
		}
		if d := got.InFlight - want.InFlight; d > 1e-6 || d < -1e-6 {
			t.Errorf("%v in flight, want %v", got.InFlight, want.InFlight)
		}
		equal(t, result.SparseOf(got.Latency), result.SparseOf(want.Latency))
		equal(t, result.SparseOf(got.Lag), result.SparseOf(want.Lag))
		for i := range want.Slices {
			g, w := got.Slices[i], want.Slices[i]
			if g.Counts != w.Counts || g.Offset != w.Offset || g.Length != w.Length {
				t.Errorf("slice %d: %v in %v from %v, want %v in %v from %v", i, g.Counts, g.Length, g.Offset, w.Counts, w.Length, w.Offset)
			}
			equal(t, g.Latency, w.Latency)
		}
	})
}

// equal compares histograms bucket for bucket.
func equal(t *rapid.T, got, want *result.Sparse) {
	of := func(s *result.Sparse) (all [][2]int64) {
		for d, n := range s.All() {
			all = append(all, [2]int64{int64(d), n})
		}
		return all
	}
	if diff := cmp.Diff(of(want), of(got)); diff != "" || got.N() != want.N() || got.Sum() != want.Sum() || got.Over() != want.Over() {
		t.Errorf("the histograms differ: %d values, want %d\n%s", got.N(), want.N(), diff)
	}
}

func TestTogetherOfUsage(t *testing.T) {
	a, b := sampleStage(1, "500"), sampleStage(1, "500")
	a.Generator = result.Usage{CPU: time.Second, RSSMax: 10, Loops: []result.Loop{{CPU: 1}}, CPUs: "0", Quota: 1}
	b.Generator = result.Usage{CPU: 2 * time.Second, RSSMax: 20, Loops: []result.Loop{{CPU: 2}}, CPUs: "0", Quota: 1}
	a.Agents, b.Agents = []result.Agent{{Name: "a"}}, []result.Agent{{Name: "b"}}
	b.Invalidate("agent b: the generator was late")
	m := result.Together(slices.Values([]*result.Stage{a, b}))
	want := result.Usage{CPU: 3 * time.Second, RSSMax: 30, Loops: []result.Loop{{CPU: 1}, {CPU: 2}}}
	if diff := cmp.Diff(want, m.Generator); diff != "" {
		t.Error(diff)
	}
	if m.Valid() || m.Disturbed || len(m.Agents) != 2 || m.Offered() != 2*a.Offered() {
		t.Errorf("valid %v, disturbed %v, %d agents, %v offered of %v each", m.Valid(), m.Disturbed, len(m.Agents), m.Offered(), a.Offered())
	}
	b.Disturbed = true
	if !result.Together(slices.Values([]*result.Stage{a, b})).Disturbed {
		t.Error("a stage that is not valid only because a machine disturbed it is not run again")
	}
}

// What the machine of one generator disturbed is left out of that one alone: rates stay
// sums of rates.
func TestTogetherLeavesOutWhatWasDisturbed(t *testing.T) {
	a, b := sampleStage(1, "500"), sampleStage(1, "500")
	half := *result.NewTotals()
	half.Length = a.Length / 2
	half.Counts[result.OK] = a.Counts[result.OK] / 2
	for range half.Counts[result.OK] {
		half.Latency.Record(time.Millisecond)
	}
	a.Undisturbed = &half
	m := result.Together(slices.Values([]*result.Stage{a, b}))
	if got, want := m.Goodput(), a.Goodput()+b.Goodput(); got < want*0.9 || got > want*1.1 {
		t.Errorf("goodput %v, want about %v + %v", got, a.Goodput(), b.Goodput())
	}
	if u := m.Undisturbed; u.Length >= m.Length || u.Counts[result.OK] != b.Counts[result.OK]+half.Counts[result.OK] {
		t.Errorf("%v of %v are undisturbed, %d ok", u.Length, m.Length, u.Counts[result.OK])
	}
}

// A record says which arrivals nobody knows of; one without such arrivals is as before.
func TestUnknownInARecord(t *testing.T) {
	s := sampleStage(1, "500")
	line, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(line), `"unknown"`) || strings.Contains(string(line), `"agents"`) {
		t.Errorf("the record of one generator has words of several: %.300s", line)
	}
	s.Counts[result.Unknown] = 7
	s.Agents = []result.Agent{{Name: "a", Counts: result.Counts{result.OK: 3, result.Unknown: 1}, Clock: time.Millisecond, Lost: "it was not heard from for 5 s"}}
	s.Invalidate("agent a was lost")
	if line, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	var got result.Stage
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Agents, got.Agents); diff != "" || got.Counts != s.Counts {
		t.Errorf("%v, want %v\n%s", got.Counts, s.Counts, diff)
	}
	if c := got.Agents[0].Coverage(); c != 0.75 {
		t.Errorf("coverage %v, want 3 of 4", c)
	}
}
