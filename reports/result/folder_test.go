package result_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

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
	// Who goes on with the run removes what is left of it.
	if f, err = result.Continue(dir); err != nil {
		t.Fatal(err)
	}
	again := sampleStage(3, "3")
	again.Discard("disturbed")
	for _, s := range []*result.Stage{again, sampleStage(4, "3")} {
		if err := f.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Finish(time.Unix(6, 0), true); err != nil {
		t.Fatal(err)
	}
	_, stages, warnings, err = result.Open(dir)
	if err != nil || len(stages) != 2 || len(warnings) != 0 {
		t.Errorf("continued: %d stages, warnings %v, err %v", len(stages), warnings, err)
	}
	if _, stages, _, err = result.OpenAll(dir); err != nil || len(stages) != 3 || stages[1].Discarded() == "" {
		t.Errorf("with what was discarded: %d stages, err %v", len(stages), err)
	}
	if _, _, _, err := result.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a run folder") {
		t.Errorf("an empty folder: %v", err)
	}
}

// However many lines a folder holds, few are reported and not all are kept.
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

// A histogram that is built again from all its durations is the same one.
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
