package finding_test

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/finding"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

func TestStreamsFinding(t *testing.T) {
	all := sweeptest.Streamed()
	invalid := sweeptest.Streamed()
	invalid[3].Invalidate("the generator was late")
	invalid[2].Streams.Gap = result.NewHist()
	few := sweeptest.Streamed()[:2] // too few for a p99
	for _, s := range few {
		s.Streams.FirstEvent, s.Streams.Gap = result.NewHist(), result.NewHist()
		for range 30 {
			s.Streams.FirstEvent.Record(100 * time.Millisecond)
			s.Streams.Gap.Record(time.Duration(s.Level()) * time.Millisecond)
		}
	}
	for _, c := range []struct {
		stages []*result.Stage
		want   string
	}{
		{all, "From 10 to 200 clients, first events go from 120 ms to 3.56 s and gaps go from 51 ms to 204 ms (p99)"},
		{all[1:2], "At 50 clients, first events take 494 ms and gaps take 102 ms (p99)"},
		{invalid, "From 10 to 100 clients, first events go from 120 ms to 1.64 s (p99)"},
		{few, "From 10 to 50 clients, first events stay at 100 ms and gaps go from 10 ms to 50 ms (p50)"},
		{nil, "How long do the first events and the gaps take?"},
	} {
		if got := finding.Streams(sweep.Of(c.stages)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
