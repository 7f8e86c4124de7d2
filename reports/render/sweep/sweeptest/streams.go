package sweeptest

import (
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// Streamed are stages of a server whose replies are streams of 20 events: from 50 clients
// on, first events wait for one another, and at 200 some streams are cut off.
func Streamed() (stages []*result.Stage) {
	for i, level := range []int{10, 50, 100, 200} {
		const gap = 25 * time.Millisecond
		s := Made{Target: "http://127.0.0.1:8080/events", Load: "closed", Level: level, OK: float64(40 * level), Latency: 600 * time.Millisecond}.Stage()
		s.Settings = s.Settings.With(result.KeyStream, "sse")
		t := result.NewStreams()
		for n := range 40 * level {
			first := 100*time.Millisecond + time.Duration(n%101)*time.Millisecond/5 + time.Duration(i*i*(n%97))*4*time.Millisecond
			t.FirstEvent.Record(first)
			for at := range 19 {
				d := gap + time.Duration((n*7+at*13)%100)*10*time.Microsecond
				if (n+at)%50 == 0 {
					d *= time.Duration(2 + 2*i)
				}
				t.Gap.Record(d)
			}
			t.MedianGap.Record(gap + time.Duration(n%10)*100*time.Microsecond)
			t.Length.Record(first + 20*gap)
			t.Events += 20
			t.InWindow += 20
		}
		if level == 200 {
			t.EndedEarly, t.Together = 80, 1000
		}
		s.Streams = t
		stages = append(stages, s)
	}
	return stages
}
