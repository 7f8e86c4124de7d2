package result_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/google/go-cmp/cmp"
)

func completionStage(level string) *result.Stage {
	s := sampleStage(1, level)
	q := result.NewCompletion()
	q.Accepted, q.Backlog, q.Lost, q.Unknown, q.Duplicates, q.CompletedAgain = 2000, 7, 3, 2, 5, 1
	for range 1988 {
		q.Latency.Record(205 * time.Millisecond)
	}
	s.Completion = q
	return s
}

func TestStageLineKeepsCompletions(t *testing.T) {
	b, err := json.Marshal(completionStage("500"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		`"completion":{"accepted":2000,"backlog":7,"lost":3,"unknown":2,"duplicates":5,"completed_again":1,"latency_ns":{"n":1988,"mean":205000000,"p50":`,
	} {
		if !strings.Contains(string(b), key) {
			t.Errorf("the line lacks %s", key)
		}
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
	// Nothing of it is in the line of a target whose reply is all there is.
	b, err = json.Marshal(sampleStage(1, "500"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "completion") {
		t.Errorf("a stage without completions: %s", b)
	}
}

func TestCompletionsThatDoNotAddUpAreNotRead(t *testing.T) {
	b, err := json.Marshal(completionStage("500"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ from, to, want string }{
		{`"lost":3`, `"lost":2`, "add up to 1999"},
		{`"lost":3`, `"lost":-3`, "add up to 1994"},
		{`"lost":3,"unknown":2`, `"lost":-3,"unknown":8`, "completion.lost is -3"},
		{`"unknown":2`, `"unknown":1`, "add up to 1999"},
		{`"unknown":2,"duplicates":5`, `"unknown":2,"duplicates":-5`, "completion.duplicates is -5"},
		{`"accepted":2000`, `"accepted":2001`, "add up to 2000"},
		{`"latency_ns":{"n":1988`, `"latency_ns":{"n":1987`, "n=1987"},
		{`"completed_again":1,"latency_ns"`, `"completed_again":1,"other_ns"`, "completion.latency_ns is missing"},
	} {
		var s result.Stage
		if err := json.Unmarshal([]byte(strings.Replace(string(b), row.from, row.to, 1)), &s); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("with %s: %v, want %q", row.to, err, row.want)
		}
	}
}

func TestMergeOfCompletions(t *testing.T) {
	m := result.Merge([]*result.Stage{completionStage("500"), completionStage("500")})
	if q := m.Completion; q.Accepted != 4000 || q.Completed() != 3976 || q.Backlog != 14 || q.Lost != 6 || q.Unknown != 4 || q.Duplicates != 10 || q.CompletedAgain != 2 {
		t.Errorf("%+v", q)
	}
	if m := result.Merge([]*result.Stage{sampleStage(1, "1"), sampleStage(2, "1")}); m.Completion != nil {
		t.Errorf("merged from none: %+v", m.Completion)
	}
}

func TestQuantilesOfCompletionCountTheOpenAsSlowest(t *testing.T) {
	q := result.NewCompletion()
	if _, ok := q.Quantile(0.5); ok || q.Resolved(0.5) {
		t.Error("nothing was accepted, and it has a median")
	}
	for i := range 60 {
		q.Latency.Record(time.Duration(i+1) * time.Second / 2)
	}
	q.Accepted, q.Backlog, q.Lost = 100, 30, 10
	for _, row := range []struct {
		at   float64
		want time.Duration // 0: infinite
	}{
		{0.5, 25 * time.Second},
		{0.6, 30 * time.Second}, // the last that is done
		{0.61, 0},
		{0.9, 0},
		{1, 0},
	} {
		got, ok := q.Quantile(row.at)
		if ok != (row.want > 0) || (got-row.want).Abs() > row.want/500 {
			t.Errorf("%v: %v, %t; want %v", row.at, got, ok, row.want)
		}
	}
	if q.Thin(0.9) || !q.Thin(0.91) || !q.Resolved(0.99) || q.Resolved(0.995) {
		t.Error("what lies beyond is not counted of those accepted")
	}
}
