package result_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sameHist(t *rapid.T, what string, got, want *result.Hist) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) || got.Sum() != want.Sum() {
		t.Fatalf("%s: got %+v, want %+v", what, got.Summary(), want.Summary())
	}
}

// What a message says of a histogram is all of it, and no message makes an impossible one.
func TestSparseInAMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got result.Sparse
		for _, d := range durations(t) {
			want.Record(d)
		}
		text, err := want.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.UnmarshalBinary(text); err != nil {
			t.Fatal(err)
		}
		equal(t, &got, &want)
		for i := range rapid.IntRange(0, 5).Draw(t, "altered") {
			if len(text) > 0 {
				text[(i*7919+len(text)/2)%len(text)] = rapid.Byte().Draw(t, "byte")
			}
		}
		text = text[:rapid.IntRange(0, len(text)).Draw(t, "cut")]
		if got.UnmarshalBinary(text) != nil {
			return
		}
		last, n := time.Duration(-1), int64(0)
		for d, k := range got.All() {
			if d <= last || k <= 0 {
				t.Fatalf("%d of %v follow on %v", k, d, last)
			}
			last, n = d, n+k
		}
		if n != got.N() || got.Sum() < 0 || got.Over() > n {
			t.Fatalf("%d values, want %d; sum %v", n, got.N(), got.Sum())
		}
	})
}

// A sparse histogram is a histogram with another memory: recording, merging,
// subtracting and storing give the same buckets.
func TestSparseIsHist(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b, c result.Sparse
		var tally result.Tally
		dense, first := result.NewHist(), result.NewHist()
		for _, d := range durations(t) {
			a.Record(d)
			dense.Record(d)
			first.Record(d)
			if tally.Record(d); first.N()%7 == 0 {
				tally.MoveTo(&c)
			}
		}
		tally.MoveTo(&c)
		tally.MoveTo(&c)
		sameHist(t, "tallied", c.Hist(), first)
		sameHist(t, "recorded", a.Hist(), first)
		sameHist(t, "converted", result.SparseOf(first).Hist(), first)
		for _, d := range durations(t) {
			b.Record(d)
			dense.Record(d)
		}
		a.Merge(&b)
		sameHist(t, "merged", a.Hist(), dense)
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			if got, want := a.Quantile(q), dense.Quantile(q); got != want {
				t.Fatalf("quantile %v = %v, want %v", q, got, want)
			}
		}
		at := time.Duration(rapid.Int64Range(0, int64(70*time.Second)).Draw(t, "at"))
		var above int64
		for d, n := range a.All() {
			if d > at+at/1000+1024 {
				above += n
			}
		}
		if got := a.Above(at); got < above || got > a.N() {
			t.Fatalf("%d above %v, want at least %d", got, at, above)
		}
		var all, sparse []string
		for d, n := range dense.All() {
			all = append(all, d.String(), string(rune(n)))
		}
		for d, n := range a.All() {
			sparse = append(sparse, d.String(), string(rune(n)))
		}
		if diff := cmp.Diff(all, sparse); diff != "" {
			t.Fatal(diff)
		}
		text, err := json.Marshal(&a)
		if err != nil {
			t.Fatal(err)
		}
		var back result.Sparse
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if back.N() != a.N() || back.Over() != a.Over() {
			t.Fatalf("read back %d, %d over; want %d, %d", back.N(), back.Over(), a.N(), a.Over())
		}
		a.Subtract(&b)
		sameHist(t, "subtracted", a.Hist(), first)
	})
}

// slicedStage has four slices of 10 arrivals, the third of which was disturbed.
func slicedStage() *result.Stage {
	s := result.NewStage()
	s.Settings = result.Settings{{Key: result.KeyTarget, Value: "eventloop"}}
	s.Length = time.Second
	s.Undisturbed = result.NewTotals()
	s.Undisturbed.Length = 750 * time.Millisecond
	for i := range 4 {
		slice := result.Slice{Offset: time.Duration(i) * 250 * time.Millisecond, Length: 250 * time.Millisecond, Latency: new(result.Sparse)}
		took := 20 * time.Millisecond
		if i == 2 {
			slice.Disturbed, slice.Cause, took = slice.Length, "steal 31 ms", 90*time.Millisecond
		}
		for range 10 {
			slice.Counts[result.OK]++
			slice.Latency.Record(took)
			parts := []*result.Totals{{Latency: s.Latency, Uncorrected: s.Uncorrected, Lag: s.Lag}}
			s.Counts[result.OK]++
			if i != 2 {
				s.Undisturbed.Counts[result.OK]++
				parts = append(parts, s.Undisturbed)
			}
			for _, part := range parts {
				part.Latency.Record(took)
				part.Uncorrected.Record(took)
				part.Lag.Record(0)
			}
		}
		s.Slices = append(s.Slices, slice)
	}
	return s
}

