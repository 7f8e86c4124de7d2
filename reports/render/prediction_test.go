package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/goldentest"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/theory"
)

func TestPredictionInWords(t *testing.T) {
	var all bytes.Buffer
	for _, s := range []theory.Setting{
		{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, ServiceLaw: theory.Law{Kind: theory.Exponential}},
		{Load: load.Load{Rate: 60}, Workers: 10, Queue: 10, Seed: 1},
		{Load: load.Load{Rate: 5}, Workers: 10, Queue: 0},
		{Load: load.Load{Rate: 60}, Workers: 10, Queue: theory.Unbounded},
		{Load: load.Load{Rate: 60}, Workers: theory.Unbounded, Queue: theory.Unbounded, ServiceLaw: theory.Law{Kind: theory.Lognormal, CV: 2}},
		{Load: load.Load{Clients: 500, Backoff: 200 * time.Millisecond}, Workers: 200, Queue: 100},
		{Load: load.Load{Burst: 1001}, Workers: 1000},
	} {
		s.ServiceTime = 200 * time.Millisecond
		p, err := theory.Predict(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := page.Prediction(&all, s, p); err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n----\n\n")
	}
	levels := []float64{20, 60}
	if err := page.Predictions(&all, expectedLine(theory.Setting{Load: load.Load{Rate: 1}, Workers: 10, Queue: 0, ServiceTime: time.Second}, levels...)[:2]); err != nil {
		t.Fatal(err)
	}
	goldentest.Compare(t, "predictions.txt", all.Bytes())
	for line := range strings.Lines(all.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > words.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
