package compare_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
	"pgregory.net/rapid"
)

func TestParseRequirements(t *testing.T) {
	where := func(kv ...string) (s result.Settings) {
		for i := 0; i < len(kv); i += 2 {
			s = append(s, result.Setting{Key: kv[i], Value: kv[i+1]})
		}
		return s
	}
	for _, row := range []struct {
		text string
		want compare.Requirements
	}{
		{"p99<250ms", compare.Requirements{{"p99", "<", "250ms", 250e6, nil}}},
		{"p99<=250us", compare.Requirements{{"p99", "<=", "250us", 250e3, nil}}},
		{" ok >= 99.5% ", compare.Requirements{{"ok", ">=", "99.5%", 0.995, nil}}},
		{"ok/s>1000", compare.Requirements{{"ok/s", ">", "1000", 1000, nil}}},
		// The filter is that of its own condition.
		{"p99<250ms,rejected<1%@level=200", compare.Requirements{
			{"p99", "<", "250ms", 250e6, nil},
			{"rejected", "<", "1%", 0.01, where("level", "200")},
		}},
		{"p99<250ms@level=200,rejected<1%", compare.Requirements{
			{"p99", "<", "250ms", 250e6, where("level", "200")},
			{"rejected", "<", "1%", 0.01, nil},
		}},
		{"cpu<80us@target=eventloop&level=50", compare.Requirements{{"cpu", "<", "80us", 80e3, where("target", "eventloop", "level", "50")}}},
		// A value may hold an @ and a =, and with its % written out, anything.
		{"max<1m@backend-stall=2s@5s%2C1s@9s", compare.Requirements{{"max", "<", "1m", 60e9, where("backend-stall", "2s@5s,1s@9s")}}},
		{"mean<1s@target=http://h/?a=1%26b=2%25", compare.Requirements{{"mean", "<", "1s", 1e9, where("target", "http://h/?a=1&b=2%")}}},
		{"memory<64MiB,memory<64MB,memory<1.5GiB,memory<900KB", compare.Requirements{
			{"memory", "<", "64MiB", 64 << 20, nil}, {"memory", "<", "64MB", 64e6, nil}, {"memory", "<", "1.5GiB", 1.5 * (1 << 30), nil}, {"memory", "<", "900KB", 900e3, nil},
		}},
		{"p95<1s,p999<1s,p99.9<1s,p9999<1s,adjusted-p90<1s,uncorrected-p50<1s", compare.Requirements{
			{"p95", "<", "1s", 1e9, nil}, {"p999", "<", "1s", 1e9, nil}, {"p99.9", "<", "1s", 1e9, nil}, {"p9999", "<", "1s", 1e9, nil},
			{"adjusted-p90", "<", "1s", 1e9, nil}, {"uncorrected-p50", "<", "1s", 1e9, nil},
		}},
	} {
		if got, err := compare.ParseRequirements(row.text); err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q:\ngot  %+v, %v\nwant %+v", row.text, got, err, row.want)
		}
	}
}

func TestParseRequirementsSaysWhatIsWrong(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", `want METRIC, one of < <= > >=, and a value, such as p99<250ms`},
		{"p99<1s,", `"": want METRIC`},
		{"p99=250ms", "want METRIC"},
		{"p99@level=200", "want METRIC"},
		{"<250ms", `there is no metric "": want one of p50, p90,`},
		{"p98th<250ms", `there is no metric "p98th"`},
		{"p100<1s", `there is no metric "p100"`},
		{"p0<1s", `there is no metric "p0"`},
		{"p995<1s", `there is no metric "p995"`}, // 99.5, or 995?
		{"p99.<1s", ""},                          // as numbers go
		{"p-9<1s", `there is no metric "p-9"`},
		{"p9e1<1s", `there is no metric "p9e1"`},
		{"P99<1s", `there is no metric "P99"`},
		{"adjusted-mean<1s", `there is no metric "adjusted-mean"`},
		{"p99<250", `the bound of p99 is "250", want a duration such as 250ms, and at most 60s`},
		{"p99<", `the bound of p99 is "", want a duration`},
		{"p99<<1s", `the bound of p99 is "<1s", want a duration`},
		{"p99<0s", "want a duration"},
		{"p99<-1s", "want a duration"},
		{"p99<2m", "at most 60s"},
		{"mean<2m", ""}, // a mean is exact, however long
		{"rejected<1", `the bound of rejected is "1", want a share from 0% to 100%, such as 1%`},
		{"rejected<101%", "want a share"},
		{"rejected<-1%", "want a share"},
		{"rejected<NaN%", "want a share"},
		{"rejected<1e1%", "want a share"},
		{"ok/s>1k", "want a number per second"},
		{"ok/s>-1", "want a number per second"},
		{"ok/s>Inf", "want a number per second"},
		{"memory<64", "want a size such as 64MiB or 64MB"},
		{"memory<64mb", "want a size"},
		{"memory<0B", "want a size"},
		{"p99<1s@", `the text after @ is "", want a setting of the stages, such as level=200`},
		{"p99<1s@level", `the text after @ is "level"`},
		{"p99<1s@level=", `the text after @ is "level="`},
		{"p99<1s@=200", `the text after @ is "=200"`},
		{"p99<1s@level=200&", `the text after @ is ""`},
		{"p99<1s@level=200&level=300", "after @, level is given twice"},
		{"p99<1s@level<200", `the text after @ is "level<200"`},
		{"p99<1s@inject-delay=20ms@2%", `want %25 for a % in a value`},
	} {
		got, err := compare.ParseRequirements(row.text)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%q: %v", row.text, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%q: got %v, %v, want an error with %q", row.text, got, err, row.want)
		}
	}
}

