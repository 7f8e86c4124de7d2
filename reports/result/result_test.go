package result_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// durations draws what a stage may see, a few beyond the highest included.
func durations(t *rapid.T) []time.Duration {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(70*time.Second)).Draw(t, "d"))
	}), 1, 200).Draw(t, "durations")
}

// The quantile must be the exact order statistic, to three digits, for small n
// above all: tools have reported p95 below the mean and p99 above the maximum.
func TestQuantileIsTheNearestRankToThreeDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := durations(t)
		h := result.NewHist()
		for _, d := range ds {
			h.Record(d)
		}
		slices.Sort(ds)
		var last time.Duration
		for _, permille := range []int{0, 1, 10, 250, 500, 900, 950, 990, 999, 1000} {
			k := max(1, (permille*len(ds)+999)/1000)
			want := min(ds[k-1], result.HistHighest)
			got := h.Quantile(float64(permille) / 1000)
			if tolerance := want/1000 + 512; got < want-tolerance || got > want+tolerance {
				t.Fatalf("quantile %d/1000 of %d = %v, want rank %d, %v", permille, len(ds), got, k, want)
			}
			if got < last {
				t.Fatalf("quantile %d/1000 = %v is below the one before, %v", permille, got, last)
			}
			last = got
		}
		if h.Max() != last {
			t.Fatalf("max is %v, the quantile 1 is %v", h.Max(), last)
		}
	})
}

func TestMergingEqualsRecordingTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, both := result.NewHist(), result.NewHist(), result.NewHist()
		for _, d := range durations(t) {
			a.Record(d)
			both.Record(d)
		}
		for _, d := range durations(t) {
			b.Record(d)
			both.Record(d)
		}
		a.Merge(b)
		if diff := cmp.Diff(both.Summary(), a.Summary()); diff != "" {
			t.Fatalf("merged differs from recorded together (-together +merged):\n%s", diff)
		}
		if a.Sum() != both.Sum() {
			t.Fatalf("sum %v, want %v", a.Sum(), both.Sum())
		}
	})
}

func TestNothingIsLostAboveTheHighest(t *testing.T) {
	h := result.NewHist()
	h.Record(time.Second)
	h.Record(2 * time.Minute)
	h.Record(3 * time.Minute)
	if h.N() != 3 || h.Over() != 2 {
		t.Errorf("n=%d over=%d, want 3 and 2", h.N(), h.Over())
	}
	if got := h.Quantile(0.5); got != result.HistHighest {
		t.Errorf("the median is %v, want the highest, %v: two of three lie above it", got, result.HistHighest)
	}
	if got, want := h.Mean(), (5*time.Minute+time.Second)/3; got != want {
		t.Errorf("mean %v, want %v", got, want)
	}
	if got := h.CountBetween(0, time.Hour); got != 3 {
		t.Errorf("CountBetween(0, 1h) = %d, want 3", got)
	}
}

func TestThinAndResolved(t *testing.T) {
	for _, c := range []struct {
		n              int
		q              float64
		thin, resolved bool
	}{
		{1000, 0.99, false, true}, // exactly ten beyond
		{999, 0.99, true, true},   // fewer than ten
		{100, 0.99, true, true},   // exactly one
		{99, 0.99, true, false},   // fewer than one: the maximum by another name
		{20, 0.5, false, true},    // the median of twenty
		{10000, 0.999, false, true} /* exactly ten beyond */} {
		h := result.NewHist()
		for range c.n {
			h.Record(time.Millisecond)
		}
		if h.Thin(c.q) != c.thin || h.Resolved(c.q) != c.resolved {
			t.Errorf("n=%d q=%v: thin %v, resolved %v; want %v, %v", c.n, c.q, h.Thin(c.q), h.Resolved(c.q), c.thin, c.resolved)
		}
	}
}

