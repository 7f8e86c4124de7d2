package finding

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

func TestOverTime(t *testing.T) {
	t.Parallel()
	const usual = 20 * time.Millisecond
	for name, test := range map[string]struct {
		slices  int
		latency func(slice, request int) time.Duration
		want    string
	}{
		"steady":    {20, func(_, i int) time.Duration { return usual + time.Duration(i)*time.Microsecond }, "no stall, drift or second band stands out in 1 stage"},
		"stalls":    {20, func(k, _ int) time.Duration { return usual * time.Duration(1+4*(k/18)) }, "at 50 clients stalls: p90 rises from 20 ms to 100 ms, for "},
		"drifts":    {20, func(k, _ int) time.Duration { return usual + time.Duration(k)*2*time.Millisecond }, "drifts: p90 goes from"},
		"two bands": {20, func(_, i int) time.Duration { return usual * time.Duration(1+i%2) }, "has two bands of latency, at 2"},
		"few":       {3, func(k, _ int) time.Duration { return usual }, "too few requests"},
	} {
		s := result.NewStage()
		s.Settings = s.Settings.With(result.KeyTarget, "x").With(result.KeyLoad, "closed").With(result.KeyLevel, "50")
		for k := range test.slices {
			slice := result.Slice{Offset: s.Length, Length: 250 * time.Millisecond, Latency: new(result.Sparse)}
			for i := range 50 {
				slice.Latency.Record(test.latency(k, i))
				s.Latency.Record(test.latency(k, i))
				s.Counts[result.OK]++
			}
			s.Length += slice.Length
			s.Slices = append(s.Slices, slice)
		}
		if got := OverTime(sweep.Of([]*result.Stage{s})); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
