package capacity

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

func record(outcome search.Outcome, low, high, atLeast float64) *search.Record {
	r := &search.Record{Target: "http://127.0.0.1:8080/?a|b", Load: load.Load{Rate: 50}, Started: time.Unix(0, 0).UTC()}
	r.Config = search.Config{Low: 50, High: 5000, Limits: []search.Limit{{Name: "adjusted-p99<250ms", Share: 0.01}, {Name: "rejected<1%", Share: 0.01}},
		Precision: 0.1, Confidence: 0.95, Budget: 10 * time.Minute, AtLeast: atLeast}
	r.Answer = search.Answer{Outcome: outcome, Low: low, High: high, Estimate: 1180, Binding: 1, Spent: 3 * time.Minute}
	for _, l := range []search.Level{
		{Level: 50, N: 250, Bad: []int64{0, 0}, Lower: []float64{0, 0}, Upper: []float64{0.2, 0.2}, Verdict: search.Undecided},
		{Level: 1150, N: 90_000, Bad: []int64{100, 550}, Lower: []float64{0.0005, 0.005}, Upper: []float64{0.002, 0.008}, Verdict: search.Meets},
		{Level: 1210, N: 90_000, Bad: []int64{300, 1350}, Lower: []float64{0.002, 0.012}, Upper: []float64{0.005, 0.02}, Verdict: search.Misses},
	} {
		l.Length = 80 * time.Second
		r.Answer.Levels = append(r.Answer.Levels, l)
	}
	r.Visits = []search.Visit{{Level: 1150, Check: outcome == search.Changed, Batches: []search.Batch{{N: 1000, Bad: []int64{10, 40}, Near: []int64{0, 0}}}}}
	if outcome == search.Changed {
		r.Answer.Changed = []int{0}
	}
	if outcome == search.Limited {
		r.Visits[0].Limited = "the generator was late"
	}
	return r
}

// Every way to end has a message and an exit code of its own.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		r         *search.Record
		head, why string
		code      int
		junit     string
	}{
		{"found", record(search.Found, 1150, 1210, 0), "1,180 arrivals/s (1,150 to 1,210, 95 %)", "rejected<1% is missed first", 0, ""},
		{"reached", record(search.Found, 1150, 1210, 1000), "1,180 arrivals/s", "at least the required 1,000", 0, ""},
		{"below what is required", record(search.Found, 1150, 1210, 2000), "1,180 arrivals/s", "below the required 2,000: rejected<1% is missed first", 1, "<failure "},
		{"straddles", record(search.Found, 1150, 1210, 1200), "1,180 arrivals/s", "is missed first", 3, "<skipped>"},
		{"rejects everything", record(search.Below, 0, 50, 0), "below 50 arrivals/s (95 %)", "search lower levels", 1, "<failure "},
		{"never misses", record(search.Above, 5000, 0, 0), "at least 5,000 arrivals/s (95 %)", "search higher levels", 3, "<skipped>"},
		{"undecided at the lowest", record(search.Below, 0, 54, 0), "below 54 arrivals/s (95 %)", "the lowest level, 50, is too near to the limit to decide about", 3, "<skipped>"},
		{"undecided at the highest", record(search.Above, 4800, 0, 0), "at least 4,800 arrivals/s (95 %)", "the highest level, 5,000, is too near to the limit to decide about", 3, "<skipped>"},
		{"the budget is short", record(search.Wide, 0, 0, 0), "no level was proven", "the budget of 10 min ended the search", 3, "<skipped>"},
		{"drifts", record(search.Changed, 1150, 1210, 0), "the server changed", "level 1,150 was proven to meet the requirements with 0.6 % bad, and misses them at the end with 4.0 %", 3, "<skipped>"},
		{"the generator is the limit", record(search.Limited, 1150, 0, 0), "at least 1,150", "level 1,150 cannot be measured here, so the limit of the server is unknown: the generator was late", 4, "<error "},
	} {
		text := Text(test.r)
		if !strings.Contains(Headline(test.r), test.head) || !strings.Contains(Why(test.r), test.why) || ExitCode(test.r) != test.code {
			t.Errorf("%s: exit code %d\n%s", test.name, ExitCode(test.r), text)
		}
		xmlText := junit(test.r)
		if err := xml.Unmarshal([]byte(xmlText), new(struct{})); err != nil || !strings.Contains(xmlText, test.junit) {
			t.Errorf("%s: %v\n%s", test.name, err, xmlText)
		}
		if a := Annotation(test.r); strings.Count(a, "\n") != 1 || !strings.HasPrefix(a, "::") {
			t.Errorf("%s: %q", test.name, a)
		}
		if strings.Contains(StepSummary(test.r), "?a|b") {
			t.Errorf("%s: the target is not escaped:\n%s", test.name, StepSummary(test.r))
		}
	}
}