func FuzzParseRequirements(f *testing.F) {
	for _, text := range []string{
		"p99<250ms,rejected<1%@level=200", "ok>=99.9%", "ok/s>1e3", "memory<=64MiB", "adjusted-p999<1s", "cpu<80µs@target=eventloop&level=50",
		"mean<1s@target=http://h/?a=1%26b=2%25", "max<1m@backend-stall=2s@5s%2C1s@9s", "p99<1s@a=%00 %20&b==", "p99<", "@", ",", "p99.99999<.1s",
	} {
		f.Add(text)
	}
	stage := stageOf("level", "200", 150, 100, 3)
	f.Fuzz(func(t *testing.T, text string) {
		rs, err := compare.ParseRequirements(text)
		if err != nil {
			return
		}
		again, err := compare.ParseRequirements(rs.String())
		if err != nil || !reflect.DeepEqual(rs, again) {
			t.Fatalf("%q is read as %+v, written as %q, and that read as %+v, %v", text, rs, rs, again, err)
		}
		// One ruling for each, whatever is required.
		if js := rs.Judge([]*result.Stage{stage}); len(js) != len(rs) {
			t.Fatalf("%d rulings on %d requirements", len(js), len(rs))
		}
		if missing := rs.Check([]result.Settings{stage.Settings}) != nil; missing != (rs.Judge([]*result.Stage{stage}).Count(compare.NotJudged) > 0) {
			t.Fatalf("%q: Check found it about no stage: %v; Judge did not agree", text, missing)
		}
	})
}

// anyRequirement draws a requirement that parses.
func anyRequirement(t *rapid.T) compare.Requirement {
	metric := rapid.SampledFrom(result.MetricNames()).Draw(t, "metric")
	value := rapid.SampledFrom([]string{"1ms", "20ms", "1s"}).Draw(t, "duration")
	switch metric {
	case "rejected", "failed", "ok", "ended-early", "in-one-read":
		value = rapid.SampledFrom([]string{"0%", "0.7%", "50%", "100%"}).Draw(t, "share")
	case "ok/s", "events/s":
		value = rapid.SampledFrom([]string{"0", "100", "1000.5"}).Draw(t, "rate")
	case "backlog", "lost", "unknown", "duplicates", "threads", "allocs", "served-per-wait":
		value = rapid.SampledFrom([]string{"0", "1", "1000"}).Draw(t, "count")
	case "memory":
		value = rapid.SampledFrom([]string{"1B", "20MB", "1GiB"}).Draw(t, "size")
	}
	text := metric + rapid.SampledFrom(compare.RequirementOps).Draw(t, "op") + value
	rs, err := compare.ParseRequirements(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	r := rs[0]
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"target", "level", "x"}), 0, 2, rapid.ID[string]).Draw(t, "keys") {
		r.Where = append(r.Where, result.Setting{Key: key, Value: rapid.StringN(1, 5, -1).Draw(t, "value")})
	}
	return r
}

// Whatever a setting holds, a condition on it can be written.
func TestRequirementsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rs compare.Requirements
		for range rapid.IntRange(1, 3).Draw(t, "conditions") {
			rs = append(rs, anyRequirement(t))
		}
		if got, err := compare.ParseRequirements(rs.String()); err != nil || !reflect.DeepEqual(got, rs) {
			t.Fatalf("%+v is written as %q, and read as %+v, %v", rs, rs, got, err)
		}
	})
}

func TestCheckSaysWhatThereIs(t *testing.T) {
	planned := []result.Settings{
		{{Key: "target", Value: "blocking"}, {Key: "level", Value: "1"}, {Key: "duration", Value: "1s"}},
		{{Key: "target", Value: "goroutine"}, {Key: "level", Value: "50"}, {Key: "duration", Value: "1s"}},
	}
	for _, row := range []struct{ text, want string }{
		{"p99<1s", ""},
		{"p99<1s@level=50", ""},
		{"p99<1s@duration=1000ms", ""}, // as durations they are the same
		{"p99<1s@level=1&target=blocking", ""},
		{"p99<1s@level=200", "p99<1s@level=200: no stage has level=200, only 1, 50"},
		{"p99<1s,ok>1%@target=queue", "ok>1%@target=queue: no stage has target=queue, only blocking, goroutine"},
		{"p99<1s@lvl=1", "p99<1s@lvl=1: no stage has a setting lvl: want one of target, level, duration"},
		{"p99<1s@level=1&target=goroutine", "no stage has all of these settings at once"},
	} {
		rs, err := compare.ParseRequirements(row.text)
		if err != nil {
			t.Fatal(err)
		}
		switch err := rs.Check(planned); {
		case row.want == "" && err != nil:
			t.Errorf("%q: %v", row.text, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%q: got %v, want %q", row.text, err, row.want)
		}
	}
	rs := compare.Requirements{{Metric: "p99", Op: "<", Value: "1s", Bound: 1e9}}
	if err := rs.Check(nil); err == nil || !strings.Contains(err.Error(), "there is no stage") {
		t.Errorf("without a stage: %v", err)
	}
}

// stageOf is a valid stage of one second with one setting: n requests that
// took 1 ms, 2 ms, and so on, those that were rejected, and those that failed
// otherwise.
func stageOf(key, value string, ok, rejected, failed int64) *result.Stage {
	s := result.NewStage()
	s.Settings = result.Settings{{Key: "target", Value: "goroutine"}, {Key: "load", Value: "closed"}}.With(key, value)
	s.Length = time.Second
	s.Counts[result.OK], s.Counts[result.Rejected], s.Counts[result.Timeout] = ok, rejected, failed
	for i := range ok {
		s.Latency.Record(time.Duration(i+1) * time.Millisecond)
		s.Uncorrected.Record(time.Duration(i+1) * time.Millisecond / 2)
	}
	return s
}