func sampleStage(seed uint64, level string) *result.Stage {
	r := rand.New(rand.NewPCG(seed, 1))
	s := result.NewStage()
	s.Settings = result.Settings{{"target", "blocking"}, {"backend-latency", "200ms"}, {"load", "closed"}, {"level", level}}
	s.Start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s.Length = 3 * time.Second
	s.InFlight = 300.25
	for range 2000 {
		d := 200*time.Millisecond + time.Duration(r.ExpFloat64()*float64(time.Millisecond))
		s.Counts[result.OK]++
		s.Latency.Record(d + 5*time.Microsecond)
		s.Uncorrected.Record(d)
		s.FirstByte.Record(d / 2)
		s.Lag.Record(5 * time.Microsecond)
	}
	for range 500 {
		s.Counts[result.Rejected]++
		s.Rejected.Record(300 * time.Microsecond)
		s.Lag.Record(5 * time.Microsecond)
	}
	s.Statuses = result.Statuses{200: 2000, 503: 500}
	s.Connect.Record(2 * time.Minute)
	s.Target = result.Usage{CPU: time.Second, RSSMax: 1 << 20, ThreadsMax: 210, FDsMax: 320, CPUs: "0", Allocs: 12345, ServiceTime: result.MeanTime{N: 2000, Mean: 200_123_456}}
	s.Generator = result.Usage{CPU: time.Second / 2, GCPauseMax: time.Millisecond}
	s.Warn("one thing")
	return s
}

func TestStageLineKeepsEverything(t *testing.T) {
	want := sampleStage(1, "500")
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got result.Stage
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Errorf("writing what was read differs (-first +second):\n%s", diff)
	}
	for _, key := range []string{
		`"schema":2`, `"settings":{"target":"blocking","backend-latency":"200ms","load":"closed","level":"500"}`,
		`"length_ns":3000000000`, `"counts":{"planned":2500,"ok":2000,"rejected":500,"refused":0,"reset":0,"timeout":0,"error":0,"unsent":0,"unfinished":0}`,
		`"latency_ns":{"n":2000,"mean":`, `"uncorrected_ns":`, `"rejected_ns":`, `"lag_ns":`, `"hdr":"`,
		`"target":{"cpu_ns":1000000000,"rss_max_bytes":1048576,"threads_max":210,"fds_max":320,"cpus":"0","allocs":12345,"service_time_ns":{"n":2000,"mean":200123456}}`,
		`"generator":{"cpu_ns":500000000,"gc_pause_max_ns":1000000}`, `"invalid":[]`, `"warnings":["one thing"]`,
	} {
		if !strings.Contains(string(b), key) {
			t.Errorf("the line lacks %s", key)
		}
	}
}

func TestOverheadIsWhatIsNotWaitedFor(t *testing.T) {
	sim := func(more ...result.Setting) result.Settings {
		return append(result.Settings{{"backend", "sim"}, {"backend-latency", "200ms"}}, more...)
	}
	for _, c := range []struct {
		name     string
		settings result.Settings
		want     time.Duration
		known    bool
	}{
		{"nothing is known", nil, 0, false},
		{"the plan says it", result.Settings{{"wait", "150ms"}}, 55 * time.Millisecond, true},
		{"the plan knows better", sim(result.Setting{Key: "wait", Value: "180ms"}), 25 * time.Millisecond, true},
		{"a simulated backend", sim(), 5 * time.Millisecond, true},
		{"a simulated backend that says so", sim(result.Setting{Key: "backend-dist", Value: "constant"}), 5 * time.Millisecond, true},
		{"one that varies", sim(result.Setting{Key: "backend-dist", Value: "exponential"}), 0, false},
		{"replies that are streams", sim(result.Setting{Key: "stream", Value: "sse"}), 0, false},
		{"one that stalls", sim(result.Setting{Key: "backend-stall", Value: "2s@5s"}), 0, false},
		{"a real one, of which this is the mean", result.Settings{{"backend", "http"}, {"backend-latency", "200ms"}}, 0, false},
		{"a wait that was not", result.Settings{{"wait", "1s"}}, 0, false},
	} {
		s := result.NewStage()
		s.Settings = c.settings
		for range 1000 {
			s.Latency.Record(205 * time.Millisecond)
		}
		got, ok := s.Overhead(0.99)
		if ok != c.known || ok && (got-c.want).Abs() > 205*time.Microsecond {
			t.Errorf("%s: overhead %v, %v; want %v, %v", c.name, got, ok, c.want, c.known)
		}
	}
}