func TestPercentilesAreOfTheUndisturbedPart(t *testing.T) {
	s := slicedStage()
	if got, want := s.Shown().Latency.Max(), 21*time.Millisecond; got > want {
		t.Errorf("the maximum shown is %v, want at most %v", got, want)
	}
	if got := s.Goodput(); got != 40 {
		t.Errorf("goodput is %v, want 40", got)
	}
	if got := s.LeftOut(); got != 250*time.Millisecond {
		t.Errorf("left out is %v, want 250ms", got)
	}
	for _, name := range []string{"max", "p99", "adjusted-p90", "uncorrected-p50"} {
		m, _ := result.MetricNamed(name)
		if got := m.Read(s); got.Reason == "" && got.Value > float64(21*time.Millisecond) {
			t.Errorf("%s is %v, want 20 ms", name, time.Duration(got.Value))
		}
	}
	if all := s.All(); all.Counts.Planned() != 40 {
		t.Errorf("%d arrivals in all, want 40", all.Counts.Planned())
	}
}

func TestSlicesAreStored(t *testing.T) {
	want := slicedStage()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got result.Stage
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(again)); diff != "" {
		t.Errorf("stored and read (-stored +read):\n%s", diff)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"more disturbed than long", `"disturbed_ns":250000000`, `"disturbed_ns":250000001`, "slices.3: length_ns"},
		{"a slice without latencies", `"length_ns":250000000,"counts"`, `"length_ns":250000000,"latency":0,"counts"`, ""},
		{"an undisturbed part that is longer", `"undisturbed":{"length_ns":750000000`, `"undisturbed":{"length_ns":1750000000`, "undisturbed: length_ns"},
		{"more undisturbed than all", `"undisturbed":{"length_ns":750000000,"counts":{"planned":30,"ok":30`, `"undisturbed":{"length_ns":750000000,"counts":{"planned":50,"ok":50`, `undisturbed: "ok" is 50`},
		{"no undisturbed histograms", `"undisturbed":{`, `"undisturbed":{"length_ns":1},"x":{`, "undisturbed: a histogram is missing"},
		{"negative steal", `"disturbed_ns":250000000`, `"steal_ns":-1`, "slices.3.steal_ns is -1"},
	} {
		bad := strings.Replace(string(text), c.old, c.new, 1)
		if bad == string(text) {
			t.Errorf("%s: nothing was replaced", c.name)
		}
		err := json.Unmarshal([]byte(bad), new(result.Stage))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// Merged repeats have the slices of all, one behind the other, and at most MaxSlices.
func TestMergedSlices(t *testing.T) {
	var repeats []*result.Stage
	for range 200 {
		repeats = append(repeats, slicedStage())
	}
	m := result.Merge(repeats)
	if n := len(m.Slices); n != 400 {
		t.Errorf("%d slices, want 400", n)
	}
	var at, disturbed time.Duration
	var n int64
	for _, s := range m.Slices {
		if s.Offset != at {
			t.Fatalf("a slice begins at %v, want %v", s.Offset, at)
		}
		at += s.Length
		disturbed += s.Disturbed
		n += s.Latency.N()
	}
	if at != m.Length || disturbed != m.LeftOut() || n != m.Latency.N() || m.Undisturbed.Counts.Planned() != 200*30 {
		t.Errorf("slices of %v with %v disturbed and %d latencies, %d undisturbed; want %v, %v, %d, 6000", at, disturbed, n, m.Undisturbed.Counts.Planned(), m.Length, m.LeftOut(), m.Latency.N())
	}
}
