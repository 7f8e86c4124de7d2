package compare_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

func judged(t *testing.T, text string, stages ...*result.Stage) compare.Judgements {
	t.Helper()
	rs, err := compare.ParseRequirements(text)
	if err != nil {
		t.Fatal(err)
	}
	return rs.Judge(stages)
}

// A figure that a division made is the bound where it differs from it by rounding
// only: 7 in 70 ms are 99.99999999999999 a second.
func TestRequirementsForgiveRounding(t *testing.T) {
	for _, c := range []struct {
		ok, rejected int64
		length       time.Duration
		text         string
		want         compare.Ruling
	}{
		{7, 0, 70 * time.Millisecond, "ok/s>=100", compare.Met}, {7, 0, 70 * time.Millisecond, "ok/s>100", compare.Missed},
		{7, 0, 70 * time.Millisecond, "ok/s<100", compare.Missed}, {7, 0, 70 * time.Millisecond, "ok/s<=100", compare.Met},
		{7, 0, 70 * time.Millisecond, "ok/s>=100.0000001", compare.Missed}, {7, 0, 70 * time.Millisecond, "ok/s<=99.9999999", compare.Missed},
		{993, 7, time.Second, "rejected<=0.7%", compare.Met}, {993, 7, time.Second, "rejected<0.7%", compare.Missed},
		{67, 33, time.Second, "rejected<=33%", compare.Met}, {100, 0, time.Second, "rejected<=0%", compare.Met}, {99_999_999, 1, time.Second, "rejected<=0%", compare.Missed},
	} {
		s := stageOf("level", "200", 0, 0, 0)
		s.Length = c.length
		s.Counts[result.OK], s.Counts[result.Rejected] = c.ok, c.rejected
		if j := judged(t, c.text, s)[0]; j.Ruling != c.want {
			t.Errorf("%d ok and %d rejected in %v: %s is %s (%s), want %s", c.ok, c.rejected, c.length, c.text, j.Ruling, j.Measured, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	plain := stageOf("level", "200", 1000, 0, 0) // 1 ms to 1 s
	plain.Target = result.Usage{CPU: 40 * time.Millisecond, RSSMax: 20 << 20}
	few := stageOf("level", "200", 99, 0, 0)
	none := stageOf("level", "200", 0, 5, 5)
	turned := stageOf("level", "200", 993, 7, 0)
	failing := stageOf("level", "200", 970, 20, 10)
	slow := stageOf("level", "200", 100, 0, 0)
	for range 10 {
		slow.Latency.Record(2 * time.Minute)
		slow.Counts[result.OK]++
	}
	empty := stageOf("level", "200", 0, 0, 0)
	for _, row := range []struct {
		what     string
		text     string
		stage    *result.Stage
		ruling   compare.Ruling
		measured string
	}{
		{"below", "p99<1s", plain, compare.Met, "990.4ms"},
		{"not below", "p99<990ms", plain, compare.Missed, "990.4ms"},
		{"at most", "p50<=501ms", plain, compare.Met, "500.2ms"},
		{"above", "p50>1s", plain, compare.Missed, "500.2ms"},
		{"the mean is exact", "mean>=500.5ms", plain, compare.Met, "500.5ms"},
		{"and not above itself", "mean>500.5ms", plain, compare.Missed, "500.5ms"},
		{"thin", "p99.9<1s", plain, compare.Met, "~999.3ms"},
		{"as people write it", "p999<900ms", plain, compare.Missed, "~999.3ms"},
		{"just enough", "p99<1s", stageOf("level", "200", 100, 0, 0), compare.Met, "~99.02ms"},
		{"too few", "p99<1s", few, compare.Undecided, "99 samples are too few: it takes 100"},
		{"too few, the other way", "p99>1s", few, compare.Undecided, "99 samples are too few: it takes 100"},
		{"a maximum needs no more", "max<100ms", few, compare.Met, "99.02ms"},
		{"nothing ok", "p50<1s", none, compare.Undecided, "no request was ok"},
		{"nothing ok, its maximum", "max<1s", none, compare.Undecided, "no request was ok"},
		{"nothing ok, its mean", "mean<1s", none, compare.Undecided, "no request was ok"},
		{"uncorrected", "uncorrected-p50<300ms", plain, compare.Met, "250.1ms"},

		{"nothing rejected", "rejected<=0%", plain, compare.Met, "0%"},
		{"exactly as many", "rejected<=0.7%", turned, compare.Met, "0.7%"},
		{"and not fewer", "rejected<0.7%", turned, compare.Missed, "0.7%"},
		{"failed otherwise", "failed<1%", failing, compare.Missed, "1%"},
		{"rejected are no errors", "failed<1%", turned, compare.Met, "0%"},
		{"served", "ok>=97%", failing, compare.Met, "97%"},
		{"a share without arrivals", "ok>=97%", empty, compare.Undecided, "there was no arrival"},

		{"adjusted, within", "adjusted-p90<1s", failing, compare.Met, "900.2ms"},
		{"adjusted, failures count as infinite", "adjusted-p99<1m", failing, compare.Missed, "∞ (3.0 % not ok)"},
		{"which is above everything", "adjusted-p99>1s", failing, compare.Met, "∞ (3.0 % not ok)"},
		{"however few there were", "adjusted-p99<1s", none, compare.Missed, "∞ (100 % not ok)"},
		{"adjusted, too few", "adjusted-p99<1s", few, compare.Undecided, "99 samples are too few: it takes 100"},
		{"adjusted, without arrivals", "adjusted-p99<1s", empty, compare.Undecided, "there was no arrival"},

		{"above what histograms hold", "p99<=1m", slow, compare.Missed, ">60 s"},
		{"and the maximum", "max>1m", slow, compare.Met, ">60 s"},
		{"and adjusted", "adjusted-p99<=1m", slow, compare.Missed, ">60 s"},

		{"goodput", "ok/s>=1000", plain, compare.Met, "1000"},
		{"CPU per request served", "cpu<=40us", plain, compare.Met, "40µs"},
		{"memory", "memory<20MiB", plain, compare.Missed, "20MiB"},
		{"CPU not known", "cpu<1s", few, compare.Undecided, "the target's CPU time is not known"},
		{"memory not known", "memory<1GiB", few, compare.Undecided, "the target's memory is not known"},

		{"another level", "p99<1s@level=300", plain, compare.NotJudged, "no stage has level=300, only 200"},
	} {
		js := judged(t, row.text, row.stage)
		if len(js) != 1 || js[0].Ruling != row.ruling || js[0].Measured != strings.TrimPrefix(row.measured, "~") || js[0].Thin != strings.HasPrefix(row.measured, "~") {
			t.Errorf("%s: %s: got %+v, want %s, %s", row.what, row.text, js, row.ruling, row.measured)
		}
	}
}

// A value that would read as the bound, and is not, is measured in full.
func TestWhatIsToldDoesNotReadAsTheBound(t *testing.T) {
	s := stageOf("level", "200", 199_999, 1, 0)
	s.Target.CPU = 250*time.Millisecond + 200_000
	s.Counts[result.OK] = 199_999
	for _, row := range []struct{ text, measured string }{
		{"ok>=100%", "99.9995%"},
		{"ok>=99%", "100%"},
		{"cpu<=1.251us", "1.251µs"},
	} {
		if js := judged(t, row.text, s); js[0].Measured != row.measured {
			t.Errorf("%s: measured %s, want %s", row.text, js[0].Measured, row.measured)
		}
	}
	s.Target.RSSMax = 64<<20 + 1024
	if js := judged(t, "memory<=64MiB", s); js[0].Ruling != compare.Missed || js[0].Measured != "64.0009765625MiB" {
		t.Errorf("measured %s: %s", js[0].Ruling, js[0].Measured)
	}
}

// Repeats are merged, and judged as one: each alone would be too few.
func TestRepeatsAreJudgedTogether(t *testing.T) {
	a := stageOf("level", "200", 60, 0, 0)
	b := stageOf("level", "200", 60, 0, 0)
	other := stageOf("level", "300", 60, 0, 0)
	a.Settings, b.Settings, other.Settings = a.Settings.With("repeat", "1"), b.Settings.With("repeat", "2"), other.Settings.With("repeat", "1")
	// Each repeat has a trace of its own.
	a.Settings, b.Settings = a.Settings.With("trace", "traces/1.trace"), b.Settings.With("trace", "traces/2.trace")
	js := judged(t, "p99<1s", a, other, b)
	if len(js) != 2 || js[0].Ruling != compare.Met || js[0].Stage != "goroutine, closed, 200 clients, 2 repeats" || js[1].Ruling != compare.Undecided {
		t.Errorf("got %+v", js)
	}
	// A repeat can be asked for by itself.
	if js := judged(t, "ok/s>=60@repeat=2", a, other, b); len(js) != 1 || js[0].Stage != "goroutine, closed, 200 clients" {
		t.Errorf("got %+v", js)
	}
	// One that is not valid spoils them all.
	b.Invalidate("late")
	if js := judged(t, "p99<1s", a, other, b); js[0].Ruling != compare.NotJudged || js[0].Measured != "the stage is not valid" {
		t.Errorf("got %+v", js)
	}
}

// The first of 4, 1, 3, 0 counts.
func TestExitCodeOfRequirements(t *testing.T) {
	s := stageOf("level", "200", 50, 50, 0)
	const met, missed, undecided, unjudged = "ok>1%", "rejected<1%", "p99<1s", "ok>1%@level=300"
	for _, row := range []struct {
		texts []string
		want  int
	}{
		{[]string{met}, 0},
		{[]string{met, undecided}, 3},
		{[]string{undecided, missed, met}, 1},
		{[]string{missed, undecided, unjudged}, 4},
		{[]string{unjudged, met}, 4},
	} {
		if got := judged(t, strings.Join(row.texts, ","), s).ExitCode(); got != row.want {
			t.Errorf("%v: exit code %d, want %d", row.texts, got, row.want)
		}
	}
	if got := judged(t, met).ExitCode(); got != 4 {
		t.Errorf("without any stage: exit code %d, want 4", got)
	}
	s.Invalidate("late")
	if got := judged(t, met, s).ExitCode(); got != 4 {
		t.Errorf("on a stage that is not valid: exit code %d, want 4", got)
	}
}

func TestTextOfJudgements(t *testing.T) {
	var b strings.Builder
	js := judged(t, "p50<60ms,rejected<1%@level=200,p99<1s,ok>1%@level=300", stageOf("level", "200", 100, 20, 0), stageOf("level", "1", 10, 0, 0))
	if err := js.Text(&b); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
met           p50<60ms               goroutine, closed, 200 clients  50ms
met           p50<60ms               goroutine, closed, 1 client     ~5.001ms
missed        rejected<1%@level=200  goroutine, closed, 200 clients  16.67%
met           p99<1s                 goroutine, closed, 200 clients  ~99.02ms
inconclusive  p99<1s                 goroutine, closed, 1 client     10 samples are too few: it takes 100
not judged    ok>1%@level=300        no stage has level=300, only 200, 1
~: fewer than ten samples lie beyond.
`, "\n")
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// A bound in the interval of a percentile is too close to call; the value decides.
func TestTextNamesIntervals(t *testing.T) {
	s := stageOf("level", "200", 0, 0, 0)
	s.Length = 10 * time.Second
	for i := range 40 {
		p := result.Slice{Offset: time.Duration(i) * s.Length / 40, Length: s.Length / 40, Latency: new(result.Sparse)}
		for k := range 100 {
			d := time.Duration(k+1) * time.Millisecond
			p.Latency.Record(d)
			s.Latency.Record(d)
		}
		p.Counts[result.OK] = 100
		s.Slices, s.Counts[result.OK] = append(s.Slices, p), s.Counts[result.OK]+100
	}
	var b strings.Builder
	js := judged(t, "p50<51ms,p50>51ms,p90<200ms,ok>1%", s)
	if err := js.Text(&b); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
met     p50<51ms   goroutine, closed, 200 clients  50ms (49–52 ms: too close to call)
missed  p50>51ms   goroutine, closed, 200 clients  50ms (49–52 ms: too close to call)
met     p90<200ms  goroutine, closed, 200 clients  90.05ms (90–91 ms)
met     ok>1%      goroutine, closed, 200 clients  100%
too close to call: the bound lies in the interval of 95 % confidence. The measured value decides; a longer run may decide otherwise.
`, "\n")
	if b.String() != want || js.ExitCode() != compare.ExitRegressed {
		t.Errorf("exit code %d, got\n%swant\n%s", js.ExitCode(), b.String(), want)
	}
}

// Of a figure that is known, < and >= are each other's contrary, and a bound
// that is met stays met where it is loosened.
func TestRulingsAgree(t *testing.T) {
	contrary := map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">"}
	rapid.Check(t, func(t *rapid.T) {
		n := func(what string) int64 { return int64(rapid.IntRange(0, 300).Draw(t, what)) }
		s := stageOf("level", "200", n("ok"), n("rejected"), n("failed"))
		s.Target = result.Usage{CPU: time.Duration(n("cpu")) * time.Millisecond, RSSMax: n("rss") << 17}
		r := anyRequirement(t)
		r.Where = nil
		ruling := func(r compare.Requirement) compare.Ruling {
			return compare.Requirements{r}.Judge([]*result.Stage{s})[0].Ruling
		}
		got := ruling(r)
		not := r
		not.Op = contrary[r.Op]
		want := map[compare.Ruling]compare.Ruling{compare.Met: compare.Missed, compare.Missed: compare.Met, compare.Undecided: compare.Undecided}[got]
		if other := ruling(not); other != want {
			t.Fatalf("%s is %s, but %s is %s", r, got, not, other)
		}
		looser := r
		if strings.HasPrefix(r.Op, "<") {
			looser.Bound = 2*r.Bound + 1
		} else {
			looser.Bound = r.Bound / 2
		}
		if got == compare.Met && ruling(looser) != compare.Met {
			t.Fatalf("%s is met, but with a bound of %v it is not", r, looser.Bound)
		}
	})
}

// What became of accepted requests can be required; what is unknown is neither
// lost nor not lost.
func TestRequireOfAQueue(t *testing.T) {
	stage := func(backlog, lost, unknown int64) *result.Stage {
		s := result.NewStage()
		s.Length, s.Settings = time.Second, result.Settings{{Key: "target", Value: "queue"}}
		s.Counts[result.OK] = 100
		s.Completion = result.NewCompletion()
		s.Completion.Accepted, s.Completion.Backlog, s.Completion.Lost, s.Completion.Unknown = 100, backlog, lost, unknown
		for range 100 - backlog - lost - unknown {
			s.Completion.Latency.Record(time.Second)
		}
		return s
	}
	plain := result.NewStage()
	plain.Length = time.Second
	for _, c := range []struct {
		text     string
		stage    *result.Stage
		want     compare.Ruling
		measured string
	}{
		{"lost<1", stage(3, 0, 0), compare.Met, "0"},
		{"lost<1", stage(0, 2, 0), compare.Missed, "2"},
		{"lost<1", stage(0, 0, 2), compare.Undecided, "of 2 accepted requests it is unknown"},
		{"backlog<=3", stage(3, 0, 0), compare.Met, "3"},
		{"unknown<1", stage(3, 2, 0), compare.Met, "0"},
		{"unknown<1", stage(0, 0, 2), compare.Missed, "2"},
		{"unknown<1", plain, compare.Undecided, "completes the work before it replies"},
	} {
		js := judged(t, c.text, c.stage)
		if len(js) != 1 || js[0].Ruling != c.want || !strings.Contains(js[0].Measured, c.measured) {
			t.Errorf("%s: %+v, want %v, %q", c.text, js, c.want, c.measured)
		}
	}
}
