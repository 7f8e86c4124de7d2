package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// What agents report of streams is shown added up, what was shown before left out, and with
// the rest at the end it is that of the record.
func TestLiveStreamsOfAgents(t *testing.T) {
	var shown *result.StreamPart
	parts := 0
	l := newLive(bench.Plan{Watch: func(b bench.Live) {
		if b.Streams == nil {
			t.Error("a part has no streams")
		}
		shown = shown.Plus(b.Streams)
		parts++
	}})
	all := result.NewStreams()
	c := &coordinator{step: running}
	sums := [2]*sum{}
	for i := range sums {
		sums[i] = &sum{latency: new(result.Sparse), lag: new(result.Sparse)}
		c.members = append(c.members, &member{hello: Hello{Agent: fmt.Sprint("agent-", i)}})
	}
	for second := range 3 {
		for i, s := range sums {
			p := result.NewStreamPart()
			p.FirstEvent.Record(time.Duration(second+i+1) * 10 * time.Millisecond)
			p.Gap.Record(time.Duration(second+1) * time.Millisecond)
			p.InWindow, p.EndedEarly = int64(3+i), int64(i)
			p.AddTo(all)
			to := time.Duration(second+1) * time.Second
			c.members[i].live = s.add(bench.Live{From: to - time.Second, To: to, Latency: new(result.Sparse), Lag: new(result.Sparse), Streams: p})
		}
		if second < 2 {
			l.look(c, time.Duration(second+2)*time.Second)
		}
	}
	s := result.NewStage()
	s.Length, s.Streams = 3*time.Second, all
	l.finish(s)
	text := func(p *result.StreamPart) string {
		return fmt.Sprint(p.FirstEvent.Hist().Summary(), p.Gap.Hist().Summary(), p.InWindow, p.EndedEarly)
	}
	if got, want := text(shown), text(all.Part()); got != want || parts != 3 {
		t.Errorf("%d parts add up to %s, want 3 and %s", parts, got, want)
	}
	if got := text(all.Part()); all.Events != 12 || all.InWindow != 21 {
		t.Errorf("all are %s", got)
	}
}