func TestMetricsOfWhatIsNotKnownAreAbsent(t *testing.T) {
	units := func(s *result.Stage) (has []string) {
		for _, m := range result.Metrics {
			if _, ok := m.BenchValue(s); ok {
				has = append(has, m.Bench)
			}
		}
		return has
	}
	s := sampleStage(1, "500")
	s.Settings = s.Settings.With("wait", "200ms")
	all := []string{"p50-ns", "p90-ns", "p99-ns", "ttfb-p99-ns", "overhead-p99-ns", "ok/s", "rejected-ppm", "cpu-ns/req", "allocs/req"}
	if diff := cmp.Diff(all, units(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, _ := allocations(s); got != 12345/2000. {
		t.Errorf("%v allocations a request, want 12345 for the 2000 that were served", got)
	}
	s.Settings, s.Target = nil, result.Usage{}
	if diff := cmp.Diff([]string{"p50-ns", "p90-ns", "p99-ns", "ttfb-p99-ns", "ok/s", "rejected-ppm"}, units(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAdjustedCountsFailuresAsInfinitelySlow(t *testing.T) {
	s := result.NewStage()
	for i := range 98 {
		s.Counts[result.OK]++
		s.Latency.Record(time.Duration(i+1) * time.Millisecond)
	}
	s.Counts[result.Rejected] = 2
	if got, ok := s.Adjusted(0.98); !ok || got.Round(time.Millisecond) != 98*time.Millisecond {
		t.Errorf("adjusted p98 = %v, %v; want the slowest ok, 98ms", got, ok)
	}
	if _, ok := s.Adjusted(0.99); ok {
		t.Error("adjusted p99 is finite although 2 % failed")
	}
	if got, _ := s.Adjusted(0.5); got.Round(time.Millisecond) != 50*time.Millisecond {
		t.Errorf("adjusted p50 = %v, want the 50th of 100", got)
	}
}

func TestMergeOfRepeats(t *testing.T) {
	a, b := sampleStage(1, "500"), sampleStage(2, "500")
	b.Invalidate("the generator was late")
	b.InFlight = 100.25
	m := result.Merge([]*result.Stage{a, b})
	if m.Counts[result.OK] != 4000 || m.Latency.N() != 4000 || m.Length != 6*time.Second {
		t.Errorf("merged: %d ok, %d latencies, %v", m.Counts[result.OK], m.Latency.N(), m.Length)
	}
	if m.Valid() || m.InFlight != 200.25 || m.Goodput() != a.Goodput() {
		t.Errorf("merged: valid %v, in flight %v, goodput %v", m.Valid(), m.InFlight, m.Goodput())
	}
	if diff := cmp.Diff([]string{"the generator was late", "one thing"}, m.Notes()); diff != "" {
		t.Error(diff)
	}
	if a.Latency.N() != 2000 {
		t.Error("merging changed its input")
	}
}

// A ramp's level is that of its end, and is not called the rate of the stage.
func TestLevelUnits(t *testing.T) {
	for _, c := range []struct {
		load  string
		level int
		want  string
	}{
		{"closed", 1, "client"}, {"closed", 2, "clients"}, {"burst", 2, "clients"},
		{"poisson", 1, "arrival/s"}, {"constant", 2, "arrivals/s"}, {"ramp", 500, "arrivals/s at the ramp's end"},
	} {
		if got := result.LevelUnit(c.load, c.level); got != c.want {
			t.Errorf("%d of %s: %q, want %q", c.level, c.load, got, c.want)
		}
	}
}
