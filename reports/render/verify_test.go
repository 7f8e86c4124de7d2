package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/goldentest"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/theory"
)

// madeReport is a verification with every answer.
func madeReport() *conformance.Report {
	r := &conformance.Report{
		Schema: conformance.Schema, ID: "20260102-030405", Target: "blocking", Seed: 1, Precision: 0.1, Confidence: 0.998, Planned: 6,
		Environment: result.Environment{Host: "host", OS: "linux", Arch: "amd64", Cores: 2, Go: "go1.26"},
		Notes:       []string{"servers run on CPU 0, the generator on CPU 1"},
	}
	differ := conformance.Difference{Number: 695, At: 969 * time.Millisecond, Inside: 15, Slack: 16 * time.Microsecond, Cause: 263, Dispatch: 170 * time.Microsecond, Explained: true}
	add := func(name, law, model string, k int, exact bool, js ...conformance.Judgement) *conformance.Cell {
		c := &conformance.Cell{Spec: conformance.Spec{Name: name, Setting: theory.Setting{Load: load.Load{Rate: 600}, Workers: 10, Queue: k, ServiceTime: 20 * time.Millisecond, ServiceLaw: theory.Law{Kind: law}}},
			Model: model, Exact: exact, Window: 10 * time.Second, Requests: 6000, Rate: 600, ServiceTime: 20100 * time.Microsecond, Wait: 4 * time.Millisecond,
			Judgements: js, Valid: true, Tries: 1, Trace: "traces/" + name + ".trace",
			Decisions: &conformance.Decisions{Trace: "traces/" + name + ".trace", Style: "blocking", Workers: 10, Queue: k, Requests: 6300, Rejected: 1900, DispatchMax: 300 * time.Microsecond, Tie: 200 * time.Microsecond}}
		r.Cells = append(r.Cells, c)
		return c
	}
	j := func(q string, measured, half, expected float64, answer theory.Answer) conformance.Judgement {
		return conformance.Judgement{Quantity: q, Measured: measured, Low: measured - half, High: measured + half, Expected: expected, Delta: 0.1 * expected, Answer: answer}
	}
	add("loss-constant", theory.Constant, "M/G/c/c", 0, true, j(conformance.Rejected, 0.301, 0.012, 0.304, theory.Confirmed))
	add("loss-exponential", theory.Exponential, "M/G/c/c", 0, true, j(conformance.Rejected, 0.307, 0.017, 0.304, theory.Confirmed))
	open := j(conformance.Rejected, 0.33, 0.04, 0.304, theory.Inconclusive)
	open.Needs = 31 * time.Second
	add("loss-lognormal", theory.Lognormal, "M/G/c/c", 0, true, open)
	queue := add("queue-constant", theory.Constant, "M/D/c/K", 5, false, j(conformance.Rejected, 0.24, 0.012, 0.242, theory.Confirmed), j(conformance.Wait, 0.0085, 0.0002, 0.0072, theory.Contradicted))
	queue.Decisions.Replay, queue.Decisions.OutOfOrder, queue.Decisions.OutOfOrderMax = []conformance.Difference{differ, differ}, 4, 250*time.Microsecond
	wrong := add("two-constant", theory.Constant, "M/D/2/K", 3, true, j(conformance.Rejected, 0.331, 0.012, 0.33, theory.Confirmed))
	wrong.Decisions.Admission = []conformance.Difference{{Number: 7, At: 12 * time.Millisecond, Inside: 3}}
	wrong.Decisions.Replay = []conformance.Difference{{Number: 7, At: 12 * time.Millisecond, Inside: 3, Slack: theory.Never, Admission: true}, {Number: 9, At: 19 * time.Millisecond, Accepted: true, Inside: 3, Slack: 5 * time.Millisecond}}
	bad := add("clock-loss", theory.Constant, "D/D/c/c", 0, true, conformance.Judgement{Quantity: conformance.Rejected, Measured: 0.4, Low: 0.3, High: 0.5, Expected: 0.23, Delta: 0.02, Answer: conformance.NotValid})
	bad.Spec.Load.Arrivals, bad.Valid, bad.Tries, bad.Why = load.Constant, false, 3, []string{"the generator was late: p99 of its lag is 4 ms, above the bound of 1 ms"}
	for i, s := range []string{"all at once", "one after another"} {
		wait := []float64{0.79, 0.98}[i]
		r.Starts = append(r.Starts, &conformance.Start{Name: s, WaitExpected: wait, Cell: &conformance.Cell{
			Spec: conformance.Spec{Setting: theory.Setting{Workers: 20, Queue: 20}}, Rate: 2500, ServiceTime: 20 * time.Millisecond, Wait: time.Duration((wait + []float64{0.12, 0.01}[i]) * 2e7), Rejected: 0.6, Valid: true}})
	}
	return r
}

func TestGoldenVerify(t *testing.T) {
	r := madeReport()
	dir := t.TempDir()
	paths, err := writeVerification(dir, r, goldenDPI)
	if err != nil || len(paths) != 3 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range []string{paths[0], paths[2]} {
		goldentest.Compare(t, "verify_"+filepath.Base(path), []byte(read(t, path)))
	}
	var text bytes.Buffer
	if err := page.VerificationText(&text, r); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, "verify.txt", text.Bytes())
	text.Reset()
	if err := page.ReplayText(&text, []*conformance.Decisions{r.Cells[3].Decisions, r.Cells[4].Decisions}); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, "verify_decisions.txt", text.Bytes())
}

// An interrupted run, even before its first cell, is drawn all the same.
func TestVerifyOfNothing(t *testing.T) {
	dir := t.TempDir()
	r := &conformance.Report{Target: "blocking", Precision: 0.1, Planned: 3}
	if _, err := writeVerification(dir, r, goldenDPI); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "verify.png")); err != nil {
		t.Error(err)
	}
	var b strings.Builder
	if err := page.VerificationText(&b, r); err != nil || !strings.Contains(b.String(), "Nothing was judged") {
		t.Errorf("%q, %v", b.String(), err)
	}
}
