package result_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
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
		s.Lag.Record(5 * time.Microsecond)
	}
	for range 500 {
		s.Counts[result.Rejected]++
		s.Rejected.Record(300 * time.Microsecond)
		s.Lag.Record(5 * time.Microsecond)
	}
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
	all := []string{"p50-ns", "p90-ns", "p99-ns", "overhead-p99-ns", "ok/s", "rejected-ppm", "cpu-ns/req", "allocs/req"}
	if diff := cmp.Diff(all, units(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, _ := allocations(s); got != 12345/2000. {
		t.Errorf("%v allocations a request, want 12345 for the 2000 that were served", got)
	}
	s.Settings, s.Target = nil, result.Usage{}
	if diff := cmp.Diff([]string{"p50-ns", "p90-ns", "p99-ns", "ok/s", "rejected-ppm"}, units(s)); diff != "" {
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

func TestRunFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	f, err := result.Create(dir, result.Run{ID: "x", Planned: 2, Settings: result.Settings{{"levels", "1,2"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Append(sampleStage(1, "1")); err != nil {
		t.Fatal(err)
	}
	run, stages, warnings, err := result.Open(dir)
	if err != nil || !run.Partial || len(stages) != 1 || len(warnings) != 0 {
		t.Fatalf("in mid-run: partial %v, %d stages, warnings %v, err %v", run.Partial, len(stages), warnings, err)
	}
	if err := f.Append(sampleStage(2, "2")); err != nil {
		t.Fatal(err)
	}
	if err := f.Finish(time.Unix(5, 0), true); err != nil {
		t.Fatal(err)
	}
	run, stages, _, err = result.Open(dir)
	if err != nil || run.Partial || len(stages) != 2 || stages[1].Level() != 2 {
		t.Fatalf("at the end: partial %v, %d stages, err %v", run.Partial, len(stages), err)
	}
	if _, err := result.Create(dir, result.Run{}); err == nil || !strings.Contains(err.Error(), "already holds a run") {
		t.Errorf("creating it again: %v", err)
	}

	// A crash in the middle of the last line loses that stage alone, and says so.
	path := filepath.Join(dir, result.StagesFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-100], 0o644); err != nil {
		t.Fatal(err)
	}
	_, stages, warnings, err = result.Open(dir)
	if err != nil || len(stages) != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "line 2") {
		t.Errorf("cut short: %d stages, warnings %v, err %v", len(stages), warnings, err)
	}
	if _, _, _, err := result.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a run folder") {
		t.Errorf("an empty folder: %v", err)
	}
}

// However many lines a folder holds, few are told and not all are kept.
func TestFolderWithTooMuch(t *testing.T) {
	result.LimitStages(t, 3)
	folderOf := func(stages int, garbage int) string {
		dir := filepath.Join(t.TempDir(), "run")
		f, err := result.Create(dir, result.Run{ID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range stages {
			if err := f.Append(sampleStage(uint64(i+1), "1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Finish(time.Unix(5, 0), true); err != nil {
			t.Fatal(err)
		}
		log, err := os.OpenFile(filepath.Join(dir, result.StagesFile), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		if _, err := log.WriteString(strings.Repeat("x\n", garbage)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	_, stages, warnings, err := result.Open(folderOf(3, 30_000))
	if err != nil || len(stages) != 3 || len(warnings) != 21 || !strings.Contains(warnings[20], "29980 more lines up to line 30003") {
		t.Errorf("%d stages, %d warnings, %v", len(stages), len(warnings), err)
	}
	if _, _, _, err := result.Open(folderOf(4, 0)); err == nil || !strings.Contains(err.Error(), "more than 3 stages") {
		t.Errorf("four stages where three are allowed: %v", err)
	}
}

func TestReaderRejectsWhatDoesNotAddUp(t *testing.T) {
	b, err := json.Marshal(sampleStage(1, "1"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, c := range []struct{ name, old, new, want string }{
		{"counts", `"planned":2500`, `"planned":2501`, "outcomes add up to 2500"},
		{"negative", `"refused":0`, `"refused":-1`, "cannot be negative"},
		{"unknown outcome", `"refused":0`, `"refusal":0`, `"refused" is missing`},
		{"another schema", `"schema":2`, `"schema":1`, `schema is "1", want 2`},
		{"no length", `"length_ns":3000000000`, `"length_ns":0`, "length_ns"},
		{"histogram against summary", `"latency_ns":{"n":2000`, `"latency_ns":{"n":1999`, "n=1999"},
		{"histogram missing", `"connect_ns"`, `"connexion_ns"`, `"connect_ns" is missing`},
		{"repeated key", `"level":"1"`, `"load":"burst"`, "comes twice"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Errorf("%s: nothing to replace", c.name)
		}
		r := result.NewReader(strings.NewReader(bad + "\n\n" + good + "\n"))
		if !r.Scan() {
			t.Fatalf("%s: no line", c.name)
		}
		if _, err := r.Stage(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: error %v, want one with line 1 and %q", c.name, err, c.want)
		}
		if !r.Scan() {
			t.Fatalf("%s: the bad line ended the stream", c.name)
		}
		if _, err := r.Stage(); err != nil {
			t.Errorf("%s: the good line after it: %v", c.name, err)
		}
		if r.Scan() || r.Err() != nil {
			t.Errorf("%s: no regular end: %v", c.name, r.Err())
		}
	}
}

// FuzzReader: no input may crash the reader, and what it accepts it must be
// able to write so that reading it gives the same again.
func FuzzReader(f *testing.F) {
	b, err := json.Marshal(sampleStage(1, "1"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	if b, err = json.Marshal(completionStage("1")); err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add("{}\n[]\nnull\n")
	f.Add(`{"schema":2,"length_ns":1,"counts":{"planned":0},"latency_ns":{"hdr":"AAAA"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := result.NewReader(strings.NewReader(text))
		for r.Scan() {
			s, err := r.Stage()
			if err != nil {
				continue
			}
			once, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("cannot write what was read: %v", err)
			}
			var back result.Stage
			if err := json.Unmarshal(once, &back); err != nil {
				t.Fatalf("cannot read what was written: %v\n%s", err, once)
			}
			twice, _ := json.Marshal(&back)
			if string(once) != string(twice) {
				t.Fatalf("reading and writing is not stable:\n%s\n%s", once, twice)
			}
		}
	})
}

// A histogram that is made anew from all its durations is the same one.
func TestAllIsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, again := result.NewHist(), result.NewHist()
		for _, d := range durations(t) {
			h.Record(d)
		}
		last := time.Duration(-1)
		for d, n := range h.All() {
			if d <= last {
				t.Fatalf("%v comes after %v", d, last)
			}
			last = d
			for range n {
				again.Record(d)
			}
		}
		if got, want := again.N(), h.N(); got != want {
			t.Fatalf("%d durations, want %d", got, want)
		}
		for q := range 11 {
			if got, want := again.Quantile(float64(q)/10), h.Quantile(float64(q)/10); got != want {
				t.Errorf("quantile %d/10 is %v, want %v", q, got, want)
			}
		}
	})
}

func TestServiceTimeOfRepeatsIsWeighted(t *testing.T) {
	a, b := sampleStage(1, "500"), sampleStage(2, "500")
	a.Target.ServiceTime, b.Target.ServiceTime = result.MeanTime{N: 300, Mean: 200}, result.MeanTime{N: 100, Mean: 240}
	if got, want := result.Merge([]*result.Stage{a, b}).Target.ServiceTime, (result.MeanTime{N: 400, Mean: 210}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A server that rejects most is not cheap: what it spends on that is part of the
// price of those that it serves. Where it served nobody there is no price.
func TestCostIsPerRequestServed(t *testing.T) {
	for _, c := range []struct {
		counts result.Counts
		cpu    time.Duration
		allocs float64
	}{
		{result.Counts{result.OK: 100}, 60 * time.Microsecond, 10},
		{result.Counts{result.OK: 100, result.Rejected: 900}, 60 * time.Microsecond, 10},
		{result.Counts{result.OK: 100, result.Error: 50, result.Timeout: 50, result.Unfinished: 3}, 60 * time.Microsecond, 10},
		{result.Counts{result.Rejected: 900}, 0, 0},
		{result.Counts{}, 0, 0},
	} {
		s := result.NewStage()
		s.Length, s.Counts = time.Second, c.counts
		s.Target = result.Usage{CPU: 6 * time.Millisecond, Allocs: 1000}
		if got := s.CPUPerServed(); got != c.cpu {
			t.Errorf("%v: %v of CPU per request served, want %v", c.counts, got, c.cpu)
		}
		if got, ok := allocations(s); got != c.allocs || ok != (c.allocs > 0) {
			t.Errorf("%v: %v allocations per request served, %v, want %v", c.counts, got, ok, c.allocs)
		}
		for _, m := range result.Metrics {
			if v, ok := m.BenchValue(s); ok && (math.IsInf(v, 0) || math.IsNaN(v)) || ok && c.cpu == 0 && strings.HasSuffix(m.Bench, "/req") {
				t.Errorf("%v: %s is %v", c.counts, m.Name, v)
			}
		}
	}
}

// allocations is the metric of that name.
func allocations(s *result.Stage) (float64, bool) {
	m, _ := result.MetricNamed("allocs")
	r := m.Read(s)
	return r.Value, r.Reason == ""
}

// The reason that explains the others comes first.
func TestInvalidateFirst(t *testing.T) {
	s := result.NewStage()
	s.Invalidate("late")
	s.Invalidate("short of CPU")
	s.Disturbed = true
	s.InvalidateFirst("the target died: %s", "killed")
	if want := []string{"the target died: killed", "late", "short of CPU"}; !slices.Equal(s.Invalid, want) || s.Disturbed {
		t.Errorf("%q, disturbed %v; want %q", s.Invalid, s.Disturbed, want)
	}
}

func TestServedNothing(t *testing.T) {
	for name, c := range map[string]struct {
		counts   result.Counts
		invalid  string
		warnings string
		want     string
	}{
		"one is served":        {counts: result.Counts{result.OK: 1, result.Error: 70}, warnings: "70 of 71 arrivals ended in error"},
		"nothing was planned":  {invalid: "no arrival"},
		"nothing was sent":     {counts: result.Counts{result.Unsent: 7}, invalid: "the generator could not send"},
		"errors explain a lag": {counts: result.Counts{result.Error: 71}, invalid: "late", warnings: "HTTP status 404", want: "served none of 71 requests: HTTP status 404; late"},
		"all are rejected":     {counts: result.Counts{result.Rejected: 5}, want: "served none of 5 requests: 5 of 5 arrivals were rejected"},
		"rejected, and late":   {counts: result.Counts{result.Rejected: 5}, invalid: "late", want: "served none of 5 requests: 5 of 5 arrivals were rejected; late"},
	} {
		s := result.NewStage()
		s.Counts = c.counts
		if c.invalid != "" {
			s.Invalidate("%s", c.invalid)
		}
		if c.warnings != "" {
			s.Warn("%s", c.warnings)
		}
		if got := s.ServedNothing(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