// A server with workers is drawn beside what theory expects of it, under a short name.
func TestFiles(t *testing.T) {
	t.Parallel()
	r := record(search.Found, 1150, 1210, 0)
	var stages []*result.Stage
	for level, n := range map[string]int64{"50": 50, "1150": 1150, "1210": 1210} {
		s := result.NewStage()
		for key, value := range map[string]string{result.KeyTarget: "blocking", result.KeyLoad: "poisson", result.KeyLevel: level, result.KeyWorkers: "1",
			result.KeyQueue: "5", result.KeyBackend: "sim", result.KeyBackendLatency: "500us", result.KeyBackendDist: "constant"} {
			s.Settings = s.Settings.With(key, value)
		}
		s.Length, s.Counts[result.OK] = time.Second, n
		stages = append(stages, s)
	}
	for limit, drawn := range map[string]bool{"adjusted-p99<3ms": false, "adjusted-p99<250ms": true, "failed<1%": false} {
		r.Limits = []search.Limit{{Name: limit, Share: 0.01}}
		line, about := expected(r, sweep.Of(stages)[0].Points)
		if (len(line.Values) >= 3) != drawn || strings.Contains(about, "M/D/1/K, 1 worker, queue 5") != drawn {
			t.Errorf("%s: %d points, %q", limit, len(line.Values), about)
		}
	}
	r = record(search.Found, 1150, 1210, 0)
	made, err := Files(r, nil)
	if err != nil || len(made) != 3 {
		t.Errorf("%v, %v", made, err)
	}
	if title := made[0].Title; !strings.HasPrefix(title, "127.0.0.1:8080/?a|b: 1,180") {
		t.Errorf("the title is %q", title)
	}
	if line := Progress(r, search.Visit{Level: 1150, Length: time.Second}); !strings.Contains(line, "1,150 arrivals/s, 1 s: 0.6 % bad (0.5 % to 0.8 %), meets; capacity 1,150 to 1,210") {
		t.Error(line)
	}
	r.Answer.Reopened = []float64{1100, 1120}
	if line := Progress(r, search.Visit{Level: 1150, Length: time.Second}); !strings.Contains(line, "capacity 1,150 to 1,210 (1,100, 1,120 undecided again: ") {
		t.Error(line)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	r := record(search.Found, 1150, 1210, 0)
	var stages []*result.Stage
	for _, level := range []string{"1150", "1210", "1300"} {
		s := result.NewStage()
		s.Length, s.Settings = time.Second, result.Settings{{Key: result.KeyTarget, Value: "x"}, {Key: result.KeyLoad, Value: "poisson"}, {Key: result.KeyLevel, Value: level}}
		s.Counts[result.OK], s.Target = 1000, result.Usage{CPUs: "0", CPU: 970 * time.Millisecond}
		stages = append(stages, s)
	}
	AddLimit(r, stages)
	const limit = "Limit at 1,210 arrivals/s: server CPU 0.97 of 1 (the server used 0.97 of 1 CPUs)\n"
	if text := Text(r); !strings.Contains(text, limit) || !strings.Contains(StepSummary(r), limit) {
		t.Errorf("it does not say %s:\n%s", limit, text)
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := search.Read(dir); err != nil || got.LimitAt != 1210 || got.Limit.Who != result.ServerCPU {
		t.Errorf("%v, %+v", err, got)
	}
}
