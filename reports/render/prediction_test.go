package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/theory"
)

func TestPredictionInWords(t *testing.T) {
	var all bytes.Buffer
	for _, s := range []theory.Setting{
		{Load: theory.LoadPoisson, Rate: 60, Workers: 10, Places: 10, ServiceLaw: theory.Law{Kind: theory.Exponential}},
		{Load: theory.LoadPoisson, Rate: 60, Workers: 10, Places: 10, Seed: 1},
		{Load: theory.LoadPoisson, Rate: 5, Workers: 10, Places: 0},
		{Load: theory.LoadPoisson, Rate: 60, Workers: 10, Places: theory.Unbounded},
		{Load: theory.LoadPoisson, Rate: 60, Workers: theory.Unbounded, Places: theory.Unbounded, ServiceLaw: theory.Law{Kind: theory.Lognormal, CV: 2}},
		{Load: theory.LoadClosed, Clients: 500, Workers: 200, Places: 100, RejectPause: 200 * time.Millisecond},
		{Load: theory.LoadBurst, Clients: 1001, Workers: 1000},
	} {
		s.Service = 200 * time.Millisecond
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
	if err := page.Predictions(&all, expectedLine(theory.Setting{Load: theory.LoadPoisson, Rate: 1, Workers: 10, Places: 0, Service: time.Second}, levels...)[:2]); err != nil {
		t.Fatal(err)
	}
	golden(t, "predictions.txt", all.Bytes())
	for line := range strings.Lines(all.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > words.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
