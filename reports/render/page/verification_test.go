package page

import (
	"testing"

	"github.com/a628bb15/onhold/reports/conformance"
	"github.com/a628bb15/onhold/reports/theory"
)

func TestVerifyTitles(t *testing.T) {
	with := func(answers ...theory.Answer) *conformance.Report {
		r := &conformance.Report{Target: "blocking", Precision: 0.1, Planned: len(answers)}
		for _, a := range answers {
			r.Cells = append(r.Cells, &conformance.Cell{Judgements: []conformance.Judgement{{Answer: a, Measured: 1, Expected: 1}}})
		}
		return r
	}
	partial := with("confirmed")
	partial.Planned = 3
	for _, c := range []struct {
		r    *conformance.Report
		want string
	}{
		{with("confirmed", "confirmed"), "The blocking server matches theory: all 2 quantities within ±10 %"},
		{with("confirmed", "contradicted"), "The blocking server contradicts theory in 1 of 2 quantities"},
		{with("confirmed", "inconclusive"), "Does the blocking server match theory? 1 of 2 quantities within ±10 %, none contradicted, 1 inconclusive"},
		{with("not valid"), "Does the blocking server match theory? 0 of 1 quantities within ±10 %, none contradicted, 1 not valid"},
		{with(), "Does the blocking server match theory? Nothing was judged"},
		{partial, "The blocking server matches theory: all 1 quantities within ±10 % (1 of 3 cells, interrupted)"},
	} {
		if got := verificationTitle(c.r); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
